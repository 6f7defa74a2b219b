"""What a verification proves, attacker by attacker.

Job: turn findings and the reach of evidence into standings with bounds, an outcome and an exit
status.

Invariants
  I1  Without evidence from outside the database the outcome is never OK.
  I2  An attacker is excluded only up to a stated last sequence number.
  I3  Any contradiction wins over every missing piece of evidence.
  I4  An empty log is "nothing to verify", never verified.

Not here: the words of a verdict (audit.verdict), how far outsiders' evidence reaches
(audit.outside_reach), reading rows (audit.verify).
Source: design table "evidence, cumulative".
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

from counterseal.audit.findings import Findings
from counterseal.audit.verdict import (
    FINDINGS_KEPT_MAX,
    SEEN_BY,
    Attacker,
    AttackerVerdict,
    Finding,
    FindingAt,
    Outcome,
    Shortfall,
    Standing,
    Verdict,
)
from counterseal.kernel.model import DomainModel


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


_BY_SEQ: Final = attrgetter("seq")
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


def with_contradictions(verdict: Verdict, found: Findings) -> Verdict:
    """A verdict with what was found wrong in the same log by another pass over it."""
    if not found.count:
        return verdict
    findings = sorted((*verdict.findings, *found.kept), key=_BY_SEQ)[:FINDINGS_KEPT_MAX]
    return verdict.amended(
        outcome=Outcome.TAMPERED,
        exit_status=1,
        findings=tuple(findings),
        findings_count=verdict.findings_count + found.count,
        first_bad=findings[0],
        attackers=contradicted(verdict.attackers, findings),
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
