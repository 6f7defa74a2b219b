"""The sealed keys of one home.

Job: say where key files lie, open the log's key, and make a person's first one.

Invariants
  I1  The log key lies sealed in the home; its passphrase comes from a file, never from a command.

Not here: the files themselves (keyring), founding a home (founding).
Source: architecture part 7; governance part 3.
"""

from dataclasses import dataclass
from pathlib import Path

from counterseal.audit.note import NoteSigner
from counterseal.identity.keys import PersonKey
from counterseal.identity.sealing import open_key, read_envelope
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import AdapterError, InputError
from counterseal.kernel.ids import IdSource
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


def keys_folder(settings: Settings) -> Path:
    """Where the sealed keys of people lie."""
    return settings.counterseal_home / "keys"


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
    """The log's key, whose name is the origin.

    Raises:
        AdapterError: `DATABASE_MISSING` when there is no home.
        InputError: `PASSPHRASE_FILE_UNSET`, `PASSPHRASE_WRONG`, `KEY_FILE_MISSING`, ...
    """
    if not settings.database.is_file():
        raise AdapterError(
            "DATABASE_MISSING", "no database here; run `counterseal init`", got=settings.database
        )
    passphrase = read_passphrase(settings.counterseal_log_key_passphrase_file)
    text = read_secret(log_key_path(settings))
    private = open_key(text, passphrase)
    return NoteSigner(read_envelope(text).key_id, private.private_bytes_raw())


def new_person_key(
    ring: Keyring, owner: Officer, clock: Clock, ids: IdSource, *, bootstrap: bool = False
) -> PersonKey:
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
        bootstrap=bootstrap,
        effective_at=now,
    )
