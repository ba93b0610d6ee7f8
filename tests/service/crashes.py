"""What the tests of recovery share: actors that die, and calls that are counted."""

import threading
from collections import Counter
from typing import Any

import pytest

from tocsin import RunContext, Tocsin
from tocsin.actors.messages import WhichChildren
from tocsin.core.errors import ActorCrashed

LIMIT = 15.0


class Poison:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise SystemExit("poison")


def kill(app: Tocsin, name: str) -> None:
    with pytest.raises(ActorCrashed):
        app.address(name).ask(Poison(), timeout=LIMIT)


def lives(app: Tocsin) -> dict[str, int]:
    return {c.id: c.incarnation for c in app.supervisor.ask(WhichChildren(), timeout=LIMIT)}


class Calls:
    """Counts what was called, and holds calls at a gate."""

    def __init__(self) -> None:
        self.made: Counter[str | None] = Counter()
        self.attempts: list[int] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()

    def __call__(self, ctx: RunContext) -> str:
        self.made[ctx.key] += 1
        self.attempts.append(ctx.attempt)
        self.entered.release()
        assert self.gate.wait(LIMIT)
        return "done"

    def enter(self, count: int = 1) -> None:
        assert all(self.entered.acquire(timeout=LIMIT) for _ in range(count))
