"""Everything that belongs to one open database, whether a service runs on it or not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .core.clock import Clock
from .core.policy import Policy
from .storage.database import Database
from .storage.drafts import Drafts
from .storage.keys import Keyring, open_keyring
from .storage.ledger import Ledger
from .storage.migrations import migrate
from .storage.queries import Queries


class Opened:
    """A migrated database with its keys, its ledger and its queries.

    Args:
        url: database URL.
        clock: the source of "now".
        environ: where `TOCSIN_KEY` may be.
        key_file: where the keys are; default `<database>.key`.
        timezone: the zone of schedules and phrases that name none.
        policy: the policy of entries that bring none.
        allow: module prefixes that entries may name, empty for all.

    Raises:
        StorageError: it cannot be opened; the message says what to do.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        environ: Mapping[str, str],
        *,
        key_file: str | None = None,
        timezone: str = "UTC",
        policy: Policy | None = None,
        allow: Sequence[str] = (),
    ) -> None:
        self.database = Database(url)
        migrate(self.database, clock)
        self.queries = Queries(self.database)
        self.key_file = Path(key_file) if key_file else self.database.beside("key")
        self.keys: Keyring = open_keyring(
            self.key_file, environ, may_create=not self.queries.has_entries()
        )
        self.drafts = Drafts(self.keys, timezone=timezone, policy=policy, allow=allow)
        self.ledger = Ledger(self.database, clock, self.drafts)
