"""A copy of a home while it is at work.

Job: copy all that a home holds into a new folder, verify the copy, and only then put it in place.

The folder has `home`, laid out as the home is; `checkpoint`, the newest signed one in it, which
`audit verify --expect` takes; and `SHA256SUMS` of every file, which `sha256sum -c` reads. A
database that lies outside its home lies in `database`: one of a server as the file `log.sqlite`.

Invariants
  I1  Everything that was acknowledged before the copy began is in it: the head that the signer
      remembered then is held against the copy, and so are its tables.
  I2  What may not go back with a home is never copied: the signer's memory, the keys of personal
      data beside it, and the file that opens the log's key.
  I3  The folder is there whole and durable, or not at all; nothing is overwritten.
  I4  The key files are those of the copied log: none changed while it was copied.

Not here: putting a copy back (policies/operations.md), going on behind what it lacks (recovery).
Source: audit-log, signer as guard; SQLite documentation, online backup; decisions 0008 and 0010.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from counterseal.audit.evidence import Evidence
from counterseal.audit.verdict import Outcome, Verdict
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from storage.data_keys import data_keys
from storage.databases import SqliteFile
from storage.durable import sync_folder, write_durably
from storage.engines import fold
from storage.home_keys import first_key_path, keys_folder, log_key_path, next_key_path
from storage.home_reader import read_home
from storage.notifiers.channels import notify_folder
from storage.notifying import SPOOL_FILE
from storage.reconcile import reconcile
from storage.settings import Settings
from storage.transfer import transfer
from storage.verification import (
    Asked,
    Workers,
    compared,
    pinned_evidence,
    verify_home,
    with_signer,
)

HOME: Final = "home"
CHECKPOINT: Final = "checkpoint"
SUMS: Final = "SHA256SUMS"
_APART: Final = "database"
CARRIED: Final = Path("database") / "log.sqlite"
"""Where a database of a server lies in a copy."""

_SQLITE: Final = b"SQLite format 3\0"
_BESIDE: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; the copy of one is whole without."""


class Backup(NamedTuple):
    """A copy that verified.

    Attributes:
        folder: Where it lies.
        verdict: Of the copied log, against the signer's memory and the copied tables.
        checkpoint: The newest signed note in it.
        files: How many, the checkpoint among them.
        size: Of all of them, in bytes.
    """

    folder: Path
    verdict: Verdict
    checkpoint: str
    files: int
    size: int


class _File(NamedTuple):
    place: str
    sha256: str
    size: int


def back_up(settings: Settings, out: Path) -> Backup:
    """Copy a home, verify the copy, and put it in place; others may write to the home meanwhile.

    Args:
        settings: Of the home; its signer's memory must be in reach.
        out: A folder that is not there yet, outside the home.

    Raises:
        InputError: `BACKUP_EXISTS`, `BACKUP_INSIDE_HOME`, `SIGNER_STATE_INSIDE_HOME`.
        IntegrityError: `BACKUP_UNSOUND` when the copy does not verify; the signer's memory is
            missing or damaged.
        AdapterError: `BACKUP_FAILED` when a file cannot be read or written, `BACKUP_KEYS_CHANGED`
            (retriable); those of `read_home` and `transfer`. Nothing is left at `out` then.
    """
    _check_places(settings, out)
    with read_home(settings) as reader:
        evidence = with_signer(pinned_evidence(reader), reader, settings)
    try:
        with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as place:
            made = Path(place) / "made"
            copied = _copied(settings, made)
            verdict, note = _verified(copied, evidence)
            fold(copied.database_file)
            write_durably(made / CHECKPOINT, note.encode())
            sums = _durable_files(made)
            told = Backup(out, verdict, note, len(sums), sum(one.size for one in sums))
            lines = (f"{one.sha256}  {one.place}\n" for one in sums)
            write_durably(made / SUMS, "".join(lines).encode())
            made.rename(out)
        sync_folder(out.parent)
    except (OSError, sqlite3.Error) as error:
        raise AdapterError("BACKUP_FAILED", str(error), got=out) from error
    return told


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as of one moment, whoever writes to it; the new file alone is whole.

    Raises:
        sqlite3.Error: when one of the two fails.
        AdapterError: those of `fold`.
    """
    told = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(told, uri=True)) as read, closing(sqlite3.connect(target)) as kept:
        read.backup(kept)
    fold(target)


def _check_places(settings: Settings, out: Path) -> None:
    home = settings.counterseal_home.resolve()
    if settings.counterseal_signer_state.resolve().is_relative_to(home):
        raise InputError(
            "SIGNER_STATE_INSIDE_HOME",
            "a restored backup of the home would carry the signer's memory",
            field="COUNTERSEAL_SIGNER_STATE",
            got=settings.counterseal_signer_state,
        )
    if out.resolve().is_relative_to(home):
        raise InputError(
            "BACKUP_INSIDE_HOME", "a copy inside the home is lost with it", field="--out", got=out
        )
    if out.exists():
        raise InputError("BACKUP_EXISTS", "something is here already", field="--out", got=out)


def _copied(settings: Settings, made: Path) -> Settings:
    """Copy everything; gives the settings of the copy.

    What was read of the log is copied before it, and what it cites after it: nothing in the copy
    is ahead of its log but files that it does not cite yet.

    Raises:
        AdapterError: `BACKUP_KEYS_CHANGED`.
    """
    home, told = settings.counterseal_home.absolute(), _key_files(settings)
    spool, target = notify_folder(settings) / SPOOL_FILE, _target(settings, made)
    target.parent.mkdir(parents=True)
    if spool.is_file():
        _copy(spool, made / HOME / spool.absolute().relative_to(home))
    if settings.database.file is None:
        transfer(settings.database, SqliteFile(target))
    else:
        copy_database(settings.database.file, target)
    for path in _files(home, settings):
        place = made / HOME / path.relative_to(home)
        if not place.exists():
            _copy(path, place)
    if _key_files(settings) != told:
        raise AdapterError(
            "BACKUP_KEYS_CHANGED", "a key was changed while the home was copied", retriable=True
        )
    return settings.placed(
        home=made / HOME, database=target, signer_state=settings.counterseal_signer_state
    )


def _target(settings: Settings, made: Path) -> Path:
    """Where the log's database lies in a copy."""
    home, file = settings.counterseal_home.absolute(), settings.database.file
    if file is None:
        return made / CARRIED
    file = file.absolute()
    within = file.is_relative_to(home)
    return made / HOME / file.relative_to(home) if within else made / _APART / file.name


