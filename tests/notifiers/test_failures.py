"""What a notifier makes of refusals, outages and nonsense; and that no secret ever gets out."""

import socket
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tocsin.core.errors import NotificationDelayed, NotificationError, NotificationRefused
from tocsin.core.notification import Notification
from tocsin.notifiers.base import Notifier
from tocsin.notifiers.http import LARGEST_ANSWER

Make = Callable[..., Notifier]

NOTE = Notification("m")
HOOK_SECRET = "T00-hook-secret"
DATE = "Sat, 01 Mar 2014 05:59:00 GMT"  # one minute before the reset of QUOTA_RESET
QUOTA_RESET = "1393653600"


@pytest.fixture(params=["pushover", "webhook"])
def notifier(request: pytest.FixtureRequest, server: Any, make: Make) -> Notifier:
    """Each kind that speaks HTTP."""
    return make() if request.param == "pushover" else hook(server, make)


@pytest.fixture(params=["pushover", "webhook"])
def hasty(request: pytest.FixtureRequest, server: Any, make: Make) -> Notifier:
    """Each kind that speaks HTTP, with a short time limit."""
    return make(timeout=0.2) if request.param == "pushover" else hook(server, make, timeout=0.2)


def hook(server: Any, make: Make, **options: Any) -> Notifier:
    defaults = {
        "url": f"{server.url}/services/{HOOK_SECRET}?key={HOOK_SECRET}",
        "headers": {"Authorization": f"Bearer {HOOK_SECRET}"},
    }
    return make("webhook", **{**defaults, **options})


@pytest.fixture
def failure(keys: Any) -> Callable[[Notifier], NotificationError]:
    """Send, and return the error, after a look for secrets in everything it would print."""

    def _failure(notifier: Notifier) -> NotificationError:
        with pytest.raises(NotificationError) as caught:
            notifier.send(NOTE)
        error = caught.value
        shown = f"{error!r} {vars(error)} " + "".join(traceback.format_exception(error))
        for secret in (keys.user, keys.token, HOOK_SECRET):
            assert secret not in shown
        return error

    return _failure


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


Failure = Callable[[Notifier], NotificationError]


# ---------------------------------------------------------------- both kinds


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
@pytest.mark.parametrize("body", ["<html><h1>Oops</h1></html>", "", {"status": 0, "errors": ["x"]}])
def test_a_server_in_trouble_delays(
    server: Any, notifier: Notifier, failure: Failure, status: int, body: Any
) -> None:
    server.reply(status, body)
    error = failure(notifier)
    assert isinstance(error, NotificationDelayed)
    assert f"answered {status}" in str(error)


@pytest.mark.parametrize("status", [408, 425, 429])
def test_a_request_to_come_later_delays(
    server: Any, notifier: Notifier, failure: Failure, status: int
) -> None:
    server.reply(status, "", {"Retry-After": "90"})
    error = failure(notifier)
    assert isinstance(error, NotificationDelayed)
    assert error.retry_after == 90


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Sat, 01 Mar 2014 06:00:00 GMT", 60),
        ("Sat, 01 Mar 2014 06:00:00 -0000", 60),
        ("Sat, 01 Mar 2014 05:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("²", None),
        ("9" * 5000, None),
    ],
)
@pytest.mark.usefixtures("_far_from_greenwich")
def test_a_date_to_come_back_at_is_read_by_the_servers_clock(
    server: Any, notifier: Notifier, failure: Failure, header: str, seconds: float | None
) -> None:
    server.reply(503, "", {"Retry-After": header, "Date": DATE})
    error = failure(notifier)
    assert isinstance(error, NotificationDelayed)
    assert error.retry_after == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_client_error_without_sense_is_refused(
    server: Any, notifier: Notifier, failure: Failure, status: int
) -> None:
    server.reply(status, "<html>no</html>")
    error = failure(notifier)
    assert isinstance(error, NotificationRefused)
    assert f"answered {status}" in str(error)


def test_a_server_that_hangs_is_given_up_in_time(
    server: Any, hasty: Notifier, failure: Failure
) -> None:
    server.hang()
    error = failure(hasty)
    assert isinstance(error, NotificationDelayed)
    assert "did not answer within 0.2 s" in str(error)


