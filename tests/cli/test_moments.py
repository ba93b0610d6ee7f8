"""Moments and lengths as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.cli.moments import Moments, brief_length
from tocsin.core.clock import to_instant

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
HERE = Moments(to_instant(NOW), "Europe/Berlin")


@pytest.mark.parametrize(
    ("away", "text"),
    [
        (timedelta(0), "now"),
        (timedelta(milliseconds=400), "now"),
        (timedelta(seconds=59.7), "in 1m"),
        (timedelta(seconds=42), "in 42s"),
        (timedelta(minutes=4, seconds=59.9), "in 5m"),
        (timedelta(minutes=5, seconds=30), "in 5m30s"),
        (timedelta(minutes=59, seconds=59), "in 59m"),
        (timedelta(hours=1, minutes=30), "in 1h30m"),
        (timedelta(hours=9, minutes=59, seconds=50), "in 10h"),
        (timedelta(days=1, hours=20), "in 1d20h"),
        (timedelta(days=33, hours=23), "in 33d"),
        (timedelta(hours=-3), "3h ago"),
    ],
)
def test_distances_are_short(away: timedelta, text: str) -> None:
    assert HERE.distance(NOW + away) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2026-03-02T21:00:00+00:00", "22:00:00, in 9h"),
        ("2026-03-02T23:30:00+00:00", "Tue 00:30, in 11h"),
        ("2026-03-08T08:00:00+00:00", "Sun 09:00, in 5d20h"),
        ("2026-12-24T17:00:00+00:00", "2026-12-24, in 297d"),
        ("2026-03-02T11:58:00+00:00", "12:58:00, overdue 2m"),
    ],
)
def test_planned_moments_are_as_exact_as_they_are_near(moment: str, text: str) -> None:
    assert HERE.ahead(datetime.fromisoformat(moment)) == text


def test_what_never_comes_is_a_dash() -> None:
    assert HERE.ahead(None) == HERE.exact(None) == HERE.full(None) == "-"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.004, "0.00s"), (9.5, "9.50s"), (12, "12s"), (90, "1m30s"), (-1, "0.00s")],
)
def test_lengths_of_runs(seconds: float, text: str) -> None:
    assert brief_length(timedelta(seconds=seconds)) == text