def _files(home: Path, settings: Settings) -> Iterator[Path]:
    """Every file of a home that may be in a copy of it; of the log, nothing more."""
    secret = settings.counterseal_log_key_passphrase_file
    apart = {path.resolve() for path in (settings.database.file, secret) if path is not None}
    for folder, _, names in os.walk(home, followlinks=True):
        for path in (Path(folder) / name for name in names):
            if path.is_file() and not path.name.endswith(_BESIDE) and path.resolve() not in apart:
                yield path


def _copy(source: Path, target: Path) -> None:
    """Copy a file, or a database as of one moment; a file that has gone meanwhile is left out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        with source.open("rb") as file:
            is_database = file.read(len(_SQLITE)) == _SQLITE
        if is_database:
            copy_database(source, target)
        else:
            shutil.copyfile(source, target)


def _key_files(settings: Settings) -> Mapping[Path, bytes]:
    """Every key file of a home, as it is now."""
    named = (log_key_path(settings), next_key_path(settings), first_key_path(settings))
    found: dict[Path, bytes] = {}
    for path in (*named, *sorted(keys_folder(settings).rglob("*"))):
        with suppress(FileNotFoundError, IsADirectoryError):
            found[path] = path.read_bytes()
    return found


def _verified(copied: Settings, evidence: Evidence) -> tuple[Verdict, str]:
    """The verdict on a copy, and its newest checkpoint.

    Raises:
        IntegrityError: `BACKUP_UNSOUND`.
    """
    tables = compared(reconcile(copied.database, data_keys(copied)))
    with read_home(copied) as reader:
        asked = Asked(workers=Workers(copied))
        verdict = verify_home(reader, replace(evidence, tables=tables), asked).verdict
        newest = reader.newest_checkpoint()
    if verdict.outcome is not Outcome.OK or newest is None:
        first = verdict.first_bad
        raise IntegrityError(
            "BACKUP_UNSOUND",
            "the copy does not verify: ask `counterseal audit verify --reconcile` about the home",
            expected=Outcome.OK.value,
            got=verdict.outcome.value if first is None else f"{first.code.value} at {first.seq}",
        )
    return verdict, newest.note


def _durable_files(made: Path) -> tuple[_File, ...]:
    """Every file below a folder, and its sum; all of it is durable, and its owner's alone."""
    found: list[_File] = []
    made.chmod(0o700)
    for path in sorted(made.rglob("*")):
        if path.is_dir():
            path.chmod(0o700)
            sync_folder(path)
            continue
        path.chmod(0o600)
        with path.open("rb") as file:
            told = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        found.append(_File(path.relative_to(made).as_posix(), told, path.stat().st_size))
    return tuple(found)
