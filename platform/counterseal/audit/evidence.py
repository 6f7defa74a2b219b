"""What an auditor holds against a log.

Job: bring everything that was kept outside the database into one form that a verification compares.

Invariants
  I1  Nothing counts that no pinned key of the log signed; what does not open is a finding.
  I2  What is about another log is an error, not left out; what is about an earlier name of this one
      is judged under that name.

Not here: reading files (storage.outside_files), the comparison (audit.verify), what cosignatures
and stamps prove (audit.outside).
Source: design table "evidence, cumulative".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from counterseal.audit.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from counterseal.audit.merkle import check_inclusion
from counterseal.audit.note import VerifierKey
from counterseal.audit.outside import OutsideEvidence, OutsideView, open_under, view_outside
from counterseal.audit.privacy import Opening
from counterseal.audit.receipt import Receipt
from counterseal.audit.resume import VerifiedPrefix
from counterseal.audit.rollback import renamed_key
from counterseal.audit.seals import RememberedHead
from counterseal.audit.signer import SignerState
from counterseal.audit.time_windows import TimeWindows
from counterseal.audit.trust_policy import TrustPolicy
from counterseal.audit.verdict import Finding, Shortfall
from counterseal.kernel.errors import InputError, IntegrityError


class Freshness(NamedTuple):
    """How old the newest sighting may be: no older than `limit` at `now` (UTC)."""

    now: datetime
    limit: timedelta


class TablesCompared(NamedTuple):
    """The tables as rebuilt from the log.

    Attributes:
        rows: How many were compared.
        differences: Where they differ, one word each, such as `orders/ord_1/state`.
    """

    rows: int
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What comes from outside the database; everything has its empty value.

    Attributes:
        log_key: The pinned key, or None.
        heads: Remembered heads, of this log's origin.
        openings: What opens commitments to personal data; None when it is not compared.
        later_keys: Keys that a walk from the pinned one accepts, to open what they signed.
        outside: Notes and stamps; those of other logs are left alone.
        policy: Known witnesses and their quorum.
        receipts: Kept by whoever received them.
        tables: The result of a reconciliation; None without one.
        fresh: How old the newest sighting may be; None for any age.
    """

    log_key: VerifierKey | None = None
    heads: tuple[RememberedHead, ...] = ()
    openings: tuple[Opening, ...] | None = None
    later_keys: tuple[VerifierKey, ...] = ()
    outside: OutsideEvidence | None = None
    policy: TrustPolicy | None = None
    receipts: tuple[Receipt, ...] = ()
    tables: TablesCompared | None = None
    fresh: Freshness | None = None

    def about(self, key: VerifierKey) -> "Evidence":
        """What is about one name of the log, whose first key this is."""
        return replace(
            self,
            log_key=key,
            heads=tuple(head for head in self.heads if head.origin == key.name),
            later_keys=tuple(renamed_key(later, key.name) for later in self.later_keys),
        )

    def up_to(self, size: int) -> "Evidence":
        """Without heads, notes and receipts beyond a size, and without what judges the end."""
        outside = self.outside
        return replace(
            self,
            heads=tuple(head for head in self.heads if head.size <= size),
            outside=None if outside is None else outside.up_to(size),
            receipts=tuple(r for r in self.receipts if read_checkpoint(r.checkpoint).size <= size),
            tables=None,
            fresh=None,
        )

    @property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        """The pinned key and those that followed; empty without a pinned one."""
        return () if self.log_key is None else (self.log_key, *self.later_keys)

    @property
    def origin(self) -> str | None:
        """The name of the log that the key and the heads are about; None when nothing tells it.

        Raises:
            InputError: `ORIGINS_DIFFER`.
        """
        names = {head.origin for head in self.heads}
        names |= {self.log_key.name} if self.log_key is not None else set()
        if len(names) > 1:
            raise InputError(
                "ORIGINS_DIFFER",
                "the evidence is about several logs",
                field="evidence",
                got=sorted(names),
            )
        return next(iter(names), None)


class OpenedReceipt(NamedTuple):
    """A receipt under a good signature."""

    receipt: Receipt
    signed: Checkpoint

    def holds(self, leaf: bytes) -> bool:
        """Whether its path leads from this leaf to the signed root."""
        told, signed = self.receipt, self.signed
        return check_inclusion(told.index, signed.size, leaf, told.path, signed.root)


