"""What pushover-complete takes for its session: our HTTP, which judges Pushover's answers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import NotificationDelayed, NotificationRefused
from .http import Answer, Remote, require_success, retry_after, seconds_until, whole_number

_WHO = "Pushover"
_LONGEST_TEXT = 300


class Wire:
    """Carries one request of the library, and keeps the headers that the library drops.

    Only an answer that says `"status": 1` reaches the library; everything else is an error here.

    Args:
        remote: sends the request.
        base_url: replaces the address that is fixed in the library.
        secrets: what must not appear in errors, even if the server repeats it.
    """

    def __init__(self, remote: Remote, base_url: str, secrets: tuple[str, ...]) -> None:
        self._remote = remote
        self._base_url = base_url.rstrip("/")
        self._secrets = secrets
        self._headers: Mapping[str, str] = {}

    def post(self, url: str, data: dict[str, Any], files: Any = None) -> Answer:
        """Send what the library would send.

        Raises:
            NotificationRefused: Pushover refused it; the message holds Pushover's own words.
            NotificationDelayed: over quota, or no understandable answer.
        """
        answer = self._remote.post(self._base_url + urlsplit(url).path, data=data, files=files)
        self._headers = answer.headers
        self._judge(answer)
        return answer

    def quota(self) -> dict[str, int]:
        """`limit` and `remaining` messages, and the Unix time of the `reset`, as far as known."""
        found = {
            name: whole_number(self._headers.get(f"X-Limit-App-{name.title()}", ""))
            for name in ("limit", "remaining", "reset")
        }
        return {name: number for name, number in found.items() if number is not None}

    def _judge(self, answer: Answer) -> None:
        said = _read(answer)
        told = self._told(said)
        status = answer.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            message = f"{_WHO} answered {answer.status}" + (f": {told}" if told else "")
            raise NotificationDelayed(message, retry_after=self._pause(answer))
        if 300 <= status < 400:  # Pushover never redirects: something else answered in its place
            raise NotificationDelayed(f"{_WHO} answered {answer.status}, which is not its own")
        require_success(_WHO, answer, told)
        if "status" not in said:
            raise NotificationDelayed(f"{_WHO} answered {answer.status}, but not in its format")
        if said["status"] != 1:
            raise NotificationRefused(f"{_WHO} refused the notification: {told or 'no reason'}")

    def _pause(self, answer: Answer) -> float | None:
        """Seconds until more may be sent: what the server asks, or the start of the next quota."""
        quota = self.quota()
        spent = quota.get("remaining", 0) == 0
        return retry_after(answer) or (seconds_until(quota.get("reset"), answer) if spent else None)

    def _told(self, said: Mapping[str, Any]) -> str:
        """Pushover's error texts in one line, without secrets."""
        errors = said.get("errors")
        texts = errors if isinstance(errors, list) else [errors] if errors else []
        line = " ".join("; ".join(map(str, texts)).split())
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line[:_LONGEST_TEXT]


def _read(answer: Answer) -> Mapping[str, Any]:
    """The answer's JSON object; empty when it is anything else."""
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
