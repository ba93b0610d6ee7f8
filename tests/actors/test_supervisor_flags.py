import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.actors.backoff import Backoff
from tocsin.actors.base import Actor
from tocsin.actors.child import ChildSpec
from tocsin.actors.restarts import RestartBudget
from tocsin.actors.strategies import Flags, concerned
from tocsin.actors.supervisor import Supervisor
from tocsin.core.clock import SECOND
from tocsin.core.errors import InvalidChild, InvalidSupervisor
from tocsin.engine import FLAGS

NAN, INFINITY = float("nan"), float("inf")


# ---------------------------------------------------------------- child specifications


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"id": ""}, "id is a word, not ''"),
        ({"id": None}, "id is a word, not None"),
        ({"id": 7}, "id is a word, not 7"),
        ({"start": None}, "start must be a function"),
        ({"start": "Alarm"}, "start must be a function"),
        ({"restart": "permanant"}, "restart is one of permanent.*; did you mean 'permanent'"),
        ({"restart": None}, "restart is one of"),
        ({"type": "wroker"}, "type is one of worker, supervisor.*; did you mean 'worker'"),
        ({"shutdown": -1}, 'shutdown is a number of seconds, "brutal" or None, not -1'),
        ({"shutdown": "brutal_kill"}, "shutdown is a number"),
        ({"shutdown": INFINITY}, "shutdown is a number"),
        ({"shutdown": NAN}, "shutdown is a number"),
        ({"shutdown": True}, "shutdown is a number"),
        ({"start_timeout": -1}, "start_timeout is a number of seconds or None, not -1"),
        ({"start_timeout": "brutal"}, "start_timeout is a number"),
        ({"significant": "yes"}, "significant is True or False"),
        ({"significant": True}, "a permanent child never ends"),
        ({"name": 5}, "name is a word, not 5"),
        ({"name": None}, "name is a word, not None"),
    ],
)
def test_child_specs__every_wrong_field_has_its_own_error(
    fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidChild, match=complaint):
        ChildSpec(**{"id": "child", "start": Actor, **fields})


def test_child_specs_map__every_valid_combination_is_accepted() -> None:
    combinations = itertools.product(
        ["permanent", "transient", "temporary"],
        [0, 0.5, 5, 5_000, None, "brutal", "default"],
        ["worker", "supervisor"],
        [False, True],
        [None, 0, 10, "default"],
    )
    for restart, shutdown, kind, significant, start_timeout in combinations:
        if significant and restart == "permanent":
            continue
        spec = ChildSpec(
            "child",
            Actor,
            restart=restart,  # type: ignore[arg-type]
            shutdown=shutdown,  # type: ignore[arg-type]
            type=kind,  # type: ignore[arg-type]
            significant=significant,
            start_timeout=start_timeout,  # type: ignore[arg-type]
        )
        assert spec.shutdown != "default"
        assert spec.start_timeout != "default"


@pytest.mark.parametrize(
    ("shutdown", "kind", "grace"),
    [
        ("default", "worker", 5.0),
        ("default", "supervisor", None),
        ("brutal", "worker", 0.0),
        (2, "supervisor", 2),
        (None, "worker", None),
    ],
)
def test_child_specs__the_time_to_stop_in(shutdown: Any, kind: Any, grace: float | None) -> None:
    assert ChildSpec("child", Actor, shutdown=shutdown, type=kind).grace == grace


def test_child_specs__duplicate_ids_and_names_are_refused() -> None:
    one, two = ChildSpec("one", Actor), ChildSpec("two", Actor)
    with pytest.raises(InvalidChild, match="same id: one"):
        Supervisor([one, two, one])
    with pytest.raises(InvalidChild, match="same name: one"):
        Supervisor([one, ChildSpec("two", Actor, name="one")])


