"""The log's key is followed by another; a crash at any step leaves a home that goes on."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from counterseal.audit.keys import ROTATED, SealStanding, walk_keys
from counterseal.audit.note import VerifierKey, open_note, parse_note
from counterseal.audit.verify import Evidence, head_of_signer, verify_log
from counterseal.desk.archive import key_records
from counterseal.desk.commands import Outcome
from counterseal.kernel.errors import (
    AdapterError,
    CountersealError,
    InputError,
    IntegrityError,
)
from counterseal.kernel.ids import SeededIdSource
from storage import home_keys, rotation
from storage.home_keys import (
    first_key_path,
    first_log_key,
    log_key_path,
    next_key_path,
    open_log_key,
    opened_log_key,
    public_log_key,
)
from storage.home_reader import read_home
from storage.journal import no_observer
from storage.reconcile import reconcile
from storage.recovery import plan_rollback
from storage.rotation import revoke, rotate
from storage.settings import Settings
from storage.signers import read_state
from tests.ground import Ground, ground_at
from tests.household import ORIGIN, OneQuote
from tests.storage.recovery_room import CLOCK, actor, beat

STEPS = ("drawn", "recorded", "placed", "signed", "checkpointed", "rotated", "replaced")


class KilledError(Exception):
    """The process ends here."""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that is founded once and copied for each test."""
    folder = tmp_path_factory.mktemp("founded")
    ground_at(folder, "one").found()
    return folder


@pytest.fixture
def ground(founded: Path, tmp_path: Path) -> Ground:
    shutil.copytree(founded, tmp_path, dirs_exist_ok=True)
    return ground_at(tmp_path, "one")


def rotated(ground: Ground, key: str = "rotate", kill: str = "", who: str = "ann") -> Outcome:
    def after_step(step: str) -> None:
        if step == kill:
            raise KilledError

    return rotate(
        ground.settings,
        actor(who),
        key=key,
        clock=CLOCK,
        ids=SeededIdSource("rotation"),
        feed=OneQuote(),
        after_step=after_step if kill else no_observer,
    )


def revoked(
    ground: Ground, vkey: VerifierKey, key: str = "revoke", reason: str = "stolen"
) -> Outcome:
    return revoke(
        ground.settings,
        vkey,
        reason,
        actor(),
        key=key,
        clock=CLOCK,
        ids=SeededIdSource("rotation"),
        feed=OneQuote(),
    )


def holds(ground: Ground, first: VerifierKey) -> None:
    """The whole log verifies with the first key pinned and the signer's memory."""
    head = head_of_signer(read_state(ground.settings.counterseal_signer_state, ORIGIN))
    with read_home(ground.settings) as reader:
        rows, notes = tuple(reader.records()), reader.checkpoints()
    verdict = verify_log(rows, notes, Evidence(log_key=first, heads=(head,)))
    assert (verdict.outcome, verdict.findings, verdict.totals.unsealed) == ("ok", (), 0)
    assert reconcile(ground.settings.database_file).clean
    ring, broken = walk_keys(first, key_records(rows))
    assert broken == ()
    assert ring.current == open_log_key(ground.settings).key


def rotations(ground: Ground) -> int:
    with read_home(ground.settings) as reader:
        return sum(row.type == ROTATED for row in reader.records())


def signers_of(ground: Ground, first: VerifierKey) -> list[set[VerifierKey]]:
    """Who signed each checkpoint, by size."""
    with read_home(ground.settings) as reader:
        ring, _ = walk_keys(first, key_records(reader.records()))
        notes = [row.note for row in reader.checkpoints()]
    return [{line.key for line in open_note(parse_note(note), ring.keys)} for note in notes]


def test_both_keys_sign_the_checkpoint_over_the_rotation(ground: Ground) -> None:
    """Design 6: two lines on one note; before it the old key signs, behind it the new one."""
    first = open_log_key(ground.settings).key
    before = len(signers_of(ground, first))
    assert rotated(ground).accepted
    second = open_log_key(ground.settings).key
    beat(ground, "one")
    signed = signers_of(ground, first)
    assert all(keys == {first} for keys in signed[:before])
    assert (signed[before], signed[-1]) == ({first, second}, {second})
    assert first != second
    holds(ground, first)


