"""Environment variables take the place of keys in config.toml, each in its documented unit."""

import pytest

from tocsin.core.clock import SECOND
from tocsin.core.config import Config, parse_config
from tocsin.core.errors import InvalidConfig

DOCUMENTED = {
    "PORT": "3006",
    "NODE_ENV": "development",
    "DATABASE_URL": "postgresql://user:password@localhost:5432/scheduler_db",
    "REDIS_URL": "redis://redis:6379",
    "RABBITMQ_URL": "amqp://rabbitmq:5672",
    "AUTH_SERVICE_URL": "http://auth-service:3001",
    "CONFIG_SERVICE_URL": "http://config-service:3002",
    "NOTIFICATION_SERVICE_URL": "http://notification-service:3005",
    "MAX_CONCURRENT_TASKS": "10",
    "DEFAULT_TIMEOUT": "300000",
    "RETRY_ATTEMPTS": "3",
    "RETRY_DELAY": "60000",
    "MAINTENANCE_INTERVAL": "60000",
    "QUEUE_PREFIX": "scheduler",
    "MAX_QUEUE_SIZE": "1000",
    "QUEUE_CONCURRENCY": "5",
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "json",
}


def load(text: str = "", **environ: str) -> Config:
    return parse_config(text, environ=environ)


def problems(text: str = "", **environ: str) -> tuple[str, ...]:
    with pytest.raises(InvalidConfig) as caught:
        load(text, **environ)
    return caught.value.problems


def test_the_documented_environment_is_accepted_and_says_what_the_defaults_say() -> None:
    config, defaults = load(**DOCUMENTED), Config()
    assert config.scheduler == defaults.scheduler
    assert config.storage.url == DOCUMENTED["DATABASE_URL"]
    assert config.log.format == "json"
    assert config.log.level == defaults.log.level
    assert (config.service.port, config.service.queue_prefix) == (3006, "scheduler")
    assert config.service.queue_concurrency == defaults.service.queue_concurrency
    assert config.service.redis_url == "redis://redis:6379"
    assert config.service.rabbitmq_url == "amqp://rabbitmq:5672"
    assert config.service.auth_service_url == "http://auth-service:3001"
    assert config.service.config_service_url == "http://config-service:3002"
    assert config.service.notification_service_url == "http://notification-service:3005"


def test_every_documented_variable_but_node_env_changes_the_configuration() -> None:
    others = {
        "PORT": "1", "DATABASE_URL": "sqlite:///other.db", "REDIS_URL": "redis://other",
        "RABBITMQ_URL": "amqp://other", "AUTH_SERVICE_URL": "https://other",
        "CONFIG_SERVICE_URL": "https://other", "NOTIFICATION_SERVICE_URL": "https://other",
        "MAX_CONCURRENT_TASKS": "1", "DEFAULT_TIMEOUT": "1", "RETRY_ATTEMPTS": "1",
        "RETRY_DELAY": "1", "MAINTENANCE_INTERVAL": "1", "QUEUE_PREFIX": "other",
        "MAX_QUEUE_SIZE": "1", "QUEUE_CONCURRENCY": "1", "LOG_LEVEL": "error",
        "LOG_FORMAT": "json",
    }  # fmt: skip
    assert set(others) == set(DOCUMENTED) - {"NODE_ENV"}
    for variable, value in others.items():
        assert load(**{variable: value}) != Config(), variable


def test_durations_are_milliseconds() -> None:
    config = load(DEFAULT_TIMEOUT="1500", RETRY_DELAY="0", MAINTENANCE_INTERVAL="30000")
    assert config.scheduler.default_timeout == 1_500_000
    assert config.scheduler.retry_delay == 0
    assert config.scheduler.maintenance_interval == 30 * SECOND


def test_the_environment_wins_over_the_file_and_other_keys_stay() -> None:
    text = '[scheduler]\nmax_concurrent = 4\nretry_attempts = 7\n[storage]\nurl = "sqlite:///a.db"'
    config = load(text, MAX_CONCURRENT_TASKS="20", DATABASE_URL="sqlite:////var/lib/b.db")
    assert (config.scheduler.max_concurrent, config.scheduler.retry_attempts) == (20, 7)
    assert config.storage.url == "sqlite:////var/lib/b.db"


def test_the_environment_reaches_the_policies_of_jobs() -> None:
    text = '[jobs.x]\nevery = "1h"\ncall = "m:f"'
    policy = load(text, DEFAULT_TIMEOUT="2000", RETRY_ATTEMPTS="1").jobs["x"].policy
    assert (policy.timeout, policy.retry.attempts) == (2 * SECOND, 1)


