"""Personal data lies sealed in the database; its keys lie elsewhere and go with an erasure."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError, IntegrityError
from storage import data_keys, openings
from storage.archive import SqlArchive
from storage.data_keys import KEY_SIZE, DataKeys
from storage.home_reader import read_home
from tests.desk.keeping import KeptWorld, code
from tests.storage.test_read_only import allowed, as_nobody

NAME = "Ann-Example"
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


class KilledError(Exception):
    """The process ends here."""


@pytest.fixture
def world(tmp_path: Path) -> KeptWorld:
    """A home that knows one name."""
    world = KeptWorld(tmp_path / "home")
    world.done(world.named("ann", NAME))
    return world


@pytest.fixture
def keys(tmp_path: Path) -> DataKeys:
    return DataKeys(tmp_path / "signer" / "openings")


def _everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _copied(world: KeptWorld, target: Path) -> SqlArchive:
    """A backup of the whole home, as it is now, beside the keys of the running one."""
    world.store.close()
    shutil.copytree(world.home, target)
    world.reopen()
    database = target / world.settings.database_file.relative_to(world.home)
    return SqlArchive(database, world.data_keys)


def test_no_byte_of_a_home_tells_name_or_salt(world: KeptWorld) -> None:
    """Design 7: PII only encrypted; without the salt a guessed name cannot be tried either."""
    (opening,) = world.archive.openings("ann")
    assert opening.word("handle") == NAME
    everything = _everything(world.home)
    for secret in (NAME.encode(), opening.salt.encode(), bytes.fromhex(opening.salt)):
        assert secret not in everything
    key = world.data_keys.key_of(opening.commitment)
    assert key is not None
    assert key not in everything


def test_a_backup_from_before_an_erasure_opens_nothing_afterwards(
    world: KeptWorld, tmp_path: Path
) -> None:
    """Design 7: data keys stored apart from the data, so backups forget too."""
    backup = _copied(world, tmp_path / "backup")
    assert [o.word("handle") for o in backup.openings()] == [NAME]
    world.done(world.erase("ann"))
    assert backup.openings() == ()
    assert len(backup.commitments("ann")) == 1
    assert _files(world.settings.counterseal_signer_state / "openings") == []


def test_each_block_has_a_key_of_its_own(world: KeptWorld) -> None:
    """Design 7: erasing one person leaves every other one."""
    world.done(world.named("bob", "Bob-Example"))
    known = {world.data_keys.key_of(o.commitment) for o in world.archive.openings()}
    assert len(known) == 2
    world.done(world.erase("ann"))
    assert [o.word("handle") for o in world.archive.openings()] == ["Bob-Example"]
    assert world.differences == ()


def test_i1_a_key_is_durable_before_its_opening_is_stored(
    world: KeptWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design 7: a crash leaves at most a key that opens nothing, never an opening without key."""
    with monkeypatch.context() as patch:
        patch.setattr(openings, "insert", _killed)
        with pytest.raises(KilledError):
            world.named("bob", "Bob-Example")
    world.reopen()
    folder = world.settings.counterseal_signer_state / "openings"
    assert len(_files(folder)) == 2
    assert len(world.archive.openings()) == 1
    assert world.differences == ()
    world.done(world.named("bob", "Bob-Example"))
    assert len(world.archive.openings()) == 2