def test_an_auditor_pins_the_first_key_and_walks(ground: Ground) -> None:
    """Design 6: over several rotations; a later key in the first one's place is refused."""
    first = open_log_key(ground.settings).key
    assert first_log_key(ground.settings) == first
    for count in range(3):
        assert rotated(ground, f"rotate-{count}").accepted
        beat(ground, f"beat-{count}")
        assert first_log_key(ground.settings) == first
    holds(ground, first)
    with read_home(ground.settings) as reader:
        rows, notes = tuple(reader.records()), reader.checkpoints()
    later = open_log_key(ground.settings).key
    assert verify_log(rows, notes, Evidence(log_key=later)).outcome == "tampered"


def test_the_old_key_s_file_is_gone_and_the_memory_stays(ground: Ground) -> None:
    """Design 5, 6: the signer knows the log by its name; the file is replaced, sealed as before."""
    old = log_key_path(ground.settings).read_bytes()
    size = read_state(ground.settings.counterseal_signer_state, ORIGIN).size
    rotated(ground)
    assert log_key_path(ground.settings).read_bytes() != old
    assert log_key_path(ground.settings).stat().st_mode & 0o777 == 0o600
    assert not next_key_path(ground.settings).exists()
    assert read_state(ground.settings.counterseal_signer_state, ORIGIN).size == size + 1


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_is_completed_by_the_same_command(ground: Ground, step: str) -> None:
    """Design 6: one rotation, whatever was done before."""
    first = open_log_key(ground.settings).key
    with pytest.raises(KilledError):
        rotated(ground, kill=step)
    outcome = rotated(ground)
    assert outcome.accepted
    assert not next_key_path(ground.settings).exists()
    beat(ground, "after")
    assert open_log_key(ground.settings).key != first
    assert rotations(ground) == 1
    holds(ground, first)


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_leaves_a_home_that_goes_on(ground: Ground, step: str) -> None:
    """Design 6: whoever opens the home next completes what is in the log, and signs."""
    first = open_log_key(ground.settings).key
    with pytest.raises(KilledError):
        rotated(ground, kill=step)
    beat(ground, "one")
    beat(ground, "two")
    went_on = step != "drawn"
    assert (open_log_key(ground.settings).key != first) == went_on
    assert next_key_path(ground.settings).exists() != went_on
    assert rotations(ground) == int(went_on)
    holds(ground, first)