def test_hung_requests_do_not_use_up_the_connections(
    server: Any, hasty: Notifier, failure: Failure
) -> None:
    for _ in range(4):
        server.hang()
        assert "did not answer" in str(failure(hasty))
    assert len(server.received) == 4


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9999\r\n\r\n",
    ],
)
def test_a_server_that_dribbles_is_given_up_in_time(
    server: Any, hasty: Notifier, failure: Failure, head: bytes
) -> None:
    server.dribble(head, b"1\r\n \r\n" if b"chunked" in head else b" ")
    error = failure(hasty)
    assert isinstance(error, NotificationDelayed)
    assert "did not answer within 0.2 s" in str(error)


def test_a_server_that_stops_in_its_answer_is_given_up_in_time(
    server: Any, hasty: Notifier, failure: Failure
) -> None:
    def behave(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
        server.released.wait(20)
        handler.close_connection = True

    server.then(behave)
    error = failure(hasty)
    assert isinstance(error, NotificationDelayed)
    assert "did not answer within 0.2 s" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"status":1,"req',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{'st",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"",
        b"220 smtp.example.org ESMTP\r\n",
    ],
)
def test_a_connection_cut_half_way_delays(
    server: Any, notifier: Notifier, failure: Failure, text: bytes
) -> None:
    server.cut(text)
    assert isinstance(failure(notifier), NotificationDelayed)


def test_an_endless_answer_is_not_read_to_its_end(
    server: Any, notifier: Notifier, failure: Failure
) -> None:
    server.dribble(b"HTTP/1.1 500 No\r\n\r\n", b"x" * LARGEST_ANSWER)
    error = failure(notifier)
    assert "answered 500" in str(error)


def test_nobody_listening_delays_and_says_why(server: Any, make: Make, failure: Failure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    for notifier in (make(base_url=url), hook(server, make, url=f"{url}/{HOOK_SECRET}")):
        error = failure(notifier)
        assert isinstance(error, NotificationDelayed)
        assert str(error).endswith("could not be reached (Connection refused)")


def test_a_server_without_tls_delays(server: Any, make: Make, failure: Failure) -> None:
    url = server.url.replace("http://", "https://")
    for notifier in (make(base_url=url), hook(server, make, url=f"{url}/{HOOK_SECRET}")):
        assert isinstance(failure(notifier), NotificationDelayed)


def test_an_unknown_host_delays(
    notifier: Notifier, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(notifier)
    assert isinstance(error, NotificationDelayed)
    assert str(error).endswith("could not be reached (Name or service not known)")


def test_a_host_that_cannot_exist_is_refused(server: Any, make: Make, failure: Failure) -> None:
    for host in ("a..b", "x" * 300):
        for notifier in (
            make(base_url=f"http://{host}"),
            hook(server, make, url=f"http://{host}/{HOOK_SECRET}"),
        ):
            assert isinstance(failure(notifier), NotificationRefused)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(
    server: Any, notifier: Notifier, failure: Failure, status: int
) -> None:
    server.reply(status, "", {"Location": f"{server.url}/elsewhere"})
    error = failure(notifier)
    assert [request.method for request in server.received] == ["POST"]
    expected = NotificationDelayed if notifier.kind == "pushover" else NotificationRefused
    assert isinstance(error, expected)


def test_cookies_are_not_kept(server: Any, notifier: Notifier) -> None:
    server.reply(200, {"status": 1}, {"Set-Cookie": "track=me"})
    server.reply(200, {"status": 1})
    notifier.send(NOTE)
    notifier.send(NOTE)
    assert "Cookie" not in server.last.headers


# ---------------------------------------------------------------- Pushover's own answers


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("token", "application token is invalid"),
        ("user", "user identifier is not a valid user, group, or subscribed user key"),
    ],
)
def test_a_refusal_carries_pushovers_words(
    make: Make, failure: Failure, option: str, words: str
) -> None:
    error = failure(make(**{option: "wrong-key"}))
    assert isinstance(error, NotificationRefused)
    assert str(error) == f"Pushover answered 400 Bad Request: {words}"
    assert "wrong-key" not in str(error)


