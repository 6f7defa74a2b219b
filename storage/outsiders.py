"""Who outside of a home vouches for its log.

Job: count the known witnesses under the newest checkpoint and the verified time-stamps of the log.

Invariants
  I1  What cannot be read is unknown: None, never a count.
  I2  Only what a key of the log signed counts: the key that the home publishes, and those that
      followed it by the log's own records.

Not here: gathering the evidence (attesting), verifying the log with it (audit.verify).
Source: TX-K6, TX-L5.
"""

from typing import NamedTuple

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.keys import walk_keys
from counterseal.audit.note import VerifierKey
from counterseal.audit.outside import cosigners
from counterseal.audit.trust_policy import TrustPolicy
from counterseal.desk.archive import key_records
from counterseal.kernel.errors import CountersealError
from storage.home_reader import HomeReader
from storage.settings import Settings
from storage.verification import KEY_STREAMS, pinned_evidence


class Outsiders(NamedTuple):
    """What those outside gave, as it lies in the folder of outside evidence.

    Attributes:
        witnesses: Known witnesses that cosigned the newest checkpoint; None when unreadable.
        stamps: Verified time-stamps of checkpoints of the log; None when unreadable.
    """

    witnesses: int | None = 0
    stamps: int | None = 0


def outsiders_of(reader: HomeReader, settings: Settings) -> Outsiders:
    """Witnesses and time-stamps of a home; nobody without a folder or without a checkpoint.

    Raises:
        AdapterError: when the database fails meanwhile.
    """
    newest = reader.newest_checkpoint()
    if settings.counterseal_outside is None or newest is None:
        return Outsiders()
    from storage.outside_files import OutsideFiles, load_outside  # noqa: PLC0415 - stamps are heavy
    from storage.outside_folder import OutsideFolder  # noqa: PLC0415 - the same

    try:
        keys = _log_keys(reader)
        files = OutsideFiles.within(OutsideFolder(settings.counterseal_outside))
        outside, policy = load_outside(files)
        about = outside.of(read_checkpoint(newest.note).origin)
        notes, trust = (*about.kept, *about.latest), policy or TrustPolicy()
        return Outsiders(cosigners(notes, newest.size, keys, trust), len(about.stamps))
    except CountersealError:
        return Outsiders(None, None)


def _log_keys(reader: HomeReader) -> tuple[VerifierKey, ...]:
    """Every key of the log, under its newest name.

    Raises:
        IntegrityError: `INSTALLATION_MISSING`.
    """
    [pinned] = pinned_evidence(reader).log_keys
    return walk_keys(pinned, key_records(reader.in_streams(*KEY_STREAMS)))[0].keys
