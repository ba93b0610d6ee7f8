"""New entries made ready to be decided on and stored."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from ..core.commands import NewEntry
from ..core.decide import NewTask, as_json
from ..core.entry import Entry
from ..core.errors import InvalidTask
from ..core.options import checked_policy
from ..core.policy import Policy
from ..core.state import to_json
from ..core.when import to_schedule
from ..core.work import Alarm
from .keys import Keyring
from .payload import Codec, pack, seal

LONGEST_KEY = 255

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: no encoding, and no database, can hold it."""


class Draft(Struct, gc=False):
    """An entry with its payload and the task that it would make."""

    entry: Entry
    payload: bytes
    codec: Codec
    task: NewTask

    def reply(self, task_id: int, alarm: Alarm | None) -> dict[str, Any]:
        """What is told to whoever ordered it, when it is stored and its alarm is set."""
        return {
            "alarm_id": alarm.id if alarm else None,
            "scheduler_id": task_id,
            "entry": self.entry.to_map(),
        }


class Drafts:
    """Turns `NewEntry` messages into drafts, by the rules of one service.

    Args:
        keys: sign the entries.
        timezone: the zone of schedules and phrases that name none.
        policy: the policy of entries that bring none.
        allow: module prefixes that entries may name, empty for all.
    """

    def __init__(
        self,
        keys: Keyring,
        *,
        timezone: str = "UTC",
        policy: Policy | None = None,
        allow: Sequence[str] = (),
    ) -> None:
        self.timezone = timezone
        self._keys = keys
        self._policy = policy or Policy()
        self._default: str | None = None
        self._allow = tuple(allow)

    def prepare(self, new: NewEntry, now: int) -> Draft:
        """Check everything that can be wrong with an entry.

        Raises:
            InvalidEntry: it cannot be stored.
            InvalidSchedule: its time is not understood, or never comes.
            InvalidTask: its key or metadata is wrong.
        """
        entry = Entry.of(new.module, new.function, new.handler, new.args, new.kwargs)
        _check_key(new.key)
        _check_name(new.tenant, "a tenant")
        _check_name(new.created_by, "created_by")
        payload, fingerprint = pack(entry, new.codec, self._allow)
        task = NewTask(
            tenant=new.tenant,
            key=new.key,
            target=entry.target,
            entry_id=0,
            digest=fingerprint,
            schedule=to_schedule(new.when),
            timezone=self.timezone,
            policy_json=self._policy_json(new.policy),
            created_by=new.created_by,
            metadata=as_json(new.metadata) if new.metadata else {},
            paused=new.paused,
            revive=new.revive,
        )
        task.bound(now)
        return Draft(entry, payload, new.codec, task)

    def seal(self, draft: Draft, entry_id: int) -> bytes:
        """The signed blob for the row that the entry gets."""
        return seal(draft.payload, draft.codec, entry_id, draft.task.tenant, self._keys)

    def _policy_json(self, policy: Policy | None) -> str:
        if policy is not None:
            return _written(policy, self.timezone)
        if self._default is None:
            self._default = _written(self._policy, self.timezone)
        return self._default


def _written(policy: Policy, timezone: str) -> str:
    try:
        return _written_once(policy, timezone)
    except TypeError:  # it holds what has no hash: say what is wrong with it
        return _written_once.__wrapped__(policy, timezone)


@lru_cache(maxsize=256)
def _written_once(policy: Policy, timezone: str) -> str:
    return to_json(checked_policy(policy).bound(timezone).to_dict())


def check_text(value: object, what: str, *, optional: bool = True) -> None:
    """Refuse what no database can hold as text.

    Raises:
        InvalidTask: it is no text, empty where it must not be, or holds half a character or a NUL.
    """
    if value is None and optional:
        return
    if not isinstance(value, str) or not (value or optional):
        raise InvalidTask(f"{what} is a text, not {value!r:.100}")
    if "\0" in value or SURROGATE.search(value):
        raise InvalidTask(f"{what} has a character that cannot be stored: {value!r:.100}")


def _check_name(value: object, what: str) -> None:
    if type(value) is not str or not storable(value):
        check_text(value, what, optional=False)
    if len(value) > LONGEST_KEY:  # type: ignore[arg-type] # it is a text by now
        raise InvalidTask(f"{what} is a text of 1 to {LONGEST_KEY} characters, not {value!r:.300}")


@lru_cache(maxsize=1024)
def storable(text: str) -> bool:
    """Whether every database can hold a text."""
    return bool(text) and "\0" not in text and not SURROGATE.search(text)


def _check_key(key: object) -> None:
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= LONGEST_KEY):
        raise InvalidTask(f"a key is a text of 1 to {LONGEST_KEY} characters, not {key!r:.300}")
    check_text(key, "a key")