class EvidenceFinding(NamedTuple):
    """A contradiction within the evidence: code, record that it concerns, and its layer."""

    seq: int
    code: Finding
    layer: str


@dataclass(frozen=True, slots=True)
class OpenedEvidence:
    """Evidence of one log, its signatures verified.

    Attributes:
        heads: The log has to reach and equal each of them.
        beside: The same, from beside the log: their end proves nothing.
        receipts: Those with a good signature.
        view: What outsiders prove; None when nothing of theirs was given.
        findings: What does not open, or contradicts itself.
    """

    heads: tuple[RememberedHead, ...] = ()
    beside: tuple[RememberedHead, ...] = ()
    receipts: tuple[OpenedReceipt, ...] = ()
    view: OutsideView | None = None
    findings: tuple[EvidenceFinding, ...] = ()

    @property
    def windows(self) -> TimeWindows:
        """Bounds of recorded times."""
        return TimeWindows() if self.view is None else self.view.windows

    @property
    def sizes(self) -> frozenset[int]:
        """Sizes whose roots are compared."""
        return frozenset(head.size for head in (*self.heads, *self.beside))


def open_evidence(evidence: Evidence) -> OpenedEvidence:
    """Verify every signature and bring everything into one form.

    Raises:
        InputError: `ORIGINS_DIFFER`; `KEY_UNKNOWN` for notes or receipts without a pinned key;
            when a note is malformed.
    """
    origin = evidence.origin
    keys = evidence.log_keys
    if not keys or origin is None:
        if evidence.outside is not None or evidence.receipts:
            raise InputError(
                "KEY_UNKNOWN", "what the log signed is opened by its pinned key", field="vkey"
            )
        return OpenedEvidence(heads=evidence.heads)
    findings: list[EvidenceFinding] = []
    receipts = tuple(_receipts(evidence, origin, findings))
    view = None
    if evidence.outside is not None:
        view = view_outside(evidence.outside.of(origin), keys, evidence.policy)
        findings.extend(_contradictions(view))
    outside = () if view is None else tuple(RememberedHead(*head) for head in view.heads)
    return OpenedEvidence(
        heads=(*evidence.heads, *outside, *map(_head_of_receipt, receipts)),
        beside=() if view is None else tuple(RememberedHead(*head) for head in view.kept),
        receipts=receipts,
        view=view,
        findings=tuple(findings),
    )


def _receipts(
    evidence: Evidence, origin: str, findings: list[EvidenceFinding]
) -> Iterator[OpenedReceipt]:
    for receipt in evidence.receipts:
        if read_checkpoint(receipt.checkpoint).origin != origin:
            continue
        try:
            opened = open_under(receipt.checkpoint, evidence.log_keys)
        except IntegrityError as error:
            layer = f"receipt:{receipt.index}"
            findings.append(EvidenceFinding(receipt.index, Finding(error.code), layer))
            continue
        yield OpenedReceipt(receipt, opened.checkpoint)


def _contradictions(view: OutsideView) -> Iterator[EvidenceFinding]:
    for found in view.findings:
        if found.code != Shortfall.QUORUM_NOT_MET:
            last = max(found.size - 1, 0)
            yield EvidenceFinding(last, Finding(found.code), f"{found.source}:{found.size}")


def _head_of_receipt(opened: OpenedReceipt) -> RememberedHead:
    signed = opened.signed
    return RememberedHead(signed.origin, signed.size, signed.root, "receipt")


def head_of_note(note: str, log_key: VerifierKey | None, source: str = "expect") -> RememberedHead:
    """A remembered head from a kept checkpoint; verified when a key is pinned.

    Raises:
        InputError: when the note is malformed.
        IntegrityError: `SIG_INVALID` or `KEY_UNKNOWN` under the pinned key.
    """
    signed = read_checkpoint(note) if log_key is None else open_checkpoint(note, log_key).checkpoint
    return RememberedHead(signed.origin, signed.size, signed.root, source)


def head_of_signer(state: SignerState) -> RememberedHead:
    """A remembered head from the signer's state file."""
    return RememberedHead(state.origin, state.size, bytes.fromhex(state.root), "signer-state")


def head_of_prefix(prefix: VerifiedPrefix) -> RememberedHead:
    """A remembered head from where an earlier verification ended."""
    return RememberedHead(prefix.origin, prefix.size, bytes.fromhex(prefix.root), "verified")
