"""The paper gateway: a simulated venue with a book of its own.

Job: the port `broker.ports.Gateway` over a durable book and the fill model in force.

Invariants
  I1  Each call first lets the market and the clock reach every working order, in the world's order.
  I2  What a call was asked and what it answers are kept before it returns.
  I3  No network, no broker, no money; what fills comes from the model that the policy names.

Not here: what a message does (broker.book), where the book lies (storage.paper_book).
Source: TX-G1, TX-J; trading reference 3.3, 5.2 and 5.3.
"""

from datetime import datetime
from typing import Final, NamedTuple

from counterseal.audit.privacy import Opening
from counterseal.broker.book import (
    Book,
    BookChange,
    Met,
    WorkedOrder,
    as_met,
    cancel,
    expire,
    meet,
    moves,
    new_order,
    place,
    replace,
    status,
)
from counterseal.broker.gateway import FillTerms, happened_at
from counterseal.broker.lifetime import deadline_of
from counterseal.broker.lots_taken import LotTaken
from counterseal.broker.model import Fill
from counterseal.desk.asking import put_to_quote
from counterseal.desk.bench import Bench
from counterseal.desk.exposure import session_text, trading_day_text
from counterseal.desk.ports import D, Wanted
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import Document, Refusal, refuse
from counterseal.market.instruments import contract_root
from counterseal.oms.ingest import BrokerReport, CancelTerms, OrderTerms
from counterseal.oms.model import ReplaceTerms
from counterseal.signals.intent import TimeInForce
from storage.paper_book import Pages, PaperBook

PAPER_GATEWAY: Final = "paper"
STEPS_MAX: Final = 10_000
"""Most steps of the market in one call; the next call goes on."""

_REASONS: Final = {TimeInForce.GTC: "CONTRACT_EXPIRED", TimeInForce.GTD: "GOOD_TILL_REACHED"}


class _Step(NamedTuple):
    """What happens next to an order: the market reaches it, or its time is over (no `met`)."""

    at: datetime
    late: bool
    order_id: str
    met: Met | None