def test_nothing_is_stored_when_its_key_cannot_be_kept(
    world: KeptWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design 7: ENOSPC where the keys lie refuses the command, and the home goes on."""
    before = len(world.log())
    with monkeypatch.context() as patch:
        patch.setattr(data_keys, "write_durably", _full)
        with pytest.raises(AdapterError, match="DATA_KEYS_FAILED"):
            world.named("bob", "Bob-Example")
    assert len(world.log()) == before
    world.done(world.named("bob", "Bob-Example"))
    assert world.differences == ()


@pytest.mark.parametrize("last", ["recorded", "placed", "signed", "checkpointed"])
def test_i2_the_next_open_destroys_what_a_crash_left(world: KeptWorld, last: str) -> None:
    """Design 7: pii.erased is in the log before the key goes, and the key goes."""
    (opening,) = world.archive.openings("ann")
    killed: list[str] = []

    def kill(step: str) -> None:
        if step == last and not killed:
            killed.append(step)
            raise KilledError

    world.store.close()
    world.reopen(kill)
    with pytest.raises(KilledError):
        world.erase("ann")
    world.store.close()
    assert world.data_keys.key_of(opening.commitment) is not None
    world.reopen()
    assert world.data_keys.key_of(opening.commitment) is None
    assert world.log()[-1].type == "pii.erased"
    report = world.report()
    assert report.irregularities == ()
    assert report.pii is not None
    assert (report.pii.opened, report.pii.erased) == (0, 1)
    assert world.differences == ()


def test_i2_an_erasure_that_was_not_recorded_leaves_the_opening_whole(
    world: KeptWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design 7: the key is let go before the commit; without a commit it still opens."""
    with monkeypatch.context() as patch:
        patch.setattr(DataKeys, "let_go", _let_go_and_killed(world.data_keys))
        with pytest.raises(KilledError):
            world.erase("ann")
    world.reopen()
    assert [o.word("handle") for o in world.archive.openings()] == [NAME]
    assert world.report().irregularities == ()
    world.done(world.erase("ann"))
    assert world.archive.openings() == ()
    assert _files(world.settings.counterseal_signer_state / "openings") == []


def test_a_key_that_is_lost_is_missing_and_can_still_be_erased(world: KeptWorld) -> None:
    """Design 7: MISSING is a failure until an erasure accounts for it."""
    (opening,) = world.archive.openings()
    world.data_keys.let_go([opening.commitment])
    world.data_keys.destroy([opening.commitment])
    assert [f.code.value for f in world.report().irregularities] == ["PII_MISSING"]
    assert {d.problem for d in world.differences} == {"missing"}
    world.done(world.erase("ann"))
    assert world.report().irregularities == ()
    assert world.differences == ()
    assert code(world.erase("ann")) == "NOTHING_TO_ERASE"


@pytest.mark.parametrize("content", [b"", b"short", bytes(KEY_SIZE)])
def test_another_key_opens_nothing(world: KeptWorld, content: bytes) -> None:
    """Design 9: PII_OPENING_MISMATCH; the desk refuses to show what was changed."""
    (opening,) = world.archive.openings()
    folder = world.settings.counterseal_signer_state / "openings"
    (folder / opening.commitment.removeprefix("sha256:")).write_bytes(content)
    found = {f.code.value for f in world.report().irregularities}
    assert found == {"PII_OPENING_MISMATCH", "PII_MISSING"}
    with world.store.reader() as reader, pytest.raises(IntegrityError, match="OPENING_INVALID"):
        reader.opened(opening.commitment)


def test_a_copy_without_any_keys_says_nothing_about_openings(world: KeptWorld) -> None:
    """Design 7: what an auditor cannot open is withheld from them, not missing."""
    with read_home(world.settings) as reader:
        shown = reader.openings()
    assert shown is not None
    assert [o.word("handle") for o in shown] == [NAME]
    elsewhere = world.settings.placed(
        home=world.home,
        database=world.settings.database_file,
        signer_state=world.home.parent / "elsewhere",
    )
    with read_home(elsewhere) as reader:
        assert reader.openings() is None
        assert reader.opened(shown[0].commitment) is None


def test_who_may_not_look_at_the_keys_sees_what_is_withheld() -> None:
    """Design 7: a reader of the database alone is no failure, and sees no word."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        world = KeptWorld(Path(folder) / "home")
        world.done(world.named("ann", NAME))
        (opening,) = world.archive.openings()
        world.store.close()
        allowed(world.home, folders=0o555, files=0o444)

        def look() -> None:
            with read_home(world.settings) as reader:
                assert reader.openings() is None
                assert reader.opened(opening.commitment) is None

        assert as_nobody(look) == "done"
        allowed(world.home, folders=0o755, files=0o644)


def test_keys_are_drawn_once_and_read_by_their_owner_alone(keys: DataKeys, tmp_path: Path) -> None:
    """Design 7: a key replaces none; files of mode 600 in a folder of mode 700."""
    assert not keys.at_hand
    first = keys.drawn(ONE)
    assert (len(first), keys.drawn(ONE), keys.key_of(TWO)) == (KEY_SIZE, first, None)
    assert keys.drawn(TWO) != first
    folder = tmp_path / "signer" / "openings"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_only_what_was_let_go_is_destroyed(keys: DataKeys, tmp_path: Path) -> None:
    """Design 7: I2, from both sides; again has no effect."""
    first, second = keys.drawn(ONE), keys.drawn(TWO)
    keys.destroy([ONE])
    assert keys.key_of(ONE) == first
    keys.let_go([ONE, ONE])
    keys.let_go([ONE])
    assert (keys.going(), keys.key_of(ONE)) == ((ONE,), first)
    assert (keys.drawn(ONE), keys.going()) == (first, ())
    keys.let_go([ONE])
    link = tmp_path / "kept-by-a-file-system"
    os.link(tmp_path / "signer" / "openings" / "going" / ("1" * 64), link)
    keys.destroy([ONE])
    keys.destroy([ONE])
    assert (keys.going(), keys.key_of(ONE), keys.key_of(TWO)) == ((), None, second)
    assert link.read_bytes() == bytes(KEY_SIZE)


@pytest.mark.parametrize("name", ["../../etc/passwd", "sha256:../x", "", f"sha256:{'G' * 64}"])
def test_a_hostile_row_names_no_file(keys: DataKeys, name: str) -> None:
    """Design 3: a path never comes from a cell that is no commitment."""
    keys.drawn(ONE)
    assert keys.key_of(name) is None
    keys.let_go([name])
    assert keys.going() == ()


def _killed(*_: object) -> None:
    raise KilledError


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def _let_go_and_killed(keys: DataKeys):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a stand-in
    real = keys.let_go

    def let_go(_: DataKeys, commitments: list[str]) -> None:
        real(commitments)
        raise KilledError

    return let_go
