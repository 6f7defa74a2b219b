"""Copies that lack their newest pages, restored machines, clocks that jump and hosts apart."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import cosign_checkpoint, read_checkpoint
from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.audit.note import COSIGNATURE, NoteSigner
from counterseal.audit.outside import OutsideEvidence, view_outside
from counterseal.audit.record import Draft, StoredRow
from counterseal.audit.trust_policy import parse_policy
from counterseal.audit.verdict import Attacker, Finding, Outcome, Standing, Verdict
from counterseal.audit.verify import (
    Evidence,
    RememberedHead,
    StoredCheckpoint,
    head_of_note,
    head_of_signer,
    verify_log,
)
from counterseal.audit.witness import AddCheckpoint
from counterseal.kernel.clock import parse_utc, utc_text
from storage.engines import reading_engine, writing_engine
from storage.home_reader import HomeReader
from storage.journal import Journal
from storage.lease import LEASE_SECONDS
from storage.signers import EmbeddedSigner, create_state, read_state
from storage.store import SqlStore, create_database
from storage.unit_of_work import writing
from storage.witness_server import Witness, WitnessMemory, create_memory
from tests.bench.bench_seal import AT, ORIGIN, draft
from tests.torture.seals import KEY, event_id

WITNESS = NoteSigner("witness.example/w1", bytes([41]) * 32, COSIGNATURE)
POLICY = parse_policy(
    f"log {KEY.key.text}\nwitness w1 {WITNESS.key.text}\nquorum w1\n".encode(),
)
ERROR_US = 1_000_000


class SetClock:
    """Says what it is told to, also backwards."""

    source = "test"
    max_error_us = ERROR_US

    def __init__(self, at: datetime = AT) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Machine:
    """A database and a signer's memory, on one disk or two."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.clock = SetClock(AT + timedelta(hours=2))
        self.count = 0
        create_database(self.database, ORIGIN)
        create_state(place / "signer", ORIGIN)

    @property
    def database(self) -> Path:
        return self.place / "home" / "log.sqlite"

    @property
    def signer(self) -> EmbeddedSigner:
        return EmbeddedSigner(KEY, self.place / "signer")

    @contextmanager
    def running(self) -> Iterator[SqlStore]:
        store = SqlStore(self.database, self.signer, self.clock)
        try:
            yield store
        finally:
            store.close()

    def seal(self, store: SqlStore, name: str = "") -> int:
        """One more record under one more checkpoint."""
        self.count += 1
        with store.transaction() as work:
            work.record(named_draft(f"{name}{self.count}"), ())
        return store.seal()

    def saved(self, place: Path) -> Path:
        """A copy of everything, made while nothing runs."""
        return shutil.copytree(self.place, place)

    def put_back(self, saved: Path) -> None:
        shutil.rmtree(self.place)
        shutil.copytree(saved, self.place)

    def remembered(self) -> RememberedHead:
        return head_of_signer(read_state(self.place / "signer", ORIGIN))


def named_draft(name: str) -> Draft:
    fresh = draft(0)
    fresh["event_id"] = event_id(name)
    return fresh


def read(database: Path) -> tuple[list[StoredRow], list[StoredCheckpoint]]:
    engine = reading_engine(database)
    try:
        with engine.connect() as connection:
            reader = HomeReader(connection)
            return list(reader.records()), list(reader.checkpoints())
    finally:
        engine.dispose()


def verdict(database: Path, *heads: RememberedHead) -> Verdict:
    return verify_log(*read(database), Evidence(log_key=KEY.key, heads=heads))


def standing(found: Verdict, attacker: Attacker) -> Standing:
    return next(one.verdict for one in found.attackers if one.attacker is attacker)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


