"""A gateway that a test drives by hand, and orders that are worked there."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from counterseal.broker.gateway import FillTerms, PaperBroker, fill_from
from counterseal.broker.model import Fill, SimulationRequest
from counterseal.desk.asking import snapshot_of
from counterseal.desk.commands import Outcome
from counterseal.desk.delivery import Delivery
from counterseal.desk.ingesting import Ingesting
from counterseal.desk.orders import Submission
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.money import Currency
from counterseal.oms.ingest import BrokerReport, CancelTerms, FixExecType, FixOrdStatus, OrderTerms
from counterseal.oms.model import Order, OutboxEntry, ReplaceTerms
from counterseal.signals.intent import OrderType
from tests.world import World

T, S = FixExecType, FixOrdStatus


def row(*values: object) -> tuple[object, ...]:
    """Values to compare with plain numbers."""
    return values


@dataclass
class Held:
    """One order as the gateway holds it."""

    terms: OrderTerms
    cl_ord_id: str
    quantity: Decimal
    orig: str | None = None
    cum: Decimal = Decimal(0)
    ended: FixOrdStatus | None = None

    @property
    def leaves(self) -> Decimal:
        return Decimal(0) if self.ended else self.quantity - self.cum

    @property
    def status(self) -> FixOrdStatus:
        if self.ended is not None:
            return self.ended
        if self.cum == self.quantity:
            return S.FILLED
        return S.PARTIALLY_FILLED if self.cum else S.NEW


@dataclass
class HandGateway:
    """A `Gateway`: acknowledges at once, fills when told, fails when told."""

    world: World
    name: str = "hand"
    held: dict[str, Held] = field(default_factory=dict)
    sent: list[BrokerReport] = field(default_factory=list)
    fills: dict[str, Fill] = field(default_factory=dict)
    answers: dict[str, tuple[BrokerReport, ...]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fails_before: int = 0
    fails_after: int = 0
    silent: bool = False

    def place(self, terms: OrderTerms, now: datetime) -> tuple[BrokerReport, ...]:
        del now
        self._before("place", terms.cl_ord_id)
        if terms.cl_ord_id not in self.answers:
            self.held[terms.order_id] = Held(terms, terms.cl_ord_id, terms.quantity)
            self.answers[terms.cl_ord_id] = (self.report(terms.order_id, T.NEW),)
        return self._after(terms.cl_ord_id)

    def cancel(self, terms: CancelTerms, now: datetime) -> tuple[BrokerReport, ...]:
        del now
        self._before("cancel", terms.cl_ord_id)
        if terms.cl_ord_id not in self.answers:
            held = self.held[terms.order_id]
            kind = T.CANCELED if held.leaves else T.CANCEL_REJECTED
            held.ended = S.CANCELED if held.leaves else held.ended
            names = {"cl_ord_id": terms.cl_ord_id, "orig_cl_ord_id": held.cl_ord_id}
            self.answers[terms.cl_ord_id] = (self.report(terms.order_id, kind, **names),)
        return self._after(terms.cl_ord_id)

    def replace(self, terms: ReplaceTerms, now: datetime) -> tuple[BrokerReport, ...]:
        del now
        self._before("replace", terms.cl_ord_id)
        if terms.cl_ord_id not in self.answers:
            held = self.held[terms.order_id]
            held.quantity = max(terms.quantity, held.cum)
            held.orig, held.cl_ord_id = held.cl_ord_id, terms.cl_ord_id
            self.answers[terms.cl_ord_id] = (self.report(terms.order_id, T.REPLACED),)
        return self._after(terms.cl_ord_id)

    def status(self, cl_ord_id: str) -> BrokerReport | None:
        order_id = cl_ord_id.partition(".")[0]
        if order_id not in self.held:
            return None
        told = {"exec_id": f"status-{len(self.sent)}", "sequence": len(self.sent)}
        return self._made(order_id, T.STATUS).amended(**told)

    def reports_after(self, sequence: int, limit: int) -> tuple[BrokerReport, ...]:
        return tuple(self.sent[sequence : sequence + limit])

    def fill(self, exec_id: str) -> Fill | None:
        return self.fills.get(exec_id)

    def _before(self, word: str, cl_ord_id: str) -> None:
        self.calls.append(f"{word} {cl_ord_id}")
        if self.fails_before:
            self.fails_before -= 1
            raise AdapterError("GATEWAY_BUSY", "no capacity", retriable=True)

    def _after(self, cl_ord_id: str) -> tuple[BrokerReport, ...]:
        if self.fails_after:
            self.fails_after -= 1
            raise AdapterError("GATEWAY_TIMEOUT", "no answer in time", retriable=True)
        return () if self.silent else self.answers[cl_ord_id]

    def _made(self, order_id: str, kind: FixExecType, last: Fill | None = None) -> BrokerReport:
        held = self.held[order_id]
        number = len(self.sent) + 1
        return BrokerReport(
            exec_id=f"hand-{number}" if last is None else last.fill_id,
            sequence=number,
            cl_ord_id=held.cl_ord_id,
            orig_cl_ord_id=held.orig,
            exec_type=kind,
            ord_status=held.status,
            symbol=held.terms.symbol,
            side=held.terms.side,
            last_quantity=None if last is None else last.last_quantity,
            last_price=None if last is None else last.last_price,
            cum_quantity=held.cum,
            leaves_quantity=held.leaves,
            transact_time=self.world.clock.now(),
        )

    def report(self, order_id: str, kind: FixExecType, **changes: object) -> BrokerReport:
        made = self._made(order_id, kind).amended(**changes)
        self.sent.append(made)
        return made

    def trade(self, order_id: str, contracts: int) -> BrokerReport:
        """Fill some of an order at the quote of the moment."""
        held, now = self.held[order_id], self.world.clock.now()
        quote = self.world.quote(size=contracts)
        request = SimulationRequest(
            order_id=order_id,
            symbol=held.terms.symbol,
            side=held.terms.side,
            order_type=OrderType.MARKET,
            quantity=Decimal(contracts),
            quote=snapshot_of(quote, now),
        )
        terms = FillTerms(
            fill_id=f"hand-{len(self.sent) + 1}",
            multiplier=Decimal(10),
            tx_equivalent=Decimal("0.05"),
            currency=Currency.TWD,
            trading_day="2026-01-05",
            session="regular",
        )
        answer = PaperBroker().answer(request)
        made = fill_from(self.world.order(order_id), request, answer, terms, now)
        assert made is not None
        self.fills[made.fill_id] = made
        held.cum += made.last_quantity
        report = self._made(order_id, T.TRADE, made)
        self.sent.append(report)
        return report


@dataclass
class GatewayRoom:
    """A world whose orders go out by messages."""

    world: World
    gateway: HandGateway = field(init=False)

    def __post_init__(self) -> None:
        self.gateway = HandGateway(self.world)

    @property
    def delivery(self) -> Delivery:
        return Delivery(self.world.desk.bench, self.gateway)

    @property
    def ingesting(self) -> Ingesting:
        return Ingesting(self.world.desk.bench, self.gateway)

    def queued(self, quantity: int = 4) -> str:
        """An approved order whose message waits; its id."""
        world = self.world
        asked = Submission(
            approval_request_id=world.approved(quantity=quantity), quantity=Decimal(quantity)
        )
        done = world.desk.orders.enqueue(asked, world.actor("operator"), key=world.key())
        assert done.accepted, done.refusal
        entry = self.messages()[-1]
        return entry.order_id

    def delivered(self, owner: str = "worker-1") -> tuple[Outcome, ...]:
        """Everything that is due, handed over."""
        now = self.world.clock.now()
        outcomes: list[Outcome] = []
        for outbox_id in self.delivery.due(now):
            outcomes += self.delivery.deliver(outbox_id, owner, self.world.service())
        return tuple(outcomes)

    def polled(self) -> tuple[Outcome, ...]:
        return self.ingesting.poll(self.world.service())

    def working(self, quantity: int = 4) -> str:
        """An order that the gateway works; its id."""
        order_id = self.queued(quantity)
        self.delivered()
        return order_id

    def order(self, order_id: str) -> Order:
        return self.world.order(order_id)

    def messages(self) -> tuple[OutboxEntry, ...]:
        with self.world.store.reader() as reader:
            found = reader.find(OutboxEntry)
        return tuple(sorted(found, key=lambda e: (e.created_at, e.outbox_id)))
