"""The near-term window keeps the order of time, whatever is put in, moved and taken out."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.actors.window import Window
from tocsin.core.work import Alarm

IDS = st.integers(1, 8)
TIMES = st.integers(0, 20)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, st.none() | TIMES),
        st.tuples(st.just("discard"), IDS, st.none()),
        st.tuples(st.just("pop"), st.integers(1, 3), TIMES),
        st.tuples(st.just("replace"), IDS, TIMES),
    )
)


@given(STEPS)
def test_it_behaves_like_a_table_sorted_by_time(steps: list[tuple[str, int, int | None]]) -> None:
    window, table = Window(), dict[int, int]()
    for verb, number, time in steps:
        if verb == "put":
            window.put(Alarm(time, number, None))
            table.pop(number, None)
            if time is not None:
                table[number] = time
        elif verb == "discard":
            window.discard(number)
            table.pop(number, None)
        elif verb == "replace":
            window.replace([Alarm(time, number, None), Alarm(None, number + 1, None)])
            table = {number: time or 0}
        else:
            rung = window.pop_due(time or 0, number)
            due = sorted((at, i) for i, at in table.items() if at <= (time or 0))[:number]
            assert [(alarm.due_at, alarm.id) for alarm in rung] == due
            for _, i in due:
                del table[i]
        assert len(window) == len(table)
        assert window.next_due() == min(table.values(), default=None)


def test_an_alarm_that_moved_rings_once_at_its_new_time() -> None:
    window = Window()
    for due_at in (5, 9, 3, 7):
        window.put(Alarm(due_at, 1, None))
    assert window.pop_due(6, 10) == []
    assert window.pop_due(7, 10) == [Alarm(7, 1, None)]
    assert window.pop_due(100, 10) == []
    assert window.next_due() is None


def test_an_alarm_put_again_at_the_same_time_rings_once() -> None:
    window = Window()
    window.put(Alarm(5, 1, None))
    window.put(Alarm(5, 1, None))
    assert len(window.pop_due(5, 10)) == 1
    assert window.pop_due(5, 10) == []
