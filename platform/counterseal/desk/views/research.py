"""What strategies said, and what came of it.

Job: tell the strategy versions of a tenant, each signal with its outcome, and what was refused;
of a long history its newest part.

Invariants
  I1  A signal counts for the tenant of who had it taken in, and for no other.
  I2  A stage is reached when a document shows it: a request, an approval, an order, a fill.

Not here: taking signals in (desk.intake), reading a text of them (signals.intake).
Source: features TX-B2 (Strategy Research), TX-E1, TX-E2; ui part 1 (Research).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.commands import CommandRecord
from counterseal.desk.ports import Reader, Wanted, newest_of
from counterseal.desk.views.marks import PaperView
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Detail, DomainModel, Name, Sha256
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.signals.intake import LineError
from counterseal.signals.model import Direction, SignalRecord
from counterseal.signals.strategies_samples import SAMPLES

PROPOSED = "signals.propose"
SIGNALS_LIMIT = 500
_WAS_APPROVED = frozenset(
    {RequestStatus.APPROVED_FOR_PAPER, RequestStatus.CONSUMED, RequestStatus.REVOKED}
)


class SignalStage(StrEnum):
    """How far a signal came."""

    TAKEN_IN = "taken_in"
    ASKED = "asked"
    APPROVED = "approved"
    SENT = "sent"
    FILLED = "filled"


class SignalOutcome(DomainModel):
    """A signal and what came of it.

    Attributes:
        proposed_by: Who had it taken in.
        request_id, status: Of the newest request on it; None while nothing was asked.
        order_id, order_state: Of the newest order from it.
        stage: The furthest that any request or order of it came.
    """

    signal: SignalRecord
    proposed_by: Name
    request_id: Name | None = None
    status: RequestStatus | None = None
    order_id: Name | None = None
    order_state: OrderState | None = None
    stage: SignalStage


class StageCount(DomainModel):
    """How many signals came at least so far."""

    stage: SignalStage
    count: int


class MadeWith(DomainModel):
    """Data, code and parameters that signals were made with, and how many."""

    data_version: Name
    code_version: Name
    parameters_hash: Sha256
    signals: int


class StrategyVersion(DomainModel):
    """A strategy as its signals show it.

    Attributes:
        identity: Digest of the strategy that comes with the product under this name and version;
            None where none does.
        made_with: The newest first.
    """

    strategy_id: Name
    strategy_version: Name
    identity: Sha256 | None
    signals: int
    long: int
    short: int
    flat: int
    filled: int
    newest_at: UtcDatetime
    made_with: tuple[MadeWith, ...]

    @property
    def as_shipped(self) -> bool:
        """Whether every signal names the product's own strategy with the product's parameters."""
        return {made.parameters_hash for made in self.made_with} == {self.identity}


class RefusedSignal(DomainModel):
    """A signal that was not taken in, and why."""

    strategy_id: Name
    code: Name
    facts: tuple[Detail, ...]
    proposed_by: Name
    at: UtcDatetime


class ResearchView(PaperView):
    """What was sent last, newest first; everything in it is of these signals alone.

    Attributes:
        funnel: The signals from taken in to filled.
        more: Whether older ones are left out.
    """

    signals: tuple[SignalOutcome, ...]
    strategies: tuple[StrategyVersion, ...]
    funnel: tuple[StageCount, ...]
    refused: tuple[RefusedSignal, ...]
    more: bool


class FieldErrors(DomainModel):
    """Lines that fail at one field for one reason; an empty field means the whole line."""

    field: str
    code: Name
    message: str
    lines: tuple[int, ...]


def research(reader: Reader, tenant: str, limit: int = SIGNALS_LIMIT) -> ResearchView:
    """What the people of a tenant sent last, at most so many signals, and what came of them."""
    own = tuple(one.person_id for one in reader.find(Person, tenant=tenant))
    told: dict[str, Wanted] = {"name": PROPOSED, "actor_id": own}
    found = newest_of(reader, CommandRecord, "decided_at", limit + 1, **told)
    asked = found[:limit]
    outcomes = _outcomes(reader, tenant, asked)
    return ResearchView(
        signals=outcomes,
        strategies=_strategies(outcomes),
        funnel=funnel(outcomes),
        refused=_refused(asked),
        more=len(found) > limit,
    )


def own_signal(reader: Reader, tenant: str, signal_id: str) -> SignalRecord | None:
    """A signal that somebody of a tenant had taken in; None of another's, and of none at all."""
    for command in reader.find(CommandRecord, subject_id=signal_id):
        person = reader.get(Person, command.actor_id)
        own = person is not None and person.tenant == tenant
        if own and command.name == PROPOSED and command.refusal is None:
            return reader.get(SignalRecord, signal_id)
    return None


