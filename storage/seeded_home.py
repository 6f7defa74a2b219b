"""Homes for trying out and showing: people, accounts and a policy, made in one go.

Job: found a throw-away house in a folder, and the home in which one governed case lies.

Invariants
  I1  Nothing of a real home is opened; its policy files and settings are used.
  I2  The home of the case appears whole or not at all.

Not here: what is tried out (ui.checklist), the house itself (desk.scratch).
Source: TX-M6.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from counterseal.audit.note import NoteSigner
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.scratch import ScratchHouse
from counterseal.kernel.ids import SeededIdSource
from storage.desk import closing_desk
from storage.policy_files import read_policy_files
from storage.scratch import AT, ScratchFeed
from storage.settings import POLICY_VERSION, Settings
from storage.signers import create_state
from storage.store import create_database
from storage.system import ReplayClock

SIGNAL: Final = "demo-paper-execution-signal"
"""The signal of the seeded case; its order asks for 2 TMF and is filled in part: 1, leaving 1."""

_ORIGIN: Final = "counterseal.example/seeded-demo"
_IDS: Final = SeededIdSource("seeded-demo")


def seeded_settings(settings: Settings, folder: Path) -> Settings:
    """Settings of the home in a folder; the signer's memory lies beside it."""
    home = folder / "home"
    database = home / "data" / "paper_execution_audit.sqlite"
    return settings.placed(home=home, database=database, signer_state=folder / "signer")


@contextmanager
def house_in(settings: Settings, folder: Path) -> Iterator[ScratchHouse]:
    """A founded house in a new folder, closed afterwards; its instant is that of every rehearsal.

    Raises:
        InputError: `REHEARSAL_STOPPED`; unsafe settings.
        AdapterError: the home cannot be written.
        PolicyError: the policy files are not those of this version.
    """
    placed = seeded_settings(settings, folder).check()
    files = read_policy_files(placed.counterseal_policies, POLICY_VERSION)
    create_database(placed.database, _ORIGIN)
    create_state(placed.counterseal_signer_state, _ORIGIN)
    key = NoteSigner(_ORIGIN, _IDS.secret("log-key", 32))
    with closing_desk(placed, key, clock=ReplayClock(AT), ids=_IDS, feed=ScratchFeed()) as desk:
        house = ScratchHouse(desk, files, AT, log_vkey=key.key.text)
        house.found()
        yield house


def seed_case(settings: Settings, folder: Path) -> bool:
    """Make the home of the seeded case in a folder; false when it lies there already.

    Raises:
        InputError, AdapterError, PolicyError: those of `house_in`.
    """
    if seeded_settings(settings, folder).database.present():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="seeding-", dir=folder.parent) as place:
        made = Path(place) / "made"
        with house_in(settings, made) as house:
            request_id = house.approved(SIGNAL)
            house.done(house.submit(request_id, SimulationOutcome.PARTIAL_FILL))
        made.rename(folder)
    return True
