"""Whether a job of the configuration has changed since it was stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_tables import CALL, DAILY, load

from tocsin.core.entry import Entry
from tocsin.core.policy import Policy
from tocsin.core.schedule import schedule_from_dict

PLAIN = {
    "cron": '"0 9 * * *"',
    "call": '"m:f"',
    "kwargs": '{ a = 1, b = "é" }',
    "timeout": '"5m"',
    "retry": '{ attempts = 3, delay = "1m" }',
}


def table(keys: dict[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in keys.items())


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    expected = "039a15eed20e0954ee3ca8894c1f289d82516e755bdfa740ff6425a741dd7b9f"
    assert load(table(PLAIN)).fingerprint() == expected


@given(st.permutations(sorted(PLAIN)))
def test_the_order_of_keys_does_not_matter(order: list[str]) -> None:
    shuffled = {key: PLAIN[key] for key in order}
    assert load(table(shuffled)).fingerprint() == load(table(PLAIN)).fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"timeout": '"300s"'},
        {"timeout": "300"},
        {"kwargs": '{ b = "é", a = 1 }'},
        {"retry": '{ attempts = 3, delay = "60s", backoff = "exponential" }'},
        {"timezone": '"UTC"'},
        {"dst": '"debian"'},
        {"enabled": "true"},
        {"overlap": '"skip"'},
        {"description": '"a note for people"'},
    ],
)
def test_another_spelling_of_the_same_meaning_keeps_the_fingerprint(change: dict[str, str]) -> None:
    assert load(table(PLAIN | change)).fingerprint() == load(table(PLAIN)).fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"cron": '"1 9 * * *"'},
        {"timezone": '"Europe/Berlin"'},
        {"dst": '"skip"'},
        {"start": "2026-01-01T00:00:00Z"},
        {"call": '"m:g"'},
        {"kwargs": "{ a = 2 }"},
        {"kwargs": '{ a = "1", b = "é" }'},
        {"args": "[1]"},
        {"payload": "1"},
        {"timeout": '"301s"'},
        {"retry": "false"},
        {"overlap": '"allow"'},
        {"max_runs": "1"},
        {"priority": "1"},
        {"notify_failure": '["log"]'},
        {"enabled": "false"},
    ],
)
def test_another_meaning_has_another_fingerprint(change: dict[str, str]) -> None:
    assert load(table(PLAIN | change)).fingerprint() != load(table(PLAIN)).fingerprint()


@pytest.mark.parametrize(
    ("when", "same"),
    [(DAILY, False), ('at = "9am"', False), ("every = '1 month'", False),
     ("every = '1h'", True), ("at = 2026-01-01T00:00:00Z", True), ("now = true", True)],
)  # fmt: skip
def test_a_new_default_zone_changes_only_the_jobs_that_depend_on_it(when: str, same: bool) -> None:
    berlin = load(f"{CALL}{when}", '[scheduler]\ntimezone = "Europe/Berlin"\n')
    assert (berlin.fingerprint() == load(f"{CALL}{when}").fingerprint()) is same


def test_new_default_rules_change_the_jobs_that_follow_them() -> None:
    top = "[scheduler]\nretry_attempts = 5\n"
    follows, says_itself = DAILY + CALL, DAILY + CALL + "retry.attempts = 3"
    assert load(follows, top).fingerprint() != load(follows).fingerprint()
    assert load(says_itself, top).fingerprint() == load(says_itself).fingerprint()


def test_a_disabled_job_is_kept_and_says_so() -> None:
    assert load(DAILY + CALL).enabled
    assert not load(DAILY + CALL + "enabled = false").enabled


def test_what_a_job_says_survives_storage() -> None:
    job = load(table(PLAIN | {"start": "2026-01-01T00:00:00Z", "overlap": '"allow"'}))
    assert schedule_from_dict(job.schedule.to_dict()) == job.schedule
    assert Entry.from_map(job.entry.to_map()) == job.entry
    assert Policy.from_dict(job.policy.to_dict()) == job.policy
