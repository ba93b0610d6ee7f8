"""The database of a configuration: its password comes from the environment, and is never shown."""

import pytest

from tocsin.core.config import parse_config
from tocsin.core.errors import InvalidConfig

ENVIRON = {"DB_PASSWORD": "s3/cr:et@", "DB_URL": "postgresql://me:s3@db/tocsin"}


def url(text: str) -> str:
    return parse_config(f"[storage]\n{text}", environ=ENVIRON).storage.url


def test_a_password_of_the_environment_is_put_into_the_url() -> None:
    found = url(
        'url = "postgresql://me@db:5433/tocsin?sslmode=require"\npassword="env:DB_PASSWORD"'
    )
    assert found == "postgresql://me:s3%2Fcr%3Aet%40@db:5433/tocsin?sslmode=require"


def test_the_whole_url_may_come_from_the_environment() -> None:
    assert url('url = "env:DB_URL"') == ENVIRON["DB_URL"]


def test_a_password_may_stand_in_the_file_by_itself() -> None:
    assert url('url = "postgresql://me@db/x"\npassword = "p"') == "postgresql://me:p@db/x"


def test_a_url_of_the_environment_brings_its_own_password() -> None:
    text = '[storage]\nurl = "postgresql://me@db/x"\npassword = "env:DB_PASSWORD"'
    config = parse_config(text, environ={"DATABASE_URL": "sqlite:///x.db"})
    assert config.storage.url == "sqlite:///x.db"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('url = "env:NOPE"', "storage.url: the environment variable NOPE is not set"),
        ('url = "env:"', "needs the name of a variable"),
        (
            'url = "postgresql://me@db/x"\npassword = "env:NOPE"',
            "storage.password: the environment variable NOPE is not set",
        ),
        ('password = "env:DB_PASSWORD"', "is for PostgreSQL"),
        ('url = "sqlite:///x.db"\npassword = "env:DB_PASSWORD"', "is for PostgreSQL"),
        ('url = "env:DB_URL"\npassword = "env:DB_PASSWORD"', "stands in the url already"),
        ('url = "postgresql://db/x"\npassword = "env:DB_PASSWORD"', "needs a user"),
        ('url = "postgresql://me@db/x"\npassword = 5', "must be text"),
        ('url = "postgresql://me@[/x"\npassword = "env:DB_PASSWORD"', "is for PostgreSQL"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(text: str, words: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        url(text)
    assert words in str(caught.value)
    assert "s3" not in str(caught.value)
