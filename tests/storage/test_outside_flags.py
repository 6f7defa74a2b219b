"""Readiness, the verifying flow and outside evidence: what is looked at is what outsiders gave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.note import parse_note
from storage.home_facts import home_facts
from storage.home_reader import read_home
from storage.outside_files import OutsideFiles, with_outside
from storage.outside_folder import OutsideFolder
from storage.outsiders import outsiders_of
from storage.settings import Settings
from storage.verification import pinned_evidence, verify_home
from storage.witnesses import CosignedNotes
from tests.ground import Ground
from tests.storage.outside_room import W1, Room, a_witness, an_authority
from tests.storage.recovery_room import NEXT, approved, recovered, restored
from tests.world import World

__all__ = ["restored"]
Seen = tuple[int | None, int | None]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    world = World(tmp_path / "home")
    yield Room(world)
    world.store.close()


def outsiders(settings: Settings) -> Seen:
    """Witnesses under the newest checkpoint, and time-stamps, as readiness is told."""
    with read_home(settings) as reader:
        log = home_facts(reader, settings).log
    return log.witnesses, log.stamps


def test_flags_count_what_outsiders_really_gave(room: Room) -> None:
    """TX-L1, TX-L5: none before they were asked, and a later checkpoint has no cosignature yet."""
    assert outsiders(room.world.settings) == (0, 0)
    with a_witness(room.world) as url, an_authority(room) as authority:
        room.policy((W1, url))
        room.gathered(counterseal_stamp_url=authority)
        assert outsiders(room.settings()) == (1, 1)
        room.world.requested()
        assert outsiders(room.settings()) == (0, 1)
    assert outsiders(room.world.settings) == (0, 0)


def test_evidence_that_cannot_be_read_is_neither_there_nor_absent(room: Room) -> None:
    """TX-L8: None, never a value."""
    with a_witness(room.world) as url:
        room.policy((W1, url))
        room.gathered()
    room.folder.policy.write_text("witness who", "utf-8")
    assert outsiders(room.settings()) == (None, None)


def test_a_witness_counts_under_the_log_s_next_name(restored: Ground) -> None:
    """TX-L5: the home publishes its first key; the log goes on under another name."""
    folder = OutsideFolder(restored.folder / "outside")
    told = {**dict(restored.settings), "counterseal_outside": folder.path}
    recovered(restored, approved(restored, "ann", "bob"))
    folder.path.mkdir()
    folder.policy.write_text(f"witness w {W1.key.text} http://127.0.0.1:1\nquorum w\n", "utf-8")
    with read_home(restored.settings) as reader:
        newest = reader.newest_checkpoint()
        assert newest is not None
        assert read_checkpoint(newest.note).origin == NEXT
        line = W1.line(parse_note(newest.note).body, 1)
        CosignedNotes(folder.cosigned).add(newest.note, [line])
        assert outsiders_of(reader, Settings.model_validate(told)) == (1, 0)


def test_a_home_is_verified_with_its_folder_of_evidence(room: Room) -> None:
    """A3b, A6: as `audit verify --outside` and the flow do, under the home's first key."""
    with a_witness(room.world) as url:
        room.policy((W1, url))
        room.gathered()
    with read_home(room.settings()) as reader:
        pinned = pinned_evidence(reader)
        evidence = with_outside(pinned, OutsideFiles.within(room.folder))
        verdict = verify_home(reader, evidence).verdict
        assert verify_home(reader, pinned).verdict.exit_status == 3
    assert verdict.exit_status == 0
    standing = {one.attacker.value: one.verdict.value for one in verdict.attackers}
    assert (standing["A3b"], standing["A6"]) == ("excluded", "excluded")
