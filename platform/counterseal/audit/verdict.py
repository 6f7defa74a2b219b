"""What a verification proves, attacker by attacker.

Job: turn findings and evidence into a verdict with bounds and an exit status.

Invariants
  I1  Without evidence from outside the database the outcome is never OK.
  I2  An attacker is excluded only up to a stated last sequence number.
  I3  Any contradiction wins over every missing piece of evidence.
  I4  An empty log is "nothing to verify", never verified.

Not here: reading rows (audit.verify), rendering (ui).
Source: design table "evidence, cumulative".
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import Field

from counterseal.audit.privacy import PiiReport
from counterseal.audit.purges import RecordReport
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Text

FINDINGS_KEPT_MAX: Final = 100


class Attacker(StrEnum):
    """Who did what to the log."""

    A1 = "A1"
    """A row is edited."""
    A2 = "A2"
    """A middle row is deleted."""
    A3A = "A3a"
    """A tail that no checkpoint covers is cut."""
    A3B = "A3b"
    """A tail is cut together with its checkpoints."""
    A4 = "A4"
    """The database is rewritten without keys."""
    A5 = "A5"
    """The database is rewritten with the log's key."""
    A6 = "A6"
    """Two views are shown at once."""
    A7 = "A7"
    """An event's time is back-dated."""
    A8 = "A8"
    """A fact is never logged."""


class Finding(StrEnum):
    """Stable codes of contradictions, in the order of the checks."""

    SEQ_GAP = "SEQ_GAP"
    SEQ_DUP = "SEQ_DUP"
    NOT_CANONICAL = "NOT_CANONICAL"
    COLUMN_MISMATCH = "COLUMN_MISMATCH"
    CHAIN_BREAK = "CHAIN_BREAK"
    STREAM_GAP = "STREAM_GAP"
    SIG_INVALID = "SIG_INVALID"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    ROOT_MISMATCH = "ROOT_MISMATCH"
    SHORTER_THAN_REMEMBERED = "SHORTER_THAN_REMEMBERED"
    FORK_AT_SIZE = "FORK_AT_SIZE"
    KEY_REVOKED = "KEY_REVOKED"
    PII_MISSING = "PII_MISSING"
    PII_OPENING_MISMATCH = "PII_OPENING_MISMATCH"
    PII_NOT_ERASED = "PII_NOT_ERASED"
    PURGE_UNACCOUNTED = "PURGE_UNACCOUNTED"
    PURGED_WHILE_HELD = "PURGED_WHILE_HELD"
    TIME_OUTSIDE_WINDOW = "TIME_OUTSIDE_WINDOW"
    TABLE_DIFFERS = "TABLE_DIFFERS"


class Shortfall(StrEnum):
    """Stable codes of evidence that was given and does not suffice; it contradicts nothing."""

    QUORUM_NOT_MET = "QUORUM_NOT_MET"
    """Too few known witnesses cosigned."""
    HEARTBEAT_STALE = "HEARTBEAT_STALE"
    """Nobody outside saw the log lately."""


class Standing(StrEnum):
    """What is known about one attacker."""

    EXCLUDED = "excluded"
    NOT_EXCLUDED = "not_excluded"
    NO_EVIDENCE = "no_evidence"
    DETECTED = "detected"


class Outcome(StrEnum):
    """The whole verdict in a word."""

    OK = "ok"
    TAMPERED = "tampered"
    INCONCLUSIVE = "inconclusive"
    NOTHING_TO_VERIFY = "nothing_to_verify"


DEFAULT_REQUIRED: Final = frozenset({Attacker.A1, Attacker.A2, Attacker.A3B, Attacker.A4})
"""Attackers that must be excluded for exit status 0: a pinned key and an outside head."""

