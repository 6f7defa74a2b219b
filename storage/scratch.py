"""A scratch store: where readiness tries out what must be refused.

Job: make a throw-away home, rehearse on it, attack its database, and throw it away.

Invariants
  I1  Nothing of the real home is opened here; only its policy files and settings are used.
  I2  What could not be tried is told as not tried.

Not here: the steps (desk.readiness), reading the real home (probes).
Source: TX-L8.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import SecretStr

from counterseal.audit.note import NoteSigner
from counterseal.desk.desk import Desk
from counterseal.desk.readiness import REHEARSED, Rehearsal, completed
from counterseal.desk.rehearsed_doubts import DOUBTED, DoubtsRehearsal
from counterseal.desk.rehearsed_export import EXPORTS, rehearse_export
from counterseal.desk.rehearsed_login import LOGINS, rehearse_login
from counterseal.desk.rehearsed_orders import RESUMED, WORKED, OrdersRehearsal
from counterseal.desk.rehearsed_risk import ACROSS, RiskRehearsal
from counterseal.desk.scratch import ACCOUNT, OPERATOR, SYMBOL, ScratchHouse, scratch_actor
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.ids import SeededIdSource
from counterseal.kernel.model import Document, Refusal, refuse
from counterseal.market.quotes import Quote, QuoteBasis
from counterseal.portfolio.model import Account, Position
from counterseal.readiness.model import Exercise, Exercised
from counterseal.risk.counters import RiskCounters, StrategyExposure
from counterseal.risk.losses import AccountLoss
from counterseal.risk.model import RiskState
from counterseal.risk.switches import RiskSwitch
from storage.archive import SqlArchive
from storage.backup import HOME, back_up
from storage.data_keys import data_keys
from storage.desk import closing_desk
from storage.paper_book import SqlitePaperBook, paper_book_file
from storage.paper_gateway import PaperGateway
from storage.policy_files import read_policy_files
from storage.reconcile import reconcile
from storage.settings import POLICY_VERSION, Settings
from storage.signers import create_state
from storage.store import create_database
from storage.system import ReplayClock

AT: Final = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
"""The instant of every rehearsal: 09:00 in Taipei, on a trading day."""

_AFTER: Final = AT + timedelta(minutes=1)
"""The instant after the restart: leases have lapsed, resting orders are old."""

_ORIGIN: Final = "counterseal.example/rehearsal"
_IDS: Final = SeededIdSource("rehearsal")
_CHILD_SECONDS: Final = 60
_ATTACKED: Final = (
    Exercise.LOG_REFUSES_CHANGE,
    Exercise.DIRECT_APPEND_REFUSED,
    Exercise.STATE_AFTER_RESTART,
    Exercise.RESTORED_FROM_BACKUP,
    Exercise.QUEUE_SURVIVES,
    Exercise.SWITCH_STOPS_OTHER_PROCESS,
)
_RISK_STATE: Final = (
    *(RiskState, RiskSwitch, RiskCounters, StrategyExposure, AccountLoss),
    *(Position, Account),
)
_ALL: Final = (*REHEARSED, *LOGINS, *EXPORTS, *WORKED, *ACROSS, *DOUBTED, *RESUMED, *_ATTACKED)
_FORBIDDEN: Final = (
    "UPDATE audit_records SET type = 'changed'",
    "DELETE FROM audit_records",
    "UPDATE audit_checkpoints SET note = 'changed'",
    "DELETE FROM audit_checkpoints",
)
_BESIDE_THE_SEQUENCER: Final = (
    "INSERT INTO audit_records SELECT seq + 1, leaf_hash, 'direct', 0, hex(zeroblob(32)), 'direct',"
    " 'direct', occurred_at, recorded_at, hex(randomblob(32)), body FROM audit_records"
    " ORDER BY seq DESC LIMIT 1"
)


class ScratchFeed:
    """One quote that no caller gave."""

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """A fresh quote of the scratch contract, or `NO_QUOTE`."""
        if symbol != SYMBOL:
            return refuse("NO_QUOTE", "the scratch market has one contract", symbol=symbol)
        return Quote(
            quote_id="scratch-quote",
            symbol=symbol,
            bid=Decimal(19_999),
            ask=Decimal(20_000),
            bid_size=Decimal(100),
            ask_size=Decimal(100),
            last=Decimal(19_999),
            liquidity_score=Decimal(1),
            source="rehearsal",
            basis=QuoteBasis.SYNTHETIC,
            event_time=now,
            receive_time=now,
            method="none",
            method_version="1",
        )


def rehearse(settings: Settings) -> tuple[Exercised, ...]:
    """Everything that needs a store, tried on a scratch one under the policy of the settings."""
    with TemporaryDirectory(prefix="counterseal-rehearsal-") as folder:
        told: list[Exercised] = []
        stopped = "not reached"
        try:
            _rehearse(settings, Path(folder), told)
        except CountersealError as error:
            stopped = f"the rehearsal stopped: {error.code}"
        except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
            stopped = f"the rehearsal stopped: {type(error).__name__}"
        return completed(told, _ALL, stopped)


def _rehearse(settings: Settings, folder: Path, told: list[Exercised]) -> None:
    scratch = _settings(settings, folder)
    files = read_policy_files(settings.counterseal_policies, POLICY_VERSION)
    create_database(scratch.database, _ORIGIN)
    create_state(scratch.counterseal_signer_state, _ORIGIN)
    with _desk(scratch) as desk:
        house = ScratchHouse(desk, files, AT, log_vkey=_log_key().key.text)
        rehearsal = Rehearsal(house)
        told.extend(rehearsal.run())
        told.extend(rehearse_login(house, _one_time_code))
        told.append(rehearse_export(house, SqlArchive(scratch.database, data_keys(scratch))))
        orders = OrdersRehearsal(house, _gateway(scratch, desk))
        told.extend(orders.run())
        told.extend(RiskRehearsal(house).run())
        told.extend(DoubtsRehearsal(house, _gateway(scratch, desk)).run())
        order_id = orders.stop_halfway()
        batch_id = rehearsal.claim()
        before = _state(desk)
    told.extend((_restarted(scratch, before), _put_back(scratch, before)))
    told.extend((_changes_refused(scratch.database_file), _append_refused(scratch.database_file)))
    with _desk(scratch) as desk:
        rehearsal = Rehearsal(ScratchHouse(desk, files, AT, start=1_000))
        if batch_id is not None:
            told.append(rehearsal.execute_claimed(batch_id))
        if _switch_elsewhere(settings, folder):
            told.append(rehearsal.submit_under_switch())
    with _desk(scratch, _AFTER) as desk:
        house = ScratchHouse(desk, files, _AFTER, start=2_000)
        if order_id is not None:
            told.extend(OrdersRehearsal(house, _gateway(scratch, desk)).resume(order_id))


def _one_time_code(secret: SecretStr, at: datetime) -> SecretStr:
    """What the reviewer's authenticator shows."""
    import pyotp  # noqa: PLC0415 - only a login needs it

    return SecretStr(pyotp.TOTP(secret.get_secret_value()).at(at))


