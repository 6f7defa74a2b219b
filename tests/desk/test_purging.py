"""Purges through the desk and the real store: two people, one record, nothing unaccounted."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest
from counterseal.audit.merkle import Frontier, leaf_hash
from counterseal.audit.retention import (
    CASE_PREFIX,
    KIND_OF_TYPE,
    Purge,
    PurgeStatus,
    kept_until,
)
from counterseal.desk.commands import CommandRecord
from counterseal.desk.purging import Purging
from counterseal.kernel.errors import AdapterError, IntegrityError
from counterseal.oms.model import Order
from counterseal.portfolio.model import Account, Position
from storage.archive import SqlArchive
from tests.desk.casework import amended
from tests.desk.keeping import YEAR, KeptWorld, code

WORDS = b"mean reversion after a sharp move"


@pytest.fixture
def world(tmp_path: Path) -> KeptWorld:
    """A world with one filled order, six years ago."""
    made = KeptWorld(tmp_path)
    made.done(made.submitted(made.approved()))
    made.after(6.1 * YEAR)
    return made


def _case(world: KeptWorld) -> list[int]:
    return [row.seq for row in world.log() if row.stream.startswith(CASE_PREFIX)]


class _Interrupted(SqlArchive):
    """An archive that is cut off before a body goes."""

    def carry_out(self, purge: Purge) -> int:
        raise AdapterError("DATABASE_BUSY", "cut off", retriable=True, got=purge.purge_id)


def test_every_type_in_a_case_has_a_kind_in_the_schedule(world: KeptWorld) -> None:
    """Policy retention: a type without a kind would keep its case for ever, unnoticed."""
    types = {row.type for row in world.log() if row.stream.startswith(CASE_PREFIX)}
    assert {kind.partition(".")[0] for kind in types} <= set(KIND_OF_TYPE)


def test_an_older_version_goes_with_the_newer_one_and_not_before(tmp_path: Path) -> None:
    """Rule 2.3: whoever rechecks the newer version needs what its carried decisions came from."""
    made = KeptWorld(tmp_path)
    old = made.requested()
    new = made.done(amended(made, old, {"request_reason": "another good reason"}))
    over = kept_until(made.clock.now(), 6)
    made.after(1000)
    quant = made.actor("quant")
    made.done(made.desk.approvals.withdraw(new, quant, key=made.key()))
    assert made.purging.due(over + timedelta(seconds=999)) == ()
    gone = {one.stream for one in made.purging.due(over + timedelta(seconds=1001))}
    assert gone == {f"{CASE_PREFIX}{old}", f"{CASE_PREFIX}{new}"}


def test_a_case_past_its_schedule_goes_and_everything_else_stays(world: KeptWorld) -> None:
    """Design 7: leaf hashes stay, so that every root still recomputes."""
    case, before = _case(world), world.log()
    assert WORDS in b"".join(row.body for row in before)
    world.purged()
    after = world.log()
    assert [row.seq for row in after if row.body == b""] == case
    assert [row[:10] for row in after[: len(before)]] == [row[:10] for row in before]
    assert WORDS not in b"".join(p.read_bytes() for p in world.home.glob("*.db*"))
    report = world.report()
    assert report.irregularities == ()
    assert (report.records.purged, report.records.missing) == (len(case), 0)
    frontier = Frontier()
    for row in after:
        frontier.append(leaf_hash(row.body) if row.body else bytes.fromhex(row.leaf_hash))
    assert frontier.root().hex() == world.remembered().root.hex()


def test_tables_equal_what_the_log_still_carries(world: KeptWorld) -> None:
    """Architecture 2: documents of the case go; accounts, positions and keys are carried on."""
    with world.store.reader() as reader:
        accounts, positions = reader.find(Account), reader.find(Position)
        commands = reader.find(CommandRecord)
    assert positions
    world.purged()
    with world.store.reader() as reader:
        assert (reader.find(Account), reader.find(Position)) == (accounts, positions)
        assert set(reader.find(CommandRecord)) >= set(commands)
        assert not reader.find(Order)
        assert not reader.find(ApprovalRequest)
    assert world.differences == ()
    assert "retention.carried" in {row.type for row in world.log()}


def test_the_world_goes_on_behind_a_purge(world: KeptWorld) -> None:
    """Design 7: a purge ends cases, not the log."""
    world.purged()
    world.quote()
    world.approved()
    assert world.report().irregularities == ()
    assert world.differences == ()
    assert code(world.planned()) == "NOT_DUE"


def test_nothing_goes_before_its_time(tmp_path: Path) -> None:
    """BK-05: six years for approvals and orders."""
    world = KeptWorld(tmp_path)
    world.requested()
    world.after(5.9 * YEAR)
    assert world.purging.due(world.clock.now()) == ()
    assert code(world.planned()) == "NOT_DUE"


def test_one_person_is_not_enough(world: KeptWorld) -> None:
    """Design 7: dual control."""
    purge_id = world.done(world.planned())
    world.done(world.approved_by(purge_id, "compliance"))
    assert code(world.approved_by(purge_id, "compliance")) == "TWO_PEOPLE_NEEDED"
    assert all(row.body for row in world.log())
    world.done(world.approved_by(purge_id, "officer-2"))
    assert not all(row.body for row in world.log())
    assert code(world.approved_by(purge_id, "officer-1")) == "PURGE_DONE"


def test_i1_a_consent_is_signed_by_the_person_s_own_key_over_this_plan(world: KeptWorld) -> None:
    """Design invariant 6: the server cannot agree in a person's name."""
    purge_id = world.done(world.planned())
    other = world.consent(purge_id, "officer-1")
    borrowed = world.purging.approve(purge_id, other, world.actor("compliance"), key=world.key())
    assert code(borrowed) == "KEY_NOT_ENROLLED"
    renamed = other.amended(key_id="key-of-compliance")
    forged = world.purging.approve(purge_id, renamed, world.actor("compliance"), key=world.key())
    assert code(forged) == "SIGNATURE_INVALID"
    second = world.done(world.planned())
    moved = world.consent(second, "compliance")
    replayed = world.purging.approve(purge_id, moved, world.actor("compliance"), key=world.key())
    assert code(replayed) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("name", ["operator", "risk", "quant"])
