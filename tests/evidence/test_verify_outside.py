"""A pack against what its reader kept outside, and a pack of a log that was rolled back once."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from counterseal.audit.checkpoint import Checkpoint, cosign_checkpoint, sign_checkpoint
from counterseal.audit.note import NoteSigner
from counterseal.desk.commands import Outcome
from counterseal.desk.exports import ExportOrder, Exports
from counterseal.identity.acts import grant_role, kind_of, statement_of
from counterseal.identity.people import Person, Role
from evidence.pack import PackOrder, write_pack
from evidence.statement import ExportKey
from evidence.verify import Json, reader_of
from storage.archive import SqlArchive
from storage.data_keys import data_keys
from storage.evidence_source import HomeEvidence
from storage.home_keys import first_log_key, keys_folder
from storage.home_reader import read_home
from storage.homes import open_home
from storage.keyring import Keyring
from storage.store import SqlStore
from tests.evidence.pack_room import ALL, PackWorld
from tests.ground import SECRET, Ground
from tests.household import OneQuote
from tests.storage.outside_room import W1, Room, a_witness
from tests.storage.recovery_room import CLOCK, IDS, NEXT, actor, approved, recovered, restored
from ui.cli.app import run
from ui.cli.evidence_verify import verified

__all__ = ["restored"]


class Kept(NamedTuple):
    """A pack of everything, and a folder with what a witness said of its checkpoint."""

    world: PackWorld
    room: Room
    pack: Path
    size: int


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("outside")
    world = PackWorld(folder / "home")
    world.audited()
    room = Room(world)
    order = world.ordered(ALL, ExportKey())
    with a_witness(world) as witness:
        room.policy((W1, witness))
        room.gathered()
    settings = room.settings()
    with read_home(settings) as reader:
        made = write_pack(folder / "pack", HomeEvidence(reader, settings), order)
    return Kept(world, room, folder / "pack", made.size)


def found(kept: Kept, outside: Path) -> Json:
    return verified(kept.pack, reader_of(kept.world.log_key.key.text, None, None), outside)


def test_what_a_witness_saw_excludes_a_second_view(kept: Kept) -> None:
    """Part 8: the reader's folder stands beside the pack; its policy names log and witnesses."""
    told = found(kept, kept.room.folder.path)
    assert (told["outcome"], told["finding"]) == ("verified", None)
    assert "this checkpoint is among them" in told["checked"]["outside"]
    assert told["attackers"]["A5"] == {
        "verdict": "excluded",
        "bound_seq": kept.size - 1,
        "because": "a quorum of your witnesses saw it",
    }
    words = ["evidence", "verify", str(kept.pack), "--outside", str(kept.room.folder.path)]
    assert run(words) == 0


def beside(kept: Kept, folder: Path, log: NoteSigner, witness: NoteSigner) -> Path:
    """A copy of the folder in which the witness's file shows another root of the same size."""
    outside = folder / "outside"
    shutil.copytree(kept.room.folder.path, outside)
    other = Checkpoint(log.key.name, kept.size, b"\1" * 32)
    note = cosign_checkpoint(sign_checkpoint(other, log), witness, 1_767_600_000)
    (outside / kept.room.latest().relative_to(kept.room.folder.path)).write_text(note, "utf-8")
    return outside


def test_another_root_that_a_witness_saw_is_a_fork(kept: Kept, tmp_path: Path) -> None:
    """A6: both signed by the log's own key; the pack is not what others were shown."""
    told = found(kept, beside(kept, tmp_path, kept.world.log_key, W1))
    assert (told["outcome"], told["exit"]) == ("tampered", 1)
    assert told["finding"]["code"] == "FORK_AT_SIZE"


def test_a_note_that_the_log_did_not_sign_is_named_with_its_file(
    kept: Kept, tmp_path: Path
) -> None:
    """Fail closed: what lies in the reader's own folder must hold."""
    stranger = NoteSigner(kept.world.log_key.key.name, b"\7" * 32)
    told = found(kept, beside(kept, tmp_path, stranger, W1))
    assert told["finding"]["code"] in {"KEY_UNKNOWN", "SIG_INVALID"}
    assert told["outcome"] == "tampered"


def test_a_log_that_was_rolled_back_leaves_under_its_new_name(
    restored: Ground, tmp_path: Path
) -> None:
    """Recovery: the declaration leads from the first key to the name that signs; both verify."""
    done = recovered(restored, approved(restored, "ann", "bob"))
    assert isinstance(done, Outcome)
    order, settings = _ordered(restored), restored.settings
    with read_home(settings) as reader:
        write_pack(tmp_path / "pack", HomeEvidence(reader, settings), order)
    first = first_log_key(settings).text

    told = verified(tmp_path / "pack", reader_of(first, None, None))

    assert (told["outcome"], told["finding"]) == ("verified", None)
    assert told["origin"] == NEXT
    assert told["checked"]["log_keys"].startswith("1 keys of the log, from your own key")


def _ordered(ground: Ground) -> PackOrder:
    """Two officers let somebody audit, who asks for everything."""
    desk = open_home(ground.settings, clock=CLOCK, ids=IDS, feed=OneQuote())
    try:
        carol = Person(person_id="carol", tenant="tenant-1", handle="carol", created_at=CLOCK.now())
        assert desk.people.add(carol, actor(), key="carol").accepted
        terms = desk.people.terms("tenant-1", CLOCK.now(), key="auditor")
        act = grant_role(terms, "carol", Role.AUDITOR)
        ring = Keyring(keys_folder(ground.settings))
        agreed = [
            ring.open(name, SECRET).sign(kind_of(act), statement_of(act)) for name in ("ann", "bob")
        ]
        outcome = desk.proposals.propose(agreed, actor(), key="auditor")
        assert outcome.accepted, outcome.refusal
        key = ExportKey()
        archive = SqlArchive(ground.settings.database_file, data_keys(ground.settings))
        asked = ExportOrder(scope=ALL, export_key=key.public)
        exported = Exports(desk.bench, archive).export(asked, actor("carol"), key="export")
    finally:
        store = desk.bench.store
        assert isinstance(store, SqlStore)
        store.close()
    assert exported.outcome.event_id is not None, exported.outcome.refusal
    assert exported.snapshot_id is not None
    return PackOrder(ALL, exported.outcome.event_id, exported.snapshot_id, key)
