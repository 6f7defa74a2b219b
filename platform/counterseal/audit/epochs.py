"""A log that went on under another name.

Job: verify a log of several names, each up to its end, and name what was lost between them.

A rolled-back log is one sequence of records under several names: up to each declaration the old
name's checkpoints must hold, behind it the next name's. A head of the old name beyond what was kept
is no contradiction when the declaration gives up exactly the records that are missing; it is
reported as lost, never passed over.

Invariants
  I1  Every record is verified once, under the name that it was placed under.
  I2  Nothing is given up but what the old name signed and a declaration in the log names.
  I3  Without a declaration this is `verify_log`.

Not here: the verification of one name (audit.verify), the declaration (audit.rollback), who
consented to it (desk.rollbacks).
Source: design part "verify", LOST.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from operator import attrgetter
from typing import Final, cast

from pydantic import ValidationError

from counterseal.audit.accounts import Accounts
from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.evidence import Evidence, open_evidence
from counterseal.audit.judging import contradicted
from counterseal.audit.keys import KeyRing, renamed_ring
from counterseal.audit.merkle import Frontier, leaf_hash
from counterseal.audit.note import VerifierKey
from counterseal.audit.part import Part, Progress, Verification, verify_part
from counterseal.audit.purges import kept_leaf
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.resume import StreamEnd, VerifiedPrefix, check_prefix
from counterseal.audit.rollback import ROLLED_BACK, Rollback, check_old_head, renamed_key
from counterseal.audit.seals import StoredCheckpoint
from counterseal.audit.verdict import (
    DEFAULT_REQUIRED,
    FINDINGS_KEPT_MAX,
    Attacker,
    Finding,
    FindingAt,
    LostRange,
    Outcome,
    Verdict,
)
from counterseal.audit.verify import verify_onward
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import CountersealError, InputError

_BY_SEQ: Final = attrgetter("seq")
_Verify = Callable[
    [Part, Iterable[StoredRow], Iterable[StoredCheckpoint], Evidence, Collection[Attacker]],
    Verification,
]


def rollbacks_of(rows: Iterable[StoredRow]) -> tuple[Rollback, ...]:
    """The declarations among rows (all, or those of the type), as their bytes tell them.

    One that cannot be read declares nothing: then the next name is a contradiction.
    """
    stated = (_stated(row) for row in rows if row.type == ROLLED_BACK)
    return tuple(rollback for rollback in stated if rollback is not None)


def _stated(row: StoredRow) -> Rollback | None:
    try:
        after = cast(
            "Mapping[str, Mapping[str, Sequence[Json]]]", load_canonical(row.body)["after"]
        )
        return Rollback.model_validate_json(canonical_bytes(after["documents"][Rollback.KIND][0]))
    except (InputError, TypeError, KeyError, IndexError, ValueError):
        return None


def check_names(evidence: Evidence, rollbacks: Iterable[Rollback]) -> None:
    """Refuse heads of another log than the one whose first key is pinned.

    Raises:
        InputError: `ORIGINS_DIFFER`.
    """
    if evidence.log_key is None:
        return
    names = {evidence.log_key.name, *(one.origin for one in rollbacks)}
    foreign = {head.origin for head in evidence.heads} - names
    if foreign:
        raise InputError(
            "ORIGINS_DIFFER",
            "the evidence is about another log",
            field="evidence",
            expected=sorted(names),
            got=sorted(foreign),
        )


def verify_epochs(
    rows: Iterable[StoredRow],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence,
    rollbacks: Sequence[Rollback],
    required: Collection[Attacker] = DEFAULT_REQUIRED,
    *,
    signatures: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify a log under every name that it had.

    Args:
        rows: All rows, in the order of their `seq` column; read once, never kept.
        checkpoints: All stored checkpoints.
        evidence: With the key pinned for the first name: rollbacks keep the key and change its
            name. Heads, notes and receipts may be of any name.
        rollbacks: From `rollbacks_of`, oldest first. One that the rows do not hold at its place
            leaves a contradiction.
        required: Attackers that must be excluded under the newest name for exit status 0.
        signatures: As for `verify_log`.
        progress: As for `verify_log`.

    Returns:
        One verdict: contradictions under any name, lost ranges, and the attackers as the newest
        name judges them. Behind a seam that does not hold nothing is verified.

    Raises:
        InputError: `KEY_UNKNOWN` without a pinned key although there are rollbacks; those of
            `open_evidence`.
    """
    if not rollbacks:
        return verify_onward(
            None, rows, checkpoints, evidence, required, signatures=signatures, progress=progress
        )
    if evidence.log_key is None:
        raise InputError("KEY_UNKNOWN", "a log of several names needs a pinned key", field="vkey")
    check_names(evidence, rollbacks)
    how = partial(verify_part, signatures=signatures, progress=progress)
    reading = _Reading(rows, tuple(checkpoints), evidence, evidence.log_key, how)
    for rollback in rollbacks:
        reading.up_to(rollback)
    return reading.to_the_end(required)


