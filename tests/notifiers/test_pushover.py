"""What goes over the wire to Pushover, and what comes back."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tocsin import Tocsin
from tocsin.core.errors import InvalidConfig, InvalidTask, NotificationRefused
from tocsin.core.notification import Notification
from tocsin.notifiers import pushover
from tocsin.notifiers.base import Notifier
from tocsin.notifiers.pushover_form import LARGEST_ATTACHMENT, fill
from tocsin.testing import SettableClock

Make = Callable[..., Notifier]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def one(server: Any) -> dict[str, str]:
    """The last request's fields, each given exactly once."""
    assert all(len(values) == 1 for values in server.last.fields.values())
    return {name: values[0] for name, values in server.last.fields.items()}


def test_a_plain_message_sends_what_is_needed_and_nothing_else(
    server: Any, make: Make, keys: Any
) -> None:
    receipt = make().send(Notification("Take the bread out"))
    assert server.last.path == "/1/messages.json"
    assert one(server) == {
        "token": keys.token,
        "user": keys.user,
        "message": "Take the bread out",
        "priority": "0",
    }
    assert receipt.id == "r-1"
    assert receipt.details == {"limit": 10_000, "remaining": 7496, "reset": 1_393_653_600}


@pytest.mark.parametrize(
    ("options", "wire"),
    [
        ({"title": "Küche 🍞"}, {"title": "Küche 🍞"}),
        ({"priority": "lowest"}, {"priority": "-2"}),
        ({"priority": "low"}, {"priority": "-1"}),
        ({"priority": "high"}, {"priority": "1"}),
        (
            {"priority": "emergency", "retry": 90, "expire": 600},
            {"priority": "2", "retry": "90", "expire": "600"},
        ),
        ({"sound": "bugle"}, {"sound": "bugle"}),
        ({"url": "https://example.org/?a=1&b=2"}, {"url": "https://example.org/?a=1&b=2"}),
        (
            {"url": "https://example.org", "url_title": "Open"},
            {"url": "https://example.org", "url_title": "Open"},
        ),
        ({"html": True}, {"html": "1"}),
        ({"html": False}, {}),
        ({"ttl": 3600}, {"ttl": "3600"}),
        ({"device": ("phone", "tablet")}, {"device": "phone,tablet"}),
        ({"url_title": "leads nowhere"}, {}),
        ({"title": "", "sound": "", "url": "", "device": ()}, {}),
    ],
)
def test_each_parameter_takes_the_form_that_pushover_documents(
    server: Any, make: Make, keys: Any, options: dict[str, Any], wire: dict[str, str]
) -> None:
    make().send(Notification("m", **options))
    always = {"token": keys.token, "user": keys.user, "message": "m", "priority": "0"}
    assert one(server) == always | wire


def test_an_emergency_has_a_receipt_and_no_time_to_live(server: Any, make: Make) -> None:
    receipt = make().send(Notification("Fire", priority="emergency", ttl=60))
    assert "ttl" not in one(server)
    assert receipt.details["receipt"] == "rLqVuqTRh62UzxtmqiaLzQmVcPgiCy"


def test_an_emergency_out_of_range_rings_within_it_and_says_so(server: Any, make: Make) -> None:
    note = Notification("Fire", priority="emergency", retry=1, expire=1_000_000)
    receipt = make().send(note)
    assert (one(server)["retry"], one(server)["expire"]) == ("30", "10800")
    assert receipt.details["adjusted"] == [
        "retry: raised from 1 to 30 seconds",
        "expire: lowered from 1000000 to 10800 seconds",
    ]


def test_what_is_too_long_is_cut_and_the_receipt_says_so(server: Any, make: Make) -> None:
    note = Notification("🔔" * 2000, title="t" * 251, url="https://x", url_title="u" * 101)
    receipt = make().send(note)
    assert one(server)["message"] == "🔔" * 1023 + "…"
    assert one(server)["title"] == "t" * 249 + "…"
    assert one(server)["url_title"] == "u" * 99 + "…"
    assert receipt.details["adjusted"] == [
        "message: cut from 2000 to 1024 characters",
        "title: cut from 251 to 250 characters",
        "url_title: cut from 101 to 100 characters",
    ]


