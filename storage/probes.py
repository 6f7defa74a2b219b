"""What readiness is told: everything seen of an installation, and what the looking itself did.

Job: gather one observation from settings, parts, a home that is only read, and a rehearsal.

Invariants
  I1  The home is opened for reading only, and every opening by this process is watched.
  I2  A home that cannot be read gives no fact about a home, only the reason.

Not here: what follows from the facts (readiness.decide), the rehearsal (scratch).
Source: TX-L8.
"""

import ast
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlmodel import SQLModel

from counterseal.broker.gateway import PaperBroker
from counterseal.desk.documents import DOCUMENTS
from counterseal.kernel.errors import CountersealError
from counterseal.oms.model import Order
from counterseal.readiness.exercises import core_exercises
from counterseal.readiness.model import (
    EffectsSeen,
    HomeSeen,
    Observation,
    PartsSeen,
    SettingsSeen,
)
from storage.home_facts import home_facts
from storage.home_reader import read_home
from storage.scratch import rehearse
from storage.settings import Settings

ROOT: Final = Path(__file__).parents[1]
_ROOMS: Final = ("flows", "ui", "evidence", "storage")
_TARGET: Final = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_EVENTS: Final = frozenset({"socket.connect", "sqlite3.connect", "open"})
_WRITING: Final = os.O_WRONLY | os.O_RDWR
_READ_ONLY: Final = "?mode=ro"
_LOOPBACK: Final = ("127.", "::1", "localhost")


class _Watch:
    """Counts what this process opens for writing in some folders, and connects beyond itself.

    An audit hook stays for the life of the process, so there is one, and it rests when idle.
    """

    def __init__(self) -> None:
        self._hooked = False
        self._places: tuple[str, ...] | None = None
        self.writing_opens = 0
        self.connections = 0

    @contextmanager
    def over(self, *places: Path) -> Iterator["_Watch"]:
        """Count from zero until the block ends."""
        if not self._hooked:
            sys.addaudithook(self.seen)
            self._hooked = True
        self.writing_opens = self.connections = 0
        self._places = tuple(str(place.absolute()) for place in places)
        try:
            yield self
        finally:
            self._places = None

    def seen(self, event: str, args: tuple[object, ...]) -> None:
        """One audit event; most are none of ours."""
        if self._places is None or event not in _EVENTS:
            return
        if event == "socket.connect":
            address = args[1]
            host = str(address[0]) if isinstance(address, tuple) and address else ""
            self.connections += bool(host) and not host.startswith(_LOOPBACK)
        elif event == "sqlite3.connect":
            self.writing_opens += self._is_ours(args[0]) and not str(args[0]).endswith(_READ_ONLY)
        else:
            flags = args[2] if isinstance(args[2], int) else 0
            self.writing_opens += bool(flags & _WRITING) and self._is_ours(args[0])

    def _is_ours(self, path: object) -> bool:
        if isinstance(path, int) or self._places is None:
            return False
        told = os.fsdecode(path) if isinstance(path, bytes) else str(path)
        asked = os.path.abspath(told.removeprefix("file://"))  # noqa: PTH100 - no file is touched
        return any(asked == place or asked.startswith(place + os.sep) for place in self._places)


_WATCH: Final = _Watch()


def observe(settings: Settings, now: datetime) -> Observation:
    """Everything that can be seen at `now` (UTC); what cannot is told as absent.

    The rehearsal writes to a scratch store in the system's temporary folder, never to the home.
    """
    with _WATCH.over(*_places(settings)) as watch:
        before = _orders(settings)
        exercised = (*core_exercises(PaperBroker()), *rehearse(settings))
        home, problem = _home(settings)
        added = _orders(settings) - before
    effects = EffectsSeen(
        writing_opens=watch.writing_opens,
        orders_added=added,
        outside_connections=watch.connections,
    )
    return Observation(
        at=now,
        settings=settings_seen(settings),
        home=home,
        home_problem=problem,
        exercised=exercised,
        parts=parts_seen(),
        effects=effects,
    )


def settings_seen(settings: Settings) -> SettingsSeen:
    """The settings that readiness looks at, as told."""
    return SettingsSeen(
        trading_mode=settings.trading_mode,
        live_trading_enabled=settings.enable_live_trading,
        broker_provider=settings.broker_provider,
        database_kind=_kind(settings),
        database_url_told=settings.counterseal_database_url is not None,
    )


def _kind(settings: Settings) -> str:
    """Kind of the database, in the first word of its URL; a driver's name is left out."""
    return (settings.counterseal_database_url or "sqlite").partition(":")[0].partition("+")[0]


def parts_seen() -> PartsSeen:
    """Names of everything that this installation consists of, by inspection of its files."""
    desk = ROOT / "platform" / "counterseal" / "desk"
    names = {
        *SQLModel.metadata.tables,
        *(f"setting.{name}" for name in Settings.model_fields),
        *(name for room in _ROOMS for name in _modules(ROOT / room)),
        *(name for path in sorted(desk.glob("*.py")) for name in _use_cases(path)),
        *(f"policies/{p.relative_to(ROOT / 'policies')}" for p in _below(ROOT / "policies")),
        *(f"ci:{p.stem}" for p in _below(ROOT / ".github" / "workflows")),
        *(f"make:{target}" for target in _targets(ROOT / "Makefile")),
    }
    without = tuple(k.KIND for k in DOCUMENTS if "tenant" not in k.model_fields)
    return PartsSeen(names=tuple(sorted(names)), kinds_without_tenant=without)


def _below(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _modules(room: Path) -> Iterator[str]:
    for path in sorted(room.rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _use_cases(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield f"desk.{path.stem}.{node.name}"


def _targets(makefile: Path) -> Sequence[str]:
    return _TARGET.findall(makefile.read_text("utf-8")) if makefile.is_file() else ()


def _home(settings: Settings) -> tuple[HomeSeen | None, str]:
    try:
        with read_home(settings) as reader:
            return home_facts(reader, settings), ""
    except CountersealError as error:
        return None, error.code


def _orders(settings: Settings) -> int:
    """Orders stored; zero where no home can be read."""
    try:
        with read_home(settings) as reader:
            return len(reader.find(Order))
    except CountersealError:
        return 0


def _places(settings: Settings) -> tuple[Path, ...]:
    file = settings.database.file
    return (settings.counterseal_home,) if file is None else (settings.counterseal_home, file)
