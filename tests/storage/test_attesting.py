"""Gathering outside evidence: everybody is asked, and whoever fails costs only their own."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from counterseal.audit.note import NoteSigner, parse_vkey
from counterseal.audit.trust_policy import KnownWitness
from counterseal.kernel.errors import CountersealError, InputError
from storage import witnesses
from storage.attesting import Kind, newest_stamp_age
from storage.outside_folder import OutsideFolder
from storage.sealed_log import SealedLog
from storage.settings import Settings
from storage.system import MachineClock
from tests.storage.outside_room import (
    W1,
    W2,
    Answer,
    Room,
    a_witness,
    an_authority,
    codes,
    scripted,
)
from tests.world import World


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    world = World(tmp_path / "home")
    yield Room(world)
    world.store.close()


def failing(room: Room, **more: object) -> str:
    with pytest.raises(CountersealError) as failed:
        room.gathered(**more)
    return failed.value.code


def size_of(room: Room) -> int:
    return len(room.world.log())


def test_everybody_vouches_for_the_newest_checkpoint(room: Room) -> None:
    """A3b, A5, A6, A7: witness, its own word, time-stamp, anchor; the first key is pinned."""
    with a_witness(room.world) as url, an_authority(room) as authority:
        room.policy((W1, url))
        said = room.gathered(counterseal_stamp_url=authority)
        room.world.requested()
        again = room.gathered(counterseal_stamp_url=authority)
    assert codes(said) == [
        ("witness", None, False),
        ("stamp", None, False),
        ("anchor", None, False),
    ]
    assert {one.size for one in again} == {size_of(room)}
    view = room.view()
    assert view.findings == ()
    assert {head.source for head in view.heads} == {"witness", "stamp", "anchor"}
    for reached in (view.witnessed, view.latest):
        assert reached is not None
        assert reached.size == size_of(room)
    assert view.windows.seen_to == size_of(room)
    assert parse_vkey(room.folder.log_key.read_text("utf-8").strip()) == room.world.log_key.key
    assert newest_stamp_age(room.folder, MachineClock().now()) is not None


def test_a_pinned_key_is_never_replaced(room: Room) -> None:
    """I3: whoever pinned another key is to learn of it by verifying."""
    room.folder.path.mkdir()
    room.folder.log_key.write_text(W2.key.text, "utf-8")
    room.gathered(Kind.ANCHOR)
    assert room.folder.log_key.read_text("utf-8") == W2.key.text


def test_one_who_fails_costs_their_own_evidence_only(room: Room) -> None:
    """I1: a witness that is away, and an authority without an answer."""
    with scripted(lambda *_: (503, b"")) as away, a_witness(room.world, W2) as url:
        room.policy((W1, away), (W2, url))
        room.folder.roots.write_bytes(b"")
        said = room.gathered(counterseal_stamp_url=away)
    assert codes(said) == [
        ("witness", "WITNESS_FAILED", False),
        ("witness", None, False),
        ("stamp", "ROOTS_INVALID", False),
        ("anchor", None, False),
    ]
    assert not room.latest("w1").exists()
    assert read_checkpoint(room.latest("w2").read_text("utf-8")).size == size_of(room)


def test_an_authority_that_is_down_leaves_no_token(room: Room) -> None:
    """A7: what was not stamped is not kept."""
    with an_authority(room):
        pass
    down = "http://127.0.0.1:1"
    said = room.gathered(Kind.STAMP, counterseal_stamp_url=down)
    assert codes(said) == [("stamp", "HTTP_FAILED", False)]
    assert not room.folder.stamps.exists()
    room.folder.roots.unlink()
    said = room.gathered(Kind.STAMP, counterseal_stamp_url=down)
    assert codes(said) == [("stamp", "ROOTS_MISSING", False)]


@pytest.mark.parametrize(
    ("answer", "code", "alarm"),
    [
        ((409, b"0\n"), "WITNESS_CONTRADICTS", True),
        ((409, b"100000\n"), "WITNESS_AHEAD", True),
        ((422, b"no\n"), "WITNESS_CONTRADICTS", True),
        ((404, b"no\n"), "WITNESS_REFUSED", False),
        ((200, b"nothing\n"), "NOTE_MALFORMED", False),
        ((500, b""), "WITNESS_FAILED", False),
    ],
)
def test_a_contradiction_is_an_alarm_and_a_bad_day_is_none(
    room: Room, answer: Answer, code: str, alarm: bool
) -> None:
    """A3b, A6: fork and cut are told apart from a witness that has trouble; nothing is kept."""
    with scripted(lambda *_: answer) as url:
        room.policy((W1, url))
        said = room.gathered(Kind.WITNESSES)
    assert codes(said) == [("witness", code, alarm)]
    assert not room.latest().exists()
    assert not room.folder.cosigned.exists()


def test_a_fork_under_the_real_key_is_an_alarm(room: Room) -> None:
    """A6: the witness holds another root for this very size, signed by the log's key."""
    world = room.world
    other = sign_checkpoint(
        Checkpoint(world.log_key.key.name, size_of(room), bytes(32)), world.log_key
    )
    with a_witness(world) as url:
        client = witnesses.WitnessClient(known_at(room, url))
        client.cosign(other, lambda *_: ())
        said = room.gathered(Kind.WITNESSES)
    assert codes(said) == [("witness", "WITNESS_CONTRADICTS", True)]