@pytest.mark.parametrize("variable", sorted(DOCUMENTED))
def test_an_empty_variable_counts_as_not_set(variable: str) -> None:
    assert load(**{variable: "  "}) == Config()


def test_unknown_variables_are_ignored() -> None:
    assert load(HOME="/root", NODE_ENV="production", TIMEOUT="soon") == Config()


def test_levels_and_formats_may_be_written_in_capitals() -> None:
    log = load(LOG_LEVEL="WARNING", LOG_FORMAT="JSON").log
    assert (log.level, log.format) == ("warning", "json")


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        (
            "DEFAULT_TIMEOUT",
            "5m",
            "DEFAULT_TIMEOUT: '5m' is not a number of milliseconds; write 300000",
        ),
        (
            "RETRY_DELAY",
            "soon",
            "RETRY_DELAY: 'soon' is not a number of milliseconds; write 60000",
        ),
        ("DEFAULT_TIMEOUT", "0", "DEFAULT_TIMEOUT: must be longer than nothing"),
        (
            "MAINTENANCE_INTERVAL",
            "9" * 18,
            (
                f"MAINTENANCE_INTERVAL: '{'9' * 18}' milliseconds: is longer than 100 years;"
                " write 60000"
            ),
        ),
        (
            "MAX_CONCURRENT_TASKS",
            "ten",
            "MAX_CONCURRENT_TASKS: 'ten' is not a whole number; write 10",
        ),
        ("MAX_QUEUE_SIZE", "-1", "MAX_QUEUE_SIZE: '-1' is not a whole number; write 1000"),
        ("QUEUE_CONCURRENCY", "1.5", "QUEUE_CONCURRENCY: '1.5' is not a whole number; write 5"),
        ("RETRY_ATTEMPTS", "٣", "RETRY_ATTEMPTS: '٣' is not a whole number; write 3"),
        ("PORT", "70000", "PORT: must be 65535 or less"),
        ("MAX_CONCURRENT_TASKS", "0", "MAX_CONCURRENT_TASKS: must be 1 or more, not 0"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: must be 'text' or 'json', not 'xml'"),
        ("REDIS_URL", "redis:6379", "REDIS_URL: must be a URL such as redis://localhost:6379"),
        ("RABBITMQ_URL", "http://x", "RABBITMQ_URL: must be a URL such as amqp://localhost:5672"),
        ("AUTH_SERVICE_URL", "x", "AUTH_SERVICE_URL: must be a URL such as http://localhost:3001"),
        (
            "CONFIG_SERVICE_URL",
            "http://host:port",
            "CONFIG_SERVICE_URL: must be a URL such as http://localhost:3001",
        ),
    ],
)
def test_a_bad_value_names_its_variable_and_what_to_write(
    variable: str, value: str, problem: str
) -> None:
    assert problems(**{variable: value}) == (problem,)


def test_a_bad_level_names_the_level_that_was_probably_meant() -> None:
    (problem,) = problems(LOG_LEVEL="warn")
    assert problem.startswith("LOG_LEVEL: must be ")
    assert problem.endswith("did you mean 'warning'?")


@pytest.mark.parametrize(
    "url",
    ["tocsin.db", "mysql://me:hunter2@host/db", "postgresql://me:hunter2@host", "sqlite:///",
     "postgresql://me:hunter2@host:port/db", "sqlite:///:memory:", "sqlite://hunter2.db"],
)  # fmt: skip
def test_a_bad_database_url_is_refused_and_never_shown(url: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        load(DATABASE_URL=url)
    (problem,) = caught.value.problems
    assert problem.startswith("DATABASE_URL: ")
    assert "sqlite:///tocsin.db" in problem
    assert "hunter2" not in str(caught.value)


def test_all_bad_variables_are_named_at_once_after_the_mistakes_of_the_file() -> None:
    found = problems("[scheduler]\nretry_delay = 'x'", PORT="x", LOG_FORMAT="x", REDIS_URL="x")
    assert found[0].startswith("config.toml:2: scheduler.retry_delay: ")
    assert {line.partition(":")[0] for line in found[1:]} == {"PORT", "LOG_FORMAT", "REDIS_URL"}


def test_passwords_in_urls_are_not_in_the_repr() -> None:
    config = load(
        DATABASE_URL="postgresql://me:hunter2@host/db",
        REDIS_URL="redis://:hunter2@host",
        RABBITMQ_URL="amqp://me:hunter2@host",
    )
    assert "hunter2" not in repr(config)
