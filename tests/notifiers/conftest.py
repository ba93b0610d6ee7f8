"""A real HTTP server on loopback that behaves as Pushover documents, or as a test tells it to."""

import email
import json
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from tocsin.notifiers.base import Notifier, build

USER = "uQiRzpo4DXghDmr9QzzfQu27cmVRsG"
TOKEN = "azGDORePK8gMaC0QOYAMyEEuzJnyUi"
QUOTA = {
    "X-Limit-App-Limit": "10000",
    "X-Limit-App-Remaining": "7496",
    "X-Limit-App-Reset": "1393653600",
}

Behaviour = Callable[["Handler"], None]


@dataclass
class Received:
    """One request as the server saw it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole, then behaves as scripted or, without a script, by the rules."""

    protocol_version = "HTTP/1.1"
    timeout = 20
    server: "StandIn"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        received = Received(self.command, self.path, dict(self.headers), body)
        self._parse(received)
        self.server.received.append(received)
        behave = self.server.script.popleft() if self.server.script else self.server.rules
        behave(self)

    def do_GET(self) -> None:
        self.server.received.append(Received("GET", self.path, dict(self.headers), b""))
        self.answer(405, "")

    def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(raw)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: Any) -> None:
        pass

    def _parse(self, received: Received) -> None:
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            whole = b"Content-Type: " + kind.encode() + b"\r\n\r\n" + received.body
            for part in email.message_from_bytes(whole).get_payload():
                assert isinstance(part, email.message.Message)
                name = str(part.get_param("name", header="content-disposition"))
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                filename = part.get_filename()
                if filename is None:
                    received.fields.setdefault(name, []).append(content.decode())
                else:
                    declared = part["Content-Type"] or ""
                    received.files[name] = (filename, declared, content)
        elif kind == "application/x-www-form-urlencoded":
            received.fields = parse_qs(received.body.decode(), keep_blank_values=True)


class StandIn(ThreadingHTTPServer):
    """The server, its script and what it received."""

    daemon_threads = False  # server_close() waits for them

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.script: deque[Behaviour] = deque()
        self.rules: Behaviour = pushover_rules
        self.received: list[Received] = []
        self.connections: list[socket.socket] = []
        self.released = threading.Event()

    @property
    def last(self) -> Received:
        return self.received[-1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def stop(self) -> None:
        """Let go of everybody, and wait until every thread has ended."""
        self.released.set()
        self.shutdown()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def then(self, behaviour: Behaviour) -> None:
        """Behave like this once; several calls line up."""
        self.script.append(behaviour)

    def reply(self, status: int, body: Any = "", headers: Mapping[str, str] | None = None) -> None:
        self.then(lambda handler: handler.answer(status, body, headers))

    def hang(self) -> None:
        """Take the request and never answer, until the test is over."""

        def behave(handler: Handler) -> None:
            self.released.wait(20)
            handler.close_connection = True

        self.then(behave)

    def cut(self, text: bytes) -> None:
        """Send these bytes and close the connection."""

        def behave(handler: Handler) -> None:
            handler.wfile.write(text)
            handler.close_connection = True

        self.then(behave)

    def dribble(self, head: bytes, piece: bytes) -> None:
        """Send `head`, then `piece` again and again until the other side has had enough."""

        def behave(handler: Handler) -> None:
            handler.close_connection = True
            handler.wfile.write(head)
            with suppress(OSError):
                while not self.released.wait(0.02):
                    handler.wfile.write(piece)

        self.then(behave)


def pushover_rules(handler: Handler) -> None:
    """Validate as https://pushover.net/api documents and answer in its format."""
    received = handler.server.last
    if received.path != "/1/messages.json":
        handler.answer(404, {"status": 0, "errors": ["not found"], "request": "r-404"})
        return
    mistakes = list(_mistakes(received))
    if mistakes:
        said: dict[str, Any] = {name: "invalid" for name, _ in mistakes}
        said |= {"errors": [text for _, text in mistakes], "status": 0, "request": "r-400"}
        handler.answer(400, said, QUOTA)
        return
    said = {"status": 1, "request": f"r-{len(handler.server.received)}"}
    if received.fields.get("priority") == ["2"]:
        said["receipt"] = "rLqVuqTRh62UzxtmqiaLzQmVcPgiCy"
    handler.answer(200, said, QUOTA)


_LONGEST = {"message": 1024, "title": 250, "url": 512, "url_title": 100}
_DEVICES = re.compile(r"[A-Za-z0-9_-]{1,25}(,[A-Za-z0-9_-]{1,25})*")


def _mistakes(received: Received) -> Iterator[tuple[str, str]]:
    """What is wrong with a request: the parameter, and Pushover's words."""
    fields = received.fields
    one = {name: values[0] for name, values in fields.items()}
    if fields.get("token") != [TOKEN]:
        yield "token", "application token is invalid"
    if fields.get("user") != [USER]:
        yield "user", "user identifier is not a valid user, group, or subscribed user key"
    for name, values in fields.items():
        if len(values) != 1:
            yield name, f"{name} is given more than once"
        if len(values[0]) > _LONGEST.get(name, 10_000):
            yield name, f"{name} is too long"
    if "attachment" in received.files and not received.files["attachment"][1]:
        yield "attachment", "attachment has no content type"
    yield from _value_mistakes(one)
    yield from _priority_mistakes(one)


def _value_mistakes(one: dict[str, str]) -> Iterator[tuple[str, str]]:
    if not one.get("message", "").strip():
        yield "message", "message cannot be blank"
    if one.get("html", "1") != "1":
        yield "html", "html must be 1"
    if not _DEVICES.fullmatch(one.get("device", "x")):
        yield "device", "device name is not valid"
    if one.get("ttl", "1") == "0":
        yield "ttl", "ttl must be a positive number"


def _priority_mistakes(one: dict[str, str]) -> Iterator[tuple[str, str]]:
    if one.get("priority", "0") not in {"-2", "-1", "0", "1", "2"}:
        yield "priority", "priority is invalid"
    if one.get("priority") != "2":
        return
    for name in ("expire", "retry"):
        if name not in one:
            yield name, f"{name} must be supplied with priority=2"
    if int(one.get("retry", "30")) < 30:
        yield "retry", "retry must be at least 30 seconds"
    if int(one.get("expire", "1")) > 10_800:
        yield "expire", "expire must be at most 10800 seconds"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests talk to loopback only, whatever the machine's environment says."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[StandIn]:
    """A stand-in for Pushover or a web hook, listening on loopback."""
    standin = StandIn()
    thread = threading.Thread(target=standin.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield standin
    standin.stop()
    thread.join()


@pytest.fixture
def make(server: StandIn) -> Iterator[Callable[..., Notifier]]:
    """Build notifiers of the kind and options, closed before the server goes away."""
    built: list[Notifier] = []

    def _make(kind: str = "pushover", **options: Any) -> Notifier:
        if kind == "pushover":
            options = {"user": USER, "token": TOKEN, "base_url": server.url, **options}
        built.append(build("phone", kind, options))
        return built[-1]

    yield _make
    for notifier in built:
        notifier.close()


@pytest.fixture
def keys() -> SimpleNamespace:
    """The user key and application token that the stand-in accepts."""
    return SimpleNamespace(user=USER, token=TOKEN)
