"""Who signs the log of a home.

Job: give the signer that the settings name, and what it remembers: in this process, or in its own.

Invariants
  I1  With a signer's process named, this process opens no log key and needs no passphrase.
  I2  A signer behind a socket is taken only with the key that the home names.

Not here: the rules (audit.signer), both signers themselves (signers, signer_client).
Source: audit-log, signer as guard.
"""

from typing import TYPE_CHECKING

from counterseal.audit.note import NoteSigner, VerifierKey, parse_vkey
from counterseal.audit.signer import SignerState
from counterseal.kernel.errors import AdapterError, IntegrityError
from storage.databases import check_present
from storage.home_keys import first_log_key, log_key_path, open_log_key, public_log_key
from storage.settings import Settings
from storage.signers import read_state

if TYPE_CHECKING:
    from storage.signer_client import RemoteSigner


def log_signer(settings: Settings) -> "NoteSigner | RemoteSigner":
    """The log's key to sign with here, or the signer's process, of which its key is checked.

    Raises:
        InputError: those of `open_log_key`, only without a signer's process.
        IntegrityError: `SIGNER_KEY_DIFFERS` when the process holds another key than the home names.
        AdapterError: `DATABASE_MISSING`; `SIGNER_UNREACHABLE` (retriable).
    """
    if settings.counterseal_signer_socket is None:
        return open_log_key(settings)
    return _remote(settings)


def remembered_state(settings: Settings, origin: str) -> SignerState:
    """What the signer of a log remembers of it.

    Raises:
        IntegrityError: `SIGNER_STATE_MISSING`, also when its process signs another log;
            `SIGNER_STATE_UNREADABLE`, `SIGNER_KEY_DIFFERS`.
        AdapterError: `SIGNER_UNREACHABLE` (retriable).
    """
    if settings.counterseal_signer_socket is None:
        return read_state(settings.counterseal_signer_state, origin)
    state = _remote(settings).remembered()
    if state.origin != origin:
        raise IntegrityError(
            "SIGNER_STATE_MISSING",
            "the signer signs another log",
            expected=origin,
            got=state.origin,
        )
    return state


def home_log_key(settings: Settings) -> VerifierKey:
    """The log's public key as the home names it: by its key file, else by its log.

    Whoever verifies pins the key outside; this one is only as good as the home.

    Raises:
        AdapterError: `DATABASE_MISSING` when there is no home.
        IntegrityError: `NOT_INSTALLED` when the log names no key.
    """
    check_present(settings.database)
    path = log_key_path(settings)
    return public_log_key(path) if path.exists() else _recorded_keys(settings)[-1]


def first_home_key(settings: Settings) -> VerifierKey:
    """The key that the log began with, which an auditor pins; as `home_log_key`."""
    return (
        first_log_key(settings) if log_key_path(settings).exists() else _recorded_keys(settings)[0]
    )


def _recorded_keys(settings: Settings) -> list[VerifierKey]:
    """The first key of each name that the log has had.

    Raises:
        IntegrityError: `NOT_INSTALLED`.
    """
    from counterseal.audit.rollback import Rollback  # noqa: PLC0415 - homes without a key file only
    from counterseal.desk.installation import Installation  # noqa: PLC0415 - as above
    from storage.home_reader import read_home  # noqa: PLC0415 - as above

    with read_home(settings) as reader:
        renamed = sorted(reader.find(Rollback), key=lambda rollback: rollback.epoch)
        told = [i.log_vkey for i in reader.find(Installation)] + [r.vkey for r in renamed]
    if not told:
        raise IntegrityError("NOT_INSTALLED", "the log names no first key")
    return [parse_vkey(text) for text in told]


def _remote(settings: Settings) -> "RemoteSigner":
    from storage.signer_client import RemoteSigner  # noqa: PLC0415 - homes with a signer's process

    path = settings.counterseal_signer_socket
    if path is None:
        raise AdapterError("SIGNER_UNREACHABLE", "no signer's process is named")
    return RemoteSigner(path, home_log_key(settings))
