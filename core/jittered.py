"""Jitter: the same slots, each a little later, so that not everything starts at nine sharp."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar

from .clock import SECOND
from .compound import Wrapper, require_schedule
from .durations import LONGEST, format_duration
from .errors import InvalidSchedule
from .rule import LAST_INSTANT, Count


@dataclass(frozen=True, slots=True)
class Jittered(Wrapper):
    """Each slot comes a little later, by an amount that depends only on the slot and the seed.

    A slot never reaches the next one: none is lost, and their order stays.

    Attributes:
        spread: the most a slot is delayed, in microseconds.
        seed: what tells apart tasks with the same slots, such as the task's key.
    """

    kind: ClassVar[str] = "jittered"

    spread: int
    seed: str | int = ""

    def __post_init__(self) -> None:
        """Refuse what is no delay."""
        require_schedule(self.inner)
        if isinstance(self.spread, bool) or not isinstance(self.spread, int):
            raise InvalidSchedule(f"the spread must be whole microseconds, not {self.spread!r}")
        if not 0 < self.spread <= LONGEST:
            raise InvalidSchedule("the spread must be longer than nothing, at most 100 years")
        if not isinstance(self.seed, str | int):
            raise InvalidSchedule(f"the seed must be text or a number, not {self.seed!r}")

    def next_instant(self, after: int) -> int | None:
        """The first delayed slot after `after`."""
        slot = self._latest_slot(after)
        if slot is None:
            slot = self.inner.next_instant(after)
        while slot is not None:
            following = self.inner.next_instant(slot)
            moment = slot + self._delay(slot, following)
            if moment > after:
                return moment
            slot = following
        return None

    def count(self, after: int, until: int) -> Count:
        """As many as there are slots, but for one at each end that is delayed beyond it."""
        found = self.inner.count(after, until)
        inside = found.number + self._is_late(after) - self._is_late(until)
        return Count(max(0, inside), found.exact)

    def note_at(self, instant: int) -> str | None:
        """What is to be said of the slot, and how much later this is."""
        slot = self._latest_slot(instant)
        if slot is None:
            return None
        seconds = round((instant - slot) / SECOND) * SECOND
        late = f"{format_duration(seconds)} of jitter" if seconds else None
        return "; ".join(note for note in (self.inner.note_at(slot), late) if note) or None

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "jittered", "inner": {...}, "spread": microseconds, "seed": text}`."""
        return self._with_kind(inner=self.inner.to_dict(), spread=self.spread, seed=self.seed)

    def describe(self) -> str:
        """Such as "every 1h, up to 5m later"."""
        return f"{self.inner.describe()}, up to {format_duration(self.spread)} later"

    def _is_late(self, instant: int) -> bool:
        """Whether the latest slot up to an instant comes only after it."""
        slot = self._latest_slot(instant)
        return (
            slot is not None and slot + self._delay(slot, self.inner.next_instant(slot)) > instant
        )

    def _delay(self, slot: int, following: int | None) -> int:
        room = (LAST_INSTANT if following is None else following - 1) - slot
        text = f"{self.seed}\n{slot}".encode("utf-8", "surrogatepass")
        drawn = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
        return drawn % (min(self.spread, room) + 1)

    def _latest_slot(self, after: int) -> int | None:
        """The latest slot up to `after`, if its delay may end later; found by halving."""
        slot, none_later_than = self.inner.next_instant(after - self.spread - 1), after
        if slot is None or slot > after:
            return None
        following = self.inner.next_instant(slot)
        while following is not None and following <= after:
            slot, middle = following, (following + none_later_than) // 2
            found = self.inner.next_instant(middle)
            if found is not None and found <= after:
                slot = found
            else:
                none_later_than = middle
            following = self.inner.next_instant(slot)
        return slot
