"""The tasks of the simulations, each said twice: to the product, and to the model."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from zoneinfo import ZoneInfo

from sim_cron import cron_instants
from sim_policy import Rules

from tocsin.core.policy import Policy
from tocsin.core.schedule import Bounded, Cron, Every, Excluding, Once, Schedule, Union

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")

Planned = Callable[[int, int], Iterable[int]]
"""The model's side of a schedule: its instants in [start, end)."""


@dataclass(frozen=True)
class Spec:
    """One task.

    Attributes:
        key: its name.
        schedule: what the product is told.
        planned: the instants that the model expects.
        rules: how the model thinks it is treated.
    """

    key: str
    schedule: Schedule
    planned: Planned
    rules: Rules

    def policy(self) -> Policy:
        """The same rules as the product is told them."""
        return Policy(
            catch_up=self.rules.catch_up,  # type: ignore[arg-type]
            overlap="skip" if self.rules.alone else "allow",
            max_runs=self.rules.limit,
        )


def of_cron(expr: str, zone: str, dst: str = "debian") -> tuple[Schedule, Planned]:
    rule = Cron(expr, zone, dst)  # type: ignore[arg-type]
    return rule, lambda start, end: cron_instants(expr, zone, start, end, dst)


def of_interval(length: int, anchor: int) -> tuple[Schedule, Planned]:
    def planned(start: int, end: int) -> list[int]:
        first = anchor + max(0, -(-(start - anchor) // length)) * length
        return list(range(first, end, length))

    return Every(length, anchor=anchor), planned


def of_months(months: int, anchor: int, zone: str) -> tuple[Schedule, Planned]:
    """Calendar months from a noon, which no clock skips."""

    def planned(start: int, end: int) -> list[int]:
        first = datetime.fromtimestamp(anchor // SECOND, ZoneInfo(zone)).replace(tzinfo=None)
        found = []
        for n in range(0, 40 * months, months):
            year, month = divmod(first.month - 1 + n, 12)
            last = (date(first.year + year + month // 11, (month + 1) % 12 + 1, 1)
                    - timedelta(days=1)).day  # fmt: skip
            shown = first.replace(year=first.year + year, month=month + 1, day=min(first.day, last))
            found.append(int(shown.replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND)
        return [instant for instant in found if start <= instant < end]

    return Every(months=months, anchor=anchor, tz=zone), planned


def of_moment(instant: int) -> tuple[Schedule, Planned]:
    return Once(instant), lambda start, end: [instant] if start <= instant < end else []


def excluding(
    made: tuple[Schedule, Planned], days: Sequence[date], zone: str
) -> tuple[Schedule, Planned]:
    schedule, inner = made

    def planned(start: int, end: int) -> list[int]:
        return [i for i in inner(start, end) if _moment(i).astimezone(ZoneInfo(zone)).date()
                not in days]  # fmt: skip

    return Excluding(schedule, tuple(days), zone), planned


def bounded(made: tuple[Schedule, Planned], first: int, last: int) -> tuple[Schedule, Planned]:
    schedule, inner = made
    return (
        Bounded(schedule, first, last),
        lambda start, end: [i for i in inner(start, end) if first <= i <= last],
    )


def union(*made: tuple[Schedule, Planned]) -> tuple[Schedule, Planned]:
    schedules = tuple(schedule for schedule, _ in made)
    return (
        Union(schedules),
        lambda start, end: sorted({i for _, planned in made for i in planned(start, end)}),
    )


def _moment(instant: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)


# ---------------------------------------------------------------- a year of fifty

CRONS = (
    "30 2 * * *", "0 0 * * *", "*/30 2 * * *", "15 1,2,3 * * *", "0 9 * * 1-5", "@hours",
    "0 */6 * * *", "45 1 * * sun", "0 0 1 * *", "59 23 31 * *", "0 12 13 * fri", "0 3 */2 * sun",
    "*/20 0-3 * * sat,sun", "5 4 L * *", "0 10 * * 5#2", "0,30 2 * 3,10 *", "10-20/5 2 * * 7",
    "30 0 29 2 *", "0 0 * jan-mar mon", "15,45 2-3 * * 0", "30 15 2 * * *", "*/20 30 2 * * 0",
    "0 1 * * *", "20 2 * 4,11 *", "7 */8 * * *",
)  # fmt: skip
FEBRUARY_LEAP = "30 0 29 2 *"  # comes in none of these years: the task just waits


def year_of_fifty(start: int, seed: int, count: int = 50) -> list[Spec]:
    """Cron of many kinds, intervals, single moments and what wraps them, in four zones."""
    draw, zones = random.Random(seed), cycle(ZONES)
    made: list[tuple[Schedule, Planned]] = [
        of_cron("0 * * * *" if expr == "@hours" else expr, next(zones)) for expr in CRONS
    ]
    made += [of_cron("30 2 * * *", zone, dst) for zone in ZONES for dst in ("skip", "both")]
    made += [
        of_interval(90 * MINUTE, start + 7 * SECOND),
        of_interval(6 * HOUR + 1, start),
        of_interval(9 * DAY, start - 100 * DAY),
        of_months(1, start + 30 * DAY + 12 * HOUR, "Europe/Berlin"),
        of_months(5, start + 12 * HOUR, "Europe/Berlin"),
        excluding(of_cron("0 */4 * * *", ZONES[0]), [date(2026, 12, 25), date(2026, 10, 25)],
                  ZONES[0]),
        excluding(of_cron("30 0 * * *", ZONES[3]), [date(2026, 9, 6), date(2026, 4, 4)], ZONES[3]),
        bounded(of_cron("0 6 * * *", ZONES[1]), start + 50 * DAY, start + 250 * DAY),
        union(of_cron("0 8 * * 1", ZONES[0]), of_cron("0 8 1 * *", ZONES[0])),
        union(of_cron("30 1 * * *", ZONES[1]), of_cron("*/30 1 * * 0", ZONES[1])),
    ]  # fmt: skip
    while len(made) < count:
        made.append(of_moment(start + draw.randrange(1, 360 * DAY)))
    draw.shuffle(made)
    return [_spec(n, each, draw) for n, each in enumerate(made[:count])]


def day_of_many(start: int, seed: int, count: int = 1_000) -> list[Spec]:
    """A busy day: most tasks every few minutes, many at the same instants."""
    draw = random.Random(seed)
    made: list[tuple[Schedule, Planned]] = []
    for _ in range(count):
        zone, kind = draw.choice(ZONES), draw.random()
        if kind < 0.5:
            step = draw.choice((5, 10, 15, 20, 30))
            made.append(of_cron(f"*/{step} {draw.choice(('*', '6-20', '*/2'))} * * *", zone))
        elif kind < 0.7:
            made.append(of_cron(f"{draw.randrange(60)} {draw.randrange(24)} * * *", zone))
        elif kind < 0.9:
            length = draw.choice((7, 12, 30, 45, 240)) * MINUTE
            made.append(of_interval(length, start + draw.randrange(30) * MINUTE))
        else:
            made.append(of_moment(start + draw.randrange(1, 24 * 60) * MINUTE))
    return [_spec(n, each, draw) for n, each in enumerate(made)]


def always_busy(start: int, seed: int) -> list[Spec]:
    """Tasks that miss thousands of occurrences in a downtime of days."""
    draw = random.Random(seed)
    made = [of_cron("* * * * *", zone) for zone in ZONES]
    made += [of_cron("*/2 0-3 * * *", zone, "both") for zone in ZONES]
    made += [
        of_cron("*/15 * 2 * * *", ZONES[0]),
        of_cron("*/10 0-30 1-3 * * *", ZONES[2], "skip"),
        of_interval(40 * SECOND + 1, start),
        of_interval(MINUTE, start + 7),
        excluding(of_cron("* * * * *", ZONES[0]), [date(2026, 10, 25)], ZONES[0]),
        bounded(of_cron("* * * * *", ZONES[1]), start + 1 * DAY, start + 4 * DAY),
        union(of_cron("*/3 * * * *", ZONES[0]), of_cron("*/5 1-3 * * *", ZONES[0])),
    ]
    rules = [Rules(catch_up) for catch_up in ("one", "skip", "all")]
    return [
        Spec(f"task-{n}", schedule, planned, rules[(n + draw.randrange(3)) % 3])
        for n, (schedule, planned) in enumerate(made)
    ]


def _spec(number: int, made: tuple[Schedule, Planned], draw: random.Random) -> Spec:
    schedule, planned = made
    catch_up = draw.choice(("one", "one", "skip", "all"))
    slow = catch_up != "all" and draw.random() < 0.3
    rules = Rules(
        catch_up=catch_up,
        alone=slow or draw.random() < 0.7,
        takes=draw.randrange(1, 100 * MINUTE) * 2 + 1 if slow else 0,
        limit=draw.choice((3, 40)) if not slow and draw.random() < 0.1 else None,
        recurring=schedule.recurring,
    )
    return Spec(f"task-{number}", schedule, planned, rules)
