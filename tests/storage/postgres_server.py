"""A PostgreSQL server of the test run, asked over a socket file and stopped at the end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy import URL

from storage.databases import POSTGRESQL, PostgresDatabase
from storage.store import create_database
from tests.bench.bench_seal import ORIGIN

DEBIAN = Path("/usr/lib/postgresql")
USER = "counterseal"
_NUMBERS = count()


def program(name: str) -> Path:
    """A program of the newest server on this machine."""
    versions = sorted(DEBIAN.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    found = next((f / name for f in reversed(versions) if (f / name).exists()), None)
    told = found or shutil.which(name)
    assert told, (
        f"PostgreSQL is missing: no {name} in {DEBIAN} or PATH; install it (sh .ci/debian), "
        "the tests on both databases cannot run without"
    )
    return Path(told)


class Server:
    """A cluster in a folder of its own; who may run it is no root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._who = _ordinary() if os.geteuid() == 0 else None
        if self._who is not None:
            os.chown(folder, self._who.pw_uid, self._who.pw_gid)
        self._run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        self.process: subprocess.Popen[bytes] | None = None
        self._model: PostgresDatabase | None = None

    def _identity(self) -> dict[str, object]:
        who = self._who
        if who is None:
            return {}
        return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}

    def _run(self, name: str, *words: object) -> None:
        told = [str(program(name)), *map(str, words)]
        done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603 - the server's own programs
            told, cwd="/", capture_output=True, check=False, env=_plain(), **self._identity()
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
            "fsync": "on",
            "synchronous_commit": "on",
            "max_connections": 200,
            "shared_buffers": "128MB",
            "max_wal_size": "1GB",
            "logging_collector": "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603 - as above
                [str(program("postgres")), "-D", str(self.data), *words],
                cwd="/",
                stdout=log,
                stderr=log,
                env=_plain(),
                **self._identity(),
            )
        until = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.told("postgres")).close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text("utf-8")
                time.sleep(0.05)
            else:
                return

    @property
    def pid(self) -> int:
        """Of the first of its processes."""
        assert self.process is not None
        return self.process.pid

    def stop(self, how: int = signal.SIGQUIT) -> None:
        """Stop at once, without a shutdown; SIGINT ends it in order."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process = None

    def url(self, name: str) -> URL:
        return URL.create(
            POSTGRESQL, username=USER, database=name, query={"host": str(self.folder)}
        )

    def told(self, name: str) -> str:
        plain = self.url(name).set(drivername="postgresql")
        return plain.render_as_string(hide_password=False)

    def empty(self) -> PostgresDatabase:
        """A database that nothing was put into yet."""
        name = f"test_{next(_NUMBERS)}"
        with psycopg.connect(self.told("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return PostgresDatabase(self.url(name))

    def founded(self) -> PostgresDatabase:
        """A database with an empty log, copied from one that was made once."""
        if self._model is None:
            self._model = self.empty()
            create_database(self._model, ORIGIN)
        name = f"test_{next(_NUMBERS)}"
        with psycopg.connect(self.told("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {self._model.url.database}")
        return PostgresDatabase(self.url(name))

    def drop(self, database: PostgresDatabase) -> None:
        with psycopg.connect(self.told("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database.url.database} WITH (FORCE)")


def _ordinary() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("a server needs an ordinary user: postgres or nobody")


def _plain() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


@contextmanager
def running_server() -> Iterator[Server]:
    """A server until the block ends; its socket path is short, as sockets want it."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        server = Server(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