def test_what_just_fits_is_left_alone(server: Any, make: Make) -> None:
    url = "https://" + "x" * 504
    note = Notification("🔔" * 1024, title="t" * 250, url=url, url_title="u" * 100)
    receipt = make().send(note)
    assert one(server)["url"] == url
    assert "adjusted" not in receipt.details


def test_a_link_that_is_too_long_is_left_out_not_broken(server: Any, make: Make) -> None:
    receipt = make().send(Notification("m", url="https://" + "x" * 505, url_title="u"))
    assert not {"url", "url_title"} & set(one(server))
    assert receipt.details["adjusted"] == ["url: left out, longer than 512 characters"]


@pytest.mark.parametrize("tail", ["<a href='https://example.org/long'>", "&quot;&quot;"])
def test_html_is_not_cut_inside_a_tag_or_an_entity(tail: str) -> None:
    message = "x" * 1020 + tail + "y" * 100
    cut = fill(Notification(message, html=True)).parameters["message"]
    assert cut == "x" * 1020 + "…"


def test_half_a_surrogate_pair_does_not_stop_the_bell(server: Any, make: Make) -> None:
    make().send(Notification("bell \ud83d"))
    assert one(server)["message"] == "bell ?"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.builds(
        Notification,
        message=st.text(min_size=1, max_size=1500).filter(str.strip),
        title=st.none() | st.text(max_size=300),
        priority=st.sampled_from(["lowest", "normal", "emergency"]),
        url=st.none() | st.text(max_size=600),
        url_title=st.none() | st.text(max_size=150),
        html=st.booleans(),
        retry=st.integers(),
        expire=st.integers(max_value=20_000),
    )
)
def test_every_form_is_within_the_documented_limits(note: Notification) -> None:
    form = fill(note)
    sent = form.parameters
    assert 0 < len(sent["message"]) <= 1024
    assert len(sent["title"] or "") <= 250
    assert len(sent.get("url") or "") <= 512
    assert len(sent.get("url_title") or "") <= 100
    assert sent.get("retry", 30) >= 30
    assert sent.get("expire", 0) <= 10_800
    assert form == fill(note)


def test_an_image_is_attached_with_its_name_and_type(
    server: Any, make: Make, tmp_path: Path
) -> None:
    image = tmp_path / "front door.png"
    image.write_bytes(PNG)
    make().send(Notification("Somebody rings", title="Tür", attachment=str(image), html=True))
    assert server.last.files == {"attachment": ("front door.png", "image/png", PNG)}
    sent = one(server)
    assert (sent["message"], sent["title"], sent["html"]) == ("Somebody rings", "Tür", "1")


def test_an_image_of_exactly_five_mebibytes_is_attached(
    server: Any, make: Make, tmp_path: Path
) -> None:
    image = tmp_path / "large.jpg"
    image.write_bytes(bytes(LARGEST_ATTACHMENT))
    make().send(Notification("m", attachment=str(image)))
    name, kind, content = server.last.files["attachment"]
    assert (name, kind, len(content)) == ("large.jpg", "image/jpeg", LARGEST_ATTACHMENT)


