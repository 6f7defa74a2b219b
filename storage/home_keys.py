"""The sealed keys of one home.

Job: say where key files lie, open the log's key, and make a person's first one.

Invariants
  I1  The log key lies sealed in the home; its passphrase comes from a file, never from a command.
  I2  A next log key takes its place only when the log names it in a sealed record, and nothing
      that the old key bound waits any more; whoever opens the log key completes that.
  I3  The line of the first log key stays: auditors pin it, and the log walks on from it.

Not here: the files themselves (keyring), founding a home (founding), rotating (rotation).
Source: architecture part 7; governance part 3.
"""

from dataclasses import dataclass
from pathlib import Path

from counterseal.audit.keys import LogKeyChange
from counterseal.audit.note import ED25519, NoteSigner, VerifierKey, decode_base64, parse_vkey
from counterseal.audit.rollback import renamed_key
from counterseal.desk.installation import Installation
from counterseal.identity.keys import PersonKey
from counterseal.identity.sealing import open_key, read_envelope
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import AdapterError, InputError
from counterseal.kernel.ids import IdSource
from storage.databases import check_present
from storage.durable import sync_folder, write_durably
from storage.keyring import Keyring, read_secret
from storage.settings import Settings


@dataclass(frozen=True, slots=True)
class Officer:
    """A person whose key is to be made.

    Attributes:
        passphrase: Seals that person's own key; at least 15 characters.
    """

    person_id: str
    passphrase: str


def log_key_path(settings: Settings) -> Path:
    """Where the sealed log key lies."""
    return settings.counterseal_home / "log.key.json"


def next_key_path(settings: Settings) -> Path:
    """Where the key lies that is to follow the log key."""
    return settings.counterseal_home / "log.key.next.json"


def first_key_path(settings: Settings) -> Path:
    """Where the line of the first log key stays; none before it is changed or renamed."""
    return settings.counterseal_home / "log.first.vkey"


def keys_folder(settings: Settings) -> Path:
    """Where the sealed keys of people lie."""
    return settings.counterseal_home / "keys"


def next_keys_folder(settings: Settings) -> Path:
    """Where people's new keys wait until two officers put them into force."""
    return keys_folder(settings) / "next"


def read_passphrase(path: Path | None) -> str:
    """The first line of a passphrase file.

    Raises:
        InputError: `PASSPHRASE_FILE_UNSET`, `PASSPHRASE_FILE_MISSING` or `PASSPHRASE_MISSING`.
    """
    if path is None:
        raise InputError(
            "PASSPHRASE_FILE_UNSET",
            "no passphrase file is named",
            field="COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE",
        )
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            "PASSPHRASE_FILE_MISSING", "the passphrase file cannot be read", got=path
        ) from None
    if not lines or not lines[0]:
        raise InputError("PASSPHRASE_MISSING", "the passphrase file is empty", got=path)
    return lines[0]


def open_log_key(settings: Settings) -> NoteSigner:
    """The log's key, whose name is the origin; a rotation that a crash cut short is completed.

    Raises:
        AdapterError: `DATABASE_MISSING` when there is no home; `KEY_FILE_WRITE`.
        InputError: `PASSPHRASE_FILE_UNSET`, `PASSPHRASE_WRONG`, `KEY_FILE_MISSING`, ...
    """
    check_present(settings.database)
    settle_rotation(settings)
    return opened_log_key(settings, log_key_path(settings))


def opened_log_key(settings: Settings, path: Path) -> NoteSigner:
    """The log key, or the next one, from its sealed file; errors as `open_log_key`."""
    passphrase = read_passphrase(settings.counterseal_log_key_passphrase_file)
    text = read_secret(path)
    private = open_key(text, passphrase)
    return NoteSigner(read_envelope(text).key_id, private.private_bytes_raw())


def public_log_key(path: Path) -> VerifierKey:
    """The public part of a sealed log key; no passphrase is needed.

    Raises:
        InputError: `KEY_FILE_MISSING`, `KEY_FILE_INVALID`, ...
        IntegrityError: `KEY_FILE_OPEN`.
    """
    sealed = read_envelope(read_secret(path))
    return VerifierKey(sealed.key_id, ED25519, decode_base64(sealed.public_key, "public_key"))


