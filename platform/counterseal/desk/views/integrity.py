"""What people see of the log's integrity: every event, totals, one run, flags and gaps.

Job: say of each stored record what was stored and what was expected, and of the log one of four
states.

Invariants
  I1  Expected hashes come from the bytes of the rows; stored ones are only compared.
  I2  Only a log that agrees with evidence from outside the database is `verified`.
  I3  An empty log is `nothing_to_verify` and an unreadable one `could_not_check`.
  I4  A flag is a probe result, and a gap is shown exactly while its flag is false.

Not here: the verifier (audit.verify), reading rows (storage).
Source: features TX-K3 to TX-K7.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from pydantic import Field

from counterseal.audit.accounts import standings
from counterseal.audit.epochs import rollbacks_of, verify_epochs
from counterseal.audit.merkle import ZERO_HASH, leaf_hash
from counterseal.audit.purges import RecordState, kept_leaf
from counterseal.audit.record import RECORD_FIELDS, StoredRow, load_canonical
from counterseal.audit.verdict import FindingAt, Outcome, Verdict
from counterseal.audit.verify import Evidence, StoredCheckpoint
from counterseal.desk.views.marks import PaperView, unsafe_flags
from counterseal.kernel.errors import CountersealError, InputError
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.oms.model import RunId

_RUN: Final = re.compile(r"paper-workflow-[0-9a-f]{16}", re.ASCII)
_CASE: Final = "case:"
_COLUMNS: Final = tuple(name for name in StoredRow._fields if name not in {"leaf_hash", "body"})
_TEXT_SHOWN_MAX: Final = 200


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


class EventCheck(DomainModel):
    """One stored record against what it should be.

    Attributes:
        workflow: The stream: one governed case and what follows from it, or a system stream.
        expected_previous_hash: Leaf hash of the record before, from its bytes.
        expected_event_hash: Leaf hash of this record's bytes.
        event_hash_valid: The stored hash is that one, and the columns are what the bytes say.
        workflow_continuity_valid: It follows the last record by number, and the last of its stream
            by number and hash.
        duplicate_audit_id: An earlier record carries the same id.
        purged: Its bytes went by a recorded purge: what is left is its place and its hash, which
            stand in the chain.
        paper_only: No document in it says anything but paper.
    """

    seq: int
    audit_id: str
    workflow: str
    stored_previous_hash: str
    expected_previous_hash: str
    stored_event_hash: str
    expected_event_hash: str
    previous_hash_valid: bool
    event_hash_valid: bool
    workflow_continuity_valid: bool
    duplicate_audit_id: bool
    paper_only: bool
    verified: bool
    purged: bool = False

    @property
    def missing_hash(self) -> bool:
        """Whether a stored hash is absent."""
        return not (self.stored_previous_hash and self.stored_event_hash)

    @property
    def chain_valid(self) -> bool:
        """Whether hashes, order and id hold."""
        held = self.previous_hash_valid and self.event_hash_valid
        return held and self.workflow_continuity_valid and not self.duplicate_audit_id


class _End(NamedTuple):
    """End of the log or of one stream: the last number, and the hash of the last bytes."""

    number: int
    leaf: str = ZERO_HASH.hex()


class _Walk:
    """Rows one after the other, each against what came before it."""

    def __init__(self, purged: Collection[int]) -> None:
        self._purged = purged
        self._log = _End(-1)
        self._streams: dict[str, _End] = {}
        self._ids: set[str] = set()

    def check(self, row: StoredRow) -> EventCheck:
        purged = row.seq in self._purged
        body = row.body if type(row.body) is bytes else b""
        leaf = (kept_leaf(row) if purged else leaf_hash(body)).hex()
        value = _columns(row) if purged else _value(body)
        stream, audit_id = _text(row.stream), _text(row.event_id)
        end, before = self._streams.get(stream, _End(0)), self._log
        held = {
            "previous_hash_valid": row.prev == value.get("prev") == before.leaf,
            "event_hash_valid": row.leaf_hash == leaf and _columns_hold(row, value),
            "workflow_continuity_valid": row.seq == before.number + 1
            and row.stream_seq == value.get("stream_seq") == end.number + 1
            and row.stream_prev == value.get("stream_prev") == end.leaf,
            "paper_only": purged or (bool(value) and not unsafe_flags(value)),
        }
        repeated = audit_id in self._ids
        self._ids.add(audit_id)
        self._log = _End(_number(row.seq, before.number + 1), leaf)
        self._streams[stream] = _End(_number(row.stream_seq, end.number + 1), leaf)
        return EventCheck(
            seq=self._log.number,
            audit_id=audit_id,
            workflow=stream,
            stored_previous_hash=_text(row.prev),
            expected_previous_hash=before.leaf,
            stored_event_hash=_text(row.leaf_hash),
            expected_event_hash=leaf,
            duplicate_audit_id=repeated,
            verified=all(held.values()) and not repeated,
            purged=purged,
            **held,
        )


def check_events(rows: Iterable[StoredRow]) -> tuple[EventCheck, ...]:
    """Every row in the order given, checked from its bytes and the rows before."""
    kept = tuple(rows)
    walk = _Walk(_purged(kept))
    return tuple(walk.check(row) for row in kept)


def _purged(rows: tuple[StoredRow, ...]) -> frozenset[int]:
    """Places of emptied records that a recorded purge names."""
    if all(row.body for row in rows):
        return frozenset()
    told = standings(rows)
    return frozenset(one.seq for one in told if one.state is RecordState.PURGED)


def _number(cell: object, expected: int) -> int:
    return cell if type(cell) is int else expected


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)[:_TEXT_SHOWN_MAX]


def _value(body: bytes) -> dict[str, object]:
    """The record's fields; none when the bytes are no record."""
    try:
        value = load_canonical(body)
    except InputError:
        return {}
    return value if value.keys() == RECORD_FIELDS else {}


def _columns(row: StoredRow) -> dict[str, object]:
    """What the columns of a purged row say; nothing is left to compare them with."""
    told = row._asdict()
    return {name: told[name] for name in _COLUMNS}


def _columns_hold(row: StoredRow, value: dict[str, object]) -> bool:
    told = row._asdict()
    return bool(value) and all(value[name] == told[name] for name in _COLUMNS)


class IntegrityFacts(DomainModel):
    """Probes of the installation.

    Attributes:
        backend: Such as `sqlite`.
        local_only: The log lies on this machine alone.
        live_trading_enabled: The live flag of the settings.
        worm_ledger: The storage refuses to overwrite or delete.
        centralized_audit_service: Records are kept by an outside service, too.
        witnesses: Outside witnesses that sign the log's head.
        time_stamped: An outside authority stamps the log's head.
    """

    backend: Name
    local_only: bool
    live_trading_enabled: bool
    worm_ledger: bool = False
    centralized_audit_service: bool = False
    witnesses: int = Field(default=0, ge=0)
    time_stamped: bool = False


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
    ("time_stamped", "No outside authority stamps the time of the head."),
)


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
        immutable_audit_log=facts.worm_ledger and facts.witnesses > 0,
    )


def gaps_of(facts: IntegrityFacts) -> tuple[str, ...]:
    """What the probes show to be missing, in words."""
    told = dict(facts)
    return tuple(words for name, words in _GAPS if not told[name])


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
        if type(row.body) is bytes and needle in row.body and _text(row.stream).startswith(_CASE)
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
    unsafe = (path for row in kept if row.body for path in unsafe_flags(_value(row.body)))
    return IntegrityPanel(
        integrity=view.amended(events=()),
        flags=flags_of(view.events, unsafe, facts),
        gaps=gaps_of(facts),
    )
