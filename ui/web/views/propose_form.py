"""The fields of a request: what a new signal says, and what the order may be."""

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

import streamlit as st

from counterseal.approvals.draft import RequestTerms
from counterseal.approvals.model import RequestPayload
from counterseal.desk.views.forms import RequestForm
from counterseal.identity.people import Person
from counterseal.kernel.canonical import digest
from counterseal.market.instruments import ContractRoot, contract_root
from counterseal.portfolio.model import Account
from counterseal.signals.intent import OrderType, TimeInForce
from counterseal.signals.model import Direction, Provenance, SignalReason, StrategySignal
from ui.web import house
from ui.web.parts.fields import PRICE_MAX, exact, one_of, whole
from ui.web.parts.words import number
from ui.web.views.market_facts import days_known, known
from ui.web.views.risk_trial import months
from ui.web.visit import here
from ui.web.wording import say

PREFIX: Final = "propose-"
LOTS_MAX: Final = 20
STOP_MAX: Final = 10_000
UNSTATED: Final = "unstated"
NIL: Final = Decimal(0)
ONE: Final = Decimal(1)
MOST: Final = Decimal(PRICE_MAX)
_TYPES: Final = (OrderType.MARKET, OrderType.LIMIT)
_FORCES: Final = (TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK)


class NewSignal(NamedTuple):
    """What is typed of a signal, as text of people until it is built."""

    direction: Direction
    said: dict[str, object]
    data_version: str
    code_version: str

    def built(self) -> StrategySignal:
        """The signal.

        Raises:
            ValidationError: a field does not hold.
        """
        return StrategySignal.model_validate(self.said)

    def provenance(self, signal: StrategySignal) -> Provenance:
        """Where it came from: a person typed it.

        Raises:
            ValidationError: a version is no name.
        """
        return Provenance(
            source="web-form",
            source_digest=signal.digest,
            data_version=self.data_version,
            code_version=self.code_version,
            parameters_hash=digest(None),
        )


class Terms(NamedTuple):
    """What is typed of the order that an approval would allow."""

    root: ContractRoot
    symbol: str
    quantity: Decimal
    told: dict[str, object]

    @property
    def missing(self) -> str:
        """What is still needed, in a sentence; empty when nothing is."""
        if self.told["price"] is None:
            return say("propose.needs_price")
        if not str(self.told["request_reason"]).strip():
            return say("propose.needs_reason")
        return "" if self.told["author_ids"] else say("propose.needs_author")

    def built(self) -> RequestTerms:
        """The terms.

        Raises:
            ValidationError: a field does not hold.
        """
        return RequestTerms.model_validate(self.told)


def key(field: str) -> str:
    """Key of a field in the page's state."""
    return f"{PREFIX}{field}"


def new_signal(form: RequestForm, at: datetime) -> NewSignal:
    """Draw what a new signal says; `at` (UTC) is when the form was begun."""
    first, second, third = st.columns(3)
    with first:
        strategy = st.text_input(say("research.strategy"), form.strategy_id, key=key("strategy"))
        directions = [Direction.LONG, Direction.SHORT]
        direction = one_of(key("direction"), say("research.direction"), directions, form.direction)
    with second:
        version = st.text_input(say("propose.version"), form.strategy_version, key=key("version"))
        target = st.selectbox(
            say("propose.target"),
            form.targets,
            index=form.targets.index(form.target_tx_equivalent),
            format_func=lambda one: number(one, 2),
            key=key("target"),
        )
    with third:
        confidence = exact(key("confidence"), say("research.confidence"), form.confidence, NIL, ONE)
        points = int(form.stop_distance_points)
        stop = whole(key("stop"), say("propose.stop"), points, 1, STOP_MAX)
    with st.expander(say("propose.more_signal")):
        signal_id, data, code = _seldom(form)
    said: dict[str, object] = {
        "signal_id": signal_id,
        "strategy_id": strategy.strip(),
        "strategy_version": version.strip(),
        "timestamp": at,
        "direction": direction,
        "target_tx_equivalent": target,
        "confidence": confidence,
        "stop_distance_points": stop,
        "reason": SignalReason(signals_only=True),
    }
    return NewSignal(direction, said, data, code)


def _seldom(form: RequestForm) -> tuple[str, str, str]:
    """Signal id, data version and code version."""
    signal_id = st.text_input(say("propose.signal_id"), form.signal_id, key=key("signal"))
    first, second = st.columns(2)
    with first:
        data = st.text_input(say("research.data_version"), UNSTATED, key=key("data"))
    with second:
        code = st.text_input(say("research.code_version"), UNSTATED, key=key("code"))
    return signal_id.strip(), data.strip(), code.strip()


