"""Something at once, and something every few seconds: `python examples/basic_scheduler.py`.

Stop it with Ctrl-C and start it again: the interval goes on where it was, and what was missed
meanwhile rings once.
"""

import sys

from tocsin import RunContext, Tocsin, every, now


def main(url: str = "sqlite:///basic.db", ticks: int = 0) -> None:
    """Run until Ctrl-C, or until there were `ticks` ticks.

    Args:
        url: the database.
        ticks: 0 for no limit.
    """
    app = Tocsin(url)
    seen = 0

    @app.handler("greet")
    def greet(ctx: RunContext, name: str) -> str:
        print(f"Hello {name}, this is run {ctx.run_id}")
        return f"greeted {name}"

    @app.handler("tick", timeout="5s", retries=1)
    def tick(ctx: RunContext) -> None:
        nonlocal seen
        seen += 1
        print(f"tick, planned for {ctx.due_at:%H:%M:%S.%f}")

    with app:
        app.schedule("greet", now(), args=["world"])
        app.schedule("tick", every("1s"), key="tick")
        while not ticks or seen < ticks:
            app.wait(timeout=0.2)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2])
    except KeyboardInterrupt:
        print("stopped")