def known_at(room: Room, url: str) -> KnownWitness:
    room.policy((W1, url))
    return KnownWitness(b"w1", W1.key, url)


def test_a_witness_that_forgot_does_not_take_back_what_it_said(room: Room) -> None:
    """I2, A3b: a smaller latest checkpoint never replaces a larger one."""
    with a_witness(room.world) as url:
        room.policy((W1, url))
        room.gathered(Kind.WITNESSES)
        before = room.latest().read_bytes()
    for memory in room.world.home.parent.glob("memory-*"):
        shutil.rmtree(memory)
    room.latest().write_bytes(before.replace(b"\n%d\n" % size_of(room), b"\n9999\n"))
    with a_witness(room.world) as url:
        room.policy((W1, url))
        said = room.gathered(Kind.WITNESSES)
    assert codes(said) == [("witness", "WITNESS_FORGOT", True)]
    assert b"\n9999\n" in room.latest().read_bytes()


def test_what_was_held_of_an_earlier_name_is_put_beside(room: Room) -> None:
    """A3b: after a declared rollback the log is shorter, under its next name, and no liar."""
    old = NoteSigner("counterseal.example/before", bytes(32))
    note = sign_checkpoint(Checkpoint(old.key.name, 9999, bytes(32)), old)
    same = sign_checkpoint(Checkpoint(old.key.name, size_of(room), bytes(32)), old)
    with a_witness(room.world) as url:
        room.policy((W1, url))
        room.folder.latest.mkdir()
        room.latest().write_text(note, "utf-8")
        witnesses.CosignedNotes(room.folder.cosigned).add(same, ())
        said = room.gathered(Kind.WITNESSES)
    assert codes(said) == [("witness", None, False)]
    files = sorted(room.folder.latest.glob("*.checkpoint"))
    sizes = {read_checkpoint(path.read_text("utf-8")).size for path in files}
    assert sizes == {9999, size_of(room)}
    kept = witnesses.CosignedNotes(room.folder.cosigned).read()
    assert {read_checkpoint(text).origin for text in kept} == {
        old.key.name,
        room.world.log_key.key.name,
    }


