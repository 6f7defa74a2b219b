"""A home whose database was restored from a backup, and the people who declare it."""

import shutil
from pathlib import Path

import pytest

from counterseal.audit.rollback import Rollback, RollbackApproval, rollback_statement
from counterseal.desk.commands import Outcome
from counterseal.kernel.ids import SeededIdSource
from counterseal.kernel.model import Actor, Refusal
from storage.home_keys import keys_folder, open_log_key
from storage.homes import open_home
from storage.keyring import Keyring
from storage.recovery import plan_rollback, recover
from storage.signers import read_state
from storage.store import SqlStore
from storage.system import ReplayClock
from tests.ground import SECRET, Ground, ground_at
from tests.household import ORIGIN, START, OneQuote

NEXT = f"{ORIGIN}/epoch-1"
IDS = SeededIdSource("recovery")
CLOCK = ReplayClock(START)


def actor(name: str = "ann") -> Actor:
    return Actor(
        id=name, issuer="counterseal:test", amr=("key",), auth_time=START, session="session-1"
    )


def beat(ground: Ground, *keys: str) -> None:
    desk = open_home(ground.settings, clock=CLOCK, ids=IDS, feed=OneQuote())
    try:
        for key in keys:
            outcome = desk.setup.heartbeat("acct-paper-1", actor(), healthy=True, key=key)
            assert outcome.sealed_size
    finally:
        store = desk.bench.store
        assert isinstance(store, SqlStore)
        store.close()


@pytest.fixture
def restored(tmp_path: Path) -> Ground:
    """A home that signed three records more than its restored database holds."""
    ground = ground_at(tmp_path, "one")
    ground.found()
    database = ground.settings.database_file
    backup = tmp_path / "backup.sqlite"
    shutil.copy(database, backup)
    beat(ground, "one", "two", "three")
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    shutil.copy(backup, database)
    return ground


def planned(ground: Ground) -> Rollback:
    return plan_rollback(ground.settings, open_log_key(ground.settings), "disk lost", CLOCK)


def approval(ground: Ground, rollback: Rollback, name: str) -> RollbackApproval:
    key = Keyring(keys_folder(ground.settings)).open(name, SECRET)
    statement = rollback_statement(rollback, name, key.key_id)
    return RollbackApproval(person_id=name, signature=key.sign("rollback", statement))


def approved(ground: Ground, *names: str) -> Rollback:
    plan = planned(ground)
    return plan.amended(approvals=tuple(approval(ground, plan, name) for name in names))


def recovered(ground: Ground, rollback: Rollback) -> Outcome | Refusal:
    return recover(ground.settings, rollback, actor(), clock=CLOCK, ids=IDS)


def size_of(ground: Ground) -> int:
    return read_state(ground.settings.counterseal_signer_state, ORIGIN).size
