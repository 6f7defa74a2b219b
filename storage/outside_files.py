"""Outside evidence as an auditor holds it: files and folders.

Job: read a policy, cosigned notes, anchors and stamps from where they lie.

Invariants
  I1  What is named is read or fails: evidence that cannot be read is never left out.
  I2  Stamps are read only with the roots that they are to be verified under.

Not here: what they prove (audit.outside), gathering them (witnesses, stamping, anchoring).
Source: options of the design part "verify".
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from counterseal.audit.anchors import read_anchors
from counterseal.audit.evidence import Evidence
from counterseal.audit.outside import OutsideEvidence
from counterseal.audit.receipt import Receipt, parse_receipt
from counterseal.audit.trust_policy import TrustPolicy, parse_policy
from counterseal.kernel.errors import InputError
from storage.outside_folder import (
    ANCHOR_SUFFIX,
    CHECKPOINT_SUFFIX,
    RECEIPT_SUFFIX,
    OutsideFolder,
)
from storage.stamping import StampFolder, read_roots
from storage.witnesses import CosignedNotes


@dataclass(frozen=True, slots=True)
class OutsideFiles:
    """Where the evidence lies; None and empty for what was not given.

    Attributes:
        policy: Policy file.
        cosigned: Folder of notes kept beside the log.
        latest: Notes fetched from the witnesses, a file for each.
        anchors: Append-only files.
        stamps: Folder of stamps.
        roots: PEM certificates that the stamps are verified under.
        receipts: Folder of receipts.
    """

    policy: Path | None = None
    cosigned: Path | None = None
    latest: tuple[Path, ...] = ()
    anchors: tuple[Path, ...] = ()
    stamps: Path | None = None
    roots: Path | None = None
    receipts: Path | None = None

    @classmethod
    def within(cls, folder: OutsideFolder) -> "OutsideFiles":
        """All that lies in a folder of outside evidence.

        Raises:
            InputError: `EVIDENCE_FILE_MISSING` when there is no such folder.
        """
        if not folder.path.is_dir():
            _missing(folder.path)
        return cls(
            policy=_there(folder.policy),
            cosigned=_there(folder.cosigned),
            latest=tuple(sorted(folder.latest.glob(f"*{CHECKPOINT_SUFFIX}"))),
            anchors=tuple(sorted(folder.anchors.glob(f"*{ANCHOR_SUFFIX}"))),
            stamps=_there(folder.stamps),
            roots=_there(folder.roots),
            receipts=_there(folder.receipts),
        )


def load_outside(files: OutsideFiles) -> tuple[OutsideEvidence, TrustPolicy | None]:
    """Read everything that is named.

    Raises:
        InputError: `EVIDENCE_FILE_MISSING`, `ROOTS_MISSING` for stamps without roots,
            `ROOTS_INVALID`, `TRUST_POLICY_MALFORMED` or a key's code.
        IntegrityError: `STAMP_INVALID` or `ANCHOR_REWRITTEN`.
        AdapterError: `STAMP_READ`, `COSIGNED_READ`.
    """
    for folder in (files.cosigned, files.stamps):
        if folder is not None and not folder.is_dir():
            _missing(folder)
    if files.stamps is not None and files.roots is None:
        raise InputError("ROOTS_MISSING", "stamps need pinned roots", field="tsa-roots")
    roots = () if files.roots is None else read_roots(_content(files.roots))
    evidence = OutsideEvidence(
        kept=() if files.cosigned is None else CosignedNotes(files.cosigned).read(),
        latest=tuple(_content(path).decode(errors="replace") for path in files.latest),
        anchored=tuple(n for path in files.anchors for n in read_anchors(_content(path)).notes),
        stamps=() if files.stamps is None else StampFolder(files.stamps).read(roots),
    )
    policy = None if files.policy is None else parse_policy(_content(files.policy))
    return evidence, policy


def with_outside(evidence: Evidence, files: OutsideFiles) -> Evidence:
    """Evidence, and all that the files hold; errors of `load_outside` and `load_receipts`."""
    outside, policy = load_outside(files)
    receipts = () if files.receipts is None else load_receipts(files.receipts)
    return replace(evidence, outside=outside, policy=policy, receipts=receipts)


def load_receipts(folder: Path) -> tuple[Receipt, ...]:
    """Every receipt in a folder.

    Raises:
        InputError: `EVIDENCE_FILE_MISSING`; those of `parse_receipt`.
    """
    if not folder.is_dir():
        _missing(folder)
    paths = sorted(folder.glob(f"*{RECEIPT_SUFFIX}"))
    return tuple(parse_receipt(_content(path).decode(errors="replace")) for path in paths)


def _there(path: Path) -> Path | None:
    return path if path.exists() else None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        _missing(path)


def _missing(path: Path) -> NoReturn:
    raise InputError("EVIDENCE_FILE_MISSING", "the evidence named is not there", got=path)
