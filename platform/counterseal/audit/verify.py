"""The offline verifier.

Job: read stored rows once, recompute everything from their bytes, and compare with the evidence.

Invariants
  I1  Leaf hashes come from the bytes; a stored hash is only compared.
  I2  Order is the sequence number: equal or backward times are counted, never judged.
  I3  A changed, missing, added or moved row is found, named by code and first sequence number.
  I4  A cut tail is found whenever a checkpoint or a remembered head covers it.
  I5  What was verified before and is not read again is said so, and new records must follow it.

Not here: reading a database or pack (storage, evidence), the attackers (audit.judging), the pass
(audit.walk), checkpoints (audit.seals).
Source: design part "verify"; nothing is shared with the writer but hashing and parsing.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from counterseal.audit.accounts import Accounts
from counterseal.audit.evidence import Evidence, head_of_note, head_of_prefix, head_of_signer
from counterseal.audit.note import VerifierKey
from counterseal.audit.part import Part, PartCheck, Progress, Verification, verify_part
from counterseal.audit.record import StoredRow
from counterseal.audit.resume import VerifiedPrefix, check_prefix
from counterseal.audit.rollback import renamed_key
from counterseal.audit.seals import RememberedHead, StoredCheckpoint
from counterseal.audit.stretch import Stretch
from counterseal.audit.verdict import DEFAULT_REQUIRED, Attacker, Verdict
from counterseal.kernel.errors import InputError

__all__ = [
    "Evidence",
    "RememberedHead",
    "StoredCheckpoint",
    "Verification",
    "head_of_note",
    "head_of_prefix",
    "head_of_signer",
    "verify_log",
    "verify_onward",
    "verify_stretches",
]


def _whole(evidence: Evidence) -> Part:
    return Part(Accounts(personal=evidence.openings is not None), evidence.log_key)


def verify_log(
    rows: Iterable[StoredRow],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence | None = None,
    required: Collection[Attacker] = DEFAULT_REQUIRED,
    *,
    columns: bool = True,
    signatures: int | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Verify a log.

    Args:
        rows: All rows, in the order of their `seq` column; read once, never kept.
        checkpoints: All stored checkpoints, in any order.
        evidence: What was kept outside the database; None for nothing.
        required: Attackers that must be excluded for exit status 0.
        columns: False to hash only, and then to exclude nobody who edits columns (A1).
        signatures: Of how many of the newest checkpoints the signature is verified although the
            bytes lead to their root (see audit.seals); None for all, and only then is a garbled
            signature of an older one told.
        progress: Told the number of records read.

    Raises:
        InputError: `ORIGINS_DIFFER` when the evidence names several logs.
    """
    evidence = evidence or Evidence()
    check = PartCheck(_whole(evidence), checkpoints, evidence, columns=columns)
    check.read(rows, progress)
    return check.settle(required, signatures).verdict


def verify_onward(
    after: VerifiedPrefix | None,
    rows: Iterable[StoredRow],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence,
    required: Collection[Attacker] = DEFAULT_REQUIRED,
    *,
    signatures: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify what is new since an earlier verification; work is linear in the new records.

    Args:
        after: Where the earlier one ended; None to start at the first record.
        rows: Rows from `after.size - 1` on: its last record is read again, so that a log cut or
            replaced below it shows.
        checkpoints: All stored checkpoints, or those from `after.size` on.
        evidence: As for `verify_log`, with the log's first key pinned when `after` is given. Heads
            smaller than `after` are of no use; openings are compared by a full verification only.
        required: Attackers that must be excluded for exit status 0.
        signatures: As for `verify_log`.
        progress: Told the number of records read.

    Raises:
        InputError: `ORIGINS_DIFFER`; `KEY_UNKNOWN` without a pinned key; those of `check_prefix`.
        IntegrityError: those of `check_prefix`.
    """
    if after is None:
        part = _whole(evidence)
    else:
        part = _resumed(after, evidence.log_key)
        key = renamed_key(part.pinned, after.origin) if part.pinned is not None else None
        heads = (*evidence.heads, head_of_prefix(after))
        evidence = replace(evidence, log_key=key, heads=heads)
    return verify_part(
        part, rows, checkpoints, evidence, required, signatures=signatures, progress=progress
    )


def _resumed(after: VerifiedPrefix, pinned: VerifierKey | None) -> Part:
    """The part behind an earlier verification, when a key since the pinned one signed its end.

    Raises:
        InputError: `KEY_UNKNOWN` without a pinned key; those of `check_prefix`.
        IntegrityError: those of `check_prefix`.
    """
    if pinned is None:
        raise InputError(
            "KEY_UNKNOWN", "going on needs the pinned key that signed the state", field="vkey"
        )
    accounts = Accounts(personal=False, after=after.told, start=after.size)
    check_prefix(after, accounts.walk(pinned).ring)
    return Part(accounts, pinned, after, read_from=after.size)


def verify_stretches(
    stretches: Iterable[Stretch | None],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence,
    required: Collection[Attacker] = DEFAULT_REQUIRED,
    *,
    columns: bool = True,
    signatures: int | None = None,
) -> Verdict | None:
    """Verify a log whose ranges were checked elsewhere, by several processes for example.

    Args:
        stretches: Of all rows in order, each from `stretch_of` with the same `columns`, telling the
            rows of `accounts.TOLD_TYPES`.
        checkpoints: As for `verify_log`.
        evidence: As for `verify_log`.
        required: As for `verify_log`.
        columns: As for `verify_log`.
        signatures: As for `verify_log`.

    Returns:
        The verdict that `verify_log` gives; None when a stretch does not hold or follow, or when
        personal data is to be compared by hashes alone: call `verify_log` then, which names what
        is wrong.

    Raises:
        InputError: `ORIGINS_DIFFER`.
    """
    if evidence.openings is not None and not columns:
        return None
    part = _whole(evidence)
    check = PartCheck(part, checkpoints, evidence, columns=columns)
    for stretch in stretches:
        if stretch is None or not check.walk.join(stretch):
            return None
        part.accounts.take_stretch(stretch)
    return check.settle(required, signatures).verdict
