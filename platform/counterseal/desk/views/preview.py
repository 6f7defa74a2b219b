"""A submit rehearsed: everything is decided, nothing is stored.

Job: run the decisions of a submit over a reader that remembers what each would have stored.

Invariants
  I1  The decisions are those of the submit itself, in its order.
  I2  Nothing is written: what a step would store lives in memory until the answer is made.
  I3  A caller's signal is compared with the approved one and never used instead of it.

Not here: submitting (desk.orders), stored runs (desk.views.workflow).
Source: features TX-G2 to TX-G5, TX-G7.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, Self, TypeVar, cast

from pydantic import Field, model_validator

from counterseal.approvals.model import ApprovalRequest
from counterseal.audit.privacy import Opening
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.bench import Bench
from counterseal.desk.orders import Orders, Submission
from counterseal.desk.ports import Reader, Wanted
from counterseal.desk.views.marks import unsafe_flags
from counterseal.desk.views.records import AuditEntry
from counterseal.desk.views.workflow import WorkflowView, workflow_view
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Actor, Document, DomainModel, Event, Name, Refusal, refuse
from counterseal.kernel.money import NonNegative, Price, Quantity
from counterseal.market.instruments import ContractRoot, contract_root
from counterseal.market.ports import MarketFeed
from counterseal.market.quotes import Quote, QuoteBasis
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.signals.model import StrategySignal

D = TypeVar("D", bound=Document)
_SAME_AS_APPROVED: Final = (
    "signal_id",
    "strategy_id",
    "strategy_version",
    "direction",
    "target_tx_equivalent",
    "confidence",
    "stop_distance_points",
)


class SimulatedQuote(DomainModel):
    """A quote that the caller supposes; index points and contracts. Risk judges by `last`."""

    bid: Price
    ask: Price
    bid_size: NonNegative
    ask_size: NonNegative
    last: Price
    liquidity_score: NonNegative = Decimal(1)


class WorkflowInput(DomainModel):
    """What a page or a script sends to preview or record a run.

    Attributes:
        signal: Must equal what was approved when it is sent at all.
        symbol: Contract of the approved symbol.
        quantity: Contracts, at most the approved maximum.
        quote_age_seconds: Age of the supposed quote.
        stop_price, protection_points: Of a stop, of a market order with protection, in points.
        broker_simulation: The chosen answer; with a supposed quote the model answers instead.
        broker_simulation_model: A supposed quote for the model.
        chosen_at_quote: The chosen answer is given at the supposed quote, not the model's.
    """

    approval_request_id: Name
    signal: StrategySignal | None = None
    symbol: ContractRoot = ContractRoot.TMF
    quantity: Quantity = Decimal(1)
    limit_price: Price | None = None
    stop_price: Price | None = None
    protection_points: Price | None = None
    quote_age_seconds: NonNegative = Decimal(0)
    broker_simulation: SimulationOutcome = SimulationOutcome.ACKNOWLEDGE
    broker_simulation_model: SimulatedQuote | None = None
    chosen_at_quote: bool = False
    paper_only: Literal[True] = Field(default=True)

    @model_validator(mode="after")
    def _age_of_a_quote(self) -> Self:
        if self.quote_age_seconds and self.broker_simulation_model is None:
            raise ValueError("an age belongs to a supposed quote")
        return self

    def submission(self) -> Submission:
        """The same as a submission to the desk."""
        modelled = self.broker_simulation_model is not None and not self.chosen_at_quote
        return Submission(
            approval_request_id=self.approval_request_id,
            quantity=self.quantity,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            protection_points=self.protection_points,
            selected_outcome=None if modelled else self.broker_simulation,
        )


def check_input(reader: Reader, asked: WorkflowInput) -> Refusal | None:
    """Refuse what differs from the approval: `NOT_FOUND`, `PAYLOAD_CHANGED`, `SIGNAL_MISMATCH`."""
    request = reader.get(ApprovalRequest, asked.approval_request_id)
    if request is None:
        return refuse("NOT_FOUND", "no such approval request", request=asked.approval_request_id)
    if contract_root(request.payload.symbol) != asked.symbol:
        return refuse(
            "PAYLOAD_CHANGED",
            "another contract was approved",
            approved=request.payload.symbol,
            asked=asked.symbol.value,
        )
    if asked.signal is None:
        return None
    approved, told = dict(request.payload), dict(asked.signal)
    changed = [name for name in _SAME_AS_APPROVED if approved[name] != told[name]]
    if not changed:
        return None
    return refuse("SIGNAL_MISMATCH", "another signal was approved", changed=",".join(changed))


class SupposedFeed:
    """The desk's feed with one quote that the caller supposes, marked as such.

    Args:
        told: The supposed quote; None leaves every quote to the feed.
        age_seconds: Its age.
        real: Gives every other quote.
        symbol: What the supposed quote is of.
    """

    def __init__(
        self, told: SimulatedQuote | None, age_seconds: Decimal, real: MarketFeed, symbol: str
    ) -> None:
        self._told = told
        self._age_seconds = age_seconds
        self._real = real
        self._symbol = symbol

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The supposed quote, aged as asked, or the real feed's answer."""
        told = self._told
        if told is None or symbol != self._symbol:
            return self._real.quote(symbol, now)
        at = now - timedelta(microseconds=int(self._age_seconds.scaleb(6)))
        identity = digest({"quote": told.json_value(), "at": utc_text(at)})
        return Quote(
            **dict(told),
            quote_id=f"supposed-{identity[7:23]}",
            symbol=symbol,
            source="caller",
            basis=QuoteBasis.CALLER,
            event_time=at,
            receive_time=at,
            method="none",
            method_version="1",
        )


