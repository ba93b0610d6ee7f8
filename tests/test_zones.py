"""Time zones: names, and walls that skip or repeat, checked against the zone files themselves."""

import importlib.resources
import io
import struct
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.clock import DAY, SECOND, to_instant
from tocsin.core.errors import InvalidSchedule
from tocsin.core.zones import resolve_wall, wall, zone

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall has no zone

Offsets = tuple[list[int], list[int]]


def zone_files() -> Iterator[tuple[str, bytes]]:
    """Every zone of the tzdata package under one of its names."""
    package = importlib.resources.files("tzdata")
    seen: set[bytes] = set()
    for name in package.joinpath("zones").read_text().split():
        data = package.joinpath("zoneinfo", *name.split("/")).read_bytes()
        if data not in seen:
            seen.add(data)
            yield name, data


def offsets_in(data: bytes) -> Offsets:
    """When the offset changes (seconds), and the offset before the first and after each change."""

    def counts(at: int) -> tuple[int, ...]:
        return struct.unpack(">6l", data[at + 20 : at + 44])

    isutc, isstd, leap, times, types, chars = counts(0)
    start = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isutc  # the 64-bit half
    _, _, _, times, types, _ = counts(start)
    at = start + 44
    changes = list(struct.unpack(f">{times}q", data[at : at + 8 * times]))
    kinds = data[at + 8 * times : at + 9 * times]
    seconds = [
        struct.unpack(">lbb", data[at + 9 * times + 6 * n : at + 9 * times + 6 * n + 6])[0]
        for n in range(types)
    ]
    return changes, [seconds[0], *(seconds[kind] for kind in kinds)]


def expected(shown: int, changes: list[int], offsets: list[int]) -> tuple[int, str]:
    """Search all offsets around a wall time in seconds for the instants that show it."""
    low = max(0, bisect_right(changes, shown - 2 * 86_400) - 1)
    high = bisect_right(changes, shown + 2 * 86_400)
    found = []
    for n in range(low, high + 1):
        instant = shown - offsets[n]
        begins = n == 0 or changes[n - 1] <= instant
        ends = n == len(changes) or instant < changes[n]
        if begins and ends:
            found.append(instant)
    if found:
        return min(found), "fold" if len(found) > 1 else "exact"
    return next(
        (changes[n], "gap")
        for n in range(low, high)
        if changes[n] + offsets[n] <= shown < changes[n] + offsets[n + 1]
    )


