"""`tocsin backup`: beside a running service, and brought back."""

import shutil
from pathlib import Path
from typing import Any

from tocsin import Tocsin, every


def test_a_backup_beside_a_service_is_brought_back(cli: Any, serve: Any, folder: Path) -> None:
    service = serve("--db", "tocsin.db")
    service.until("tocsin.db")
    cli.run("add", "a", "--every", "1h", "--call", "os:getpid", "--db", "tocsin.db")
    result = cli.run("backup", "copy.db", "--db", "tocsin.db")
    assert f"{folder}/copy.db" in result.stdout
    assert f"keep the key file {folder}/tocsin.db.key with it" in result.stderr
    service.close()
    for each in folder.glob("tocsin.db*"):
        each.rename(folder / f"lost-{each.name}")
    shutil.copy(folder / "copy.db", folder / "tocsin.db")
    shutil.copy(folder / "lost-tocsin.db.key", folder / "tocsin.db.key")
    with Tocsin(f"sqlite:///{folder}/tocsin.db") as app:
        app.run_now("a")
        assert app.get("a").status == "active"


def test_machines_read_where_it_is_and_where_the_key_is(
    cli: Any, app: Tocsin, folder: Path
) -> None:
    app.schedule("os:getpid", every("1h"), key="a")
    found = cli.json("backup", "copy.db")
    assert found == {
        "database": str(folder / "tocsin.db"),
        "backup": str(folder / "copy.db"),
        "bytes": (folder / "copy.db").stat().st_size,
        "integrity": "ok",
        "key_file": str(folder / "tocsin.db.key"),
    }


def test_a_key_of_the_environment_is_named(cli: Any, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TOCSIN_KEY", "ab" * 32)
    Tocsin(f"sqlite:///{folder}/tocsin.db").schedule("os:getpid", every("1h"))
    assert "keep the value of TOCSIN_KEY with it" in cli.run("backup", "copy.db").stderr
    assert cli.json("backup", "copy2.db")["key_file"] is None


def test_an_existing_file_is_refused(cli: Any, app: Tocsin, folder: Path) -> None:
    app.schedule("os:getpid", every("1h"))
    (folder / "copy.db").touch()
    assert "exists already" in cli.complains("backup", "copy.db")
