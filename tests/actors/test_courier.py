"""The Courier alone: sends in its lane, and what can be sent later becomes an alarm."""

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from tocsin.actors.child import ChildSpec
from tocsin.actors.courier import ATTEMPTS, Courier
from tocsin.actors.messages import Notify, SetAlarm
from tocsin.core.clock import SECOND
from tocsin.core.errors import InvalidMessage, NotificationDelayed, NotificationRefused
from tocsin.core.notification import Notification
from tocsin.executors.threads import ThreadExecutor
from tocsin.notifiers.base import Receipt
from tocsin.notifiers.post import Post

PATIENCE = 10.0


class Phone:
    kind: ClassVar[str] = "phone"

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.got: list[Notification] = []
        self.rang = threading.Semaphore(0)

    def send(self, note: Notification) -> Receipt:
        self.rang.release()
        if self.error is not None:
            raise self.error
        self.got.append(note)
        return Receipt()

    def close(self) -> None: ...


class Desk:
    def __init__(self, house: Any) -> None:
        self.house, self.phone, self.pager = house, Phone(), Phone()
        self.lane = ThreadExecutor(2, clock=house.clock, name="desk")
        post = Post({"phone": self.phone, "pager": self.pager})
        self.orders: list[SetAlarm] = []
        self.ordered = threading.Semaphore(0)
        house.tree(house.spec("alarm"), ChildSpec("courier", lambda: Courier(post, self.lane)))
        house.actor("alarm").handle = self._order

    def _order(self, message: SetAlarm) -> None:
        self.orders.append(message)
        self.ordered.release()

    def order(self) -> SetAlarm:
        assert self.ordered.acquire(timeout=PATIENCE)
        return self.orders[-1]

    def delay(self, order: SetAlarm) -> float:
        wait: float = order.when - self.house.clock.now() / SECOND
        return round(wait, 3)


@pytest.fixture
def desk(house: Any) -> Iterator[Desk]:
    made = Desk(house)
    yield made
    made.lane.stop(PATIENCE)


NOTE = {"message": "It burns", "title": "Fire", "priority": "high"}


def test_a_notice_goes_to_every_channel_by_itself(house: Any, desk: Desk) -> None:
    desk.pager.error = NotificationRefused("never")
    house.ask("courier", Notify(("pager", "phone", "nobody"), NOTE))
    assert desk.phone.rang.acquire(timeout=PATIENCE)
    desk.lane.stop(PATIENCE)
    assert desk.phone.got == [Notification.from_dict(NOTE)]
    assert desk.orders == []


def test_a_busy_channel_gets_its_notice_later_and_later_and_then_no_more(
    house: Any, desk: Desk
) -> None:
    desk.phone.error = NotificationDelayed("busy")
    house.ask("courier", Notify(("phone",), NOTE))
    delays = []
    for attempt in range(2, ATTEMPTS + 1):
        order = desk.order()
        delays.append(desk.delay(order))
        assert order.target == "courier"
        assert order.message == {"notify": {"to": ["phone"], "note": NOTE, "attempt": attempt}}
        house.ask("courier", order.message)
    assert delays == [5, 10, 20, 40, 80, 160, 320]
    desk.lane.stop(PATIENCE)
    assert len(desk.orders) == ATTEMPTS - 1


def test_a_channel_that_says_when_is_believed_and_a_bug_in_one_is_tried_again(
    house: Any, desk: Desk
) -> None:
    desk.phone.error = NotificationDelayed("busy", retry_after=90.5)
    house.ask("courier", Notify(("phone",), NOTE))
    assert desk.delay(desk.order()) == 90.5
    desk.phone.error = ZeroDivisionError("a bug")
    house.ask("courier", Notify(("phone",), NOTE))
    assert desk.delay(desk.order()) == 5


def test_a_stopped_lane_is_not_the_courier_s_death(house: Any, desk: Desk) -> None:
    desk.lane.stop(0)
    house.ask("courier", Notify(("phone",), NOTE))
    with pytest.raises(InvalidMessage):
        house.ask("courier", {"notify": {"to": "phone", "note": {}}})
    assert house.states() == {"alarm": "running", "courier": "running"}