def test_a_parameter_that_pushover_refuses_is_named(make: Make) -> None:
    with pytest.raises(NotificationRefused, match="device name is not valid; ttl must be"):
        make().send(Notification("m", device=("no such device",), ttl=0))


def test_what_no_encoding_can_express_is_refused(server: Any, make: Make) -> None:
    with pytest.raises(NotificationRefused, match="malformed request"):
        make().send(Notification("m", sound="\udc80"))
    assert server.received == []


def test_a_secret_in_pushovers_words_is_masked(
    server: Any, make: Make, failure: Failure, keys: Any
) -> None:
    said = {"status": 0, "errors": [f"token {keys.token} and user {keys.user} do not match"]}
    server.reply(400, said)
    assert "token *** and user *** do not match" in str(failure(make()))


def test_a_long_complaint_is_cut_and_kept_on_one_line(
    server: Any, make: Make, failure: Failure
) -> None:
    server.reply(400, {"status": 0, "errors": ["a\nb", 7, {"c": None}, "x" * 5000]})
    text = str(failure(make()))
    assert "\n" not in text
    assert len(text) < 400
    assert "a b; 7; " in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"status": 0, "errors": ["message cannot be blank"]}, "message cannot be blank"),
        ({"status": 0}, "no reason"),
        ({"status": 0, "errors": "as text"}, "as text"),
        ({"status": 0, "errors": None}, "no reason"),
        ({"status": None}, "no reason"),
        ({"status": "1"}, "no reason"),
    ],
)
def test_status_other_than_one_is_refused_even_with_200(
    server: Any, make: Make, failure: Failure, body: Any, words: str
) -> None:
    server.reply(200, body)
    error = failure(make())
    assert isinstance(error, NotificationRefused)
    assert words in str(error)


@pytest.mark.parametrize(
    "body",
    [
        "<html>Welcome to the hotel</html>",
        "",
        "null",
        "[1]",
        '"ok"',
        {"ok": True},
        '{"status":1',
        "[" * 10_000,
        "\ufeff{}",
    ],
)
def test_a_good_status_without_pushovers_json_delays(
    server: Any, make: Make, failure: Failure, body: Any
) -> None:
    server.reply(200, body)
    error = failure(make())
    assert isinstance(error, NotificationDelayed)
    assert str(error) == "Pushover answered 200 OK, but not in its format"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-Limit-App-Remaining": "0", "X-Limit-App-Reset": QUOTA_RESET, "Date": DATE}, 60),
        ({"X-Limit-App-Reset": QUOTA_RESET, "Date": DATE}, 60),
        ({"X-Limit-App-Reset": QUOTA_RESET}, None),
        ({"X-Limit-App-Remaining": "5", "X-Limit-App-Reset": QUOTA_RESET, "Date": DATE}, None),
        ({"X-Limit-App-Reset": QUOTA_RESET, "Date": DATE, "Retry-After": "7"}, 7),
        ({"X-Limit-App-Reset": "never", "Date": DATE}, None),
        ({}, None),
    ],
)
def test_a_spent_quota_delays_until_it_starts_anew(
    server: Any, make: Make, failure: Failure, headers: dict[str, str], seconds: float | None
) -> None:
    server.reply(429, {"status": 0, "errors": ["over quota"]}, headers)
    error = failure(make())
    assert isinstance(error, NotificationDelayed)
    assert str(error) == "Pushover answered 429 Too Many Requests: over quota"
    assert error.retry_after == seconds


def test_nonsense_in_the_quota_headers_is_left_out(server: Any, make: Make) -> None:
    headers = {
        "X-Limit-App-Limit": "many",
        "X-Limit-App-Remaining": "-1",
        "X-Limit-App-Reset": "9" * 5000,
    }
    server.reply(200, {"status": 1, "request": 12}, headers)
    receipt = make().send(NOTE)
    assert (receipt.id, receipt.details) == ("12", {})


def test_no_secret_is_in_a_receipt(make: Make, keys: Any) -> None:
    receipt = make().send(Notification("m", priority="emergency"))
    assert keys.user not in repr(receipt)
    assert keys.token not in repr(receipt)
