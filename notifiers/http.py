"""HTTP for notifiers: one POST, bounded in time and size, that fails with our own errors only.

Nothing here puts a path, a header or a body into an error: they may hold somebody's token.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter

from ..core.errors import NotificationDelayed, NotificationError, NotificationRefused

LARGEST_ANSWER = 16 * 1024
"""Bytes of an answer that are read; the rest is dropped with its connection."""

_WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")
_TRY_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class Limits(NamedTuple):
    """Time limits of one request, in seconds: to connect, and to wait for the answer."""

    connect: float = 5.0
    read: float = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end.

    Attributes:
        status_code: the HTTP status (named as in requests).
        headers: without regard to case.
        body: at most `LARGEST_ANSWER` bytes.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)

    @property
    def status(self) -> str:
        """The status in words: "404 Not Found"."""
        try:
            return f"{self.status_code} {HTTPStatus(self.status_code).phrase}"
        except ValueError:
            return str(self.status_code)


class Remote:
    """One service on the other side, with its pool of connections.

    Threads share the pool, which is made for that, but each request has a session of its own,
    because `requests.Session` is not. At most two connections are open at a time; more requests
    wait for their turn. Proxies come from the environment (`HTTPS_PROXY`, `NO_PROXY`).

    Args:
        who: how errors call the service, such as "Pushover".
        limits: time limits of each request.
    """

    def __init__(self, who: str, limits: Limits) -> None:
        self._who = who
        self._limits = limits
        self._pool = HTTPAdapter(pool_connections=1, pool_maxsize=2, pool_block=True)

    def post(self, url: str, **request: Any) -> Answer:
        """Send one POST; never follows a redirect and never tries twice.

        Args:
            url: where to.
            request: `data`, `files`, `json` or `headers`, as in requests.

        Raises:
            NotificationDelayed: no whole answer came.
            NotificationRefused: the request cannot be sent at all.
        """
        try:
            session = _Session(self._pool)
            with session.post(url, timeout=self._limits, stream=True, **request) as response:
                return Answer(response.status_code, response.headers, self._body(response))
        except (OSError, ValueError) as exc:  # RequestException is an OSError
            problem = self._explain(exc)
        # Raised out here, so that no traceback shows the error of requests, which names the URL.
        raise problem

    def close(self) -> None:
        """Let go of the pool; idle connections close with it."""
        self._pool.close()

    def _body(self, response: requests.Response) -> bytes:
        """Read byte by byte (from a buffer): a larger chunk would wait until it is full."""
        body = bytearray()
        end = time.monotonic() + self._limits.read
        try:
            for byte in response.iter_content(1):
                body += byte
                if len(body) >= LARGEST_ANSWER:
                    break
                if time.monotonic() > end:
                    raise requests.ReadTimeout
        except requests.ConnectionError as exc:  # how requests calls a time-out in the body
            raise requests.ReadTimeout from exc
        return bytes(body)

    def _explain(self, exc: OSError | ValueError) -> NotificationError:
        if isinstance(exc, ValueError):  # a URL, header or text that cannot be written down
            return NotificationRefused(f"{self._who} cannot be asked: malformed request")
        match exc:
            case requests.ConnectTimeout():
                what = f"could not be reached within {self._limits.connect:g} s"
            case requests.Timeout():
                what = f"did not answer within {self._limits.read:g} s"
            case exceptions.ChunkedEncodingError() | exceptions.ContentDecodingError():
                what = "broke off in the middle of its answer"
            case _:
                what = f"could not be reached{_cause(exc)}"
        return NotificationDelayed(f"{self._who} {what}")


class _Session(requests.Session):
    """Serves one request over a shared pool."""

    def __init__(self, pool: HTTPAdapter) -> None:
        super().__init__()
        self.mount("http://", pool)
        self.mount("https://", pool)
        # A password in ~/.netrc would silently replace a configured Authorization header.
        self.auth = lambda request: request

    def get_redirect_target(self, resp: requests.Response) -> None:
        """No answer is a redirect: requests would read all of its body to prepare the next."""


def require_success(who: str, answer: Answer, told: str = "") -> None:
    """Turn every status but 2xx into an error.

    Args:
        who: how the error calls the service.
        answer: what it said.
        told: its own words, free of secrets, to add to the message.

    Raises:
        NotificationDelayed: 408, 425, 429, 5xx.
        NotificationRefused: other 4xx, and redirects, which are never followed.
    """
    status = answer.status_code
    if 200 <= status < 300:
        return
    message = f"{who} answered {answer.status}" + (f": {told}" if told else "")
    if status in _TRY_LATER or not 300 <= status < 500:
        raise NotificationDelayed(message, retry_after=retry_after(answer))
    raise NotificationRefused(message)


def retry_after(answer: Answer) -> float | None:
    """Seconds that the `Retry-After` header asks to wait, None without a readable one."""
    value = answer.headers.get("Retry-After", "")
    seconds = whole_number(value)
    return seconds_until(_http_date(value), answer) if seconds is None else float(seconds)


def seconds_until(instant: float | None, answer: Answer) -> float | None:
    """Seconds from the answer's own `Date` header to `instant`, both by the server's clock.

    Args:
        instant: seconds since the epoch, None if unknown.
        answer: whose clock to ask.
    """
    said_at = _http_date(answer.headers.get("Date", ""))
    return None if instant is None or said_at is None else max(0.0, instant - said_at)


def whole_number(text: str) -> int | None:
    """The number that a header holds, None when it is not one of reasonable length."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


def web_address(url: str) -> str:
    """Check a URL from the configuration.

    Raises:
        ValueError: it is not http(s), has no host, or carries a password. Never repeats the URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must be a URL that starts with https:// or http://")
    if not parts.hostname or any(c.isspace() for c in url):
        raise ValueError("must be a URL with a host name and without spaces")
    if parts.username is not None:
        raise ValueError("must not hold a user or password; use an Authorization header")
    _ = parts.port  # raises ValueError when it is out of range
    return url


def _http_date(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _cause(exc: BaseException) -> str:
    """What the operating system said, in brackets: the deepest cause that is not HTTP's."""
    reason = ""
    at: BaseException | None = exc
    while at is not None:
        if isinstance(at, OSError) and not isinstance(at, requests.RequestException):
            reason = at.strerror or str(at)
        at = at.__cause__ or at.__context__
    return f" ({reason})" if reason else ""