@pytest.mark.parametrize("name", ["write_durably", "sync_folder"])
def test_a_full_disk_at_the_key_file_is_told_and_completed(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Design 11: ENOSPC and EIO where the file is replaced."""
    first = open_log_key(ground.settings).key
    with monkeypatch.context() as patch:
        patch.setattr(home_keys, name, _full)
        with pytest.raises(AdapterError, match="KEY_FILE_WRITE"):
            rotated(ground)
    beat(ground, "one")
    assert rotations(ground) == 1
    assert first_log_key(ground.settings) == first
    holds(ground, first)


def test_no_new_key_can_be_kept_and_nothing_is_rotated(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design 11: ENOSPC before anything is recorded."""
    first = open_log_key(ground.settings).key
    with monkeypatch.context() as patch:
        patch.setattr(rotation, "write_durably", _full)
        with pytest.raises(AdapterError, match="KEY_FILE_WRITE"):
            rotated(ground)
    beat(ground, "one")
    assert rotations(ground) == 0
    holds(ground, first)


def test_a_refused_rotation_leaves_no_key(ground: Ground) -> None:
    """Governance 5: only an administrator; the refusal is recorded."""
    first = open_log_key(ground.settings).key
    outcome = rotated(ground, who="nobody")
    assert outcome.refusal is not None
    assert outcome.refusal.code == "NOT_FOUND"
    assert not next_key_path(ground.settings).exists()
    assert open_log_key(ground.settings).key == first
    beat(ground, "one")
    holds(ground, first)


def test_a_next_key_that_the_log_does_not_name_is_never_used(ground: Ground) -> None:
    """Design 6: a file laid beside the log key changes nothing."""
    first = open_log_key(ground.settings).key
    with pytest.raises(KilledError):
        rotated(ground, kill="drawn")
    stranger = public_log_key(next_key_path(ground.settings))
    beat(ground, "one")
    assert all(stranger not in keys for keys in signers_of(ground, first))
    assert opened_log_key(ground.settings, next_key_path(ground.settings)).key == stranger
    next_key_path(ground.settings).write_text("{}", "utf-8")
    with pytest.raises(CountersealError):
        open_log_key(ground.settings)


def test_an_old_key_is_revoked_and_never_counts_again(ground: Ground) -> None:
    """Design 6: KEY_REVOKED behind the revocation; the overlap counts by the new key's line."""
    first = open_log_key(ground.settings).key
    refused = revoked(ground, first, "early")
    assert refused.refusal is not None
    assert refused.refusal.code == "KEY_UNKNOWN"
    rotated(ground)
    outcome = revoked(ground, first)
    assert outcome.accepted
    with read_home(ground.settings) as reader:
        ring, broken = walk_keys(first, key_records(reader.records()))
    assert broken == ()
    assert ring.standing(first, outcome.sealed_size) is SealStanding.KEY_REVOKED
    assert ring.standing(ring.current, outcome.sealed_size) is SealStanding.COUNTS
    again = revoked(ground, first, "again")
    assert again.refusal is not None
    assert again.refusal.code == "KEY_REVOKED"
    holds(ground, first)


def test_an_old_key_file_that_is_put_back_signs_nothing_once_its_overlap_is_over(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design 6: from both sides of the overlap, and never once it is revoked."""
    old = log_key_path(ground.settings).read_bytes()
    first = open_log_key(ground.settings).key
    monkeypatch.setattr("counterseal.desk.records.OVERLAP", 2)
    rotated(ground)
    new = log_key_path(ground.settings).read_bytes()
    log_key_path(ground.settings).write_bytes(old)
    beat(ground, "within")
    with pytest.raises(IntegrityError, match="KEY_NOT_IN_FORCE"):
        beat(ground, "behind")
    log_key_path(ground.settings).write_bytes(new)
    beat(ground, "again")
    holds(ground, first)
    revoked(ground, first)
    log_key_path(ground.settings).write_bytes(old)
    with pytest.raises(IntegrityError, match="KEY_NOT_IN_FORCE"):
        beat(ground, "never")


def test_a_backup_from_before_a_rotation_needs_the_key_file_of_its_time(
    ground: Ground, tmp_path: Path
) -> None:
    """Design 5, 6: a restored log goes on under the key that it names."""
    database = ground.settings.database_file
    shutil.copy(database, tmp_path / "backup")
    old = log_key_path(ground.settings).read_bytes()
    rotated(ground)
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    shutil.copy(tmp_path / "backup", database)
    with pytest.raises(IntegrityError, match="KEY_NOT_IN_FORCE"):
        plan_rollback(ground.settings, open_log_key(ground.settings), "disk lost", CLOCK)
    log_key_path(ground.settings).write_bytes(old)
    plan = plan_rollback(ground.settings, open_log_key(ground.settings), "disk lost", CLOCK)
    assert plan.kept.size == plan.restored.size > 0


@pytest.mark.parametrize("place", [first_key_path, next_key_path])
def test_what_a_rotation_left_belongs_to_its_home_alone(
    tmp_path: Path, place: Callable[[Settings], Path]
) -> None:
    """Founding I4: no new home takes another one's first key for its own."""
    fresh = ground_at(tmp_path, "two")
    path = place(fresh.settings)
    path.parent.mkdir(parents=True)
    path.write_text("left", "utf-8")
    with pytest.raises(InputError, match="KEY_FILE_EXISTS"):
        fresh.found()
    assert path.read_text("utf-8") == "left"


def test_a_signer_of_its_own_is_stopped_before(ground: Ground) -> None:
    """Design 5: its key never comes into the process that writes, not even to end."""
    told = dict(ground.settings) | {"counterseal_signer_socket": ground.folder / "socket"}
    away = replace(ground, settings=Settings(**told))
    first = open_log_key(ground.settings).key
    with pytest.raises(InputError, match="SIGNER_ELSEWHERE"):
        rotated(away)
    with pytest.raises(InputError, match="SIGNER_ELSEWHERE"):
        revoked(away, first)
    assert rotations(ground) == 0


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")
