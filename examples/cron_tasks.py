"""Cron schedules, with and without seconds: `python examples/cron_tasks.py`."""

import sys

from tocsin import RunContext, Tocsin, cron

SCHEDULES = {
    "every-30-seconds": cron("*/30 * * * * *"),  # six fields: seconds first
    "every-six-hours": cron("0 0 */6 * * *"),
    "weekdays-at-nine": cron("0 9 * * 1-5", tz="Europe/Berlin"),  # five fields
    "first-of-the-month": cron("0 9 1 * *"),
}


def main(url: str = "sqlite:///cron.db") -> None:
    """Schedule the tasks and show when they run next."""
    app = Tocsin(url, timezone="Europe/Berlin")

    @app.handler("report.build")
    def build(ctx: RunContext, region: str) -> None:
        print(f"{ctx.key}: building the report for {region}")

    with app:
        for key, schedule in SCHEDULES.items():
            app.schedule("report.build", schedule, key=key, kwargs={"region": "eu"})
        for at, task in app.upcoming(8):
            print(f"{at:%a %Y-%m-%d %H:%M:%S %Z}  {task.name}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
