"""What SQL asks of a task's schedule and policy, in columns of its own beside their JSON."""

from functools import lru_cache

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from ..core.limits import HIGHEST
from ..core.state import parse_policy

TRAITS = ("kind", "priority", "instances", "limited")


def traits(schedule: str, policy: str) -> tuple[str, int, int | None, int]:
    """The columns `TRAITS` of a task.

    Args:
        schedule: its schedule, as JSON.
        policy: its policy, as JSON.

    Returns:
        The kind of its schedule, empty when that cannot be read; its priority, within bounds; how
        many of its runs may execute together, None for no bound; and 1 when they share limits
        or resources with others, else 0.
    """
    return (_kind(schedule), *_of_policy(policy))


class _Schedule(Struct):
    kind: str


_read = Decoder(_Schedule).decode


def _kind(schedule: str) -> str:
    try:
        return _read(schedule).kind
    except (DecodeError, UnicodeEncodeError, RecursionError):
        return ""


@lru_cache(maxsize=1024)
def _of_policy(text: str) -> tuple[int, int | None, int]:
    try:
        policy = parse_policy(text)
    except Exception:  # noqa: BLE001 - whatever is wrong with it: its task is set aside when it rings
        return (0, 1, 0)
    return (
        max(-HIGHEST, min(policy.priority, HIGHEST)),
        policy.max_instances if policy.overlap == "allow" else 1,
        int(policy.concurrency is not None or bool(policy.resources)),
    )
