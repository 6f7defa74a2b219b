"""A log verified by several workers, against one that reads alone."""

import random
import sqlite3
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.audit.evidence import Evidence, head_of_note
from counterseal.audit.record import StoredRow
from counterseal.audit.seals import StoredCheckpoint
from counterseal.audit.verdict import Outcome, Verdict
from counterseal.audit.verify import verify_log
from storage import parallel_verify
from storage.home_reader import read_home
from storage.parallel_verify import usable_jobs, verify_in_parallel
from storage.settings import Settings
from storage.store import create_database
from tests.core.audit.attack_corpus import KINDS, Level, evidence_at
from tests.core.audit.attacks import Attack, Shown
from tests.core.audit.keeper import Keeper
from tests.core.audit.log_builder import ORIGIN, SIGNER, spaced

LOG = spaced((5, 1, 7, 3, 4))
FULL = Evidence(SIGNER.key, (head_of_note(LOG.checkpoint, SIGNER.key),))
COLUMNS = ", ".join(StoredRow._fields)


def stored(
    folder: Path, rows: Sequence[StoredRow], notes: Sequence[StoredCheckpoint] = ()
) -> Settings:
    """A home whose tables hold whatever an attacker wants: no guard, no key, no type."""
    settings = Settings(counterseal_home=folder)
    settings.database_file.unlink(missing_ok=True)
    create_database(settings.database_file, ORIGIN)
    with closing(sqlite3.connect(settings.database_file)) as file, file:
        for name, columns in (("audit_records", COLUMNS), ("audit_checkpoints", "size, note")):
            file.execute(f"DROP TABLE {name}")
            file.execute(f"CREATE TABLE {name} ({columns})")
        marks = ", ".join("?" * len(StoredRow._fields))
        file.executemany(f"INSERT INTO audit_records VALUES ({marks})", rows)
        file.executemany("INSERT INTO audit_checkpoints VALUES (?, ?)", notes)
    return settings