SEEN_BY: Final[Mapping[Finding, frozenset[Attacker]]] = {
    Finding.SEQ_GAP: frozenset({Attacker.A2}),
    Finding.SEQ_DUP: frozenset({Attacker.A1}),
    Finding.NOT_CANONICAL: frozenset({Attacker.A1}),
    Finding.COLUMN_MISMATCH: frozenset({Attacker.A1}),
    Finding.CHAIN_BREAK: frozenset({Attacker.A1, Attacker.A2}),
    Finding.STREAM_GAP: frozenset({Attacker.A2}),
    Finding.SIG_INVALID: frozenset({Attacker.A4}),
    Finding.KEY_UNKNOWN: frozenset({Attacker.A4}),
    Finding.ROOT_MISMATCH: frozenset({Attacker.A1, Attacker.A4}),
    Finding.SHORTER_THAN_REMEMBERED: frozenset({Attacker.A3B}),
    Finding.FORK_AT_SIZE: frozenset({Attacker.A4, Attacker.A5}),
    Finding.KEY_REVOKED: frozenset({Attacker.A5}),
    Finding.PII_MISSING: frozenset({Attacker.A2}),
    Finding.PII_OPENING_MISMATCH: frozenset({Attacker.A1}),
    Finding.PII_NOT_ERASED: frozenset({Attacker.A1}),
    Finding.PURGE_UNACCOUNTED: frozenset({Attacker.A2}),
    Finding.PURGED_WHILE_HELD: frozenset({Attacker.A2}),
    Finding.TIME_OUTSIDE_WINDOW: frozenset({Attacker.A7}),
    Finding.TABLE_DIFFERS: frozenset({Attacker.A8}),
}
"""Which attackers a contradiction points at; the bytes alone cannot always tell them apart."""


class FindingAt(DomainModel):
    """One contradiction.

    Attributes:
        seq: First record that it concerns; the first missing one after a cut.
        layer: Which check saw it, such as `chain`, `column:type` or `checkpoint:7`.
    """

    seq: int
    code: Finding
    layer: Name
    message: Text


class AttackerVerdict(DomainModel):
    """Standing of one attacker.

    Attributes:
        bound_seq: Last record that the exclusion covers, or the first bad one when detected.
        bound_time: When outsiders vouched for it, UTC; None when no outsider did.
        because: Reasons in words, at least one.
    """

    attacker: Attacker
    verdict: Standing
    bound_seq: int | None = None
    bound_time: UtcDatetime | None = None
    because: tuple[Text, ...] = Field(min_length=1)


class Totals(DomainModel):
    """Counts of one pass.

    Attributes:
        size: Records of the log, those before `read_from` included.
        read_from: First record that was read; 0 unless an earlier verification was gone on from.
        columns_compared: Whether the columns were compared with the bytes.
        streams: Streams met; none when the columns were not compared.
        checkpoints_valid: Those with the root that the bytes lead to, and a signature under the
            pinned key that vouches for it: their own, or that of a later one.
        signatures_verified: Signatures that were verified one by one.
        unsealed: Records behind the last good checkpoint.
        clock_steps_back: Records whose recorded time lies before their predecessor's (allowed).
        clock_error_us_max: Largest stated error of the recorded times, microseconds.
    """

    size: int = 0
    read_from: int = 0
    columns_compared: bool = True
    streams: int = 0
    checkpoints_seen: int = 0
    checkpoints_valid: int = 0
    signatures_verified: int = 0
    unsealed: int = 0
    duplicate_event_ids: int = 0
    clock_steps_back: int = 0
    clock_error_us_max: int = 0


class LostRange(DomainModel):
    """Records of one name that a declared rollback gave up.

    Attributes:
        origin: The name that they were signed under.
        first, end: Their numbers: the first, and one behind the last.
        declared: Number of the record that declares it.
    """

    origin: Name
    first: int
    end: int
    declared: int


