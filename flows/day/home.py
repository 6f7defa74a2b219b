"""The home that a day is replayed into.

Job: make a demo home where nothing is, open one that was begun, and refuse anything else.

Invariants
  I1  A folder that holds anything but this very demo is refused and left as it is.
  I2  The seed names every secret of a demo home: whoever knows it can sign for everybody.
  I3  The log's origin names seed, market, plan and code version: another day has another log.

Not here: founding a home (storage), the day itself (loop).
Source: the demo's home rules; governance part 3 (throw-away keys).
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

from counterseal.audit.note import VerifierKey
from counterseal.desk.desk import Desk
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.kernel.canonical import digest, sha256_hex
from counterseal.kernel.errors import InputError
from counterseal.kernel.ids import SeededIdSource
from flows.day.markets import DayMarket
from flows.day.plan import ACCOUNT, OFFICERS, TENANT, DayPlan
from storage.desk import closing_desk
from storage.homes import HomePlan, Officer, found_home, open_log_key, read_home
from storage.journal import AfterStep, no_observer
from storage.keyring import DEMO_PASSPHRASE
from storage.outside_folder import OutsideFolder
from storage.settings import Settings
from storage.system import ReplayClock

BEFORE_OPENING: Final = timedelta(minutes=30)
"""How long before the market opens the people of a day join."""

DATABASE: Final = Path("data/paper_execution_audit.sqlite")
PASSPHRASE_FILE: Final = "UNSAFE-DEMO-PASSPHRASE"  # noqa: S105 - a file name


@dataclass(frozen=True, slots=True)
class DemoHome:
    """An opened demo home with its log's public key, its replay clock and seeded ids."""

    settings: Settings
    desk: Desk
    log_key: VerifierKey
    clock: ReplayClock
    ids: SeededIdSource


def beside(out: Path) -> Path:
    """The folder beside a demo home that holds what must not lie in it."""
    return out.with_name(f"{out.name}.signer")


def outside_of(out: Path) -> OutsideFolder:
    """The folder beside a demo home in which those outside keep what they saw."""
    return OutsideFolder(out.with_name(f"{out.name}.outside"))


def demo_settings(out: Path, told: Settings) -> Settings:
    """Settings of a demo home: memory and passphrase lie beside it, in `<out>.signer`."""
    placed = told.placed(home=out, database=out / DATABASE, signer_state=beside(out))
    passphrase = beside(out) / PASSPHRASE_FILE
    return placed.model_copy(update={"counterseal_log_key_passphrase_file": passphrase})


def origin_of(plan: DayPlan, market: DayMarket, policies: Mapping[str, bytes]) -> str:
    """The log's name: what decides the day's records, digested."""
    decides = digest(
        {
            "plan": plan.json_value(),
            "market": {"source": market.source, "day": market.day, "digest": market.digest},
            "stated": [fact.json_value() for fact in market.stated],
            "policies": {path: sha256_hex(content) for path, content in policies.items()},
            "code": version("counterseal"),
        }
    )
    return f"counterseal.demo/{market.day}/{decides.removeprefix('sha256:')[:16]}"


def check_place(settings: Settings, origin: str) -> bool:
    """Whether this very demo was begun here already.

    Raises:
        InputError: `NOT_A_DEMO_HOME` or `DEMO_HOME_OTHER`.
    """
    home = settings.counterseal_home
    if not settings.database.present():
        begun = settings.counterseal_log_key_passphrase_file
        ours = begun is not None and begun.is_file()
        if home.exists() and not home.is_dir():
            raise InputError("NOT_A_DEMO_HOME", "this is no folder", field="--out", got=home)
        if home.is_dir() and any(home.iterdir()) and not ours:
            raise InputError(
                "NOT_A_DEMO_HOME", "this folder holds something else", field="--out", got=home
            )
        return False
    with read_home(settings) as reader:
        installation = reader.get(Installation, INSTALLATION_ID)
    if installation is None or installation.mode != "demo":
        raise InputError(
            "NOT_A_DEMO_HOME", "this home is not a demo; nothing was touched", got=home
        )
    if installation.origin != origin:
        raise InputError(
            "DEMO_HOME_OTHER",
            "another day, seed, plan or version was begun here",
            field="--out",
            expected=origin,
            got=installation.origin,
        )
    return True


@contextmanager
def open_demo(
    settings: Settings,
    plan: DayPlan,
    market: DayMarket,
    origin: str,
    *,
    after_step: AfterStep = no_observer,
) -> Iterator[DemoHome]:
    """Found the demo home, or open it where a killed run left it; closed behind the block.

    Raises:
        InputError: those of `check_place`, `found_home` and `closing_desk`.
        IntegrityError: those of `found_home` and `closing_desk`.
        AdapterError: when a file or the database fails.
    """
    begun = check_place(settings, origin)
    ids = SeededIdSource(plan.seed)
    clock = ReplayClock(market.starts_at - BEFORE_OPENING)
    if not begun:
        _prepare(settings)
        people = tuple(Officer(name, DEMO_PASSPHRASE) for name in OFFICERS)
        home = HomePlan(origin, TENANT, people, ACCOUNT, plan.opening_cash, mode="demo")
        found_home(settings, home, clock=clock, ids=ids, feed=market.feed, after_step=after_step)
    key = open_log_key(settings)
    with closing_desk(
        settings, key, clock=clock, ids=ids, feed=market.feed, after_step=after_step
    ) as desk:
        yield DemoHome(settings, desk, key.key, clock, ids)


def _prepare(settings: Settings) -> None:
    """A fresh folder beside the home: what it remembered belonged to a demo that is gone."""
    folder = settings.counterseal_signer_state
    if not settings.counterseal_home.exists() and folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / PASSPHRASE_FILE).write_text(f"{DEMO_PASSPHRASE}\n", "utf-8")