def test_an_image_that_cannot_be_sent_is_refused_before_anything_is_sent(
    server: Any, make: Make, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.png"
    huge.write_bytes(bytes(LARGEST_ATTACHMENT + 1))
    for path, why in [
        (tmp_path / "missing.png", "is not a file"),
        (tmp_path, "is not a file"),
        (huge, "is larger than Pushover's 5,242,880 bytes"),
    ]:
        with pytest.raises(NotificationRefused, match=why):
            make().send(Notification("m", attachment=str(path)))
    assert server.received == []


def test_defaults_of_the_configuration_fill_what_the_notification_leaves_open(
    server: Any, make: Make
) -> None:
    notifier = make(device=["a", "b"], sound="siren", priority="high")
    notifier.send(Notification("m"))
    assert (one(server)["device"], one(server)["sound"]) == ("a,b", "siren")
    assert one(server)["priority"] == "1"
    notifier.send(Notification("m", device=("c",), sound="bike", priority="low"))
    assert (one(server)["device"], one(server)["sound"]) == ("c", "bike")
    assert one(server)["priority"] == "-1"


def test_any_option_may_come_from_the_environment_as_a_secret(server: Any, make: Make) -> None:
    options = {"base_url": server.url, "device": ["phone"], "sound": "bike", "timeout": "9s"}
    wrapped = {
        name: [SecretStr(v) for v in value] if isinstance(value, list) else SecretStr(value)
        for name, value in options.items()
    }
    make(**wrapped).send(Notification("m"))
    assert (one(server)["device"], one(server)["sound"]) == ("phone", "bike")


@pytest.mark.parametrize("suffix", ["/", "/behind/a/proxy", "/behind/a/proxy/"])
def test_the_address_of_the_api_can_be_moved(server: Any, make: Make, suffix: str) -> None:
    server.reply(200, {"status": 1, "request": "r"})
    make(base_url=server.url + suffix).send(Notification("m"))
    assert server.last.path == suffix.rstrip("/") + "/1/messages.json"


def test_connections_are_reused_and_never_more_than_two(server: Any, make: Make) -> None:
    notifier = make()
    for _ in range(3):
        notifier.send(Notification("m"))
    assert len(server.connections) == 1
    threads = [Thread(target=notifier.send, args=(Notification(f"{n}"),)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    sent = {fields.fields["message"][0] for fields in server.received[3:]}
    assert sent == {str(n) for n in range(12)}
    assert len(server.connections) <= 2


class TestSendFunction:
    """`tocsin.notifiers.pushover.send`, the target of scheduled entries."""

    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch: pytest.MonkeyPatch, server: Any, keys: Any) -> None:
        monkeypatch.setenv("PUSHOVER_USER", keys.user)
        monkeypatch.setenv("PUSHOVER_TOKEN", keys.token)
        monkeypatch.setenv("PUSHOVER_BASE_URL", server.url)

    def test_it_takes_a_text_and_options(self, server: Any) -> None:
        result = pushover.send("hello", title="T", priority="high", device="phone")
        sent = one(server)
        assert (sent["message"], sent["title"], sent["priority"]) == ("hello", "T", "1")
        assert sent["device"] == "phone"
        assert result["id"] == "r-1"
        assert json.loads(json.dumps(result)) == result

    def test_the_prototypes_entry_rings_at_half_past_ten(self, server: Any, url: str) -> None:
        clock = SettableClock("2026-03-01T22:00:00Z")
        app = Tocsin(url, clock=clock, grace=1)
        entry = {
            "module": "tocsin.notifiers.pushover",
            "function": "send",
            "args": [{"alarm_id": 123}],
        }
        with app:
            reply = app.scheduler.ask({"new_entry": {"when": "10:30pm", **entry}})
            assert reply == {"alarm_id": 1, "scheduler_id": 1, "entry": entry}
            assert app.get(1).next_run_at == clock.moment() + timedelta(minutes=30)
            clock.advance("30m")
            waited, pause = time.monotonic() + 15, Event()
            while app.get(1).status != "completed":
                assert time.monotonic() < waited, app.history()
                pause.wait(0.01)
            assert app.history()[0].result["id"] == "r-1"
        assert one(server)["message"] == "alarm_id: 123"

    def test_it_takes_a_map_of_a_notification(self, server: Any) -> None:
        pushover.send({"message": "hello", "title": "T"}, sound="bike")
        sent = one(server)
        assert (sent["message"], sent["title"], sent["sound"]) == ("hello", "T", "bike")

    def test_it_shows_any_other_map_as_it_is(self, server: Any) -> None:
        pushover.send({"alarm_id": 123, "at": "22:30"})
        assert one(server)["message"] == "alarm_id: 123, at: 22:30"

    def test_it_rings_with_whatever_it_is_given(self, server: Any) -> None:
        pushover.send(42)  # type: ignore[arg-type]
        assert one(server)["message"] == "42"

    def test_a_misspelt_option_is_refused_with_a_hint(self) -> None:
        with pytest.raises(InvalidTask, match="did you mean 'title'"):
            pushover.send({"message": "hello", "tilte": "T"})

    def test_missing_keys_are_named_all_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PUSHOVER_USER")
        monkeypatch.setenv("PUSHOVER_TOKEN", "")
        with pytest.raises(InvalidConfig) as caught:
            pushover.send("hello")
        assert caught.value.problems == (
            "the environment variable PUSHOVER_USER is not set",
            "the environment variable PUSHOVER_TOKEN is not set",
        )
