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

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import NamedTuple, cast

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.merkle import Frontier, leaf_hash
from counterseal.audit.note import VerifierKey
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.resume import StreamEnd, VerifiedPrefix, check_prefix
from counterseal.audit.rollback import ROLLED_BACK, Rollback, check_old_head, renamed_key
from counterseal.audit.verdict import (
    DEFAULT_REQUIRED,
    Attacker,
    Finding,
    FindingAt,
    Outcome,
    Verdict,
)
from counterseal.audit.verify import (
    Evidence,
    RememberedHead,
    StoredCheckpoint,
    verify_log,
    verify_onward,
)
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import CountersealError, InputError, IntegrityError
from counterseal.kernel.model import DomainModel, Name


class LostRange(DomainModel):
    """Records of one name that a declared rollback gave up.

    Attributes:
        first, end: Their numbers: the first, and one behind the last.
        declared: Number of the record that declares it.
    """

    origin: Name
    first: int
    end: int
    declared: int


class EpochsVerdict(NamedTuple):
    """What was found under every name.

    Attributes:
        verdicts: One for each name, oldest first; the last one judges the attackers. Behind a
            seam that does not hold, which is a finding, nothing is verified.
        lost: What declarations gave up.
        findings: Declarations and heads that contradict each other.
    """

    verdicts: tuple[Verdict, ...]
    lost: tuple[LostRange, ...]
    findings: tuple[FindingAt, ...]

    @property
    def outcome(self) -> Outcome:
        """Tampered when anything is; else what holds for the newest name."""
        tampered = any(one.outcome is Outcome.TAMPERED for one in self.verdicts)
        return Outcome.TAMPERED if tampered or self.findings else self.verdicts[-1].outcome

    @property
    def exit_status(self) -> int:
        """1 when tampered; else that of the newest name."""
        return 1 if self.outcome is Outcome.TAMPERED else self.verdicts[-1].exit_status


def rollbacks_of(rows: Iterable[StoredRow]) -> tuple[Rollback, ...]:
    """The declarations among rows (all, or those of the type), as their bytes tell them."""
    return tuple(_stated(row) for row in rows if row.type == ROLLED_BACK)


def _stated(row: StoredRow) -> Rollback:
    record = load_canonical(row.body)
    try:
        after = cast("Mapping[str, Mapping[str, Sequence[Json]]]", record["after"])
        return Rollback.model_validate_json(canonical_bytes(after["documents"][Rollback.KIND][0]))
    except (TypeError, KeyError, IndexError, ValueError):
        raise IntegrityError("NOT_CANONICAL", "no declaration", field="seq", got=row.seq) from None


def verify_epochs(
    rows: Iterable[StoredRow],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence,
    rollbacks: Sequence[Rollback],
    required: Collection[Attacker] = DEFAULT_REQUIRED,
) -> EpochsVerdict:
    """Verify a log under every name that it had.

    Args:
        rows: All rows, in the order of their `seq` column; read once, never kept.
        checkpoints: All stored checkpoints.
        evidence: With the key pinned for the first name: rollbacks keep the key and change its
            name. Heads may be of any name.
        rollbacks: From `rollbacks_of`, oldest first. One that the rows do not hold at its place
            leaves a contradiction.
        required: Attackers that must be excluded under the newest name for exit status 0.

    Raises:
        InputError: `KEY_UNKNOWN` without a pinned key although there are rollbacks.
    """
    if not rollbacks:
        verdict = verify_log(rows, checkpoints, evidence, required)
        return EpochsVerdict((verdict,), (), ())
    if evidence.log_key is None:
        raise InputError("KEY_UNKNOWN", "a log of several names needs a pinned key", field="vkey")
    reading = _Reading(rows, tuple(checkpoints), evidence, evidence.log_key)
    for rollback in rollbacks:
        reading.up_to(rollback)
    reading.to_the_end(required)
    return EpochsVerdict(tuple(reading.verdicts), tuple(reading.lost), tuple(reading.findings))


def _leaf(row: StoredRow) -> bytes:
    """Hash of the bytes; of a purged record the one that was kept."""
    return leaf_hash(row.body) if row.body else bytes.fromhex(row.leaf_hash)


