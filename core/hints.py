"""Hints for people: the word they probably meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from .errors import InvalidTask


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the closest known word, or an empty string."""
    close = get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def require_one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse a word that is none of the allowed ones.

    Raises:
        InvalidTask: it names them all, and the one that was probably meant.
    """
    if value not in allowed:
        choices, hint = ", ".join(allowed), did_you_mean(value, allowed)
        raise InvalidTask(f"{name} must be one of {choices}, not {value!r}{hint}")