class PaperGateway:
    """The `Gateway` that this platform has.

    Args:
        book: Where it keeps what it was asked and what it answered.
        bench: Feed, contracts, calendar, fill models and clock; its store is never asked.
        name: Of this gateway, in every report's id.
    """

    def __init__(self, book: PaperBook, bench: Bench, name: str = PAPER_GATEWAY) -> None:
        self._book = book
        self._bench = bench
        self.name = name

    def place(self, terms: OrderTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """Take an order; `Gateway.place`.

        Raises:
            AdapterError: `GATEWAY_FAILED`.
        """
        with self._book.turn() as pages:
            self._pass_time(pages, now)
            book = self._about(pages, terms.order_id, terms.cl_ord_id)
            if book.answered is not None:
                return book.answered
            answer = self._asked(pages, new_order(terms, now), now)
            change = place(book, terms, now, answer)
            pages.keep(change, (terms.cl_ord_id, terms))
            return change.reports

    def cancel(self, terms: CancelTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """End what works of an order; `Gateway.cancel`.

        Raises:
            AdapterError: `GATEWAY_FAILED`; `ORDER_NOT_AT_GATEWAY` when it never came.
        """
        with self._book.turn() as pages:
            self._pass_time(pages, now)
            book = self._about(pages, terms.order_id, terms.cl_ord_id)
            return _kept(pages, cancel(book, terms, now), terms)

    def replace(self, terms: ReplaceTerms, now: datetime) -> tuple[BrokerReport, ...]:
        """Change an order; `Gateway.replace`.

        Raises:
            AdapterError: `GATEWAY_FAILED`; `ORDER_NOT_AT_GATEWAY` when it never came.
        """
        with self._book.turn() as pages:
            self._pass_time(pages, now)
            book = self._about(pages, terms.order_id, terms.cl_ord_id)
            return _kept(pages, replace(book, terms, now), terms)

    def status(self, cl_ord_id: str) -> BrokerReport | None:
        """Where an order stands; `Gateway.status`.

        Raises:
            AdapterError: `GATEWAY_FAILED`.
        """
        now = self._bench.recorder.now()
        with self._book.turn() as pages:
            self._pass_time(pages, now)
            order_id = pages.order_id_of(cl_ord_id)
            order = None if order_id is None else pages.order(order_id)
            return status(Book(self.name, pages.sequence(), order), now)

    def reports_after(self, sequence: int, limit: int) -> tuple[BrokerReport, ...]:
        """Reports in order; `Gateway.reports_after`.

        Raises:
            AdapterError: `GATEWAY_FAILED`.
        """
        with self._book.turn() as pages:
            self._pass_time(pages, self._bench.recorder.now())
            return pages.reports(sequence, limit)

    def fill(self, exec_id: str) -> Fill | None:
        """What a fill was made from; `Gateway.fill`.

        Raises:
            AdapterError: `GATEWAY_FAILED`.
        """
        with self._book.turn() as pages:
            return pages.fill(exec_id)

    def _about(self, pages: Pages, order_id: str, cl_ord_id: str) -> Book:
        answered = pages.answered(cl_ord_id)
        return Book(self.name, pages.sequence(), pages.order(order_id), answered)

    def _pass_time(self, pages: Pages, now: datetime) -> None:
        """Let everything happen that was due by `now` (UTC), the earliest first."""
        waiting = {o.terms.order_id: self._next(pages, o, now) for o in pages.working()}
        for _ in range(STEPS_MAX):
            step = min((s for s in waiting.values() if s is not None), default=None, key=_time)
            if step is None:
                return
            order = pages.order(step.order_id)
            book = Book(self.name, pages.sequence(), order)
            pages.keep(self._taken(book, step, now))
            waiting[step.order_id] = None
            symbol = None if order is None else order.terms.symbol
            for same in pages.working(symbol):
                waiting[same.terms.order_id] = self._next(pages, same, now)

    def _taken(self, book: Book, step: _Step, now: datetime) -> BookChange:
        if step.met is not None:
            return meet(book, step.met, now)
        word = TimeInForce.DAY if book.order is None else book.order.terms.time_in_force
        return expire(book, step.at, _REASONS.get(word, "SESSION_CLOSED"))

    def _next(self, pages: Pages, order: WorkedOrder, now: datetime) -> _Step | None:
        answer = self._asked(pages, order, now)
        name = order.terms.order_id
        if isinstance(answer, Met) and moves(order, answer):
            return _Step(answer.at, late=False, order_id=name, met=answer)
        ends = deadline_of(as_met(order), self._bench.calendar())
        if ends is None or ends > now:
            return None
        return _Step(ends, late=True, order_id=name, met=None)

    def _asked(self, pages: Pages, order: WorkedOrder, now: datetime) -> Met | Refusal:
        """What the fill model in force answers; or why it cannot be asked."""
        bench, told = self._bench, as_met(order)
        spec = bench.contracts.spec(contract_root(told.symbol))
        if spec is None:
            return refuse("CONTRACT_UNKNOWN", "no contract has this root", symbol=told.symbol)
        request = put_to_quote(_Own(pages), bench, told, now, None)
        if isinstance(request, Refusal):
            return request
        result = bench.broker.answer(request)
        at = happened_at(request, result, now)
        terms = FillTerms(
            fill_id=order.cl_ord_id,
            multiplier=spec.multiplier,
            tx_equivalent=spec.tx_equivalent,
            currency=bench.contracts.currency,
            trading_day=trading_day_text(bench, at),
            session=session_text(bench, at),
        )
        return Met(request, result, terms, at)


class _Own:
    """The book as the fill models' questions read it: its own fills and orders, nothing else."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def get(self, kind: type[D], key: str) -> D | None:
        """One of its own documents."""
        found = self._pages.taken(key) if issubclass(kind, LotTaken) else self._made(key)
        return found if isinstance(found, kind) else None

    def _made(self, key: str) -> Document | None:
        """A fill, or an order that still works."""
        fill = self._pages.fill(key)
        if fill is not None:
            return fill
        order = self._pages.order(key)
        return None if order is None or not order.leaves_quantity else as_met(order)

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """Its own documents whose fields equal the given ones."""
        order_id = equal.get("order_id")
        found: list[Document] = [as_met(order) for order in self._pages.working()]
        if isinstance(order_id, str):
            found += self._pages.fills(order_id)
        own = (one for one in found if isinstance(one, kind))
        return tuple(one for one in own if all(_is(one, n, w) for n, w in equal.items()))

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many `find` gives."""
        return len(self.find(kind, **equal))

    def opened(self, commitment: str) -> Opening | None:  # noqa: ARG002 - the port's shape
        """None: it keeps nobody's personal data."""
        return None


def _is(document: Document, name: str, wanted: Wanted) -> bool:
    value = getattr(document, name)
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def _time(step: _Step) -> tuple[datetime, bool, str]:
    """The world's order; a fill comes before the close of the same instant."""
    return step.at, step.late, step.order_id


def _kept(
    pages: Pages, change: BookChange, terms: CancelTerms | ReplaceTerms
) -> tuple[BrokerReport, ...]:
    if change.order is None:
        raise AdapterError(
            "ORDER_NOT_AT_GATEWAY", "no message of this order ever came", got=terms.order_id
        )
    if not change.again:
        pages.keep(change, (terms.cl_ord_id, terms))
    return change.reports