def verdicts(settings: Settings, evidence: Evidence) -> tuple[Verdict | None, Verdict]:
    """Of two workers, and of one reader."""
    with read_home(settings) as reader:
        alone = verify_log(reader.records(), reader.checkpoints(), evidence)
        return verify_in_parallel(settings, reader, evidence, jobs=2), alone


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that start at once, and ranges of a few records."""
    monkeypatch.setattr(parallel_verify, "worker_pool", ThreadPoolExecutor)
    monkeypatch.setattr(parallel_verify, "RANGE_RECORDS", 6)


@pytest.mark.usefixtures("threads")
def test_the_verdict_of_an_honest_log_is_that_of_one_reader(tmp_path: Path) -> None:
    """TX-K4, TX-K5."""
    settings = stored(tmp_path, LOG.rows, LOG.checkpoints)
    for level in Level:
        together, alone = verdicts(settings, evidence_at(level, LOG))
        assert together == alone
        assert alone.totals.size == len(LOG.rows)
    assert together is not None
    assert together.outcome is Outcome.OK


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("attack", KINDS)
def test_an_attack_gets_the_verdict_of_one_reader_or_is_left_to_it(
    attack: Attack, tmp_path: Path
) -> None:
    """TX-K4, TX-K7: never another verdict, and none at all where the reader names what is wrong."""
    told = attack(LOG, random.Random(7))  # noqa: S311 - a place, no secret
    shown = told if isinstance(told, Shown) else Shown(told)
    settings = stored(tmp_path, *shown.stored)
    for level in Level:
        together, alone = verdicts(settings, evidence_at(level, LOG, None, shown))
        assert together in (None, alone)
        assert together is not None or alone.findings_count or not shown.stored[0]


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("odd", [None, -1, 2.5, "text", b"\x00"])
def test_a_record_at_no_whole_place_is_left_to_one_reader(odd: object, tmp_path: Path) -> None:
    """Such a row lies in no range, or before or behind all of them."""
    hidden = StoredRow(**{**LOG.rows[-1]._asdict(), "seq": odd})
    together, alone = verdicts(stored(tmp_path, [*LOG.rows, hidden], LOG.checkpoints), FULL)
    assert together is None
    assert alone.outcome is Outcome.TAMPERED


@pytest.mark.usefixtures("threads")
def test_keys_holds_and_personal_data_are_accounted_for_the_same(tmp_path: Path) -> None:
    """Rotated and revoked keys, erased and kept words: judged from what the workers send."""
    keeper = Keeper()
    for act in ("case", "hold", "case", "release", "rotate", "revoke"):
        told = {"case": ("case:one", "ann"), "hold": ("case:two",)}.get(act, ())
        getattr(keeper, act)(*told)
    keeper.erase("ann")
    keeper.case("case:three", "bob")
    settings = stored(tmp_path, keeper.rows)
    for openings in (None, (), tuple(keeper.openings.values())):
        together, alone = verdicts(settings, Evidence(SIGNER.key, openings=openings))
        assert together == alone
        assert (alone.findings_count > 0) is (openings == ())


@pytest.mark.usefixtures("threads")
def test_what_is_appended_meanwhile_is_not_verified(tmp_path: Path) -> None:
    """One moment: the one in which the reader first looked."""
    half = spaced((5, 1, 7))
    settings = stored(tmp_path, half.rows, half.checkpoints)
    with closing(sqlite3.connect(settings.database_file, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        with read_home(settings) as reader:
            assert reader.ends() == (0, len(half.rows))
            marks = ", ".join("?" * len(StoredRow._fields))
            later = LOG.rows[len(half.rows) :]
            writer.executemany(f"INSERT INTO audit_records VALUES ({marks})", later)
            together = verify_in_parallel(settings, reader, Evidence(SIGNER.key), jobs=2)
    assert together is not None
    assert together.totals.size == len(half.rows)
    assert together.findings_count == 0


@pytest.mark.usefixtures("threads")
def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    read: list[int] = []
    settings = stored(tmp_path, LOG.rows, LOG.checkpoints)
    with read_home(settings) as reader:
        verify_in_parallel(settings, reader, FULL, jobs=2, progress=read.append)
    assert read == sorted(read)
    assert read[-1] == len(LOG.rows)


def test_a_short_log_or_a_single_job_is_left_to_one_reader(tmp_path: Path) -> None:
    settings = stored(tmp_path, LOG.rows, LOG.checkpoints)
    with read_home(settings) as reader:
        assert verify_in_parallel(settings, reader, FULL) is None
        assert verify_in_parallel(settings, reader, FULL, jobs=1) is None
    assert usable_jobs(parallel_verify.PARALLEL_MIN) == 1
    assert usable_jobs(parallel_verify.PARALLEL_MIN + 1) >= 1


def test_an_empty_log_is_left_to_one_reader(tmp_path: Path) -> None:
    together, alone = verdicts(stored(tmp_path, []), Evidence())
    assert together is None
    assert alone.totals.size == 0


def test_processes_of_their_own_give_the_same_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-K5: a range is sent to a fresh process, and its stretches come back whole."""
    monkeypatch.setattr(parallel_verify, "RANGE_RECORDS", 6)
    together, alone = verdicts(stored(tmp_path, LOG.rows, LOG.checkpoints), FULL)
    assert together == alone
    assert alone.outcome is Outcome.OK


def test_a_worker_that_dies_leaves_the_log_to_one_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory, or killed: no verdict, and no error either."""

    def broken(workers: int) -> Executor:
        pool = ThreadPoolExecutor(workers)
        monkeypatch.setattr(pool, "submit", _dies)
        return pool

    monkeypatch.setattr(parallel_verify, "worker_pool", broken)
    together, alone = verdicts(stored(tmp_path, LOG.rows, LOG.checkpoints), FULL)
    assert together is None
    assert alone.outcome is Outcome.OK


def _dies(*_: object) -> object:
    raise BrokenExecutor