def test_a_copy_without_its_wal_is_inconclusive_alone_and_tampered_with_a_head(
    machine: Machine, tmp_path: Path
) -> None:
    """F10: the file alone is a valid prefix; only who kept a head of the whole log sees it."""
    with machine.running() as store:
        machine.seal(store)
    with machine.running() as store:
        machine.seal(store)
        newest = machine.seal(store)
        alone, whole = tmp_path / "alone.sqlite", tmp_path / "whole.sqlite"
        shutil.copyfile(machine.database, alone)
        shutil.copyfile(machine.database, whole)
        shutil.copyfile(f"{machine.database}-wal", f"{whole}-wal")
    kept = head_of_note(read(machine.database)[1][-1].note, KEY.key)
    assert kept.size == newest == 3

    assert len(read(alone)[0]) == 1
    unseen = verdict(alone)
    assert (unseen.outcome, unseen.exit_status) == (Outcome.INCONCLUSIVE, 3)
    assert standing(unseen, Attacker.A3B) is Standing.NO_EVIDENCE
    for head in (kept, machine.remembered()):
        seen = verdict(alone, head)
        assert (seen.outcome, seen.exit_status) == (Outcome.TAMPERED, 1)
        assert seen.first_bad is not None
        assert (seen.first_bad.code, seen.first_bad.seq) == (Finding.SHORTER_THAN_REMEMBERED, 1)
    assert verdict(whole, kept).outcome == Outcome.OK


def test_a_head_that_lags_behind_the_log_accuses_nobody(machine: Machine) -> None:
    """F11: an anchor of before a crash is a bound, not a contradiction."""
    with machine.running() as store:
        machine.seal(store)
        early = machine.remembered()
        machine.seal(store)
    found = verdict(machine.database, early)
    assert found.outcome == Outcome.OK
    reach = {one.attacker: one.bound_seq for one in found.attackers}
    assert reach[Attacker.A3B] == early.size - 1


def snapshot_restored(machine: Machine, tmp_path: Path) -> tuple[str, AddCheckpoint]:
    """The whole machine as it was before its last record, gone on otherwise.

    Returns:
        The note that an auditor kept of what is gone, and what a witness is asked next.
    """
    with machine.running() as store:
        machine.seal(store)
    saved = machine.saved(tmp_path / "snapshot")
    with machine.running() as store:
        machine.seal(store, "before")
    kept = read(machine.database)[1][-1].note
    machine.put_back(saved)
    with machine.running() as store:
        machine.seal(store, "after")
        machine.seal(store, "after")
    rows, notes = read(machine.database)
    tree = Tree(leaf_hash(row.body) for row in rows)
    held = read_checkpoint(kept).size
    return kept, AddCheckpoint(held, tree.consistency_path(held, notes[-1].size), notes[-1].note)


def test_a_restored_machine_whose_signer_forgot_too_is_seen_by_an_auditors_head(
    machine: Machine, tmp_path: Path
) -> None:
    """A3b, A5: memory beside the database proves nothing about both being put back."""
    kept, _ = snapshot_restored(machine, tmp_path)
    assert verdict(machine.database, machine.remembered()).outcome == Outcome.OK
    found = verdict(machine.database, head_of_note(kept, KEY.key))
    assert (found.outcome, found.exit_status) == (Outcome.TAMPERED, 1)
    assert found.first_bad is not None
    assert found.first_bad.code is Finding.FORK_AT_SIZE


def test_a_restored_machine_gets_no_second_tree_cosigned(machine: Machine, tmp_path: Path) -> None:
    """A6: the witness holds what the machine forgot, and answers 422."""
    kept, asked = snapshot_restored(machine, tmp_path)
    create_memory(tmp_path / "witness")
    memory = WitnessMemory(tmp_path / "witness", WITNESS.key)
    witness = Witness(WITNESS, [KEY.key], memory, machine.clock)
    first = witness.add_checkpoint(AddCheckpoint(0, (), kept).text.encode())
    second = witness.add_checkpoint(asked.text.encode())
    memory.close()
    assert first.status == HTTPStatus.OK
    assert (second.status, second.body) == (HTTPStatus.UNPROCESSABLE_ENTITY, b"PROOF_INVALID\n")


