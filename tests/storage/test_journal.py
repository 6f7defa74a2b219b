"""The sequencer and its signer under crashes, flipped bytes, rollbacks and rivals."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.audit.note import NoteSigner
from counterseal.audit.signer import SignerState
from counterseal.kernel.errors import AdapterError, IntegrityError
from storage.durable import write_durably
from storage.journal import AfterStep
from storage.signers import EmbeddedSigner, read_state, state_file
from tests.world import ACCOUNT, ORIGIN, ROOT, World

STEPS = ("recorded", "placed", "signed", "checkpointed")
RIVAL = """
import sys
from pathlib import Path
from tests.world import ACCOUNT, World
home, name = Path(sys.argv[1]), sys.argv[2]
world = World.of(home)
for turn in range(10):
    world.done(
        world.desk.setup.heartbeat(
            ACCOUNT, world.actor("operator"), healthy=bool(turn % 2), key=f"{name}-{turn}"
        )
    )
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def beat(world: World, key: str) -> None:
    actor = world.actor("operator")
    world.done(world.desk.setup.heartbeat(ACCOUNT, actor, healthy=True, key=key))


def at(wanted: str, act: Callable[[], None]) -> AfterStep:
    def observe(step: str) -> None:
        if step == wanted:
            act()

    return observe


def die() -> None:
    raise KeyboardInterrupt


def is_sealed(world: World, size: int) -> None:
    verdict = world.verdict()
    assert verdict.outcome == "ok", verdict.findings
    assert (verdict.totals.size, verdict.totals.unsealed) == (size, 0)
    assert verdict.totals.duplicate_event_ids == 0
    assert world.rows("SELECT * FROM audit_outbox") == []


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_after_any_durable_step_loses_and_doubles_nothing(world: World, step: str) -> None:
    """Journal I3: reopening seals what was left; the same command again is a replay."""
    size = len(world.log())
    world.reopen(at(step, die))
    with pytest.raises(KeyboardInterrupt):
        beat(world, "beat-1")
    world.reopen()
    is_sealed(world, size + 1)
    beat(world, "beat-1")
    is_sealed(world, size + 1)
    beat(world, "beat-2")
    is_sealed(world, size + 2)


@pytest.mark.parametrize("step", STEPS)
def test_two_crashes_in_a_row_at_the_same_step_are_no_worse(world: World, step: str) -> None:
    """Journal I3: also when the recovery itself is cut short."""
    size = len(world.log())
    for key in ("beat-1", "beat-2"):
        try:
            world.reopen(at(step, die))
            beat(world, key)
        except KeyboardInterrupt:
            continue
    world.reopen()
    beat(world, "beat-1")
    beat(world, "beat-2")
    is_sealed(world, size + 2)


def test_a_byte_flipped_before_signing_is_never_signed(world: World) -> None:
    """Journal I2: read back on another connection, compared with the head, refused."""
    notes, remembered = world.notes(), world.remembered()

    def flip() -> None:
        last = world.log()[-1]
        world.forge(
            "UPDATE audit_records SET body = ? WHERE seq = ?",
            bytes([last.body[0] ^ 1]) + last.body[1:],
            last.seq,
        )

    world.reopen(at("placed", flip))
    with pytest.raises(IntegrityError, match="READ_BACK_DIFFERS"):
        beat(world, "beat-1")
    assert (world.notes(), world.remembered()) == (notes, remembered)
    with pytest.raises(IntegrityError, match="READ_BACK_DIFFERS"):
        world.reopen()
    assert (world.notes(), world.remembered()) == (notes, remembered)


def test_a_database_rolled_back_behind_the_signers_memory_is_refused(world: World) -> None:
    """Signer I2: an older copy of the database may not grow another history."""
    world.store.close()
    older = world.settings.database_file.read_bytes()
    world.reopen()
    beat(world, "beat-1")
    beat(world, "beat-2")
    world.store.close()
    world.settings.database_file.write_bytes(older)
    world.reopen()
    notes = world.notes()
    with pytest.raises(IntegrityError, match="ROLLBACK"):
        beat(world, "beat-3")
    assert world.notes() == notes
    assert world.verdict().outcome == "tampered"