def test_other_roles_neither_plan_nor_agree(world: KeptWorld, name: str) -> None:
    """Governance 5."""
    assert code(world.purging.plan(world.actor(name), key=world.key())) == "ROLE"
    purge_id = world.done(world.planned())
    assert code(world.approved_by(purge_id, name)) == "ROLE"
    missing = world.purging.approve(
        "prg", world.consent(purge_id, "compliance"), world.actor("compliance"), key=world.key()
    )
    assert code(missing) == "NOT_FOUND"


def test_i2_a_hold_placed_between_plan_and_consent_wins(world: KeptWorld) -> None:
    """Flag legal_hold_enabled: a held record cannot be purged."""
    purge_id = world.done(world.planned())
    world.done(world.approved_by(purge_id, "compliance"))
    stream = world.log()[_case(world)[0]].stream
    world.hold(stream)
    assert code(world.approved_by(purge_id, "officer-1")) == "NOT_DUE"
    assert code(world.planned()) == "NOT_DUE"
    assert all(row.body for row in world.log())
    held = world.report().records.held
    assert held == len(_case(world))


def test_i3_the_same_command_again_completes_what_a_crash_cut_short(world: KeptWorld) -> None:
    """Design 7: the purge is recorded first; then bodies go."""
    purge_id = world.done(world.planned())
    world.done(world.approved_by(purge_id, "compliance"))
    signature, key = world.consent(purge_id, "officer-1"), world.key()
    broken = Purging(world.desk.bench, _Interrupted(world.settings.database_file, world.data_keys))
    with pytest.raises(AdapterError):
        broken.approve(purge_id, signature, world.actor("officer-1"), key=key)
    assert all(row.body for row in world.log())
    assert world.report().irregularities == ()
    assert world.differences == ()
    again = world.purging.approve(purge_id, signature, world.actor("officer-1"), key=key)
    assert again.replayed
    assert [row.seq for row in world.log() if not row.body] == _case(world)


def test_the_database_empties_no_body_that_no_purge_names(world: KeptWorld) -> None:
    """Design 3: the one exception of the guard, from both sides."""
    purge_id = world.done(world.planned())
    with world.store.reader() as reader:
        purge = reader.get(Purge, purge_id)
    assert purge is not None
    with pytest.raises(IntegrityError, match="append-only"):
        world.archive.carry_out(purge.amended(status=PurgeStatus.PURGED))
    world.done(world.approved_by(purge_id, "compliance"))
    world.done(world.approved_by(purge_id, "officer-1"))
    first = _case(world)[0]
    forbidden = (
        "UPDATE audit_records SET body = x'' WHERE seq = 0",
        f"UPDATE audit_records SET body = x'00' WHERE seq = {first}",
        f"UPDATE audit_records SET body = x'', type = 'x' WHERE seq = {first}",
        f"UPDATE audit_records SET leaf_hash = 'x' WHERE seq = {first}",
        f"DELETE FROM audit_records WHERE seq = {first}",
    )
    with closing(sqlite3.connect(world.settings.database_file)) as connection:
        for statement in forbidden:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    assert world.archive.carry_out(purge) == 0


def test_a_body_emptied_behind_the_guard_is_found(world: KeptWorld) -> None:
    """Design 9: PURGE_UNACCOUNTED, and the tables no longer equal the log."""
    seq = _case(world)[0]
    world.forge("UPDATE audit_records SET body = x'' WHERE seq = ?", seq)
    found = [(f.seq, f.code.value) for f in world.report().irregularities]
    assert (seq, "PURGE_UNACCOUNTED") in found
