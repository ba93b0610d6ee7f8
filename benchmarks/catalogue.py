"""Who takes part: this project and its peers, each with its documented durable settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entrant:
    """One contender as the run knows it, without importing what it needs.

    Attributes:
        name: in tables and on the command line.
        module: file under `contenders/`.
        kind: class in it.
        packages: what pip installs for it; none for this project.
        settings: how it is set up.
        lacks: what it does not do durably.
        server: "postgresql" or "redis" where it needs one.
        apart: whether its callbacks run in processes of their own.
        workloads: those that make sense for it.
    """

    name: str
    module: str
    kind: str
    packages: tuple[str, ...]
    settings: str
    lacks: str
    server: str = ""
    apart: bool = False
    workloads: tuple[str, ...] = ("W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8")


TOCSIN = Entrant(
    name="Tocsin",
    module="tocsin_sqlite",
    kind="TocsinSqlite",
    packages=(),
    settings="SQLite, WAL, synchronous=FULL: the only mode there is",
    lacks="nothing of what is measured: claims, events and history are all in the figures",
)

_ONE_SHOTS = ("W1", "W2", "W3", "W4", "W5", "W6", "W8")

PEERS = (
    Entrant(
        name="APScheduler 3",
        module="apscheduler3",
        kind="ApScheduler3",
        packages=("apscheduler>=3.10,<4", "sqlalchemy>=2"),
        settings="SQLAlchemyJobStore on SQLite as it opens it: rollback journal, synchronous=FULL;"
        " misfire_grace_time=None",
        lacks="no claim: a job leaves the store when a thread gets it, and a crash loses it;"
        " no history, no event log, no retries, no fencing",
    ),
    Entrant(
        name="APScheduler 3, WAL",
        module="apscheduler3",
        kind="ApScheduler3Wal",
        packages=("apscheduler>=3.10,<4", "sqlalchemy>=2"),
        settings="the same with journal_mode=wal, synchronous=FULL set by an event hook",
        lacks="as APScheduler 3",
    ),
    Entrant(
        name="APScheduler 4",
        module="apscheduler4",
        kind="ApScheduler4",
        packages=("apscheduler>=4.0.0a6", "sqlalchemy>=2,<2.1", "aiosqlite>=0.20", "sniffio>=1.3"),
        settings="4.0 alpha, SQLAlchemyDataStore on aiosqlite: rollback journal, synchronous=FULL",
        lacks="no history, no event log: results expire at once unless asked for"
        " (it claims, by lease)",
    ),
    Entrant(
        name="Huey",
        module="huey_sqlite",
        kind="HueySqlite",
        packages=("huey>=2.5",),
        settings="SqliteHuey(fsync=True), one consumer thread as shipped",
        lacks="no claim: a task is taken from the queue before it is called, and a crash loses it;"
        " results only, no event log, no fencing",
        workloads=_ONE_SHOTS,
    ),
    Entrant(
        name="Procrastinate",
        module="procrastinate_postgresql",
        kind="ProcrastinatePostgresql",
        packages=("procrastinate>=3", "psycopg[binary,pool]>=3.2"),
        settings="PostgreSQL as shipped (fsync and synchronous_commit on), worker concurrency 10,"
        " polling every 0.1 s instead of 5 s",
        lacks="no fencing: what a dead worker left is retried by hand; no reasons for what was"
        " skipped (it claims, and logs events)",
        server="postgresql",
        workloads=_ONE_SHOTS,
    ),
    Entrant(
        name="PgQueuer",
        module="pgqueuer_postgresql",
        kind="PgqueuerPostgresql",
        packages=("pgqueuer>=0.20", "asyncpg>=0.29", "psycopg[binary]>=3.2"),
        settings="PostgreSQL as shipped (fsync and synchronous_commit on), batch_size=200",
        lacks="no attempt on record before a repeat, no reasons (it claims, and logs states)",
        server="postgresql",
        workloads=_ONE_SHOTS,
    ),
    Entrant(
        name="Dramatiq",
        module="dramatiq_redis",
        kind="DramatiqRedis",
        packages=("dramatiq[redis]>=1.17",),
        settings="Redis with appendonly=yes, appendfsync=always; 2 processes of 8 threads",
        lacks="no history, no event log, no fencing (messages stay until acknowledged)",
        server="redis",
        apart=True,
        workloads=("W1", "W2", "W3"),
    ),
)
