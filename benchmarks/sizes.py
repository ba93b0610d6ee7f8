"""How much of everything: a quick look, or what the table asks for."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sizes:
    """The size of one measurement.

    Attributes:
        seconds: how long each rate of W1 is measured.
        one_shots: tasks of W2, spread over `spread` seconds.
        spread: see `one_shots`.
        burst: tasks at one instant, for the rate of W3.
        small_burst: tasks at one instant, for the lateness of W3.
        settle: seconds after the start before the memory is looked at.
        rings: starts of W5, of which the median counts.
        idle: seconds of W6.
        recurring: tasks of W7, each every second.
        recurring_seconds: seconds of W7.
        patience: seconds to wait for what should have rung already.
    """

    seconds: float = 1.0
    one_shots: int = 300
    spread: float = 3.0
    burst: int = 2_000
    small_burst: int = 1_000
    settle: float = 3.0
    rings: int = 2
    idle: float = 10.0
    recurring: int = 500
    recurring_seconds: float = 5.0
    patience: float = 60.0

    def to_dict(self) -> dict[str, Any]:
        """As it is handed to the process that measures."""
        return asdict(self)


QUICK = Sizes()

FULL = Sizes(
    seconds=4.0,
    one_shots=1_000,
    spread=10.0,
    burst=10_000,
    settle=35.0,
    rings=5,
    idle=60.0,
    recurring=5_000,
    recurring_seconds=60.0,
    patience=120.0,
)

FULL_PEERS = Sizes(
    seconds=3.0,
    one_shots=1_000,
    spread=10.0,
    burst=10_000,
    settle=10.0,
    rings=3,
    idle=60.0,
    recurring=1_000,
    recurring_seconds=15.0,
    patience=60.0,
)
"""Peers get less to do where they would take for ever: each figure says how much it was."""
