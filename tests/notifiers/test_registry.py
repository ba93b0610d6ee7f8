"""The table of kinds, and how options are refused."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from tocsin.core.errors import InvalidConfig
from tocsin.core.notification import Notification
from tocsin.notifiers import base
from tocsin.notifiers.base import Receipt, build, kinds, register


class Pager:
    kind: ClassVar[str] = "pager"

    def __init__(self, number: str) -> None:
        self.number = number

    def send(self, note: Notification) -> Receipt:
        return Receipt(id=self.number, details={"beeped": note.message})

    def close(self) -> None:
        pass


def problems(kind: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    with pytest.raises(InvalidConfig) as caught:
        build("phone", kind, options)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_the_table_imports_no_channel() -> None:
    code = (
        "import sys, tocsin.notifiers.base as base; base.kinds();"
        "sys.exit('requests' in sys.modules or 'pushover_complete' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("log", {}),
        ("pushover", {"user": "u", "token": "t"}),
        ("webhook", {"url": "https://example.org/hook"}),
    ],
)
def test_every_kind_can_be_built_and_closed(kind: str, options: dict[str, Any]) -> None:
    assert kind in kinds()
    notifier = build("phone", kind, options)
    assert notifier.kind == kind
    notifier.close()


def test_an_unknown_kind_names_the_one_that_was_meant() -> None:
    (problem,) = problems("pushovr", {})
    choices = "log, pushover, webhook"
    hint = "did you mean 'pushover'?"
    assert problem == f"notify.phone.kind: must be one of {choices}, not 'pushovr'; {hint}"


def test_a_program_registers_its_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_registered", {})
    register("pager", lambda name, options: Pager(options["number"]))
    assert kinds() == ("log", "pager", "pushover", "webhook")
    receipt = build("night", "pager", {"number": "42"}).send(Notification("up"))
    assert receipt == Receipt("42", {"beeped": "up"})


def test_every_mistake_is_reported_at_once_with_its_path() -> None:
    found = problems(
        "pushover",
        {
            "tokn": "x",
            "user": "with space",
            "device": [""],
            "base_url": "ftp://example.org",
            "priority": "hihg",
            "timeout": "soon",
        },
    )
    by_path = dict(line.split(": ", 1) for line in found)
    assert set(by_path) == {
        f"notify.phone.{name}"
        for name in ("tokn", "token", "user", "device.0", "base_url", "priority", "timeout")
    }
    assert by_path["notify.phone.tokn"] == "unknown option; did you mean 'token'?"
    assert by_path["notify.phone.token"] == "is missing"
    assert by_path["notify.phone.priority"].endswith("did you mean 'high'?")


@pytest.mark.parametrize("timeout", [0, -1, "6m", True, float("nan"), [], "10 s s"])
def test_a_time_limit_that_is_none_is_refused(timeout: object) -> None:
    (problem,) = problems("pushover", {"user": "u", "token": "t", "timeout": timeout})
    assert problem.startswith("notify.phone.timeout: ")


@pytest.mark.parametrize(
    "url",
    [
        "example.org/hook",
        "file:///etc/passwd",
        "https://",
        "https://[::1/",
        "https://host:99999/",
        "https://me:hunter2@host/",
        "https://host/a b",
    ],
)
def test_what_is_no_web_address_is_refused_without_repeating_it(url: str) -> None:
    (problem,) = problems("webhook", {"url": url})
    assert problem.startswith("notify.phone.url: ")
    assert url not in problem
    assert "hunter2" not in problem


def test_web_hook_options_are_checked_before_the_first_alarm() -> None:
    found = problems(
        "webhook",
        {
            "url": "https://host/",
            "headers": {"No Name": "x", "X-Two": "lines\r\nX-Evil: 1"},
            "extra": {"message": "mine"},
        },
    )
    assert [line.split(": ")[0] for line in found] == [
        "notify.phone.headers.No Name.[key]",
        "notify.phone.headers.X-Two",
        "notify.phone.extra",
    ]
    assert problems("webhook", {"url": "https://host/", "extra": {"x": float("nan")}})


def test_a_refused_secret_is_not_repeated() -> None:
    secret = "very secret key"
    with pytest.raises(InvalidConfig) as caught:
        build("phone", "pushover", {"user": SecretStr(secret), "token": secret, "sound": 7})
    shown = f"{caught.value!r} {caught.value} {caught.value.problems}"
    assert secret not in shown
    assert caught.value.__context__ is None, "a traceback would show the input"


@pytest.mark.parametrize("wrap", [str, SecretStr])
def test_secrets_stay_out_of_every_repr(wrap: Any) -> None:
    made = [
        build("a", "pushover", {"user": wrap("s3cr3t"), "token": wrap("s3cr3t")}),
        build(
            "b",
            "webhook",
            {
                "url": wrap("https://host/s3cr3t"),
                "headers": {"Authorization": wrap("s3cr3t")},
                "extra": {"deep": [{"key": wrap("s3cr3t")}]},
            },
        ),
    ]
    for notifier in made:
        assert "s3cr3t" not in f"{notifier!r} {vars(notifier)!r}"
        notifier.close()