def first_log_key(settings: Settings) -> VerifierKey:
    """The key that the log began with, as the home's files tell it; errors of `public_log_key`."""
    kept = first_key_path(settings)
    if kept.is_file():
        return parse_vkey(kept.read_text("utf-8").strip())
    return public_log_key(log_key_path(settings))


def settle_rotation(settings: Settings) -> LogKeyChange | None:
    """Put the next key in the place of the log key, when the log says so.

    Returns:
        The recorded rotation; None when there is none to complete, or not yet.

    Raises:
        AdapterError: `KEY_FILE_WRITE`; the same again completes it.
        InputError: those of `public_log_key`.
    """
    path = next_key_path(settings)
    if not path.exists():
        return None
    from storage.home_reader import read_home  # noqa: PLC0415 - most homes have no next key

    successor = public_log_key(path)
    with read_home(settings) as reader:
        told = reader.find(LogKeyChange, vkey=successor.text)
        waiting, installed = reader.waiting(), reader.find(Installation)
    if not told or not installed or waiting:
        return None
    _replace_log_key(settings, path, installed[0].origin)
    return told[0]


def keep_first_key(settings: Settings, origin: str) -> None:
    """Write the log key's line down, under the log's first name, before a first change of the key.

    Raises:
        OSError: when the line cannot be written.
        InputError: those of `public_log_key`.
    """
    kept = first_key_path(settings)
    if not kept.exists():
        first = renamed_key(public_log_key(log_key_path(settings)), origin)
        write_durably(kept, f"{first.text}\n".encode())


def _replace_log_key(settings: Settings, path: Path, origin: str) -> None:
    """Keep the first key's line, and move the next key's file.

    Raises:
        AdapterError: `KEY_FILE_WRITE`, retriable.
    """
    try:
        keep_first_key(settings, origin)
        path.replace(log_key_path(settings))
        sync_folder(path.parent)
    except FileNotFoundError:
        return  # another process was faster
    except OSError as error:
        raise AdapterError("KEY_FILE_WRITE", str(error), retriable=True, got=path) from error


def new_person_key(ring: Keyring, owner: Officer, clock: Clock, ids: IdSource) -> PersonKey:
    """A new sealed key of a person, and its public record before enrolment; `Keyring.create`."""
    now = clock.now()
    key_id = ids.new("key", owner.person_id, now)
    seed, salt = ids.secret(f"seed:{key_id}", 32), ids.secret(f"salt:{key_id}", 16)
    sealed = ring.create(owner.person_id, key_id, owner.passphrase, seed=seed, salt=salt)
    return PersonKey(
        key_id=key_id,
        person_id=owner.person_id,
        public_key=sealed.public_key,
        key_class=1,
        enrolled_by=(),
        effective_at=now,
    )


def settle_person_key(settings: Settings, person_id: str) -> None:
    """Put a person's waiting key in the place of the one before, once it is enrolled.

    Whoever opens a person's key completes what a crash cut short.

    Raises:
        InputError: `PERSON_ID_UNSAFE`, `KEY_FILE_INVALID`.
        AdapterError: `KEY_FILE_WRITE`, retriable.
        IntegrityError: `KEY_FILE_OPEN`.
    """
    waiting = Keyring(next_keys_folder(settings)).path(person_id)
    if not waiting.exists():
        return
    from storage.home_reader import read_home  # noqa: PLC0415 - most people have no waiting key

    public = read_envelope(read_secret(waiting)).public_key
    with read_home(settings) as reader:
        known = reader.find(PersonKey, person_id=person_id, public_key=public)
    if not known:
        return
    place = Keyring(keys_folder(settings)).path(person_id)
    try:
        waiting.replace(place)
        sync_folder(place.parent)
    except FileNotFoundError:
        return  # another process was faster
    except OSError as error:
        raise AdapterError("KEY_FILE_WRITE", str(error), retriable=True, got=place) from error
