"""A copy of a home while it is at work: what is in it, what never is, and when there is none."""

import errno
import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage import backup
from storage.backup import CHECKPOINT, HOME, SUMS, back_up
from storage.credentials_file import changing, credentials_file
from storage.data_keys import data_keys
from storage.home_keys import keys_folder
from storage.home_reader import read_home
from storage.notifiers.channels import notify_folder
from storage.notifying import SPOOL_FILE
from storage.paper_book import paper_book_file
from storage.settings import Settings
from tests.ground import Ground, ground_at
from tests.storage.recovery_room import beat

LATER = "INSERT INTO attempts VALUES (x'01', 1, NULL, '2026-01-05T00:45:00.000000Z')"


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    made = ground_at(tmp_path, "one")
    made.found()
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "copy"


def at_copy(ground: Ground, out: Path) -> Settings:
    home = out / HOME
    within = ground.settings.database_file.relative_to(ground.settings.counterseal_home)
    signer = ground.settings.counterseal_signer_state
    return ground.settings.placed(home=home, database=home / within, signer_state=signer)


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def nothing_is_left(out: Path) -> bool:
    return not [path for path in out.parent.iterdir() if out.name in path.name]


def test_the_copy_holds_the_home_its_sums_and_the_newest_checkpoint(
    ground: Ground, out: Path
) -> None:
    """Backup I3: `sha256sum -c` reads the sums; all of it is its owner's alone."""
    beat(ground, "one", "two")
    made = back_up(ground.settings, out)
    lines = (line.partition("  ") for line in (out / SUMS).read_text().splitlines())
    told = {name: told for told, _, name in lines}
    found = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in told}
    assert told == found
    assert told.keys() == files(out) - {SUMS}
    assert (made.folder, made.files) == (out, len(told))
    assert made.size == sum((out / name).stat().st_size for name in told)
    assert {path.stat().st_mode & 0o077 for path in (out, *out.rglob("*"))} == {0}
    with read_home(ground.settings) as reader:
        newest = reader.newest_checkpoint()
    assert newest is not None
    assert (out / CHECKPOINT).read_text() == made.checkpoint == newest.note
    assert made.verdict.totals.size == newest.size


def test_every_database_is_copied_with_what_its_journal_holds(ground: Ground, out: Path) -> None:
    """Backup: log, credentials, book and notices; a journal is never copied for itself."""
    home = ground.settings.counterseal_home
    accounts = credentials_file(home)
    for path in (paper_book_file(home), notify_folder(ground.settings) / SPOOL_FILE):
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as made, made:
            made.execute("CREATE TABLE kept (value TEXT)")
    with changing(accounts) as work:
        work.execute(LATER.replace("NULL", "''"))
    with closing(sqlite3.connect(accounts)) as reader:
        reader.execute("SELECT * FROM attempts").fetchall()  # its end would fold the journal
        with changing(accounts) as work:
            work.execute(LATER.replace("x'01'", "x'02'"))
        assert accounts.with_name(f"{accounts.name}-wal").stat().st_size
        back_up(ground.settings, out)
    copied = credentials_file(out / HOME)
    with closing(sqlite3.connect(f"{copied.as_uri()}?immutable=1", uri=True)) as work:
        assert work.execute("SELECT COUNT(*) FROM attempts").fetchone() == (2,)
    assert [name for name in files(out) if name.endswith(("-wal", "-shm"))] == []
    assert paper_book_file(out / HOME).is_file()
    assert (out / HOME / "notify" / SPOOL_FILE).is_file()


def test_i2_the_memory_of_the_signer_the_data_keys_and_the_secret_stay_where_they_are(
    ground: Ground, out: Path
) -> None:
    """Backup I2, decision 0010: also where the passphrase file lies in the home."""
    home = ground.settings.counterseal_home
    secret = ground.settings.counterseal_log_key_passphrase_file
    assert secret is not None
    within = home / "secret"
    shutil.copyfile(secret, within)
    told = ground.settings.model_copy(update={"counterseal_log_key_passphrase_file": within})
    data_keys(told).drawn("sha256:" + "a" * 64)
    back_up(told, out)
    assert files(out / HOME) == files(home) - {"secret"} - {
        name for name in files(home) if name.endswith(("-wal", "-shm"))
    }
    remembered = ground.settings.counterseal_signer_state
    kept = [path for path in remembered.rglob("*") if path.is_file()]
    assert len(kept) == 2
    copied = {path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert copied.isdisjoint({path.read_bytes() for path in (*kept, secret)})


def test_i1_what_was_acknowledged_before_a_copy_began_is_in_it(
    ground: Ground, tmp_path: Path
) -> None:
    """Backup I1: while another thread records and seals all the time."""
    acknowledged, stopped, failed = [0], threading.Event(), list[Exception]()

    def work() -> None:
        try:
            for turn in count():
                if stopped.is_set():
                    return
                beat(ground, f"turn-{turn}")
                with read_home(ground.settings) as reader:
                    newest = reader.newest_checkpoint()
                assert newest is not None
                acknowledged[0] = newest.size
        except (CountersealError, AssertionError) as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    sizes = []
    try:
        for number in range(4):
            before = acknowledged[0]
            made = back_up(ground.settings, tmp_path / f"copy-{number}")
            signed = read_checkpoint(made.checkpoint).size
            assert before <= signed <= made.verdict.totals.size
            sizes.append(signed)
    finally:
        stopped.set()
        thread.join()
    assert failed == []
    assert sizes == sorted(sizes)
    assert sizes[0] < acknowledged[0]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("homes/one/copy", "BACKUP_INSIDE_HOME"),
        ("homes/one", "BACKUP_INSIDE_HOME"),
        ("homes/two/../one/copy", "BACKUP_INSIDE_HOME"),
        ("signer", "BACKUP_EXISTS"),
        ("secret", "BACKUP_EXISTS"),
    ],
)
def test_a_copy_replaces_nothing_and_is_never_inside_the_home(
    ground: Ground, tmp_path: Path, place: str, code: str
) -> None:
    """Backup I3."""
    before = ground.files()
    with pytest.raises(InputError, match=code):
        back_up(ground.settings, tmp_path / place)
    assert ground.files() == before


