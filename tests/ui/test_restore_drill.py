"""The restore drill, by the commands of policies/operations.md: L6 (backup, restore), BK-03, TX-K7.

A home is copied at work, goes on, is lost, and is put back. What was acknowledged in between is
lost, is declared by two people, and stays to be seen by everybody who kept something outside.
"""

import json
import shutil
from pathlib import Path

import pytest

from counterseal.audit.rollback import successor_origin
from storage.signers import state_file
from tests.household import ORIGIN
from tests.ui.kept_house import KeptHouse, kept
from ui.cli import audit_keys

__all__ = ["kept"]
LOST = 2


@pytest.fixture
def house(kept: KeptHouse, monkeypatch: pytest.MonkeyPatch) -> KeptHouse:
    """A home with a case behind it, and nobody at work."""
    monkeypatch.setattr(audit_keys, "CLOCK", kept.world.clock)
    kept.world.done(kept.world.submitted(kept.world.approved()))
    kept.world.store.close()
    return kept


def held(house: KeptHouse, stream: str) -> dict[str, object]:
    """One more acknowledged record."""
    house.world.after(60)
    words = ("records", "hold", stream, "--reason", "a case", *house.proof("compliance"))
    return house.done(*words)


def refused(house: KeptHouse) -> tuple[str, ...]:
    """An act that would be recorded."""
    return ("records", "hold", "*", "--reason", "x", *house.proof("compliance"))


def backed_up(house: KeptHouse, name: str = "copy") -> Path:
    out = house.world.home.parent / name
    house.done("records", "backup", "--out", str(out))
    return out


def put_back(house: KeptHouse, copy: Path) -> None:
    """The home is gone, with everything in it; the copy takes its place."""
    shutil.rmtree(house.world.home)
    shutil.copytree(copy / "home", house.world.home)


def checkpoint(house: KeptHouse, name: str) -> Path:
    """What an outsider takes along."""
    kept_outside = house.world.home.parent / name
    kept_outside.write_text(str(house.done("audit", "checkpoint")["checkpoint"]))
    return kept_outside


def verified(house: KeptHouse, *words: str) -> tuple[int, dict[str, object]]:
    """`audit verify` with the key that was pinned at the founding, and the tables."""
    vkey = house.world.log_key.key.text
    status, told = house("audit", "verify", "--vkey", vkey, "--reconcile", *words)
    verdict = told["verdict"]
    assert isinstance(verdict, dict)
    return status, verdict


def declared(house: KeptHouse) -> None:
    words = ("--reason", "disk lost", "--declare-rollback")
    told = house.done("audit", "recover", *words, *house.approvers("officer-1", "officer-2"))
    assert told["subject_id"] == successor_origin(ORIGIN, 1)


def test_a_copy_behind_which_nothing_happened_opens_at_once(house: KeptHouse) -> None:
    """Drill without loss: the signer remembers what the copy holds, and signs what follows."""
    copy = backed_up(house)
    kept_outside = checkpoint(house, "kept.checkpoint")
    put_back(house, copy)
    assert verified(house, "--expect", str(kept_outside))[0] == 0
    held(house, "*")
    status, verdict = verified(house, "--expect", str(kept_outside))
    assert (status, verdict["lost"], verdict["findings_count"]) == (0, [], 0)
    assert house.code("audit", "recover", "--reason", "again") == (2, "NOTHING_LOST")


def test_what_was_acknowledged_behind_the_copy_is_lost_declared_and_seen(
    house: KeptHouse,
) -> None:
    """Drill with loss: closed to everybody, two officers declare it, the log tells it for ever."""
    copy, before = backed_up(house), len(house.world.log())
    for number in range(LOST):
        held(house, f"case:{number}")
    kept_outside = checkpoint(house, "kept.checkpoint")
    put_back(house, copy)

    assert house.code(*refused(house)) == (1, "ROLLBACK")
    status, verdict = verified(house, "--expect", str(kept_outside))
    assert (status, verdict["outcome"]) == (1, "tampered")
    assert "SHORTER_THAN_REMEMBERED" in json.dumps(verdict["findings"])

    plan = house.done("audit", "recover", "--reason", "disk lost")["rollback"]
    assert isinstance(plan, dict)
    signed = plan["signed"]
    assert isinstance(signed, dict)
    assert signed["size"] == before + LOST
    declared(house)
    held(house, "*")

    memory = house.world.settings.counterseal_signer_state
    remembers = ("--signer-state", str(state_file(memory, successor_origin(ORIGIN, 1))))
    for outside in (copy / "checkpoint", kept_outside):
        status, verdict = verified(house, "--expect", str(outside), *remembers)
        assert (status, verdict["outcome"], verdict["findings_count"]) == (0, "ok", 0)
        told = verdict["lost"]
        assert isinstance(told, list)
        assert [(one["origin"], one["first"], one["end"]) for one in told] == [
            (ORIGIN, before, before + LOST)
        ]
    assert house.done("audit", "reconcile")["clean"] is True


def test_a_home_that_went_on_behind_a_restore_is_copied_and_put_back_as_any(
    house: KeptHouse,
) -> None:
    """Drill twice: the second copy knows both names of the log; the first is of a closed one."""
    first = backed_up(house)
    held(house, "case:1")
    put_back(house, first)
    declared(house)
    second = backed_up(house, "second")
    held(house, "case:2")
    put_back(house, first)
    assert house.code(*refused(house)) == (1, "ORIGIN_CLOSED")
    put_back(house, second)
    assert house.code(*refused(house)) == (
        1,
        "FORK_AT_SIZE",
    )  # one record each


def test_what_was_erased_behind_the_copy_stays_closed_and_is_erased_again(
    house: KeptHouse,
) -> None:
    """Decision 0010: the copy has no key of it; the second erasure is the one on record."""
    erased = ("records", "erase", "ann", "--basis", "asked for", *house.proof("compliance"))
    house.world.reopen()
    house.world.done(house.world.named("ann", "Ann-Example"))
    house.world.store.close()
    copy = backed_up(house)
    house.done(*erased)
    put_back(house, copy)
    declared(house)
    assert house.world.archive.openings("ann") == ()
    house.done(*erased)
    assert "pii.erased" in {row.type for row in house.world.log()}
    assert house.done("audit", "reconcile")["clean"] is True


def test_people_read_what_was_copied_and_what_was_not(house: KeptHouse) -> None:
    """Words of the command; a second copy of one name is bad usage."""
    out = house.world.home.parent / "copy"
    status, text, _ = house.text("records", "backup", "--out", str(out))
    assert status == 0
    assert f"log      {ORIGIN}: {len(house.world.log())} records, 0 unsealed" in text
    assert "left out the signer's memory, and the keys of personal data" in text
    assert house.code("records", "backup", "--out", str(out)) == (2, "BACKUP_EXISTS")
