"""The configuration file on disk: where its paths lead, and when its secrets are needed."""

from pathlib import Path

import pytest

from tocsin import Tocsin
from tocsin.configuring import read_config
from tocsin.core.errors import InvalidConfig

PHONE = '[notify.phone]\nkind = "pushover"\nuser = "env:USER_KEY"\ntoken = "env:APP_TOKEN"\n'


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return file


def test_a_relative_database_lies_beside_the_file_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    file = written(tmp_path, '[storage]\nurl = "sqlite:///deep.db"\nkey_file = "keys/deep.key"\n')
    storage = read_config(Path("..") / file.name, {}).storage
    assert Path(storage.url.removeprefix("sqlite:///")).resolve() == tmp_path / "deep.db"
    assert Path(storage.key_file or "").resolve() == tmp_path / "keys" / "deep.key"


@pytest.mark.parametrize("url", ["sqlite:////var/x.db", "sqlite:///~/x.db"])
def test_an_absolute_database_stays_where_it_is(tmp_path: Path, url: str) -> None:
    assert read_config(written(tmp_path, f'[storage]\nurl = "{url}"\n'), {}).storage.url == url


def test_the_environment_s_database_is_relative_to_where_one_is(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": "sqlite:///here.db"}
    assert read_config(written(tmp_path, ""), environ).storage.url == "sqlite:///here.db"


def test_a_service_needs_the_secrets_of_its_notifiers_and_a_look_does_not(tmp_path: Path) -> None:
    file = written(tmp_path, PHONE)
    with pytest.raises(InvalidConfig, match="USER_KEY"):
        Tocsin.from_config(file, environ={})
    app = Tocsin.from_config(file, environ={}, need_secrets=False)
    assert app.config is not None
    assert app.config.notifier_for("phone") == "log"
