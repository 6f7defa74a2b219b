"""Offering what was sealed to the witnesses of a home.

Job: hand each newly acknowledged checkpoint to the cosigners of this process, and go on.

A command that ends at once may end before a witness has answered; what it sealed is then cosigned
with the next checkpoint, or by `counterseal audit witness`.

Invariants
  I1  Whoever seals waits for no witness, and no failure of this module reaches them.
  I2  Each witness is asked by one thread of this process, however often a home is opened.

Not here: asking (witnesses), gathering on command (attesting).
Source: design rule "asynchronous evidence never blocks the trade path".
"""

import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from counterseal.audit.trust_policy import parse_policy
from counterseal.desk.ports import Reader, Store, UnitOfWork
from counterseal.kernel.errors import CountersealError, InputError
from storage.databases import Database
from storage.outside_folder import OutsideFolder
from storage.sealed_log import SealedLog
from storage.settings import Settings
from storage.witnesses import CosignedNotes, Cosigner, WitnessClient

_STARTED: Final[dict[tuple[Path, str], Cosigner]] = {}
_STARTING: Final = threading.Lock()


class OfferingStore:
    """A store whose sealed checkpoints are offered to witnesses.

    Args:
        store: Does all the work.
        log: The same log, read only.
        cosigner: Takes the checkpoints.
    """

    def __init__(self, store: Store, log: SealedLog, cosigner: Cosigner) -> None:
        self._store = store
        self._log = log
        self._cosigner = cosigner
        self._offered = 0

    def transaction(self) -> AbstractContextManager[UnitOfWork]:
        """A writing transaction."""
        return self._store.transaction()

    def reader(self) -> AbstractContextManager[Reader]:
        """A read-only view."""
        return self._store.reader()

    def batch(self) -> AbstractContextManager[Store]:
        """A store whose transactions are all one."""
        return self._store.batch()

    def seal(self) -> int:
        """Seal, and offer the newest checkpoint when it is a new one; errors of the store alone."""
        size = self._store.seal()
        if size > self._offered:
            with suppress(CountersealError):
                note = self._log.newest()
                if note is not None:
                    self._cosigner.offer(note)
                    self._offered = size
        return size


def offering(settings: Settings, store: Store) -> Store:
    """The store, with witnesses where the settings name a folder with a policy.

    Raises:
        InputError: `TRUST_POLICY_MALFORMED`, `KEY_INVALID` or `BASE64_INVALID`: a policy that is
            not understood is not passed over.
    """
    if settings.counterseal_outside is None:
        return store
    folder = OutsideFolder(settings.counterseal_outside)
    log = SealedLog(settings.database.reading())
    cosigner = _cosigner(folder, settings.database, log)
    return store if cosigner is None else OfferingStore(store, log, cosigner)


def clients_of(folder: OutsideFolder) -> tuple[WitnessClient, ...]:
    """A client of each witness that the policy names an address of; none without a policy.

    Raises:
        InputError: as `offering`; `EVIDENCE_FILE_MISSING` when the policy cannot be read.
    """
    if not folder.policy.exists():
        return ()
    try:
        content = folder.policy.read_bytes()
    except OSError:
        raise InputError(
            "EVIDENCE_FILE_MISSING", "the policy cannot be read", got=folder.policy
        ) from None
    witnesses = parse_policy(content).witnesses
    return tuple(WitnessClient(witness) for witness in witnesses if witness.url is not None)


def _cosigner(folder: OutsideFolder, database: Database, log: SealedLog) -> Cosigner | None:
    file = database.file
    place = (folder.path.resolve(), database.name if file is None else str(file.resolve()))
    with _STARTING:
        if place not in _STARTED:
            clients = clients_of(folder)
            if not clients:
                return None
            kept = CosignedNotes(folder.cosigned)
            _STARTED[place] = Cosigner(clients, log.growth, kept, newest=log.newest)
        return _STARTED[place]