def funnel(outcomes: Sequence[SignalOutcome]) -> tuple[StageCount, ...]:
    """How many came at least as far as each stage, in their order."""
    stages = list(SignalStage)
    reached = [stages.index(one.stage) for one in outcomes]
    return tuple(
        StageCount(stage=stage, count=sum(place >= least for place in reached))
        for least, stage in enumerate(stages)
    )


def errors_by_field(errors: Iterable[LineError]) -> tuple[FieldErrors, ...]:
    """Errors of a text of signals by field and reason, what fails most often first."""
    named = attrgetter("field", "code", "message")
    found = [
        FieldErrors(field=field, code=code, message=message, lines=tuple(e.line for e in group))
        for (field, code, message), group in groupby(sorted(errors, key=named), key=named)
    ]
    return tuple(sorted(found, key=lambda one: (-len(one.lines), one.field)))


def _outcomes(
    reader: Reader, tenant: str, asked: Iterable[CommandRecord]
) -> tuple[SignalOutcome, ...]:
    proposers = {one.subject_id: one.actor_id for one in asked if one.refusal is None}
    ids = tuple(proposers)
    requests: dict[str, list[ApprovalRequest]] = {}
    for request in reader.find(ApprovalRequest, signal_id=ids, tenant=tenant):
        requests.setdefault(request.payload.signal_id, []).append(request)
    orders: dict[str, list[Order]] = {}
    for order in reader.find(Order, source_signal_id=ids):
        orders.setdefault(order.source_signal_id, []).append(order)
    found = [
        _outcome(signal, proposers[signal.signal_id], requests, orders)
        for signal in reader.find(SignalRecord, signal_id=ids)
    ]
    found.sort(key=lambda one: (one.signal.received_at, one.signal.signal_id), reverse=True)
    return tuple(found)


def _outcome(
    signal: SignalRecord,
    proposed_by: str,
    requests: dict[str, list[ApprovalRequest]],
    orders: dict[str, list[Order]],
) -> SignalOutcome:
    on_it = sorted(requests.get(signal.signal_id, []), key=attrgetter("payload.created_at"))
    known = {request.approval_request_id for request in on_it}
    sent = [o for o in orders.get(signal.signal_id, []) if o.approval_request_id in known]
    sent.sort(key=attrgetter("created_at"))
    request = on_it[-1] if on_it else None
    order = sent[-1] if sent else None
    return SignalOutcome(
        signal=signal,
        proposed_by=proposed_by,
        request_id=None if request is None else request.approval_request_id,
        status=None if request is None else request.status,
        order_id=None if order is None else order.order_id,
        order_state=None if order is None else order.state,
        stage=_stage(on_it, sent),
    )


def _stage(requests: Sequence[ApprovalRequest], orders: Sequence[Order]) -> SignalStage:
    if any(order.cum_quantity for order in orders):
        return SignalStage.FILLED
    if orders:
        return SignalStage.SENT
    if any(request.status in _WAS_APPROVED for request in requests):
        return SignalStage.APPROVED
    return SignalStage.ASKED if requests else SignalStage.TAKEN_IN


def _strategies(outcomes: Sequence[SignalOutcome]) -> tuple[StrategyVersion, ...]:
    named = attrgetter("signal.strategy_id", "signal.strategy_version")
    grouped = groupby(sorted(outcomes, key=named), key=named)
    found = [_strategy(name, version, list(group)) for (name, version), group in grouped]
    return tuple(sorted(found, key=attrgetter("newest_at"), reverse=True))


def _strategy(name: str, version: str, outcomes: Sequence[SignalOutcome]) -> StrategyVersion:
    identities = {(one.name, one.version): one.identity for one in SAMPLES}
    directions = Counter(one.signal.direction for one in outcomes)
    newest = sorted(outcomes, key=attrgetter("signal.received_at"), reverse=True)
    made = Counter(
        (one.signal.data_version, one.signal.code_version, one.signal.parameters_hash)
        for one in newest
    )
    return StrategyVersion(
        strategy_id=name,
        strategy_version=version,
        identity=identities.get((name, version)),
        signals=len(outcomes),
        long=directions[Direction.LONG],
        short=directions[Direction.SHORT],
        flat=directions[Direction.FLAT],
        filled=sum(one.stage is SignalStage.FILLED for one in outcomes),
        newest_at=newest[0].signal.received_at,
        made_with=tuple(
            MadeWith(data_version=data, code_version=code, parameters_hash=digest, signals=count)
            for (data, code, digest), count in made.items()
        ),
    )


def _refused(asked: Iterable[CommandRecord]) -> tuple[RefusedSignal, ...]:
    return tuple(
        RefusedSignal(
            strategy_id=command.subject_id.partition(":")[2],
            code=command.refusal.code,
            facts=command.refusal.details,
            proposed_by=command.actor_id,
            at=command.decided_at,
        )
        for command in asked
        if command.refusal is not None
    )
