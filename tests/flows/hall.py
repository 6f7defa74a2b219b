"""A founded home, its resident workflow server, and `python -m flows` against both."""

import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Self

from counterseal.identity.acts import grant_role, kind_of, statement_of
from counterseal.identity.people import Person, Role
from counterseal.kernel.model import Actor
from flows.engine import HOST, Engine, engine_of
from storage.founding import HomePlan, found_home
from storage.home_keys import Officer, keys_folder
from storage.home_reader import read_home
from storage.homes import open_home
from storage.keyring import Keyring
from storage.quote_file import NoQuotes
from storage.settings import Settings
from storage.system import MachineClock, MachineIdSource
from storage.telling import FACTS, Told

ROOT = Path(__file__).parents[2]
SECRET = "a long passphrase for tests"
OFFICERS = ("ann", "bob")
SERVICE = "flows"
CLIENT = "tests"
HOURLY = "verify_log"
ANSWER_SECONDS_MAX = 60
BUSY_WAITS = (1, 2, 4, 8)
"""Seconds to wait after each answer that the server is busy."""
EACH = """
import contextlib, io, json, sys
from flows.__main__ import main
def ran(command: str) -> tuple[str, int, object]:
    words, told = command.split(), io.StringIO()
    with contextlib.redirect_stdout(told):
        status = main(words)
    return words[0], status, json.loads(told.getvalue())
print(json.dumps([ran(command) for command in sys.argv[1:]]))
"""
Ran = tuple[int, dict[str, object]]
Row = dict[str, object]


@dataclass
class House:
    """A home whose service may ask, but not review."""

    folder: Path
    port: int
    web_port: int = 3000
    environment: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        told = {
            "HOME": str(self.folder / "user"),
            "COUNTERSEAL_HOME": str(self.folder / "home"),
            "COUNTERSEAL_POLICIES": str(ROOT / "policies"),
            "COUNTERSEAL_SIGNER_STATE": str(self.folder / "signer"),
            "COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE": str(self.folder / "secret"),
            "COUNTERSEAL_ENGINE_PORT": str(self.port),
            "WEB_PORT": str(self.web_port),
        }
        self.environment = {**os.environ, **told}

    @property
    def settings(self) -> Settings:
        return Settings(
            counterseal_home=self.folder / "home",
            counterseal_policies=ROOT / "policies",
            counterseal_signer_state=self.folder / "signer",
            counterseal_log_key_passphrase_file=self.folder / "secret",
        )

    @property
    def engine(self) -> Engine:
        return engine_of(self.settings, self.port)

    def found(self) -> Self:
        (self.folder / "user").mkdir(parents=True)
        (self.folder / "secret").write_text(SECRET + "\n", "utf-8")
        clock, ids = MachineClock(), MachineIdSource()
        officers = tuple(Officer(name, SECRET) for name in OFFICERS)
        plan = HomePlan(
            origin="counterseal.example/hall",
            tenant="tenant-1",
            officers=officers,
            account_id="acct-paper-1",
            opening_cash=Decimal(1_000_000),
        )
        found_home(self.settings, plan, clock=clock, ids=ids, feed=NoQuotes())
        desk = open_home(self.settings, clock=clock, ids=ids, feed=NoQuotes())
        actor = Actor(
            id=OFFICERS[0],
            issuer="counterseal:test",
            amr=("key",),
            auth_time=clock.now(),
            session="session-1",
        )
        service = Person(
            person_id=SERVICE, tenant="tenant-1", handle=SERVICE, created_at=clock.now()
        )
        desk.people.add(service, actor, key="add")
        terms = desk.people.terms("tenant-1", clock.now(), key="grant")
        act = grant_role(terms, SERVICE, Role.REQUESTER)
        ring = Keyring(keys_folder(self.settings))
        signatures = [
            ring.open(name, SECRET).sign(kind_of(act), statement_of(act)) for name in OFFICERS
        ]
        done = desk.proposals.propose(signatures, actor, key="grant")
        assert done.accepted, done.refusal
        return self

    def copied(self, folder: Path) -> "House":
        """Another home with the same past and no engine."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("prefect"))
        return House(folder, self.port)

    @contextmanager
    def start(self, *words: str, told: IO[bytes] | None = None) -> Iterator[subprocess.Popen[str]]:
        """`python -m flows` for the time of a block."""
        with subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "flows", *words],
            env=self.environment,
            cwd=ROOT,
            stdout=told or subprocess.PIPE,
            stderr=told or subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *words: str) -> Ran:
        with self.start(*words) as process:
            out, err = process.communicate(timeout=150)
        assert out, err
        return process.returncode, json.loads(out)

    def run_each(self, *commands: str) -> dict[str, Ran]:
        """Several commands in one process, by their first word."""
        told = self.script(EACH, *commands)
        return {name: (int(status), value) for name, status, value in json.loads(told)}

    def script(self, code: str, *words: str) -> str:
        """Run a text as a client of the engine; gives its last line."""
        adopted = (
            "from storage.settings import Settings\nfrom flows.engine import adopt, engine_of\n"
        )
        ran = subprocess.run(  # noqa: S603 - our own interpreter and a fixed text
            [sys.executable, "-c", f"{adopted}adopt(engine_of(Settings()))\n{code}", *words],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()[-1]

    def recorded(self) -> list[str]:
        """The type of every record, in order."""
        with read_home(self.settings) as reader:
            return [row.type for row in reader.records()]

    def told(self) -> list[dict[str, object]]:
        """Every line of the home's logs; each one is whole, and of the forms that are told."""
        return told_in(self.folder / "home")

    def refusals(self) -> list[str]:
        """Why each refused command was refused, in order."""
        with read_home(self.settings) as reader:
            bodies = [json.loads(row.body) for row in reader.records()]
        return [str(b["reason"]["text"]) for b in bodies if b["type"] == "command.refused"]

    def signals(self, name: str, count: int = 2) -> str:
        """A file of fresh signals."""
        now = datetime.now(UTC).isoformat()  # noqa: TID251 - a real command needs real time
        rows = [
            {
                "signal_id": f"{name}-{at}",
                "strategy_id": "mean-reversion",
                "strategy_version": "1",
                "timestamp": now,
                "direction": "LONG",
                "target_tx_equivalent": "0.25",
                "confidence": "0.7",
                "reason": {"signals_only": True},
            }
            for at in range(count)
        ]
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(rows), "utf-8")
        return str(path)


