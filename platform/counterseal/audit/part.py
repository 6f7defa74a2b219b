"""One part of a log.

Job: hold the rows, checkpoints and evidence of one name of a log against each other, and judge.

A log has one part unless a declared rollback gave it another name; a verification that goes on from
an earlier one reads a part as well.

Invariants
  I1  Leaf hashes come from the bytes; a stored hash is only compared.
  I2  The accounts of keys, holds, purges and personal data go through all parts and are closed
      once, behind the last.

Not here: which parts there are (audit.verify, audit.epochs), the pass (audit.walk), checkpoints
(audit.seals), the attackers (audit.judging).
Source: design part "verify".
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from pydantic import ValidationError

from counterseal.audit.accounts import AccountReport, Accounts
from counterseal.audit.evidence import Evidence, open_evidence
from counterseal.audit.findings import Findings
from counterseal.audit.judging import Coverage, decide_outcome, judge
from counterseal.audit.keys import KeyRing
from counterseal.audit.note import VerifierKey
from counterseal.audit.outside_reach import reaches
from counterseal.audit.record import StoredRow
from counterseal.audit.resume import VerifiedPrefix
from counterseal.audit.seals import (
    Seals,
    StoredCheckpoint,
    judge_heads,
    judge_seals,
    read_seals,
)
from counterseal.audit.stretch import STRETCH_MAX
from counterseal.audit.verdict import (
    DEFAULT_REQUIRED,
    Attacker,
    Finding,
    Shortfall,
    Totals,
    Verdict,
)
from counterseal.audit.walk import Walk

Progress = Callable[[int], None]
"""Called now and then with the number of records that were read."""


class Verification(NamedTuple):
    """A verdict, and where to go on from.

    Attributes:
        prefix: None when the log was tampered with, or nothing signed under a pinned key was read.
    """

    verdict: Verdict
    prefix: VerifiedPrefix | None


class Part(NamedTuple):
    """Which part of a log is verified, and what is known of the parts before.

    Attributes:
        accounts: Fed with the parts before, or with what they told.
        pinned: The first key of the log; None without one.
        after: Where the part before ended; None for the first.
        read_from: First record that this verification reads, in this part or an earlier one.
        is_last: Whether the accounts are closed behind it.
    """

    accounts: Accounts
    pinned: VerifierKey | None
    after: VerifiedPrefix | None = None
    read_from: int = 0
    is_last: bool = True


class PartCheck:
    """What is compared with what, and the verdict of it.

    Args:
        part: Which part.
        checkpoints: All stored checkpoints, or those of the part, in any order.
        evidence: Of this part's name.
        columns: As for `verify_log`.
        keeps_prefix: Whether the next verification wants to go on from here.

    Raises:
        InputError: those of `open_evidence`.
    """

    def __init__(
        self,
        part: Part,
        checkpoints: Iterable[StoredCheckpoint],
        evidence: Evidence,
        *,
        columns: bool = True,
        keeps_prefix: bool = False,
    ) -> None:
        self._part = part
        self._evidence = evidence
        self._given = given = open_evidence(evidence)
        self._columns = columns
        self._keeps_prefix = keeps_prefix
        self._start = 0 if part.after is None else part.after.size
        self.findings = Findings()
        for found in given.findings:
            self.findings.add(*found)
        known = (c for c in checkpoints if not _is_old(c, self._start))
        self._seen, self._read = read_seals(known, self.findings)
        self.newest = max((seal.told.size for seal in self._read), default=0)
        self.stops = sorted({self.newest, *given.windows.starts})
        self.walk = Walk(
            self.findings,
            evidence.origin,
            {seal.told.size for seal in self._read} | given.sizes,
            part.after,
            columns=columns,
            windows=given.windows,
            kept=[opened.receipt.index for opened in given.receipts],
        )
        self._at_newest: VerifiedPrefix | None = None
        self._report: AccountReport | None = None

    def read(self, rows: Iterable[StoredRow], progress: Progress | None) -> None:
        """Take in the rows of the part, the last one before it included."""
        start = max(self._start - 1, 0)
        for group in _groups(rows, start, self.stops):
            stretch = self.walk.take(group)
            if stretch is not None and (self._columns or self._evidence.openings is None):
                self._part.accounts.take_stretch(stretch)
            else:
                fresh = group if not self._start else [r for r in group if not self._is_known(r)]
                self._part.accounts.take(fresh)
            self.keep_prefix()
            if progress is not None:
                progress(self.walk.frontier.size)

    def _is_known(self, row: StoredRow) -> bool:
        """Whether it is the record that the part before ended with."""
        return type(row.seq) is int and row.seq < self._start

    def keep_prefix(self) -> None:
        """Keep the state at the newest checkpoint, when it is wanted and the walk stands there."""
        there = 0 < self.walk.frontier.size == self.newest
        if self._keeps_prefix and there and self.findings.count == 0:
            self._at_newest = self._prefix()

    def _prefix(self) -> VerifiedPrefix | None:
        """The state to go on from; None when a hostile file holds what no state can."""
        walk, ends = self.walk, self.walk.stream_ends()
        note = next((s.stored.note for s in self._read if s.told.size == self.newest), None)
        if note is None or ends is None or walk.origin is None:
            return None
        with suppress(ValidationError):
            return VerifiedPrefix(
                origin=walk.origin,
                size=walk.frontier.size,
                root=walk.frontier.root().hex(),
                peaks=tuple(peak.hex() for peak in walk.frontier.peaks),
                last_leaf=walk.last_leaf.hex(),
                last_time=walk.last_time,
                streams=ends,
                checkpoint=note,
                told=self._part.accounts.told,
            )
        return None

    def settle(self, required: Collection[Attacker], signatures: int | None) -> Verification:
        """The verdict, after the last row."""
        walk, given = self.walk, self._given
        walk.finish()
        ring = self._account()
        seen = given.windows.starts
        seals = judge_seals(self._seen, self._read, walk, self.findings, ring, signatures, seen)
        remembered = judge_heads(given.heads, walk, self.findings)
        judge_heads(given.beside, walk, self.findings)
        self._compare()
        verdict = self._verdict(seals, remembered, required)
        signed = self._evidence.log_key is not None and seals.sealed == self.newest
        clean = self.findings.count == 0 and signed
        return Verification(verdict, self._at_newest if clean else None)

    def _compare(self) -> None:
        """Receipts with the records that were read, and the tables with the log."""
        for opened in self._given.receipts:
            index = opened.receipt.index
            leaf = self.walk.leaves.get(index)
            if leaf is not None and not opened.holds(leaf):
                self.findings.add(index, Finding.ROOT_MISMATCH, f"receipt:{index}")
        last = max(self.walk.end - 1, 0)
        tables = self._evidence.tables
        for place in () if tables is None else tables.differences:
            self.findings.add(last, Finding.TABLE_DIFFERS, f"table:{place}")

    def _account(self) -> KeyRing | None:
        """What the log does not account for; the keys to judge checkpoints with."""
        key = self._part.pinned
        walked = None if key is None else self._part.accounts.walk(key)
        if self._part.is_last:
            self._report = self._part.accounts.report(self.walk.end, self._evidence.openings)
            odd = () if walked is None else walked.irregularities
            for found in (*self._report.irregularities, *odd):
                self.findings.add(found.seq, Finding(found.code.value), found.layer)
        return None if walked is None else walked.ring

    def _verdict(
        self, seals: Seals, remembered: int | None, required: Collection[Attacker]
    ) -> Verdict:
        walk, findings = self.walk, self.findings
        sealed = max(seals.sealed, self._start)
        coverage = Coverage(
            rows=walk.frontier.size,
            sealed=None if self._evidence.log_key is None else sealed,
            remembered=remembered,
            read_from=self._part.read_from,
            columns_compared=self._columns,
        )
        given, codes, report = self._given, findings.codes, self._report
        pii = None if report is None else report.pii
        outside = reaches(
            given,
            self._evidence.tables,
            times_checked=self._columns,
            read_from=self._part.read_from,
        )
        attackers = judge(coverage, findings.kept, codes, outside)
        shortfalls = self._shortfalls()
        outcome, exit_status = decide_outcome(coverage, attackers, codes, required, shortfalls)
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
            records=None if report is None else report.records.amended(irregularities=()),
            pii=None if pii is None else pii.amended(irregularities=()),
            shortfalls=shortfalls,
            evidence_at=None if given.view is None else given.view.newest,
        )

    def _shortfalls(self) -> tuple[Shortfall, ...]:
        view, fresh = self._given.view, self._evidence.fresh
        told = {found.code for found in view.findings} if view is not None else set()
        if fresh is not None and (view is None or view.is_stale(*fresh)):
            told.add(Shortfall.HEARTBEAT_STALE)
        return tuple(code for code in Shortfall if code in told)

    def _totals(self, seals: Seals, sealed: int) -> Totals:
        walk = self.walk
        return Totals(
            size=walk.frontier.size,
            read_from=self._part.read_from,
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


def _is_old(row: StoredCheckpoint, size: int) -> bool:
    """Whether a checkpoint is older than where the reading starts: its root is not recomputed."""
    return type(row.size) is int and 0 <= row.size < size


def _groups(
    rows: Iterable[StoredRow], start: int, stops: Sequence[int]
) -> Iterator[list[StoredRow]]:
    """Rows in stretches, one of which ends at each stop when they are contiguous.

    Args:
        rows: From the `start`th record on.
        start: How many records lie before.
        stops: Sizes of the log, ascending.
    """
    row_source = iter(rows)
    done = start
    while group := list(islice(row_source, _group_size(done, stops))):
        done += len(group)
        yield group


def _group_size(done: int, stops: Sequence[int]) -> int:
    ahead = bisect_right(stops, done)
    return min(STRETCH_MAX, stops[ahead] - done) if ahead < len(stops) else STRETCH_MAX


def verify_part(
    part: Part,
    rows: Iterable[StoredRow],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence,
    required: Collection[Attacker] = DEFAULT_REQUIRED,
    *,
    signatures: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify one part of a log, under one name.

    Args:
        part: Which.
        rows: Rows from `part.after.size - 1` on: the last record of the part before is read again,
            so that a log cut or replaced below it shows.
        checkpoints: All stored checkpoints, or those of the part.
        evidence: Of this name.
        required: As for `verify_log`.
        signatures: As for `verify_log`.
        progress: As for `verify_log`.

    Raises:
        InputError: those of `open_evidence`.
    """
    check = PartCheck(part, checkpoints, evidence, keeps_prefix=True)
    check.read(rows, progress)
    return check.settle(required, signatures)