def _leaf(row: StoredRow) -> bytes:
    """Hash of the bytes; of a record without any the one that was kept."""
    return leaf_hash(row.body) if type(row.body) is bytes and row.body else kept_leaf(row)


class _Reading:
    """The rows so far: where they end, and what was found under the names before."""

    def __init__(
        self,
        rows: Iterable[StoredRow],
        checkpoints: tuple[StoredCheckpoint, ...],
        evidence: Evidence,
        key: VerifierKey,
        how: _Verify,
    ) -> None:
        self._rows = iter(rows)
        self._checkpoints = checkpoints
        self._evidence = evidence
        self._first = self._key = key
        self._how = how
        self._accounts = Accounts(personal=evidence.openings is not None)
        self._edge = Frontier()
        self._ends: dict[str, StreamEnd] = {}
        self._last: StoredRow | None = None
        self._after: VerifiedPrefix | None = None
        self._verdicts: list[Verdict] = []
        self._lost: list[LostRange] = []
        self._findings: list[FindingAt] = []

    def up_to(self, rollback: Rollback) -> None:
        """Verify what was placed under the name that a rollback ends."""
        count = rollback.restored.size - self._edge.size
        self._verify(self._noted(islice(self._rows, max(count, 0)), rollback), (), rollback)
        ring = self._accounts.walk(self._first).ring
        self._check_declaration(rollback, ring.current)
        self._key = renamed_key(self._key, rollback.origin)
        self._after = self._seam(rollback, renamed_ring(ring, rollback.origin))

    def to_the_end(self, required: Collection[Attacker]) -> Verification:
        """Verify what stands under the newest name, and judge the whole."""
        prefix = self._verify(self._rows, required, None)
        verdict = _merged(self._verdicts, self._findings, self._lost)
        return Verification(verdict, None if verdict.findings_count else prefix)

    def _noted(self, rows: Iterable[StoredRow], rollback: Rollback) -> Iterator[StoredRow]:
        """Rows on their way into the verification, with the ends that the next name follows."""
        for row in rows:
            leaf = _leaf(row)
            self._edge.append(leaf)
            self._last = row
            self._ends[row.stream] = (row.stream, row.stream_seq, leaf.hex())
            at_kept = self._edge.size == rollback.kept.size
            if at_kept and self._edge.root().hex() != rollback.kept.root:
                self._found(rollback, Finding.ROOT_MISMATCH, "the kept records are others")
            yield row

    def _seam(self, rollback: Rollback, ring: KeyRing) -> VerifiedPrefix | None:
        """Where the next name goes on; None, with a finding, when it signed something else."""
        last, root = self._last, self._edge.root().hex()
        stated = rollback.restored
        if last is None or (self._edge.size, root) != (stated.size, stated.root):
            self._found(rollback, Finding.ROOT_MISMATCH, "the restored records are others")
            return None
        try:
            prefix = self._prefix(rollback, last)
            check_prefix(prefix, ring)
        except (CountersealError, ValidationError):
            self._found(rollback, Finding.SIG_INVALID, "the new name did not sign its start")
            return None
        return prefix

    def _prefix(self, rollback: Rollback, last: StoredRow) -> VerifiedPrefix:
        """The state behind a last record, signed by the name that goes on.

        Raises:
            ValidationError: when a hostile file holds what no state can.
        """
        return VerifiedPrefix(
            origin=rollback.origin,
            size=self._edge.size,
            root=self._edge.root().hex(),
            peaks=tuple(peak.hex() for peak in self._edge.peaks),
            last_leaf=_leaf(last).hex(),
            last_time=last.recorded_at,
            streams=tuple(self._ends[name] for name in sorted(self._ends, key=str)),
            checkpoint=rollback.first_checkpoint,
        )

    def _verify(
        self, rows: Iterable[StoredRow], required: Collection[Attacker], ending: Rollback | None
    ) -> VerifiedPrefix | None:
        """Verify the part of one name; nothing behind a seam that does not hold."""
        ours = self._evidence.about(self._key)
        if ending is not None:
            self._judge_beyond(ours, ending)
            ours = ours.up_to(ending.kept.size)
        notes = [one for one in self._checkpoints if self._is_ours(one, ending)]
        part = Part(self._accounts, self._first, self._after, is_last=ending is None)
        if self._last is None:
            found = self._how(part, rows, notes, ours, required)
        elif self._after is not None:
            found = self._how(part, chain([self._last], rows), notes, ours, required)
        else:
            return None
        self._verdicts.append(found.verdict)
        return found.prefix

    def _is_ours(self, stored: StoredCheckpoint, ending: Rollback | None) -> bool:
        """Whether a checkpoint is of this name; one that nobody can read is the newest name's."""
        try:
            note = stored.note if type(stored.note) is str else ""
            return read_checkpoint(note).origin == self._key.name
        except InputError:
            return ending is None

    def _judge_beyond(self, ours: Evidence, ending: Rollback) -> None:
        """Heads of an ended name beyond what was kept, against what was declared as signed."""
        given = open_evidence(ours)
        for head in (*given.heads, *given.beside):
            if head.size > ending.signed.size:
                words = "more was signed than was declared as lost"
                self._found(ending, Finding.SHORTER_THAN_REMEMBERED, words)
            elif head.size == ending.signed.size and head.root.hex() != ending.signed.root:
                self._found(ending, Finding.FORK_AT_SIZE, "another head was declared as signed")
        for found in given.findings:
            if found.seq >= ending.kept.size:
                self._found(ending, found.code, f"evidence of the lost range: {found.layer}")

    def _check_declaration(self, rollback: Rollback, key: VerifierKey) -> None:
        first, end = rollback.lost
        declared = rollback.restored.size
        self._lost.append(
            LostRange(origin=rollback.old_origin, first=first, end=end, declared=declared)
        )
        try:
            holds = rollback.old_origin == key.name and check_old_head(rollback, key)
        except CountersealError:
            holds = False
        if not holds:
            self._found(rollback, Finding.SIG_INVALID, "the old name did not sign the lost head")

    def _found(self, rollback: Rollback, code: Finding, message: str) -> None:
        seq, layer = rollback.restored.size, f"rollback:{rollback.epoch}"
        self._findings.append(FindingAt(seq=seq, code=code, layer=layer, message=message))


