"""What a web hook is sent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tocsin.core.notification import Notification
from tocsin.notifiers.base import Notifier, Receipt

Make = Callable[..., Notifier]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_the_body_is_the_documented_json(server: Any, make: Make, status: int) -> None:
    server.reply(status)
    note = Notification("Brot 🍞", title="Küche", priority="high", url="https://example.org")
    receipt = make("webhook", url=f"{server.url}/hook?key=1").send(note)
    assert (server.last.method, server.last.path) == ("POST", "/hook?key=1")
    assert server.last.headers["Content-Type"] == "application/json"
    assert json.loads(server.last.body) == {
        "message": "Brot 🍞",
        "title": "Küche",
        "priority": "high",
        "url": "https://example.org",
    }
    assert receipt == Receipt(details={"status": status})


def test_a_field_without_a_value_is_null(server: Any, make: Make) -> None:
    server.reply(200)
    make("webhook", url=server.url).send(Notification("m"))
    expected = {"message": "m", "title": None, "priority": "normal", "url": None}
    assert json.loads(server.last.body) == expected


def test_extra_fields_are_added_and_their_secrets_revealed(server: Any, make: Make) -> None:
    server.reply(200)
    extra = {"topic": "home", "deep": [{"key": SecretStr("k")}], "n": 1, "none": None}
    make("webhook", url=server.url, extra=extra).send(Notification("m"))
    sent = json.loads(server.last.body)
    assert sent["topic"] == "home"
    assert sent["deep"] == [{"key": "k"}]
    assert (sent["n"], sent["none"]) == (1, None)


def test_headers_are_added(server: Any, make: Make) -> None:
    server.reply(200)
    headers = {"Authorization": SecretStr("Bearer x y"), "X-Plain": "z", "Content-Type": "a/b"}
    make("webhook", url=SecretStr(server.url), headers=headers).send(Notification("m"))
    assert server.last.headers["Authorization"] == "Bearer x y"
    assert server.last.headers["X-Plain"] == "z"
    assert server.last.headers["Content-Type"] == "a/b"


def test_a_netrc_file_does_not_replace_the_configured_authorization(
    server: Any, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.reply(200)
    make("webhook", url=server.url, headers={"Authorization": "mine"}).send(Notification("m"))
    assert server.last.headers["Authorization"] == "mine"


def test_the_proxy_of_the_environment_is_used(
    server: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("http_proxy", server.url)
    server.reply(200)
    make("webhook", url="http://hook.invalid/path").send(Notification("m"))
    assert server.last.path == "http://hook.invalid/path"
