"""Who waits for ends of runs waits as long as they come fast, and no longer."""

import threading

from tocsin.actors.attempts import Attempts
from tocsin.core.commands import RunFinished

MOMENT = 0.01
AGES = 20.0


def end(book: Attempts, *runs: int) -> None:
    for run in runs:
        book.finish(RunFinished(run, 1, 1, "succeeded", None, 0))


def test_enough_ends_that_are_there_already_are_not_waited_for() -> None:
    book = Attempts()
    end(book, 1, 2, 3)
    assert book.wait(3, step=100, patience=AGES)


def test_the_last_of_enough_ends_wakes_who_waits() -> None:
    book = Attempts()
    threading.Thread(target=end, args=(book, 1, 2, 3)).start()
    assert book.wait(3, step=100, patience=AGES)
    assert len(book.fresh()) == 3


def test_ends_that_come_too_slowly_are_not_waited_for_any_longer() -> None:
    book = Attempts()
    end(book, 1)
    assert not book.wait(3, step=1, patience=MOMENT)
    assert len(book.fresh()) == 1