class Verdict(DomainModel):
    """Outcome of a verification.

    Attributes:
        exit_status: 0 ok, 1 tampered, 3 inconclusive or nothing to verify.
        origin: The log's name, None when nothing told it.
        root: Hex root of all records, recomputed; None when the rows form no sequence.
        first_bad: The contradiction with the lowest `seq`, or None.
        findings: The first hundred by `seq`, then by check; `findings_count` counts all.
        shortfalls: Evidence that was given and does not suffice.
        evidence_at: Time of the newest sighting by outsiders, UTC; None without any.
        records: State of every record that was read; None when that was not counted.
        pii: State of every commitment; None when openings were not compared.
        lost: What declared rollbacks gave up.
    """

    outcome: Outcome
    exit_status: int
    origin: str | None
    root: str | None
    totals: Totals
    attackers: tuple[AttackerVerdict, ...]
    first_bad: FindingAt | None = None
    findings: tuple[FindingAt, ...] = Field(default=(), max_length=FINDINGS_KEPT_MAX)
    findings_count: int = 0
    shortfalls: tuple[Shortfall, ...] = ()
    evidence_at: UtcDatetime | None = None
    records: RecordReport | None = None
    pii: PiiReport | None = None
    lost: tuple[LostRange, ...] = ()


class Reach(NamedTuple):
    """Standing of one attacker by one kind of evidence, as long as nothing contradicts it.

    Attributes:
        size: Records covered, counted from the first; 0 when not excluded.
        because: The reason in words.
        time: Time that the exclusion reaches to, None without one.
    """

    standing: Standing
    size: int
    because: str
    time: datetime | None = None


class Coverage(DomainModel):
    """How far each kind of evidence reaches, in records; None where no such evidence was given.

    Attributes:
        rows: Records read.
        sealed: Records under the last checkpoint that verified under the pinned key.
        remembered: Records under the largest head remembered outside the database.
        read_from: First record that was read; those before were verified at another time.
        columns_compared: Whether the columns were compared with the bytes.
    """

    rows: int
    sealed: int | None = None
    remembered: int | None = None
    read_from: int = 0
    columns_compared: bool = True


_HEAD: Final = "a head remembered outside the database"
_BLIND: Final[Mapping[Attacker, str]] = {
    Attacker.A3A: "no acknowledged record lies there; no receipt was given",
    Attacker.A7: "no time window was given",
    Attacker.A8: "what was recorded nowhere cannot be proved",
}
_CLEAN: Final = "no contradiction, but not every check could run after one was found"


def judge(
    coverage: Coverage,
    findings: Sequence[FindingAt],
    codes: Collection[Finding],
    outside: Mapping[Attacker, Reach] | None = None,
) -> tuple[AttackerVerdict, ...]:
    """Standing of every attacker, in the order A1 to A8.

    Args:
        coverage: Reach of the evidence.
        findings: Contradictions kept.
        codes: All codes found, also of contradictions beyond those kept.
        outside: How far other evidence reaches; the better standing counts.
    """
    return tuple(
        _standing(attacker, coverage, findings, codes, (outside or {}).get(attacker))
        for attacker in Attacker
    )


def _standing(
    attacker: Attacker,
    coverage: Coverage,
    findings: Sequence[FindingAt],
    codes: Collection[Finding],
    outside: Reach | None,
) -> AttackerVerdict:
    hits = [code for code in Finding if code in codes and attacker in SEEN_BY[code]]
    if hits:
        seqs = [f.seq for f in findings if f.code in hits]
        return AttackerVerdict(
            attacker=attacker,
            verdict=Standing.DETECTED,
            bound_seq=min(seqs, default=None),
            because=tuple(hits),
        )
    reach = _better(_clean(attacker, coverage), outside)
    if codes and reach.standing is Standing.EXCLUDED:
        reach = Reach(Standing.NOT_EXCLUDED, 0, _CLEAN)
    return AttackerVerdict(
        attacker=attacker,
        verdict=reach.standing,
        bound_seq=reach.size - 1 if reach.standing is Standing.EXCLUDED else None,
        bound_time=reach.time,
        because=(reach.because,),
    )


def contradicted(
    attackers: Sequence[AttackerVerdict], findings: Sequence[FindingAt]
) -> tuple[AttackerVerdict, ...]:
    """What is left of standings when contradictions were found elsewhere in the same log."""
    codes = {finding.code for finding in findings}
    seen = {a.attacker: a for a in judge(Coverage(rows=0), findings, codes)}
    return tuple(
        seen[a.attacker]
        if seen[a.attacker].verdict is Standing.DETECTED
        else a.amended(verdict=Standing.NOT_EXCLUDED, bound_seq=None, because=(_CLEAN,))
        if a.verdict is Standing.EXCLUDED
        else a
        for a in attackers
    )


