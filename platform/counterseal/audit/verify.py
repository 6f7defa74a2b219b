"""The offline verifier.

Job: read stored rows once, recompute everything from their bytes, and compare with the evidence.

Invariants
  I1  Leaf hashes come from the bytes; a stored hash is only compared.
  I2  Order is the sequence number: equal or backward times are counted, never judged.
  I3  A changed, missing, added or moved row is found, named by code and first sequence number.
  I4  A cut tail is found whenever a checkpoint or a remembered head covers it.
  I5  What was verified before and is not read again is said so, and new records must follow it.

Not here: reading a database or pack (storage, evidence), the attackers (audit.verdict), the pass
(audit.walk), checkpoints (audit.seals).
Source: design part "verify"; nothing is shared with the writer but hashing and parsing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from counterseal.audit.accounts import Accounts
from counterseal.audit.checkpoint import open_checkpoint, read_checkpoint
from counterseal.audit.findings import Findings
from counterseal.audit.keys import KeyRing, first_ring
from counterseal.audit.note import VerifierKey
from counterseal.audit.privacy import Opening
from counterseal.audit.record import StoredRow
from counterseal.audit.resume import VerifiedPrefix, check_prefix
from counterseal.audit.seals import (
    RememberedHead,
    Seals,
    StoredCheckpoint,
    judge_heads,
    judge_seals,
    read_seals,
)
from counterseal.audit.signer import SignerState
from counterseal.audit.stretch import STRETCH_MAX, Stretch
from counterseal.audit.verdict import (
    DEFAULT_REQUIRED,
    Attacker,
    Coverage,
    Finding,
    Totals,
    Verdict,
    decide_outcome,
    judge,
)
from counterseal.audit.walk import Walk
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

Progress = Callable[[int], None]
"""Called now and then with the number of records that were read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What comes from outside the database.

    Attributes:
        log_key: The pinned key, or None.
        heads: Remembered heads, of this log's origin.
        openings: What opens commitments to personal data; None when it is not compared.
    """

    log_key: VerifierKey | None = None
    heads: tuple[RememberedHead, ...] = ()
    openings: tuple[Opening, ...] | None = None


class Verification(NamedTuple):
    """A verdict, and where to go on from.

    Attributes:
        prefix: None when the log was tampered with, or nothing signed under a pinned key was read.
    """

    verdict: Verdict
    prefix: VerifiedPrefix | None


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


def _origin(evidence: Evidence) -> str | None:
    names = {head.origin for head in evidence.heads}
    if evidence.log_key is not None:
        names.add(evidence.log_key.name)
    if len(names) > 1:
        raise InputError(
            "ORIGINS_DIFFER",
            "the evidence is about several logs",
            field="evidence",
            got=sorted(names),
        )
    return next(iter(names), None)


class _Check:
    """One verification: what is compared with what, and the verdict of it."""

    def __init__(
        self,
        checkpoints: Iterable[StoredCheckpoint],
        evidence: Evidence,
        after: VerifiedPrefix | None = None,
        *,
        columns: bool = True,
        keeps_prefix: bool = False,
    ) -> None:
        self._evidence = evidence
        self._columns = columns
        self._keeps_prefix = keeps_prefix
        self._read_from = 0 if after is None else after.size
        self.findings = Findings()
        known = (c for c in checkpoints if not _lies_before(c, self._read_from))
        self._seen, self._read = read_seals(known, self.findings)
        self.newest = max((seal.told.size for seal in self._read), default=0)
        sizes = {seal.told.size for seal in self._read} | {head.size for head in evidence.heads}
        self.walk = Walk(self.findings, _origin(evidence), sizes, after, columns=columns)
        self._at_newest: VerifiedPrefix | None = None
        personal = evidence.openings is not None
        self.accounts = Accounts(personal=personal) if after is None else None

    def keep_prefix(self) -> None:
        """Keep the state at the newest checkpoint, when it is wanted and the walk stands there."""
        there = 0 < self.walk.frontier.size == self.newest
        if self._keeps_prefix and there and self.findings.count == 0:
            self._at_newest = self._prefix()

    def _prefix(self) -> VerifiedPrefix | None:
        walk, ends = self.walk, self.walk.stream_ends()
        note = next((s.stored.note for s in self._read if s.told.size == self.newest), None)
        if note is None or ends is None or walk.origin is None:
            return None
        return VerifiedPrefix(
            origin=walk.origin,
            size=walk.frontier.size,
            root=walk.frontier.root().hex(),
            peaks=tuple(peak.hex() for peak in walk.frontier.peaks),
            last_leaf=walk.last_leaf.hex(),
            last_time=walk.last_time,
            streams=ends,
            checkpoint=note,
        )

    def settle(self, required: Collection[Attacker], signatures: int | None) -> Verification:
        """The verdict, after the last row."""
        walk, evidence = self.walk, self._evidence
        walk.finish()
        ring = self._account()
        seals = judge_seals(self._seen, self._read, walk, self.findings, ring, signatures)
        remembered = judge_heads(evidence.heads, walk, self.findings)
        verdict = self._verdict(seals, remembered, required)
        signed = evidence.log_key is not None and seals.sealed == self.newest
        clean = self.findings.count == 0 and signed
        return Verification(verdict, self._at_newest if clean else None)

    def _account(self) -> KeyRing | None:
        """What the log does not account for; the keys to judge checkpoints with."""
        key = self._evidence.log_key
        if self.accounts is None:
            return None if key is None else first_ring(key)
        report = self.accounts.report(self.walk.end, self._evidence.openings)
        walked = None if key is None else self.accounts.walk(key)
        odd = () if walked is None else walked.irregularities
        for found in (*report.irregularities, *odd):
            self.findings.add(found.seq, Finding(found.code.value), found.layer)
        return None if walked is None else walked.ring

    def _verdict(
        self, seals: Seals, remembered: int | None, required: Collection[Attacker]
    ) -> Verdict:
        walk, findings = self.walk, self.findings
        sealed = max(seals.sealed, self._read_from)
        coverage = Coverage(
            rows=walk.frontier.size,
            sealed=None if self._evidence.log_key is None else sealed,
            remembered=remembered,
            read_from=self._read_from,
            columns_compared=self._columns,
        )
        attackers = judge(coverage, findings.kept, findings.codes)
        outcome, exit_status = decide_outcome(coverage, attackers, findings.codes, required)
        return Verdict(
            outcome=outcome,
            exit_status=exit_status,
            origin=walk.origin,
            root=walk.frontier.root().hex() if walk.whole else None,
            totals=self._totals(seals, sealed),
            attackers=attackers,
            first_bad=next(iter(findings.kept), None),
            findings=findings.kept,
            findings_count=findings.count,
        )

    def _totals(self, seals: Seals, sealed: int) -> Totals:
        walk = self.walk
        return Totals(
            size=walk.frontier.size,
            read_from=self._read_from,
            columns_compared=self._columns,
            streams=walk.streams,
            checkpoints_seen=seals.seen,
            checkpoints_valid=len(seals.valid),
            signatures_verified=seals.verified,
            unsealed=walk.frontier.size - sealed,
            duplicate_event_ids=walk.repeated,
            clock_steps_back=walk.steps_back,
            clock_error_us_max=walk.error_us_max,
        )


def _lies_before(row: StoredCheckpoint, size: int) -> bool:
    """Whether a checkpoint is older than where the reading starts: its root is not recomputed."""
    return type(row.size) is int and row.size < size


def _groups(rows: Iterable[StoredRow], start: int, stop: int) -> Iterator[list[StoredRow]]:
    """Rows in stretches, one of which ends at the `stop`th record when they are contiguous."""
    row_source = iter(rows)
    done = start
    while group := list(islice(row_source, _group_size(done, stop))):
        done += len(group)
        yield group


def _group_size(done: int, stop: int) -> int:
    return min(STRETCH_MAX, stop - done) if done < stop else STRETCH_MAX


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
    check = _Check(checkpoints, evidence or Evidence(), columns=columns)
    _read(check, rows, 0, progress)
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
        evidence: As for `verify_log`, with a pinned key when `after` is given. Heads smaller than
            `after` are of no use.
        required: Attackers that must be excluded for exit status 0.
        signatures: As for `verify_log`.
        progress: Told the number of records read.

    Raises:
        InputError: `ORIGINS_DIFFER`; `KEY_UNKNOWN` without a pinned key; those of `check_prefix`.
        IntegrityError: those of `check_prefix`.
    """
    start = 0
    if after is not None:
        if evidence.log_key is None:
            raise InputError(
                "KEY_UNKNOWN", "going on needs the pinned key that signed the state", field="vkey"
            )
        check_prefix(after, evidence.log_key)
        evidence = replace(evidence, heads=(*evidence.heads, head_of_prefix(after)))
        start = after.size - 1
    check = _Check(checkpoints, evidence, after, keeps_prefix=True)
    _read(check, rows, start, progress)
    return check.settle(required, signatures)


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
        stretches: Of all rows in order, each from `stretch_of` with the same `columns`.
        checkpoints: As for `verify_log`.
        evidence: As for `verify_log`.
        required: As for `verify_log`.
        columns: As for `verify_log`.
        signatures: As for `verify_log`.

    Returns:
        The verdict that `verify_log` gives; None when a stretch does not hold or follow: call
        `verify_log` then, which names what is wrong.

    Raises:
        InputError: `ORIGINS_DIFFER`.
    """
    check = _Check(checkpoints, evidence, columns=columns)
    for stretch in stretches:
        if stretch is None or not check.walk.join(stretch):
            return None
    return check.settle(required, signatures).verdict


def _read(check: _Check, rows: Iterable[StoredRow], start: int, progress: Progress | None) -> None:
    for group in _groups(rows, start, check.newest):
        check.walk.take(group)
        if check.accounts is not None:
            check.accounts.take(group)
        check.keep_prefix()
        if progress is not None:
            progress(check.walk.frontier.size)