def test_a_hanging_witness_holds_up_nobody_for_long(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1: the others answer meanwhile, and the wait has an end."""
    released = threading.Event()

    def silent(_path: str, _body: bytes) -> Answer:
        released.wait(20)
        return 503, b""

    monkeypatch.setattr(witnesses.WitnessClient.__init__, "__defaults__", (0.3,))
    started = time.monotonic()
    with scripted(silent) as hanging, a_witness(room.world, W2) as url:
        room.policy((W1, hanging), (W2, url))
        said = room.gathered()
        took = time.monotonic() - started
        released.set()
    assert codes(said)[:2] == [("witness", "HTTP_FAILED", False), ("witness", None, False)]
    assert took < 10


def test_a_shortened_anchor_is_an_alarm(room: Room) -> None:
    """A3b: the file is not what was written."""
    room.gathered(Kind.ANCHOR)
    [anchor] = room.folder.anchors.glob("*.anchor")
    anchor.write_bytes(b"")
    assert codes(room.gathered(Kind.ANCHOR)) == [("anchor", "ANCHOR_SHORTER", True)]
    assert anchor.read_bytes() == b""


def test_a_folder_that_cannot_be_written_is_a_bad_day(room: Room) -> None:
    """I1: an answer like any other."""
    room.folder.path.mkdir()
    room.folder.anchors.write_text("in the way", "utf-8")
    assert codes(room.gathered(Kind.ANCHOR)) == [("anchor", "EVIDENCE_WRITE", False)]


def test_a_policy_that_is_not_understood_is_refused(room: Room) -> None:
    """Trust is never half applied."""
    room.folder.path.mkdir()
    room.folder.policy.write_text("quorum nobody\n", "utf-8")
    assert failing(room) == "TRUST_POLICY_MALFORMED"


def test_without_a_folder_nobody_can_be_asked(room: Room) -> None:
    """The setting is named in the answer."""
    assert failing(room, counterseal_outside=None) == "OUTSIDE_UNSET"


@pytest.mark.parametrize("inside", ["", "evidence", "data/../evidence"])
def test_the_folder_lies_outside_the_home(tmp_path: Path, inside: str) -> None:
    """OUTSIDE_INSIDE_HOME: backups and thieves of the home would carry the evidence, too."""
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises(InputError) as refused:
        Settings(counterseal_home=home, counterseal_outside=home / inside).check()
    assert refused.value.code == "OUTSIDE_INSIDE_HOME"
    (tmp_path / "link").symlink_to(home / "evidence")
    with pytest.raises(InputError) as refused:
        Settings(counterseal_home=home, counterseal_outside=tmp_path / "link").check()
    assert refused.value.code == "OUTSIDE_INSIDE_HOME"
    beside = Settings(counterseal_home=home, counterseal_outside=tmp_path / "home.outside")
    assert beside.check() is beside


def test_time_stamps_need_a_folder(tmp_path: Path) -> None:
    """An authority without a place for its tokens is a mistake in the settings."""
    with pytest.raises(InputError) as refused:
        Settings(counterseal_home=tmp_path, counterseal_stamp_url="http://127.0.0.1:1").check()
    assert refused.value.field == "COUNTERSEAL_STAMP_URL"


@pytest.mark.parametrize(
    ("name", "file"), [(b"w-1.example", "w-1.example"), (b"../../etc", None), (b"\xff", None)]
)
def test_a_witness_name_is_no_path(tmp_path: Path, name: bytes, file: str | None) -> None:
    """A policy may name a witness by any bytes."""
    path = OutsideFolder(tmp_path).latest_of(KnownWitness(name, W1.key))
    assert path.parent == tmp_path / "latest"
    assert file is None or path.name == f"{file}.checkpoint"


def test_growth_is_proved_to_a_signed_size_only(room: Room) -> None:
    """Sealed log I2: sizes without a checkpoint, and sizes that are no range."""
    log = SealedLog(room.world.store._reader)
    note = log.newest()
    assert note is not None
    newest = read_checkpoint(note).size
    assert log.growth(newest, newest) == ()
    assert log.growth(3, newest)
    for old, new in ((0, newest), (newest + 1, newest), (1, newest + 1)):
        with pytest.raises(InputError) as refused:
            log.growth(old, new)
        assert refused.value.code == "PROOF_RANGE"