# ---------------------------------------------------------------- flags


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ({"strategy": "one_for_one_for_all"}, "strategy is one of one_for_one, .*did you mean"),
        ({"strategy": None}, "strategy is one of"),
        ({"intensity": -1}, "intensity is a whole number, 0 or more, not -1"),
        ({"intensity": INFINITY}, "intensity is a whole number"),
        ({"intensity": True}, "intensity is a whole number"),
        ({"period": 0}, "period is a number of seconds above 0, not 0"),
        ({"period": -5}, "period is a number"),
        ({"period": INFINITY}, "period is a number"),
        ({"period": NAN}, "period is a number"),
        ({"period": "5s"}, "period is a number"),
        ({"auto_shutdown": "any_significnt"}, "did you mean 'any_significant'"),
        ({"backoff": 5}, "backoff is a Backoff or None, not 5"),
    ],
)
def test_sup_flags__every_wrong_flag_has_its_own_error(
    flags: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidSupervisor, match=complaint):
        Flags(**flags)


@pytest.mark.parametrize(
    "fields",
    [
        {"min": -1},
        {"min": 5, "max": 1},
        {"factor": 0.5},
        {"jitter": 1},
        {"jitter": -0.1},
        {"reset_after": -1},
    ],
)
def test_sup_flags__a_backoff_that_cannot_be_meant_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidSupervisor):
        Backoff(**fields)


# ---------------------------------------------------------------- laws

IDS = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("strategy", "ids"),
    [
        ("one_for_one", ["b"]),
        ("simple_one_for_one", ["b"]),
        ("rest_for_one", ["b", "c", "d"]),
        ("one_for_all", IDS),
    ],
)
def test_whom_a_death_concerns(strategy: Any, ids: list[str]) -> None:
    assert concerned(strategy, IDS, "b") == ids


@given(
    intensity=st.integers(0, 5),
    period=st.integers(1, 10),
    gaps=st.lists(st.integers(0, 4), max_size=30),
)
def test_the_budget_is_spent_exactly_when_more_restarts_than_allowed_fall_into_a_period(
    intensity: int, period: int, gaps: list[int]
) -> None:
    budget, now, moments = RestartBudget(intensity, period), 0, []
    for gap in gaps:
        now += gap * SECOND
        moments.append(now)
        recent = sum(1 for moment in moments if now - moment <= period * SECOND)
        assert budget.spend(now, "child") == intensity - recent
        assert budget.recent(now) == {"child": recent}
        assert budget.left(now) == max(0, intensity - recent)


@given(
    failures=st.integers(0, 10_000),
    chance=st.floats(0, 1),
    backoff=st.builds(
        Backoff,
        min=st.floats(0, 1),
        max=st.floats(1, 100),
        factor=st.floats(1, 10),
        jitter=st.floats(0, 0.9),
    ),
)
def test_a_pause_stays_within_its_bounds(failures: int, chance: float, backoff: Backoff) -> None:
    pause = backoff.delay(failures, lambda: chance)
    assert backoff.min * (1 - backoff.jitter) <= pause + 1e-9
    assert pause <= backoff.max * (1 + backoff.jitter) + 1e-9


def test_pauses_grow_by_their_factor_up_to_the_longest() -> None:
    backoff = Backoff(min=0.1, max=1.0, factor=2, jitter=0.2)
    pauses = [backoff.delay(n, lambda: 0.5) for n in range(6)]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])
    assert backoff.delay(0, lambda: 1.0) == pytest.approx(0.12)
    assert backoff.delay(0, lambda: 0.0) == pytest.approx(0.08)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_a_part_of_the_service_that_dies_within_a_second_each_time_ends_the_service(
    chance: float,
) -> None:
    """Ever longer pauses must not keep it going for ever, for nobody would be told."""
    budget, now = RestartBudget(FLAGS.intensity, FLAGS.period), 0
    assert FLAGS.backoff is not None
    for death in range(100):
        if budget.spend(now, "scheduler") < 0:
            break
        now += round((FLAGS.backoff.delay(death, lambda: chance) + 1) * SECOND)
    else:
        pytest.fail("it is restarted for ever")
    assert 40 * SECOND < now < 120 * SECOND, "not before a disk had time to come back"