class Begin(NamedTuple):
    """What the fields of an order begin with."""

    root: ContractRoot = ContractRoot.TMF
    month: str = ""
    quantity: int = 1
    account: str = ""
    kind: OrderType = OrderType.MARKET
    force: TimeInForce = TimeInForce.DAY
    low: Decimal | None = None
    high: Decimal | None = None
    authors: tuple[str, ...] = ()


def begin_of(old: RequestPayload) -> Begin:
    """The same order again, as far as the form can ask for it."""
    root = contract_root(old.symbol) or ContractRoot.TMF
    return Begin(
        root=root,
        month=old.symbol.removeprefix(root.value),
        quantity=min(int(old.max_quantity), LOTS_MAX),
        account=old.account_id,
        kind=old.order_type if old.order_type in _TYPES else OrderType.MARKET,
        force=old.time_in_force if old.time_in_force in _FORCES else TimeInForce.DAY,
        low=old.price_min,
        high=old.price_max,
        authors=old.author_ids,
    )


def terms(now: datetime, begin: Begin | None = None) -> Terms:
    """Draw what the order may be; the fields begin with what is given."""
    begin = begin or Begin(authors=(here().person.person_id,))
    accounts, people = _choices()
    first, second, third = st.columns(3)
    with first:
        roots = [ContractRoot.TMF, ContractRoot.MTX, ContractRoot.TX]
        root = one_of(key("root"), say("market.contract"), roots, begin.root)
    with second:
        known_months = months(now)
        at = _place(begin.month, known_months, 1)
        month = st.selectbox(say("market.month"), known_months, index=at, key=key("month"))
    with third:
        quantity = whole(key("quantity"), say("propose.quantity"), begin.quantity, 1, LOTS_MAX)
    first, second, third = st.columns(3)
    with first:
        at = _place(begin.account, accounts, 0)
        account = st.selectbox(say("request.account"), accounts, index=at, key=key("account"))
    with second:
        kind = one_of(key("type"), say("propose.type"), _TYPES, begin.kind)
    with third:
        price = exact(key("price"), say("propose.price"), _last_price(root), ONE, MOST, places=0)
    reason = st.text_area(say("propose.reason"), key=key("reason"), height=80, max_chars=2_000)
    with st.expander(say("propose.more_order")):
        force, low, high, authors = _narrower(people, begin)
    symbol = f"{root.value}{month}"
    told: dict[str, object] = {
        "account_id": account,
        "symbol": symbol,
        "max_quantity": quantity,
        "price": price,
        "price_min": low,
        "price_max": high,
        "order_type": kind,
        "time_in_force": force,
        "request_reason": reason,
        "author_ids": tuple(authors),
    }
    return Terms(root, symbol, quantity, told)


def _place(wanted: str, known_ones: list[str], first: int) -> int:
    return known_ones.index(wanted) if wanted in known_ones else first


def _narrower(
    people: list[str], begin: Begin
) -> tuple[TimeInForce, Decimal | None, Decimal | None, list[str]]:
    """What most requests leave as it is."""
    first, second, third = st.columns(3)
    with first:
        force = one_of(key("force"), say("propose.force"), _FORCES, begin.force)
    with second:
        low = exact(key("low"), say("propose.low"), begin.low, NIL, MOST, places=0)
    with third:
        high = exact(key("high"), say("propose.high"), begin.high, NIL, MOST, places=0)
    authors = st.multiselect(
        say("propose.authors"),
        people,
        default=[one for one in begin.authors if one in people],
        key=key("authors"),
    )
    return force, low, high, authors


def _choices() -> tuple[list[str], list[str]]:
    """Accounts and people of the person's tenant."""
    tenant = here().person.tenant
    with house.reading() as reader:
        accounts = [one.account_id for one in reader.find(Account, tenant=tenant)]
        people = [one.person_id for one in reader.find(Person, tenant=tenant)]
    return accounts, people


def _last_price(root: ContractRoot) -> Decimal | None:
    """The newest price (points) that a fill met of a contract; None before the first."""
    days = days_known()
    newest = known(days[0]).newest if days else ()
    prices = [
        one.quote.last or one.quote.ask for one in newest if one.quote.symbol.startswith(root.value)
    ]
    return prices[-1] if prices else None
