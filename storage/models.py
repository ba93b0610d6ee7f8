"""The tables. Times are integer microseconds UTC, ids are 64-bit.

The models are not bound to a database: several services may live in one process, so every query
names its database. Hot paths use plain SQL through the same connection.
"""

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    CompositeKey,
    IntegerField,
    Model,
    TextField,
)

BLOCK_BITS = 14
BLOCK = SQL(f"(id >> {BLOCK_BITS})")
"""16,384 ids in a row. In an index by block and task, new rows come near its end. One by task alone
is written in as many places as there are tasks, and each such page goes through the disk with every
transaction that touches it; so `blocks` looks for a task in one block after the other."""


class Table(Model):
    """What all tables share: SQL names are the lower-case words of DESIGN."""

    id = BigIntegerField(primary_key=True)


class SchedulerTable(Table):
    """Entries: what to call. Append-only; the first row's id of a task is its `scheduler_id`."""

    updated_at = BigIntegerField()
    entry = BlobField()

    class Meta:
        """Name."""

        table_name = "scheduler"


class EventTable(Table):
    """Everything that happened, in order. Append-only."""

    at = BigIntegerField()
    type = TextField()
    version = IntegerField()
    tenant = TextField()
    task_id = BigIntegerField()
    run_id = BigIntegerField(null=True)
    data = TextField()

    class Meta:
        """Name."""

        table_name = "events"


class TaskTable(Table):
    """Tasks, folded from the events."""

    tenant = TextField()
    key = TextField(null=True)
    handler = TextField(index=True)
    entry_id = BigIntegerField()
    digest = TextField()
    schedule = TextField()
    policy = TextField()
    status = TextField()
    reason = TextField(null=True)
    next_run_at = BigIntegerField(null=True)
    planned_until = BigIntegerField(null=True)
    rewinds = BigIntegerField(default=0)
    scheduled_at = BigIntegerField()
    last_run_at = BigIntegerField(null=True)
    last_status = TextField(null=True)
    run_count = BigIntegerField(default=0)
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    created_by = TextField()
    metadata = TextField(default="{}")
    last_event = BigIntegerField(default=0)
    kind = TextField(default="")
    priority = BigIntegerField(default=0)
    instances = IntegerField(null=True)
    limited = IntegerField(default=0)

    class Meta:
        """Name and indexes."""

        table_name = "tasks"
        indexes = ((("tenant", "status"), False),)


class AlarmTable(Table):
    """Instants to wake somebody at: a task's (message is null) or a raw one."""

    due_at = BigIntegerField(index=True)
    target = TextField()
    message = TextField(null=True)
    task_id = BigIntegerField(null=True, unique=True)
    incarnation = TextField(null=True)
    attempt = IntegerField(default=0)

    class Meta:
        """Name."""

        table_name = "alarms"


class RunTable(Table):
    """Runs, folded from the events: one row an occurrence, or a range of skipped ones."""

    task_id = BigIntegerField()
    tenant = TextField()
    due_at = BigIntegerField()
    ready_at = BigIntegerField()
    status = TextField()
    cause = TextField()
    reason = TextField(null=True)
    waits_for = TextField(null=True)
    rank = BigIntegerField(null=True)
    attempt = BigIntegerField(default=0)
    fence = BigIntegerField(default=0)
    incarnation = TextField(null=True)
    started_at = BigIntegerField(null=True)
    finished_at = BigIntegerField(null=True)
    error = TextField(null=True)
    result = TextField(null=True)
    missed = TextField(default="[]")
    count = BigIntegerField(default=1)

    class Meta:
        """Name and indexes."""

        table_name = "runs"
        indexes = ((("due_at", "task_id"), True),)


class StartTable(Table):
    """When runs under a rate started: as many of the latest as the rate looks at."""

    name = TextField()
    at = BigIntegerField()

    class Meta:
        """Name and indexes."""

        table_name = "starts"
        indexes = ((("name", "at"), False),)


class DependencyTable(Model):
    """Which task runs after which, and how that one ended since it last did. Folded, too."""

    task_id = BigIntegerField()
    depends_on = BigIntegerField(index=True)
    tenant = TextField()
    outcome = TextField(null=True)

    class Meta:
        """Name and key."""

        table_name = "dependencies"
        primary_key = CompositeKey("task_id", "depends_on")


class SnapshotTable(Model):
    """Tasks as the events made them that were pruned from the log: where their fold begins."""

    task_id = BigIntegerField(primary_key=True)
    version = IntegerField()
    state = TextField()

    class Meta:
        """Name."""

        table_name = "snapshots"


class HorizonTable(Model):
    """Up to which event, and which instant, the log and the history of runs were pruned."""

    name = TextField(primary_key=True)
    position = BigIntegerField()
    at = BigIntegerField()

    class Meta:
        """Name."""

        table_name = "horizons"


class PositionTable(Model):
    """Up to which event each listener has heard."""

    name = TextField(primary_key=True)
    position = BigIntegerField()

    class Meta:
        """Name."""

        table_name = "positions"


class DeliveryTable(Table):
    """Events that a listener has not heard: it failed, or they wait behind one that did."""

    name = TextField()
    event_id = BigIntegerField()
    task_id = BigIntegerField()
    due_at = BigIntegerField()
    attempt = IntegerField()
    error = TextField(null=True)

    class Meta:
        """Name and indexes."""

        table_name = "deliveries"
        indexes = (
            (("name", "event_id"), True),
            (("name", "task_id", "event_id"), False),
            (("name", "due_at"), False),
        )


class CounterTable(Model):
    """The last id given out for each table: ids are never used twice."""

    name = TextField(primary_key=True)
    value = BigIntegerField()

    class Meta:
        """Name."""

        table_name = "counters"


TaskTable.add_index(
    TaskTable.index(
        TaskTable.tenant,
        TaskTable.key,
        unique=True,
        where=SQL("key is not null"),
        name="tasks_key",
    )
)
TaskTable.add_index(
    TaskTable.index(TaskTable.next_run_at, where=SQL("status = 'active'"), name="tasks_next_run_at")
)
TaskTable.add_index(
    TaskTable.index(TaskTable.priority, where=SQL("priority <> 0"), name="tasks_ranked")
)
RunTable.add_index(
    RunTable.index(RunTable.ready_at, where=SQL("status = 'pending'"), name="runs_pending")
)
RunTable.add_index(
    RunTable.index(
        RunTable.task_id, where=SQL("status in ('pending', 'executing')"), name="runs_live"
    )
)

EventTable.add_index(EventTable.index(BLOCK, EventTable.task_id, name="events_by_task"))
RunTable.add_index(RunTable.index(BLOCK, RunTable.task_id, RunTable.due_at, name="runs_by_task"))
EventTable.add_index(
    EventTable.index(EventTable.id, where=SQL("type = 'HandlerEvent'"), name="events_published")
)
RunTable.add_index(
    RunTable.index(RunTable.task_id, where=SQL("status = 'executing'"), name="runs_executing")
)
RunTable.add_index(
    RunTable.index(
        RunTable.waits_for,
        RunTable.rank,
        where=SQL("status = 'pending' and waits_for is not null"),
        name="runs_waiting",
    )
)

TABLES = (
    SchedulerTable,
    EventTable,
    TaskTable,
    AlarmTable,
    RunTable,
    DependencyTable,
    SnapshotTable,
    HorizonTable,
    StartTable,
    PositionTable,
    DeliveryTable,
    CounterTable,
)