def test_a_home_around_the_signers_memory_is_not_copied(ground: Ground, out: Path) -> None:
    """Backup I2, signers I3."""
    home = ground.settings.counterseal_home
    shutil.move(ground.settings.counterseal_signer_state, home / "signer")
    told = ground.settings.model_copy(update={"counterseal_signer_state": home / "signer"})
    with pytest.raises(InputError, match="SIGNER_STATE_INSIDE_HOME"):
        back_up(told, out)
    assert nothing_is_left(out)


def test_without_the_signers_memory_there_is_no_copy(ground: Ground, out: Path) -> None:
    """Backup I1: nothing would tell that the copy is whole."""
    shutil.rmtree(ground.settings.counterseal_signer_state)
    with pytest.raises(IntegrityError, match="SIGNER_STATE_MISSING"):
        back_up(ground.settings, out)
    assert nothing_is_left(out)


def cut(ground: Ground) -> None:
    """An older file in the place of the log, as a restore that nobody declared leaves it."""
    database = ground.settings.database_file
    older = database.read_bytes()
    beat(ground, "one")
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    database.write_bytes(older)


def forge(ground: Ground) -> None:
    with closing(sqlite3.connect(ground.settings.database_file)) as work, work:
        work.execute("UPDATE accounts SET tenant = 'tenant-2'")


@pytest.mark.parametrize(
    ("change", "told"), [(cut, "SHORTER_THAN_REMEMBERED"), (forge, "TABLE_DIFFERS")]
)
def test_i1_what_does_not_verify_is_not_put_in_place(
    ground: Ground, out: Path, change: Callable[[Ground], None], told: str
) -> None:
    """Backup I1: a log shorter than the signer remembers, a table that the log contradicts."""
    change(ground)
    with pytest.raises(IntegrityError, match="BACKUP_UNSOUND") as caught:
        back_up(ground.settings, out)
    assert str(caught.value.got).startswith(told)
    assert nothing_is_left(out)


def test_i4_a_key_that_changes_meanwhile_stops_the_copy(
    ground: Ground, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backup I4: the same again copies both."""
    waiting = keys_folder(ground.settings) / "next" / "ann.key.json"
    whole = backup.copy_database

    def meanwhile(source: Path, target: Path) -> None:
        whole(source, target)
        waiting.parent.mkdir(exist_ok=True)
        waiting.write_text("{}")

    monkeypatch.setattr(backup, "copy_database", meanwhile)
    with pytest.raises(AdapterError, match="BACKUP_KEYS_CHANGED") as caught:
        back_up(ground.settings, out)
    assert caught.value.retriable
    assert nothing_is_left(out)
    back_up(ground.settings, out)
    assert (out / HOME / "keys" / "next" / "ann.key.json").is_file()


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_database(*_: object) -> None:
    message = "database or disk is full"
    raise sqlite3.OperationalError(message)


@pytest.mark.parametrize(
    ("name", "failing"),
    [
        ("copy_database", full_database),
        ("sync_folder", full),
        ("write_durably", full),
        ("shutil.copyfile", full),
        ("os.fsync", full),
    ],
)
def test_a_full_disk_leaves_no_copy(
    ground: Ground,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    failing: Callable[..., None],
) -> None:
    """Backup I3: whatever could not be written; the home goes on."""
    with monkeypatch.context() as patched:
        patched.setattr(f"storage.backup.{name}", failing)
        with pytest.raises(AdapterError, match=r"BACKUP_FAILED: .*(full|space)"):
            back_up(ground.settings, out)
    assert nothing_is_left(out)
    beat(ground, "after")


def test_a_file_that_goes_meanwhile_is_left_out(
    ground: Ground, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backup: such as a file that was about to be renamed."""
    passing = ground.settings.counterseal_home / "passing.new"
    passing.write_text("")
    whole = shutil.copyfile

    def gone(source: Path, target: Path) -> None:
        passing.unlink(missing_ok=True)
        whole(source, target)

    monkeypatch.setattr("storage.backup.shutil.copyfile", gone)
    back_up(ground.settings, out)
    assert not (out / HOME / "passing.new").exists()


def test_a_database_apart_from_its_home_lies_beside_the_home_in_the_copy(
    ground: Ground, out: Path, tmp_path: Path
) -> None:
    """Backup: decision 0006 lets it lie elsewhere."""
    apart = tmp_path / "volume" / "log.sqlite"
    apart.parent.mkdir()
    ground.settings.database_file.rename(apart)
    told = ground.settings.placed(
        home=ground.settings.counterseal_home,
        database=apart,
        signer_state=ground.settings.counterseal_signer_state,
    )
    made = back_up(told, out)
    assert made.verdict.outcome == "ok"
    assert (out / "database" / "log.sqlite").is_file()
    assert "data/paper_execution_audit.sqlite" not in files(out / HOME)