def _merged(
    verdicts: Sequence[Verdict], found: Sequence[FindingAt], lost: Sequence[LostRange]
) -> Verdict:
    """The verdict of the newest name, with what contradicts under any name."""
    newest = verdicts[-1]
    findings = sorted(
        (*found, *(one for verdict in verdicts for one in verdict.findings)), key=_BY_SEQ
    )
    totals = [verdict.totals for verdict in verdicts]
    merged = newest.amended(
        totals=newest.totals.amended(
            checkpoints_seen=sum(t.checkpoints_seen for t in totals),
            checkpoints_valid=sum(t.checkpoints_valid for t in totals),
            signatures_verified=sum(t.signatures_verified for t in totals),
            duplicate_event_ids=sum(t.duplicate_event_ids for t in totals),
            clock_steps_back=sum(t.clock_steps_back for t in totals),
            clock_error_us_max=max(t.clock_error_us_max for t in totals),
        ),
        findings=tuple(findings[:FINDINGS_KEPT_MAX]),
        findings_count=len(found) + sum(verdict.findings_count for verdict in verdicts),
        first_bad=next(iter(findings), None),
        lost=tuple(lost),
    )
    if not findings:
        return merged
    return merged.amended(
        outcome=Outcome.TAMPERED,
        exit_status=1,
        attackers=contradicted(newest.attackers, findings),
    )
