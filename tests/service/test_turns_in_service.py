"""A running service chooses how long threads keep the interpreter."""

import sys
import threading
from typing import Any

import pytest

from tocsin import Tocsin
from tocsin.executors.interpreter import TURN
from tocsin.executors.turns import LONG_TURN


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a thread computes")
def test_a_service_takes_long_turns_until_somebody_computes_all_the_time(
    app: Tocsin, until: Any
) -> None:
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(1_000))

    with app:
        until(lambda: sys.getswitchinterval() == pytest.approx(LONG_TURN))
        thread = threading.Thread(target=compute)
        thread.start()
        try:
            until(lambda: sys.getswitchinterval() == pytest.approx(TURN))
        finally:
            stop.set()
            thread.join()