def test_every_change_of_every_zone_resolves_as_its_file_says() -> None:
    checked = 0
    for name, data in zone_files():
        place = ZoneInfo.from_file(io.BytesIO(data), key=name)
        changes, offsets = offsets_in(data)
        for n, change in enumerate(changes):
            if change < -3_000_000_000:  # before 1875
                continue
            before, after = change + offsets[n], change + offsets[n + 1]
            for shown in {before - 1, before, after - 1, after, (before + after) // 2}:
                answer = resolve_wall(EPOCH + timedelta(seconds=shown), place)
                instant, kind = expected(shown, changes, offsets)
                assert answer == (instant * SECOND, kind), (name, shown)
                checked += 1
    assert checked > 50_000


@pytest.mark.parametrize("year", [2026, 2050, 2099])
def test_every_wall_time_of_every_zone_is_answered_by_the_first_instant_that_shows_it(
    year: int,
) -> None:
    start = to_instant(datetime.fromisoformat(f"{year}-01-01T00:00Z"))
    changes = 0
    for name in sorted(available_timezones() - {"localtime"}):
        place = zone(name)
        for low in range(start, start + 366 * DAY, 6 * DAY):
            high = low + 6 * DAY
            jump = shift(high, place) - shift(low, place)
            if jump == 0:
                continue
            changes += 1
            change = find_change(low, high, place)
            before = wall(change, place) - timedelta(microseconds=jump)
            middle = before + timedelta(microseconds=jump / 2)
            kind = "gap" if jump > 0 else "fold"
            instant = change if jump > 0 else change + jump // 2
            assert resolve_wall(middle, place) == (instant, kind), name
            assert resolve_wall(before + timedelta(days=1), place)[1] == "exact", name
    assert changes > 100


def shift(instant: int, place: ZoneInfo) -> int:
    return (wall(instant, place) - EPOCH) // timedelta(microseconds=1) - instant


def find_change(low: int, high: int, place: ZoneInfo) -> int:
    old = shift(low, place)
    while high - low > SECOND:
        middle = (low // SECOND + high // SECOND) // 2 * SECOND
        low, high = (middle, high) if shift(middle, place) == old else (low, middle)
    return high


@pytest.mark.parametrize(
    ("name", "shown", "utc", "kind"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00", "gap"),
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00", "gap"),
        ("Europe/Berlin", "2026-03-29T02:59:59.999999", "2026-03-29T01:00", "gap"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00", "exact"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30", "fold"),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00", "exact"),
        ("Europe/Dublin", "2026-03-29T01:30", "2026-03-29T01:00", "gap"),
        ("Europe/Dublin", "2026-10-25T01:30", "2026-10-25T00:30", "fold"),
        ("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:30", "gap"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45", "fold"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00", "gap"),
        ("America/St_Johns", "2006-10-28T23:30", "2006-10-29T02:00", "fold"),
        ("Africa/Monrovia", "1972-01-07T00:30", "1972-01-07T00:44:30", "gap"),
        ("UTC", "2026-03-29T02:30", "2026-03-29T02:30", "exact"),
    ],
)
def test_known_walls(name: str, shown: str, utc: str, kind: str) -> None:
    instant = to_instant(datetime.fromisoformat(f"{utc}Z"))
    assert resolve_wall(datetime.fromisoformat(shown), zone(name)) == (instant, kind)


def test_the_fold_of_the_argument_does_not_matter() -> None:
    place = zone("Europe/Berlin")
    shown = datetime.fromisoformat("2026-10-25T02:30")
    assert resolve_wall(shown.replace(fold=1), place) == resolve_wall(shown, place)


@given(
    st.sampled_from(sorted(available_timezones() - {"localtime"})),
    st.integers(min_value=-6 * 10**16, max_value=2 * 10**17),
)
def test_an_instant_is_found_again_by_what_its_wall_shows(name: str, instant: int) -> None:
    place = zone(name)
    shown = wall(instant, place)
    found, kind = resolve_wall(shown, place)
    assert wall(found, place) == shown
    assert found == instant or (kind == "fold" and found < instant)


@pytest.mark.parametrize("year", [1, 9999])
def test_the_ends_of_the_calendar_are_no_trouble(year: int) -> None:
    for name in ("Asia/Tokyo", "America/New_York", "Europe/Berlin"):
        for shown in (datetime(year, 1, 1), datetime(year, 12, 31, 23, 59)):  # noqa: DTZ001 - walls
            assert resolve_wall(shown, zone(name))[1] == "exact"


def test_a_zone_is_looked_up_once() -> None:
    assert zone("Europe/Berlin") is zone("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("utc", "did you mean 'UTC'?"),
        ("europe/berlin", "did you mean 'Europe/Berlin'?"),
        ("America", "did you mean 'America/"),
        ("", 'write one like "Europe/Berlin"'),
        ("../../etc/passwd", 'write one like "Europe/Berlin"'),
        ("/etc/localtime", 'write one like "Europe/Berlin"'),
        ("localtime", 'write one like "Europe/Berlin"'),
        ("zone.tab", 'write one like "Europe/Berlin"'),
        ("a\0b", 'write one like "Europe/Berlin"'),
        ("\ud800", 'write one like "Europe/Berlin"'),
        ("x" * 5_000, 'write one like "Europe/Berlin"'),
        ("right/Europe/Berlin", "did you mean"),
    ],
)
def test_an_unknown_zone_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(InvalidSchedule, match="unknown time zone") as refused:
        zone(name)
    assert hint in str(refused.value)
    assert len(str(refused.value)) < 200
    assert (refused.value.field, refused.value.reason) == ("timezone", "unknown time zone")