def test_the_order_is_that_of_the_numbers_however_the_clock_jumps(machine: Machine) -> None:
    """F05, TX-Z9: an hour ahead, a day back, over a leap second; nobody is accused."""
    jumps = (3600, -86_400, 5, -1, 0, 7200, -7199)
    told: list[str] = []
    with machine.running() as store:
        for seconds in jumps:
            machine.clock.at += timedelta(seconds=seconds)
            machine.seal(store)
            told.append(utc_text(machine.clock.at))
    rows, notes = read(machine.database)
    assert [row.seq for row in rows] == list(range(len(jumps)))
    assert [note.size for note in notes] == list(range(1, len(jumps) + 1))
    found = verdict(machine.database, machine.remembered())
    assert found.outcome == Outcome.OK
    recorded = [row.recorded_at for row in rows]
    back = sum(late < early for early, late in pairwise(recorded))
    assert found.totals.clock_steps_back == back > 0
    floor = utc_text(AT)
    assert recorded == [max(one, floor) for one in told]


def test_a_record_is_never_dated_before_its_own_event(machine: Machine) -> None:
    """F05: a clock that went back behind the command's own time takes that time."""
    machine.clock.at = AT - timedelta(days=1)
    with machine.running() as store:
        machine.seal(store)
    row = read(machine.database)[0][0]
    assert parse_utc(row.recorded_at) == parse_utc(row.occurred_at) == AT


@contextmanager
def host(machine: Machine, clock: SetClock) -> Iterator[Journal]:
    """A journal on a host of its own: the lease alone decides who leads."""
    writer, reader = writing_engine(machine.database), reading_engine(machine.database)
    yield Journal(writer=writer, reader=reader, signer=machine.signer, clock=clock, gate=None)
    writer.dispose()
    reader.dispose()


def two_hosts(machine: Machine, apart: timedelta, turns: tuple[int, ...]) -> None:
    """Seals by two hosts whose clocks differ; true time is the first host's."""
    one, two = SetClock(machine.clock.at), SetClock(machine.clock.at + apart)
    with host(machine, one) as first, host(machine, two) as second:
        for turn, number in enumerate(turns):
            engine = writing_engine(machine.database)
            with writing(engine, machine.signer.draft_key()) as work:
                work.record(named_draft(f"host-{turn}"), ())
            engine.dispose()
            (first, second)[number].seal()
            for clock in (one, two):
                clock.at += timedelta(seconds=LEASE_SECONDS + 5)


def late_rows(machine: Machine) -> list[int]:
    """Records outside the window that a witness at true time leaves them."""
    rows, notes = read(machine.database)
    seen = machine.clock.at + timedelta(seconds=4 * (LEASE_SECONDS + 5))
    cosigned = cosign_checkpoint(notes[-1].note, WITNESS, int(seen.timestamp()))
    windows = view_outside(OutsideEvidence((cosigned,)), [KEY.key], POLICY).windows
    return [row.seq for row in rows if windows.outside(row.seq, row.recorded_at, ERROR_US)]


def test_two_hosts_apart_within_their_stated_error_accuse_nobody(machine: Machine) -> None:
    """Lease, A7: the log is one chain; the largest stated error is told."""
    two_hosts(machine, timedelta(microseconds=ERROR_US), (0, 1, 0, 1))
    found = verdict(machine.database, machine.remembered())
    assert found.outcome == Outcome.OK
    assert found.totals.clock_error_us_max == ERROR_US
    assert late_rows(machine) == []
    times = [parse_utc(row.recorded_at) for row in read(machine.database)[0]]
    apart = timedelta(seconds=LEASE_SECONDS + 5)
    steps = [late - early for early, late in pairwise(times)]
    assert all(abs(step - apart) <= timedelta(microseconds=ERROR_US) for step in steps)


def test_a_host_far_beyond_its_stated_error_is_told_by_the_windows(machine: Machine) -> None:
    """A7: an hour ahead of the witness that saw its records."""
    two_hosts(machine, timedelta(hours=1), (0, 0, 1))
    assert verdict(machine.database, machine.remembered()).outcome == Outcome.OK
    assert late_rows(machine) == [2]
