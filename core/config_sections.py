"""The tables of config.toml that hold plain values, and their defaults."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .clock import MINUTE, SECOND
from .config_fields import (
    AmqpUrl,
    Attempts,
    Count,
    DatabaseUrl,
    Duration,
    HttpUrl,
    KeepFor,
    Names,
    RedisUrl,
    Text,
    TimeLimit,
    TimeZone,
)
from .errors import InvalidConfig
from .problems import PrivateTable, Table
from .retention import EVENTS, HISTORY, Keep, parse_keep

LogLevel = Literal["trace", "debug", "info", "success", "warning", "error", "critical"]


class SchedulerConfig(Table):
    """`[scheduler]`: how tasks run when they do not say otherwise. Durations in microseconds.

    Attributes:
        timezone: IANA name of the zone of schedules that name none. Default UTC.
        max_concurrent: runs at the same time. Default 10.
        default_timeout: how long an attempt may take. Default 300 s.
        retry_attempts: tries after the first one. Default 3.
        retry_delay: time before the first of them. Default 60 s.
        max_queue_size: runs that may wait for a free slot. Default 1,000.
        maintenance_interval: time between clean-ups. Default 60 s.
        shutdown_grace: how long running calls may go on after a stop. Default 10 s.
        allow: prefixes of the modules that entries may call, such as "myapp."; empty for any.
    """

    timezone: TimeZone = "UTC"
    max_concurrent: Count = 10
    default_timeout: TimeLimit = 300 * SECOND
    retry_attempts: Attempts = 3
    retry_delay: Duration = MINUTE
    max_queue_size: Count = 1000
    maintenance_interval: TimeLimit = MINUTE
    shutdown_grace: Duration = 10 * SECOND
    allow: Names = ()


class StorageConfig(PrivateTable):
    """`[storage]`: where everything is remembered.

    Attributes:
        url: `sqlite:///tocsin.db` (the default) or `postgresql://user@host/name`; with
            `password = "env:NAME"` beside it, that is in it already.
        key_file: the file of the keys that sign entries; None for the default, beside the database.
        history: how long the records of finished runs are kept, None for ever. Default "90d".
        events: how long the log is kept, None for ever; at least as long. Default "1y".
    """

    url: Annotated[DatabaseUrl, Field(repr=False)] = "sqlite:///tocsin.db"
    key_file: Text | None = None
    history: KeepFor = parse_keep(HISTORY)
    events: KeepFor = parse_keep(EVENTS)

    @model_validator(mode="after")
    def _history_follows_from_events(self) -> Self:
        try:
            Keep(self.history, self.events)
        except InvalidConfig as error:
            raise ValueError(str(error)) from None
        return self


class LogConfig(Table):
    """`[log]`: what the service writes about itself.

    Attributes:
        level: the least important level that is written. Default "info".
        format: "text" for people (the default), "json" for machines.
    """

    level: LogLevel = "info"
    format: Literal["text", "json"] = "text"


class ServiceConfig(PrivateTable):
    """`[service]`: the surroundings of a team's service.

    Attributes:
        port: TCP port of the HTTP interface. Default 3006.
        redis_url: locks and rate limits of several nodes; None for none.
        rabbitmq_url: the message queue; None for none.
        auth_service_url: who may do what; None for none.
        config_service_url: the neighbour that keeps configurations; None for none.
        notification_service_url: the neighbour that notifies; None for none.
        queue_prefix: how names in the queue begin. Default "scheduler".
        queue_concurrency: messages of the queue handled at the same time. Default 5.
    """

    port: Annotated[int, Field(ge=1, le=65_535)] = 3006
    redis_url: Annotated[RedisUrl | None, Field(repr=False)] = None
    rabbitmq_url: Annotated[AmqpUrl | None, Field(repr=False)] = None
    auth_service_url: Annotated[HttpUrl | None, Field(repr=False)] = None
    config_service_url: Annotated[HttpUrl | None, Field(repr=False)] = None
    notification_service_url: Annotated[HttpUrl | None, Field(repr=False)] = None
    queue_prefix: Text = "scheduler"
    queue_concurrency: Count = 5
