"""What people see of the log's integrity: totals, one run, flags and gaps.

Job: say of the log, or of one run in it, one of four states, and what its installation lacks.

Invariants
  I1  Only a log that agrees with evidence from outside the database is `verified`.
  I2  An empty log is `nothing_to_verify` and an unreadable one `could_not_check`.
  I3  A flag is a probe result; a gap is shown exactly while its probe does not say yes, and one
      that could not look says so.

Not here: each record (desk.views.event_checks), the verifier (audit.verify), reading rows
(storage).
Source: features TX-K3 to TX-K7.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, Literal

from pydantic import Field

from counterseal.audit.epochs import rollbacks_of, verify_epochs
from counterseal.audit.record import StoredRow
from counterseal.audit.verdict import FindingAt, Outcome, Verdict
from counterseal.audit.verify import Evidence, StoredCheckpoint
from counterseal.desk.views.event_checks import EventCheck, check_events, fields_of, shown_text
from counterseal.desk.views.marks import PaperView, unsafe_flags
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.oms.model import RunId

_RUN: Final = re.compile(r"paper-workflow-[0-9a-f]{16}", re.ASCII)
_CASE: Final = "case:"


class IntegrityState(StrEnum):
    """What a check of the log came to."""

    VERIFIED = "verified"
    BROKEN = "broken"
    NOTHING_TO_VERIFY = "nothing_to_verify"
    COULD_NOT_CHECK = "could_not_check"


_STATE_OF: Final = {
    Outcome.OK: IntegrityState.VERIFIED,
    Outcome.TAMPERED: IntegrityState.BROKEN,
    Outcome.NOTHING_TO_VERIFY: IntegrityState.NOTHING_TO_VERIFY,
    Outcome.INCONCLUSIVE: IntegrityState.COULD_NOT_CHECK,
}


class IntegrityFacts(DomainModel):
    """Probes of the installation.

    Attributes:
        backend: Such as `sqlite`.
        local_only: The log lies on this machine alone.
        live_trading_enabled: The live flag of the settings.
        worm_ledger: The storage refuses to overwrite or delete.
        centralized_audit_service: Records are kept by an outside service, too.
        witnesses: Outside witnesses that signed the log's head; None when that is unknown.
        time_stamped: An outside authority stamps the log's checkpoints; None when that is unknown.
    """

    backend: Name
    local_only: bool
    live_trading_enabled: bool
    worm_ledger: bool = False
    centralized_audit_service: bool = False
    witnesses: int | None = Field(default=0, ge=0)
    time_stamped: bool | None = False


class IntegrityFlags(DomainModel):
    """The flags of the panel, each computed.

    Attributes:
        immutable_audit_log: The storage keeps records for ever and outside witnesses sign the head.
        production_audit_compliance: No software certifies itself.
    """

    paper_only: bool
    local_sqlite_only: bool
    live_trading_flag: bool
    broker_api_called: bool
    worm_ledger: bool
    centralized_audit_service: bool
    immutable_audit_log: bool
    production_audit_compliance: Literal[False] = False


_GAPS: Final = (
    ("worm_ledger", "Whoever owns the file can rewrite it: the storage is not write-once."),
    ("centralized_audit_service", "No service outside this machine keeps the records, too."),
    ("witnesses", "No outside witness signs the head of the log."),
    ("time_stamped", "No outside authority stamps the time of a checkpoint."),
)
_UNKNOWN: Final = "Taken as missing, the evidence could not be read: "


def flags_of(
    checks: Sequence[EventCheck], unsafe: Iterable[str], facts: IntegrityFacts
) -> IntegrityFlags:
    """Flags from records and probes; `unsafe` are paths of flags in records that are not safe."""
    called = any(path.endswith("broker_api_called") for path in unsafe)
    return IntegrityFlags(
        paper_only=all(check.paper_only for check in checks),
        local_sqlite_only=facts.local_only and facts.backend == "sqlite",
        live_trading_flag=facts.live_trading_enabled,
        broker_api_called=called,
        worm_ledger=facts.worm_ledger,
        centralized_audit_service=facts.centralized_audit_service,
        immutable_audit_log=facts.worm_ledger and bool(facts.witnesses),
    )


def gaps_of(facts: IntegrityFacts) -> tuple[str, ...]:
    """What the probes do not show, in words; what could not be read says so."""
    told = dict(facts)
    return tuple(
        _UNKNOWN + words if told[name] is None else words for name, words in _GAPS if not told[name]
    )


class IntegrityView(PaperView):
    """The state of the log, or of one run in it.

    Attributes:
        workflow_run_id: None for the whole log.
        workflows_checked: Governed cases among the records.
        purged_count: Records whose bytes went by a recorded purge.
        missing_hash_count: Records whose stored hash is absent.
        broken_chain_count: Records that do not hold, and places where evidence contradicts.
        verified: The state in a word; false unless the state is `verified`.
        because: Why it is not verified, in words; empty when it is.
        first_bad: Sequence number of the first record that does not hold.
        events: Filled for one run, and for the log when asked for.
    """

    workflow_run_id: RunId | None = None
    state: IntegrityState
    verified: bool
    audit_events_count: int = 0
    workflows_checked: int = 0
    purged_count: int = 0
    missing_hash_count: int = 0
    broken_chain_count: int = 0
    duplicate_audit_ids_count: int = 0
    because: tuple[str, ...] = ()
    first_bad: int | None = None
    events: tuple[EventCheck, ...] = ()


def integrity(
    rows: Iterable[StoredRow], checkpoints: Iterable[StoredCheckpoint], evidence: Evidence
) -> IntegrityView:
    """The whole log, with every event.

    Raises:
        InputError: `ORIGINS_DIFFER` when the evidence is about several logs.
    """
    kept = tuple(rows)
    verdict = verify_epochs(kept, checkpoints, evidence, rollbacks_of(kept)).verdict
    return _view(check_events(kept), verdict, _STATE_OF[verdict.outcome], verdict.findings)


def run_integrity(
    rows: Iterable[StoredRow],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence,
    run_id: str,
) -> IntegrityView | Refusal:
    """The case that a run belongs to; refusal `NOT_FOUND` when no record names the run.

    A run whose own records hold in a log that is broken elsewhere is `could_not_check`: what
    belongs to it may be what is missing.

    Raises:
        InputError: `ORIGINS_DIFFER` when the evidence is about several logs.
    """
    kept = tuple(rows)
    streams = _streams_of(kept, run_id)
    if not streams:
        return refuse("NOT_FOUND", "no record names this workflow run", run=run_id[:120])
    verdict = verify_epochs(kept, checkpoints, evidence, rollbacks_of(kept)).verdict
    own = tuple(check for check in check_events(kept) if check.workflow in streams)
    state = _STATE_OF[verdict.outcome]
    if state is IntegrityState.BROKEN and all(check.verified for check in own):
        state = IntegrityState.COULD_NOT_CHECK
    return _view(own, verdict, state).amended(workflow_run_id=run_id)


def _streams_of(rows: Sequence[StoredRow], run_id: str) -> frozenset[str]:
    """Cases with a record that names the run; ids are looked up in the bytes, never in tables."""
    if _RUN.fullmatch(run_id) is None:
        return frozenset()
    needle = f'"workflow_run_id":"{run_id}"'.encode()
    return frozenset(
        row.stream
        for row in rows
        if type(row.body) is bytes
        and needle in row.body
        and shown_text(row.stream).startswith(_CASE)
    )


def could_not_check(error: CountersealError) -> IntegrityView:
    """The answer when the log cannot be read at all."""
    return IntegrityView(
        state=IntegrityState.COULD_NOT_CHECK, verified=False, because=(str(error),)
    )


def _view(
    checks: tuple[EventCheck, ...],
    verdict: Verdict,
    state: IntegrityState,
    own_findings: Iterable[FindingAt] = (),
) -> IntegrityView:
    broken = {check.seq for check in checks if not check.chain_valid}
    unsafe = any(not check.paper_only for check in checks)
    if unsafe and state is IntegrityState.VERIFIED:
        state = IntegrityState.BROKEN
    broken |= {finding.seq for finding in own_findings}
    bad = broken | {check.seq for check in checks if not check.paper_only}
    return IntegrityView(
        state=state,
        verified=state is IntegrityState.VERIFIED,
        audit_events_count=len(checks),
        workflows_checked=len({c.workflow for c in checks if c.workflow.startswith(_CASE)}),
        purged_count=sum(check.purged for check in checks),
        missing_hash_count=sum(check.missing_hash for check in checks),
        broken_chain_count=len(broken),
        duplicate_audit_ids_count=sum(check.duplicate_audit_id for check in checks),
        because=_because(verdict, state, unsafe=unsafe),
        first_bad=min(bad, default=None),
        events=checks,
    )


def _because(verdict: Verdict, state: IntegrityState, *, unsafe: bool) -> tuple[str, ...]:
    if state is IntegrityState.VERIFIED:
        return ()
    if state is IntegrityState.NOTHING_TO_VERIFY:
        return ("the log is empty",)
    told = [f"{f.code.value} at {f.seq}: {f.message}" for f in verdict.findings]
    if unsafe:
        told.append("a record says something else than paper")
    missing = [f"{v.attacker.value}: {b}" for v in verdict.attackers for b in v.because]
    return tuple(told or missing)


class IntegrityPanel(PaperView):
    """The panel: state, totals, flags and what is missing."""

    integrity: IntegrityView
    flags: IntegrityFlags
    gaps: tuple[str, ...]


def integrity_status(
    rows: Iterable[StoredRow],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence,
    facts: IntegrityFacts,
) -> IntegrityPanel:
    """The whole log without its events, with flags and gaps.

    Raises:
        InputError: `ORIGINS_DIFFER` when the evidence is about several logs.
    """
    kept = tuple(rows)
    view = integrity(kept, checkpoints, evidence)
    unsafe = (path for row in kept if row.body for path in unsafe_flags(fields_of(row.body)))
    return IntegrityPanel(
        integrity=view.amended(events=()),
        flags=flags_of(view.events, unsafe, facts),
        gaps=gaps_of(facts),
    )
