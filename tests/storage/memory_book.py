"""The book of a paper gateway in memory, and a gateway that fails when told."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime

from counterseal.broker.book import BookChange, WorkedOrder
from counterseal.broker.lots_taken import LotTaken, apply_fill_taken
from counterseal.broker.model import Fill
from counterseal.broker.ports import Gateway
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import DomainModel
from counterseal.oms.ingest import BrokerReport, CancelTerms, OrderTerms
from counterseal.oms.model import ReplaceTerms
from storage.paper_book import Pages


@dataclass
class MemoryPages:
    """`Pages` in plain collections."""

    orders: dict[str, WorkedOrder] = field(default_factory=dict)
    messages: dict[str, tuple[str, tuple[BrokerReport, ...]]] = field(default_factory=dict)
    told: list[BrokerReport] = field(default_factory=list)
    made: dict[str, Fill] = field(default_factory=dict)

    def sequence(self) -> int:
        return len(self.told)

    def answered(self, cl_ord_id: str) -> tuple[BrokerReport, ...] | None:
        known = self.messages.get(cl_ord_id)
        return None if known is None else known[1]

    def order_id_of(self, cl_ord_id: str) -> str | None:
        known = self.messages.get(cl_ord_id)
        return None if known is None else known[0]

    def order(self, order_id: str) -> WorkedOrder | None:
        return self.orders.get(order_id)

    def working(self, symbol: str | None = None) -> tuple[WorkedOrder, ...]:
        own = (order for _, order in sorted(self.orders.items()) if order.leaves_quantity)
        return tuple(order for order in own if symbol in (None, order.terms.symbol))

    def reports(self, after: int, limit: int) -> tuple[BrokerReport, ...]:
        return tuple(self.told[after : after + limit])

    def fill(self, fill_id: str) -> Fill | None:
        return self.made.get(fill_id)

    def fills(self, order_id: str) -> tuple[Fill, ...]:
        return tuple(fill for fill in self.made.values() if fill.order_id == order_id)

    def taken(self, lot_id: str) -> LotTaken | None:
        known: LotTaken | None = None
        for fill in self.made.values():
            known = apply_fill_taken(known, fill) if fill.quote_id == lot_id else known
        return known

    def keep(self, change: BookChange, asked: tuple[str, DomainModel] | None = None) -> None:
        if change.order is None:
            return
        order_id = change.order.terms.order_id
        self.orders[order_id] = change.order
        self.told += change.reports
        self.made |= {fill.fill_id: fill for fill in change.fills}
        if asked is not None:
            self.messages[asked[0]] = (order_id, change.reports)


@dataclass
class MemoryBook:
    """`PaperBook` without a file."""

    pages: MemoryPages = field(default_factory=MemoryPages)

    @contextmanager
    def turn(self) -> Iterator[Pages]:
        draft = deepcopy(self.pages)
        yield draft
        self.pages = draft


@dataclass
class FaultyGateway:
    """A gateway whose line fails: `before` the work, `after` it, or with `busy`.

    Attributes:
        faults: What the next calls of any kind do; None works, and so does an empty line.
        reordered: Whether reports are read newest first, each page twice.
    """

    within: Gateway
    faults: deque[str | None] = field(default_factory=deque)
    deaf: bool = False
    reordered: bool = False
    calls: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.within.name

    def fails(self, *faults: str | None) -> None:
        self.faults.extend(faults)

    def place(self, terms: OrderTerms, now: datetime) -> tuple[BrokerReport, ...]:
        return self._through("place", terms.cl_ord_id, lambda: self.within.place(terms, now))

    def cancel(self, terms: CancelTerms, now: datetime) -> tuple[BrokerReport, ...]:
        return self._through("cancel", terms.cl_ord_id, lambda: self.within.cancel(terms, now))

    def replace(self, terms: ReplaceTerms, now: datetime) -> tuple[BrokerReport, ...]:
        return self._through("replace", terms.cl_ord_id, lambda: self.within.replace(terms, now))

    def status(self, cl_ord_id: str) -> BrokerReport | None:
        self._hears()
        return self.within.status(cl_ord_id)

    def reports_after(self, sequence: int, limit: int) -> tuple[BrokerReport, ...]:
        self._hears()
        page = self.within.reports_after(sequence, limit)
        if not self.reordered or not page:
            return page
        return (*reversed(page), *page)

    def fill(self, exec_id: str) -> Fill | None:
        self._hears()
        return self.within.fill(exec_id)

    def _through(
        self, word: str, cl_ord_id: str, work: Callable[[], tuple[BrokerReport, ...]]
    ) -> tuple[BrokerReport, ...]:
        self.calls.append(f"{word} {cl_ord_id}")
        fault = self.faults.popleft() if self.faults else None
        if fault == "busy":
            raise AdapterError("GATEWAY_BUSY", "no capacity", retriable=True)
        if fault == "before":
            raise AdapterError("GATEWAY_TIMEOUT", "no answer in time", retriable=True)
        answer = work()
        if fault == "after":
            raise AdapterError("GATEWAY_TIMEOUT", "no answer in time", retriable=True)
        return () if fault == "late" else answer

    def _hears(self) -> None:
        if self.deaf:
            raise AdapterError("GATEWAY_TIMEOUT", "no answer in time", retriable=True)