class RememberingReader:
    """Documents as they would stand after some events.

    Args:
        reader: What is really stored.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[tuple[str, str], Document] = {}

    def remember(self, documents: Iterable[Document]) -> None:
        """See these in place of what is stored."""
        self._kept.update({(d.KIND, d.key): d for d in documents})

    def get(self, kind: type[D], key: str) -> D | None:
        """The remembered document with this key, or the stored one."""
        kept = self._kept.get((kind.KIND, key))
        return self._reader.get(kind, key) if kept is None else cast("D", kept)

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """Documents whose fields equal the given ones, in the order of their keys."""
        found = {d.key: d for d in self._reader.find(kind, **equal)}
        for (name, key), document in self._kept.items():
            if name == kind.KIND:
                found.pop(key, None)
                if all(_equals(document, *one) for one in equal.items()):
                    found[key] = cast("D", document)
        return tuple(found[key] for key in sorted(found))

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many documents `find` would give."""
        return len(self.find(kind, **equal))

    def opened(self, commitment: str) -> Opening | None:
        """What opens a stored commitment."""
        return self._reader.opened(commitment)


def _equals(document: Document, field: str, wanted: Wanted) -> bool:
    value = getattr(document, field)
    return value in wanted if isinstance(wanted, tuple) else bool(value == wanted)


def supposing(reader: Reader, bench: Bench, asked: WorkflowInput) -> Bench:
    """The bench with the caller's supposed quote, for a preview or for the record of the same."""
    request = reader.get(ApprovalRequest, asked.approval_request_id)
    symbol = "" if request is None else request.payload.symbol
    told, age = asked.broker_simulation_model, asked.quote_age_seconds
    return replace(bench, feed=SupposedFeed(told, age, bench.feed, symbol))


def preview(
    reader: Reader, bench: Bench, asked: WorkflowInput, actor: Actor, now: datetime, *, key: str
) -> WorkflowView | Refusal:
    """What recording would do at `now` (UTC); nothing is stored.

    Args:
        reader: What is stored.
        bench: The desk's ports and law.
        asked: The run as sent.
        actor: From the verified login.
        now: The instant that everything is judged at.
        key: Idempotency key that the run would be recorded under.

    Returns:
        The run with `persisted=false`, or a refusal: those of `check_input` and of a submit. A
        risk rejection is a run whose order is REJECTED.

    Raises:
        InputError: what a submit raises, such as `LIMIT_PRICE_MISSING`.
    """
    refusal = check_input(reader, asked)
    if refusal is not None:
        return refusal
    supposed = supposing(reader, bench, asked)
    known, told = RememberingReader(reader), asked.submission()
    entries: list[AuditEntry] = []
    order_id = ""
    for decide in Orders(supposed).steps():
        done = decide(known, now, told, actor, key)
        if isinstance(done, Refusal):
            return done
        for event in done.events:
            known.remember(event.documents)
            entries.append(_entry(event, actor, now))
        order_id = done.subject_id
        if _order(known, order_id).state is OrderState.REJECTED:
            break
    return workflow_view(known, _order(known, order_id), tuple(entries), persisted=False)


def _order(reader: Reader, order_id: str) -> Order:
    order = reader.get(Order, order_id)
    if order is None:
        raise InvariantError("a submit made no order")
    return order


def _entry(event: Event, actor: Actor, now: datetime) -> AuditEntry:
    return AuditEntry(
        actor=actor.id,
        action=event.action,
        resource=f"{event.subject.type}:{event.subject.id}",
        timestamp=now,
        reason_code=event.reason_code,
        reason_text=event.reason_text,
        facts=event.facts,
        paper_only=not unsafe_flags(event.after()),
    )