class _Reading:
    """The rows so far: where they end, and what was found under the names before."""

    def __init__(
        self,
        rows: Iterable[StoredRow],
        checkpoints: tuple[StoredCheckpoint, ...],
        evidence: Evidence,
        key: VerifierKey,
    ) -> None:
        self._rows = iter(rows)
        self._checkpoints = checkpoints
        self._evidence = evidence
        self._key = key
        self._edge = Frontier()
        self._ends: dict[str, StreamEnd] = {}
        self._last: StoredRow | None = None
        self._after: VerifiedPrefix | None = None
        self.verdicts: list[Verdict] = []
        self.lost: list[LostRange] = []
        self.findings: list[FindingAt] = []

    def up_to(self, rollback: Rollback) -> None:
        """Verify what was placed under the name that a rollback ends."""
        self._check_declaration(rollback)
        count = rollback.restored.size - self._edge.size
        self._verify(self._noted(islice(self._rows, max(count, 0)), rollback), (), rollback)
        self._key = renamed_key(self._key, rollback.origin)
        self._after = self._seam(rollback)

    def to_the_end(self, required: Collection[Attacker]) -> None:
        """Verify what stands under the newest name."""
        self._verify(self._rows, required, None)

    def _noted(self, rows: Iterable[StoredRow], rollback: Rollback) -> Iterator[StoredRow]:
        """Rows on their way into the verification, with the ends that the next name follows."""
        for row in rows:
            leaf = _leaf(row)
            self._edge.append(leaf)
            self._last = row
            self._ends[row.stream] = StreamEnd(
                stream=row.stream, stream_seq=row.stream_seq, last_leaf=leaf.hex()
            )
            at_kept = self._edge.size == rollback.kept.size
            if at_kept and self._edge.root().hex() != rollback.kept.root:
                self._found(rollback, Finding.ROOT_MISMATCH, "the kept records are others")
            yield row

    def _seam(self, rollback: Rollback) -> VerifiedPrefix | None:
        """Where the next name goes on; None, with a finding, when it signed something else."""
        last, root = self._last, self._edge.root().hex()
        stated = rollback.restored
        if last is None or (self._edge.size, root) != (stated.size, stated.root):
            self._found(rollback, Finding.ROOT_MISMATCH, "the restored records are others")
            return None
        prefix = VerifiedPrefix(
            origin=rollback.origin,
            size=stated.size,
            root=root,
            peaks=tuple(peak.hex() for peak in self._edge.peaks),
            last_leaf=_leaf(last).hex(),
            last_time=last.recorded_at,
            streams=tuple(self._ends[name] for name in sorted(self._ends)),
            checkpoint=rollback.first_checkpoint,
        )
        try:
            check_prefix(prefix, self._key)
        except CountersealError:
            self._found(rollback, Finding.SIG_INVALID, "the new name did not sign its start")
            return None
        return prefix

    def _verify(
        self,
        rows: Iterable[StoredRow],
        required: Collection[Attacker],
        ending: Rollback | None,
    ) -> None:
        heads = tuple(self._heads(ending))
        evidence = replace(self._evidence, log_key=self._key, heads=heads)
        notes = [one for one in self._checkpoints if self._is_ours(one, ending)]
        if self._last is None:
            self.verdicts.append(verify_log(rows, notes, evidence, required))
        elif self._after is not None:
            again = chain([self._last], rows)
            found = verify_onward(self._after, again, notes, evidence, required)
            self.verdicts.append(found.verdict)

    def _is_ours(self, stored: StoredCheckpoint, ending: Rollback | None) -> bool:
        """Whether a checkpoint is of this name; one that nobody can read is the newest name's."""
        try:
            return read_checkpoint(stored.note).origin == self._key.name
        except InputError:
            return ending is None

    def _heads(self, ending: Rollback | None) -> Iterator[RememberedHead]:
        """Heads of this name that what was kept must agree with; the others are judged here."""
        for head in self._evidence.heads:
            if head.origin != self._key.name:
                continue
            if ending is None or head.size <= ending.kept.size:
                yield head
            elif head.size > ending.signed.size:
                words = "more was signed than was declared as lost"
                self._found(ending, Finding.SHORTER_THAN_REMEMBERED, words)
            elif head.size == ending.signed.size and head.root.hex() != ending.signed.root:
                self._found(ending, Finding.FORK_AT_SIZE, "another head was declared as signed")

    def _check_declaration(self, rollback: Rollback) -> None:
        first, end = rollback.lost
        declared = rollback.restored.size
        self.lost.append(
            LostRange(origin=rollback.old_origin, first=first, end=end, declared=declared)
        )
        try:
            holds = rollback.old_origin == self._key.name and check_old_head(rollback, self._key)
        except CountersealError:
            holds = False
        if not holds:
            self._found(rollback, Finding.SIG_INVALID, "the old name did not sign the lost head")

    def _found(self, rollback: Rollback, code: Finding, message: str) -> None:
        seq, layer = rollback.restored.size, f"rollback:{rollback.epoch}"
        self.findings.append(FindingAt(seq=seq, code=code, layer=layer, message=message))
