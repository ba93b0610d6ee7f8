"""Publisher: tells the program's own functions what handlers published, from the log."""

from collections.abc import Sequence

from ..core.clock import SECOND
from ..core.errors import StorageError
from ..core.published import Listener
from ..storage.database import Database
from ..storage.deliveries import Deliveries
from .base import Actor
from .delivery import Delivery
from .messages import EventsPublished

TICK = SECOND
"""How often it looks into the log when nobody says that there is something new."""


class Publisher(Actor):
    """Reads the log after each listener's position; what it was doing in a crash it does again.

    Args:
        database: migrated already.
        listeners: everybody who wants to hear.
    """

    batch = 1_000
    busy_limit = 300.0

    def __init__(self, database: Database, listeners: Sequence[Listener]) -> None:
        super().__init__()
        self._database = database
        self._listeners = tuple(listeners)
        self._look_at = 0

    def on_start(self) -> None:
        """Find out how far everybody has heard."""
        self._delivery = Delivery(
            Deliveries(self._database),
            self._listeners,
            self.clock,
            alive=self.mark,
            may_act=lambda: not self.fenced,
        )
        self._delivery.begin()

    def on_stop(self, reason: object = "normal") -> None:  # noqa: ARG002 - the same for all
        """Close the connection of this thread."""
        self._database.disconnect()

    def on_fenced(self) -> None:
        """Close the connection of this thread."""
        self._database.disconnect()

    def patience(self) -> float | None:
        """Seconds to the next look; for ever when nobody listens."""
        if not self._listeners:
            return None
        return max(0, self._look_at - self.clock.monotonic()) / SECOND

    def idle(self) -> None:
        """Look for what is new or due again, one batch at a time."""
        try:
            told = self._delivery.step()
            self.vitals.recover()
        except StorageError as error:  # nothing was written down: the same is told again
            self.vitals.ail(str(error))
            told = 0
        self._look_at = self.clock.monotonic() + (0 if told else TICK)

    def handle(self, message: object) -> None:
        """Look at once."""
        if isinstance(message, EventsPublished):
            self._look_at = 0
            return
        super().handle(message)