def told_in(home: Path) -> list[dict[str, object]]:
    """Lines of every log of a home: a closed event, and facts each of its own form."""
    found: list[dict[str, object]] = []
    for file in sorted((home / "log").glob("*.log*")):
        for text in file.read_text("utf-8").splitlines():
            line = json.loads(text)
            facts = line.keys() - {"at", "part", "level", "event"}
            assert line["event"] in {*Told}, text
            assert all(FACTS[name].fullmatch(str(line[name])) for name in facts), text
            found.append(line)
    return found


def ask(engine: Engine, path: str, *, secret: str | None = None) -> tuple[int, object]:
    """GET from a server; with a secret as given, else without any."""
    return _asked(engine, "GET", path, None, _credentials(secret))


def filtered(engine: Engine, path: str, asked: Row | None = None) -> list[Row]:
    """The first two hundred of a kind, or of those that are asked for."""
    rows = post(engine, path, asked)
    assert isinstance(rows, list)
    return rows


def post(engine: Engine, path: str, asked: Row | None = None) -> object:
    """POST as a proper client: with the secret and the server's own token."""
    headers = _credentials(engine.environment["PREFECT_API_AUTH_STRING"])
    _, token = _patiently(engine, "GET", f"/api/csrf-token?client={CLIENT}", None, headers)
    assert isinstance(token, dict)
    csrf = {"Prefect-Csrf-Token": str(token["token"]), "Prefect-Csrf-Client": CLIENT}
    status, value = _patiently(engine, "POST", path, asked or {}, {**headers, **csrf})
    assert status in {http.HTTPStatus.OK, http.HTTPStatus.CREATED}, value
    return value


def post_bare(engine: Engine, path: str) -> int:
    """POST with the secret alone, as a web page in the user's browser could make happen."""
    headers = _credentials(engine.environment["PREFECT_API_AUTH_STRING"])
    return _asked(engine, "POST", path, {}, headers)[0]


def _credentials(secret: str | None) -> dict[str, str]:
    if secret is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


def _patiently(
    engine: Engine, method: str, path: str, body: object, headers: Mapping[str, str]
) -> tuple[int, object]:
    """Ask again while the server says that its database is busy, as Prefect's own client does."""
    for wait in BUSY_WAITS:
        status, value = _asked(engine, method, path, body, headers)
        if status != http.HTTPStatus.SERVICE_UNAVAILABLE:
            return status, value
        time.sleep(wait)
    return _asked(engine, method, path, body, headers)


def _asked(
    engine: Engine, method: str, path: str, body: object, headers: Mapping[str, str]
) -> tuple[int, object]:
    with closing(
        http.client.HTTPConnection(HOST, engine.port, timeout=ANSWER_SECONDS_MAX)
    ) as connection:
        told = {**headers, "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), told)
        answer = connection.getresponse()
        content = answer.read()
    try:
        return answer.status, json.loads(content)
    except ValueError:
        return answer.status, content
