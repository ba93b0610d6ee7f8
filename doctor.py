"""Doctor: whether everything that is stored could be carried out by this code. It changes nothing.

For each task: does its entry verify, does what it names exist here, and does that take the
arguments; can its schedule and policy be read; does its alarm ring when it should.
"""

from collections.abc import Callable, Sequence

from .core.entry import Entry
from .core.errors import EntryRejected, StorageError
from .core.findings import Finding, Findings
from .core.handlers import Handlers
from .core.state import ENDED, TaskState
from .executors.callables import check_bound
from .opening import Opened
from .storage.census import Counted, census
from .storage.connection import Connection
from .storage.examination import listeners, spent_ids, stray_alarms
from .storage.payload import unseal
from .storage.rebuild import rebuild
from .storage.upkeep import integrity_problems

Progress = Callable[[str, int, int], object]

_REMEMBERED = 10_000


class Doctor:
    """Examines one database.

    Args:
        opened: the database and its keys.
        handlers: the registered callables.
        allow: module prefixes that entries may name, empty for all.
        complete: whether `handlers` has all that the program registers; otherwise nobody can say
            here what became of one that is not there.
    """

    def __init__(
        self, opened: Opened, handlers: Handlers, allow: Sequence[str], *, complete: bool
    ) -> None:
        self._database = opened.database
        self._keys = opened.keys
        self._handlers = handlers
        self._allow = tuple(allow)
        self._complete = complete
        self._known: dict[str, str | None] = {}

    def examine(self, now: int, progress: Progress, *, log: bool) -> Findings:
        """Look at everything.

        Args:
            now: the present instant.
            progress: told how far it is.
            log: whether the log is folded again, too, and compared with the tables.
        """
        found = Findings()
        progress("integrity", 0, 0)
        found.looked_at["integrity"] = 1
        for text in integrity_problems(self._database):
            found.add(Finding("integrity", f"{text}: restore the database from a backup"))
        if not found.ok:
            return found  # whatever else would be read may be wrong
        with self._database.snapshot() as connection:
            self._examine_tasks(connection, found, now, progress)
            self._examine_tables(connection, found)
        if log:
            self._examine_log(found, progress)
        return found

    def _examine_tasks(
        self, connection: Connection, found: Findings, now: int, progress: Progress
    ) -> None:
        total = connection.execute("SELECT count(*) FROM tasks").fetchone()[0]
        for counted in census(connection, "status <> 'deleted'"):
            task = counted.task
            found.looked_at["entries"] += 1
            if found.looked_at["entries"] % 1_000 == 0:
                progress("tasks", found.looked_at["entries"], total)
            for check, text in (
                ("schedules", None if task.status in ENDED else _unreadable(task)),
                ("quarantine", _quarantined(task)),
                ("alarms", counted.alarm_problem(now)),
            ):
                found.looked_at[check] += 1
                if text is not None:
                    found.add(_of(task, check, text))
            finding = self._entry_finding(counted)
            if finding is not None:
                found.add(finding)

    def _examine_tables(self, connection: Connection, found: Findings) -> None:
        for check, findings in (
            ("alarms", stray_alarms(connection)),
            ("ids", spent_ids(connection)),
            ("listeners", listeners(connection)),
        ):
            found.looked_at[check] += 1
            for each in findings:
                found.add(each)

    def _examine_log(self, found: Findings, progress: Progress) -> None:
        try:
            rebuilt = rebuild(self._database, check=True, progress=progress)
        except StorageError as error:
            found.add(Finding("log", str(error)))
            return
        found.looked_at["log"] = rebuilt.events
        for each in rebuilt.differences:
            key = " ".join(map(str, each.key))
            text = f"row {key} of {each.table} is {each.kind}: `tocsin rebuild`"
            found.add(Finding("log", text))

    # ------------------------------------------------------------ entries

    def _entry_finding(self, counted: Counted) -> Finding | None:
        """What is wrong with a task's entry; of one that has ended, whether it verifies."""
        task = counted.task
        if counted.blob is None:
            return _of(task, "entries", "its entry is missing: restore the database from a backup")
        try:
            entry = unseal(counted.blob, task.entry_id, task.tenant, self._keys, self._allow)
        except EntryRejected as error:
            return _of(task, "entries", str(error))
        if entry.target != task.target:
            text = f"its entry calls {entry.target}, and the task is said to call {task.target}"
            return _of(task, "entries", f"{text}: `tocsin rebuild`, or schedule it again")
        if task.status in ENDED:
            return None
        why = self._unbound(entry, task)
        if why is None:
            return None
        unsure = entry.handler is not None and not self._complete
        unsure = unsure and self._handlers.find(entry.handler or "") is None
        return _of(task, "entries", why, note=unsure)

    def _unbound(self, entry: Entry, task: TaskState) -> str | None:
        """Why this code cannot carry an entry out; looked up once for entries that are equal."""
        if task.digest not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[task.digest] = self._bind(entry)
        return self._known[task.digest]

    def _bind(self, entry: Entry) -> str | None:
        try:
            check_bound(entry, self._handlers)
        except EntryRejected as error:
            return str(error)
        return None


def _of(task: TaskState, check: str, text: str, *, note: bool = False) -> Finding:
    return Finding(check, text, task.id, task.name, task.tenant, "note" if note else "problem")


def _quarantined(task: TaskState) -> str | None:
    if task.status != "quarantined":
        return None
    return f"quarantined: {task.reason}; when that is mended: `tocsin resume {task.name}`"


def _unreadable(task: TaskState) -> str | None:
    try:
        _ = task.schedule, task.policy
    except Exception as error:  # noqa: BLE001 - whatever it is, people must hear of it
        return f"its schedule or policy cannot be read ({error}): schedule it again with both"
    return None