def _settings(settings: Settings, folder: Path) -> Settings:
    home = folder / "home"
    return settings.placed(
        home=home, database=home / "scratch.sqlite", signer_state=folder / "signer"
    )


def _desk(scratch: Settings, at: datetime = AT) -> AbstractContextManager[Desk]:
    return closing_desk(scratch, _log_key(), clock=ReplayClock(at), ids=_IDS, feed=ScratchFeed())


def _log_key() -> NoteSigner:
    return NoteSigner(_ORIGIN, _IDS.secret("log-key", 32))


def _gateway(scratch: Settings, desk: Desk) -> PaperGateway:
    return PaperGateway(SqlitePaperBook(paper_book_file(scratch.counterseal_home)), desk.bench)


def _state(desk: Desk) -> Mapping[str, tuple[Document, ...]]:
    with desk.bench.store.reader() as reader:
        return {kind.KIND: reader.find(kind) for kind in _RISK_STATE}


def _restarted(scratch: Settings, before: Mapping[str, tuple[Document, ...]]) -> Exercised:
    with _desk(scratch) as desk:
        same = _state(desk) == before
    differences = len(reconcile(scratch.database, data_keys(scratch)).differences)
    told = f"equal after reopening: {same}; rebuilt from the log: {differences} differences"
    passed = same and not differences and any(before.values())
    return Exercised(name=Exercise.STATE_AFTER_RESTART, passed=passed, evidence=told)


def _put_back(scratch: Settings, before: Mapping[str, tuple[Document, ...]]) -> Exercised:
    """Copy the home, lose it, and go on in its copy."""
    home = scratch.counterseal_home
    copied = back_up(scratch, home.with_name("copy"))
    shutil.rmtree(home)
    (copied.folder / HOME).rename(home)
    with _desk(scratch) as desk:
        same = _state(desk) == before
    size, outcome = copied.verdict.totals.size, copied.verdict.outcome
    told = f"a copy of {size} records: {outcome}; equal when it was put back: {same}"
    passed = same and any(before.values())
    return Exercised(name=Exercise.RESTORED_FROM_BACKUP, passed=passed, evidence=told)


def _is_refused(database: Path, statement: str) -> bool:
    with closing(sqlite3.connect(database)) as connection:
        try:
            connection.execute(statement)
        except sqlite3.IntegrityError:
            return True
        finally:
            connection.rollback()
    return False


def _changes_refused(database: Path) -> Exercised:
    refused = [statement for statement in _FORBIDDEN if _is_refused(database, statement)]
    told = f"{len(refused)} of {len(_FORBIDDEN)} UPDATE and DELETE statements refused"
    passed = len(refused) == len(_FORBIDDEN)
    return Exercised(name=Exercise.LOG_REFUSES_CHANGE, passed=passed, evidence=told)


def _append_refused(database: Path) -> Exercised:
    refused = _is_refused(database, _BESIDE_THE_SEQUENCER)
    told = f"a well-placed INSERT beside the sequencer: {'refused' if refused else 'accepted'}"
    return Exercised(name=Exercise.DIRECT_APPEND_REFUSED, passed=refused, evidence=told)


def _switch_elsewhere(settings: Settings, folder: Path) -> bool:
    """Set the scratch account's kill switch from another process; whether it was accepted."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    child = subprocess.run(  # noqa: S603 - this very interpreter and module
        [sys.executable, "-m", "storage.scratch", folder, settings.counterseal_policies.absolute()],
        env=environment,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        timeout=_CHILD_SECONDS,
        check=False,
    )
    return child.returncode == 0


def main(folder: Path, policies: Path) -> int:
    """The other process: sets the kill switch of the scratch account."""
    scratch = _settings(Settings(counterseal_policies=policies), folder)
    with _desk(scratch) as desk:
        outcome = desk.setup.switch(
            ACCOUNT,
            scratch_actor(OPERATOR, AT),
            active=True,
            reason="a rehearsal from another process",
            key="switch-elsewhere",
        )
    return 0 if outcome.accepted else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