def _better(ours: Reach, outside: Reach | None) -> Reach:
    """The standing that says more: an exclusion first, the larger one of two, then any evidence."""
    if outside is None:
        return ours
    excluded = Standing.EXCLUDED in {ours.standing, outside.standing}
    if excluded and ours.standing is not outside.standing:
        return ours if ours.standing is Standing.EXCLUDED else outside
    return ours if excluded and ours.size > outside.size else outside


def _clean(attacker: Attacker, coverage: Coverage) -> Reach:
    """Standing without contradictions, by checkpoints and remembered heads."""
    if attacker in _BLIND:
        return Reach(Standing.NO_EVIDENCE, 0, _BLIND[attacker])
    match attacker:
        case Attacker.A1 | Attacker.A2:
            return _as_read(attacker, coverage)
        case Attacker.A4:
            return _rewritten(coverage)
        case Attacker.A5 if coverage.remembered is None and coverage.sealed is not None:
            words = "a stolen key signs any tree; an outside head tells"
            return Reach(Standing.NOT_EXCLUDED, 0, words)
        case Attacker.A6:
            given = coverage.remembered is not None
            standing = Standing.NOT_EXCLUDED if given else Standing.NO_EVIDENCE
            return Reach(standing, 0, "one head cannot show two views; witnesses can")
        case _:
            return _reach(coverage.remembered, _HEAD)


def _rewritten(coverage: Coverage) -> Reach:
    if coverage.sealed is not None and coverage.sealed >= (coverage.remembered or 0):
        return _reach(coverage.sealed, "a checkpoint under the pinned key")
    return _reach(coverage.remembered, _HEAD)


def _as_read(attacker: Attacker, coverage: Coverage) -> Reach:
    """What was not compared, or not read again, is said, not hidden."""
    if attacker is Attacker.A1 and not coverage.columns_compared:
        return Reach(Standing.NOT_EXCLUDED, 0, "the columns were not compared with the bytes")
    reach = _rows(coverage)
    if coverage.read_from and reach.standing is Standing.EXCLUDED:
        again = f"; records before {coverage.read_from} were verified earlier, not read again"
        return reach._replace(because=reach.because + again)
    return reach


def _rows(coverage: Coverage) -> Reach:
    reach = max(coverage.sealed or 0, coverage.remembered or 0)
    if reach:
        words = "leaves recomputed from the bytes up to a trusted root"
        return Reach(Standing.EXCLUDED, reach, words)
    if coverage.rows and coverage.sealed is None and coverage.remembered is None:
        words = "chain recomputed; excluded only for an attacker who did not recompute it too"
        return Reach(Standing.EXCLUDED, coverage.rows, words)
    return Reach(Standing.NOT_EXCLUDED, 0, "no trusted root covers a record")


def _reach(size: int | None, what: str) -> Reach:
    if size is None:
        return Reach(Standing.NO_EVIDENCE, 0, f"not given: {what}")
    if size == 0:
        return Reach(Standing.NOT_EXCLUDED, 0, f"covers no record: {what}")
    return Reach(Standing.EXCLUDED, size, f"agrees with {what}")


def decide_outcome(
    coverage: Coverage,
    attackers: Sequence[AttackerVerdict],
    codes: Collection[Finding],
    required: Collection[Attacker],
    shortfalls: Collection[Shortfall] = (),
) -> tuple[Outcome, int]:
    """The verdict in a word, and the exit status.

    Requiring nobody proves nothing: the outcome is inconclusive then, as it is on stale evidence.
    """
    if codes:
        return Outcome.TAMPERED, 1
    if coverage.rows == 0:
        return Outcome.NOTHING_TO_VERIFY, 3
    excluded = {v.attacker for v in attackers if v.verdict is Standing.EXCLUDED}
    outside = coverage.sealed is not None or coverage.remembered is not None
    fresh = Shortfall.HEARTBEAT_STALE not in shortfalls
    if fresh and outside and required and excluded.issuperset(required):
        return Outcome.OK, 0
    return Outcome.INCONCLUSIVE, 3
