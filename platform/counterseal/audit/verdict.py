"""What a verification says.

Job: name attackers, contradictions and standings, and hold the verdict over a log.

Invariants
  I1  Every contradiction points at an attacker.
  I2  No standing without a reason in words.
  I3  A verdict keeps a bounded number of contradictions, however many it counts.

Not here: coming to a verdict (audit.judging), reading rows (audit.verify), rendering (ui).
Source: design table "evidence, cumulative", and part "verify", stable codes.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

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
    APPROVER_SIG_INVALID = "APPROVER_SIG_INVALID"
    TABLE_DIFFERS = "TABLE_DIFFERS"
    MAP_MISMATCH = "MAP_MISMATCH"


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
    Finding.APPROVER_SIG_INVALID: frozenset({Attacker.A5}),
    Finding.TABLE_DIFFERS: frozenset({Attacker.A8}),
    Finding.MAP_MISMATCH: frozenset({Attacker.A5}),
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


class MapReport(DomainModel):
    """Snapshots of the map of streams.

    Attributes:
        taken: Snapshots in the log.
        checked: Those whose map was made anew from the records.
    """

    taken: int
    checked: int


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
        maps: What became of the snapshots of the streams; None when they were not looked at.
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
    maps: MapReport | None = None