def test_another_history_of_the_same_size_is_refused_as_a_fork(world: World) -> None:
    """Signer I1: never two roots for one size; a longer fork lacks the proof."""
    world.store.close()
    older = world.settings.database_file.read_bytes()
    world.reopen()
    beat(world, "beat-1")
    world.store.close()
    world.settings.database_file.write_bytes(older)
    world.reopen()
    with pytest.raises(IntegrityError, match="FORK_AT_SIZE"):
        beat(world, "another-beat")
    with pytest.raises(IntegrityError, match="PROOF_INVALID"):
        beat(world, "one-more-beat")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.unlink(), "SIGNER_STATE_MISSING"),
        (lambda path: path.write_bytes(b""), "SIGNER_STATE_UNREADABLE"),
        (lambda path: path.write_bytes(b'{"origin":"x","size":-1}'), "SIGNER_STATE_UNREADABLE"),
    ],
    ids=["missing", "empty", "damaged"],
)
def test_without_a_readable_memory_nothing_opens_and_nothing_is_signed(
    world: World, spoil: Callable[[Path], None], code: str
) -> None:
    """Signer I4: no fallback to zero, at the start and in the middle."""
    notes = world.notes()
    path = world.state_path
    spoil(path)
    with pytest.raises(IntegrityError, match=code):
        beat(world, "beat-1")
    assert world.notes() == notes
    with pytest.raises(IntegrityError, match=code):
        world.reopen()


def test_a_key_of_another_name_signs_nothing_here(world: World) -> None:
    """Signer: a memory belongs to one origin, also under the file name of another."""
    stranger = NoteSigner("counterseal.example/other", bytes(range(32)))
    folder, head = world.settings.counterseal_signer_state, world.remembered()
    with pytest.raises(IntegrityError, match="SIGNER_STATE_MISSING"):
        EmbeddedSigner(stranger, folder)
    shutil.copy(world.state_path, state_file(folder, stranger.key.name))
    signer = EmbeddedSigner(stranger, folder)
    with pytest.raises(IntegrityError, match="UNKNOWN_ORIGIN"):
        signer.sign_checkpoint(stranger.key.name, head.size, head.root, ())


def test_the_memory_is_durable_before_the_signature_exists(world: World) -> None:
    """Signer I1: when it cannot be written, no note comes out."""
    path = world.state_path
    path.with_suffix(".json.new").mkdir()
    notes, state = world.notes(), read_state(path.parent, ORIGIN)
    with pytest.raises(AdapterError, match="SIGNER_STATE_WRITE"):
        beat(world, "beat-1")
    assert (world.notes(), read_state(path.parent, ORIGIN)) == (notes, state)
    path.with_suffix(".json.new").rmdir()
    world.reopen()
    assert world.verdict().totals.unsealed == 0


def test_the_memory_is_readable_by_its_owner_only(world: World) -> None:
    """Signer: mode 600, and replaced as a whole."""
    path = world.state_path
    beat(world, "beat-1")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    write_durably(path, path.read_bytes())
    assert isinstance(read_state(path.parent, ORIGIN), SignerState)


def test_two_processes_on_one_file_make_one_chain(world: World) -> None:
    """Journal I4: ten commands each, at the same time, and no fork."""
    size = len(world.log())
    world.store.close()
    path = os.pathsep.join(str(ROOT / part) for part in (".", "platform"))
    rivals = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and a fixed text
            [sys.executable, "-c", RIVAL, str(world.home), name],
            env={**os.environ, "PYTHONPATH": path},
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        for name in ("left", "right")
    ]
    for rival in rivals:
        _, told = rival.communicate(timeout=60)
        assert rival.returncode == 0, told.decode()
    is_sealed(world, size + 20)
    assert [row.seq for row in world.log()] == list(range(size + 20))


def test_two_stores_of_one_process_follow_each_other(world: World) -> None:
    """Journal: neither trusts what it remembers of the head."""
    size = len(world.log())
    first = world.desk
    world.reopen()
    second = world.desk
    for turn in range(6):
        world.desk = first if turn % 2 else second
        beat(world, f"beat-{turn}")
    is_sealed(world, size + 6)
    assert world.verdict().origin == ORIGIN
