"""Many orders led along one tape: the index, the book, and the real day."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.broker.model import SimulationRequest
from counterseal.broker.resting import RestingOrders
from counterseal.broker.triggers import Trigger, TriggerIndex
from counterseal.broker.walk import Place, walk_tape
from counterseal.broker.windows import PrintUse
from counterseal.kernel.errors import InputError, InvariantError
from counterseal.market.tape import TapeDeal
from counterseal.policy.execution import QuoteFillRule, TapeFillRule
from counterseal.signals.intent import OrderType, Side, TimeInForce
from tests.core.broker.markets import ARRIVED, ORDER, limit, tape

RULE = TapeFillRule(participation_cap=Decimal("0.5"), slippage_ticks=1)
PRICES = st.integers(17_396, 17_404)
Terms = tuple[Side, int, int, bool]
"""Side, price, contracts, and whether it is a stop."""
TERMS = st.tuples(st.sampled_from(Side), PRICES, st.integers(1, 6), st.booleans())


def order_of(number: int, terms: Terms, rule: TapeFillRule = RULE) -> SimulationRequest:
    side, price, contracts, stop = terms
    told = limit(price)
    if stop:
        told = {"order_type": OrderType.STOP, "stop_price": Decimal(price)}
    return ORDER.amended(
        order_id=f"ord_{number}", side=side, quantity=Decimal(contracts), rule=rule, **told
    )


def led(book: RestingOrders, deals: Sequence[TapeDeal]) -> list[tuple[str, PrintUse]]:
    """Every use of a print by an order, in the order in which it happened."""
    return [
        (walked.request.order_id, use)
        for deal in deals
        for walked in book.meet(deal)
        for use in walked.result.uses
    ]


@settings(max_examples=150)
@given(st.lists(st.tuples(PRICES, st.booleans(), st.booleans()), max_size=12), PRICES)
def test_i1_the_index_finds_exactly_what_a_search_finds(
    waiting: list[tuple[int, bool, bool]], price: int
) -> None:
    """Trading part 2, rule 6: at or through; strictly through where a touch does not count."""
    index = TriggerIndex()
    for number, (at, falling, strict) in enumerate(waiting):
        index.add(str(number), Trigger(Decimal(at), falling=falling, strict=strict))
    hit = {
        str(number)
        for number, (at, falling, strict) in enumerate(waiting)
        if (at > price if falling else at < price) or (at == price and not strict)
    }

    assert set(index.reached(Decimal(price))) == hit
    for number in range(0, len(waiting), 2):
        index.remove(str(number))
    assert set(index.reached(Decimal(price))) == {n for n in hit if int(n) % 2}
    assert len(index) == len(waiting) // 2


def test_an_order_waits_once_and_may_be_absent() -> None:
    """Trading 5.3: nothing is met twice."""
    index = TriggerIndex()
    index.add("a", Trigger(Decimal(1), falling=True, strict=False))
    index.remove("unknown")

    with pytest.raises(InvariantError):
        index.add("a", Trigger(Decimal(2), falling=False, strict=False))


@settings(max_examples=150)
@given(
    st.lists(st.tuples(PRICES, st.integers(1, 6)), max_size=20),
    TERMS,
    st.booleans(),
    st.booleans(),
)
def test_i1_an_order_gets_from_the_book_what_the_walk_gives_it(
    path: list[tuple[int, int]], terms: Terms, touch: bool, rests: bool
) -> None:
    """Trading 5.3: row by row the same contracts, whichever way it is led."""
    order = order_of(1, terms, RULE.amended(fills_at_touch=touch))
    place = Place(ahead=Decimal(3 if touch else 0), rests=rests)
    book = RestingOrders()
    book.add(order, place)

    assert [(u.row, u.contracts, u.how) for _, u in led(book, tape(path))] == alone(
        order, tape(path), place
    )


def alone(
    order: SimulationRequest, deals: Sequence[TapeDeal], place: Place
) -> list[tuple[int, Decimal, str]]:
    found: list[tuple[int, Decimal, str]] = []
    taken: dict[int, Decimal] = {}
    while True:
        result = walk_tape(order, deals, place, partial(_taken, taken)).result
        if result.triggered_at is not None:
            order = order.amended(triggered=True, arrived_at=result.triggered_at)
            deals = [deal for deal in deals if deal.at > result.triggered_at]
            place = Place(rests=False)
            continue
        found += [(use.row, use.contracts, use.how) for use in result.uses]
        if not result.uses or not result.remaining_quantity:
            return found
        taken = {use.row: use.contracts for use in result.uses}
        order = order.amended(quantity=result.remaining_quantity)
        place = place._replace(after_row=result.uses[-1].row)


def _taken(taken: dict[int, Decimal], _: str) -> dict[int, Decimal]:
    return taken


@settings(max_examples=100)
@given(
    st.lists(st.tuples(PRICES, st.integers(1, 6)), max_size=20),
    st.lists(TERMS, min_size=1, max_size=6),
)
def test_i3_no_contract_is_taken_twice_and_no_order_beyond_its_quantity(
    path: list[tuple[int, int]], many: list[Terms]
) -> None:
    """Trading 5.3: liquidity consumed is shared; cum never beyond the quantity."""
    book = RestingOrders()
    for number, terms in enumerate(many):
        book.add(order_of(number, terms), Place())
    uses = led(book, tape(path))

    for deal in tape(path):
        assert sum(use.contracts for _, use in uses if use.row == deal.row) <= deal.contracts
    assert sum(use.contracts for _, use in uses) <= sum(n for _, n in path) // 2
    for number, (_, _, contracts, _) in enumerate(many):
        own = sum(use.contracts for order_id, use in uses if order_id == f"ord_{number}")
        left = book.remove(f"ord_{number}")
        assert own + (0 if left is None else left.quantity) == contracts


def test_i2_the_better_price_is_served_first_then_the_earlier_place() -> None:
    """Trading 1.5: price, then time."""
    book = RestingOrders()
    for number, price in enumerate([17_400, 17_401, 17_400]):
        book.add(order_of(number, (Side.BUY, price, 2, False)), Place())
    served = [order_id for order_id, _ in led(book, tape([(17_399, 8), (17_399, 8)]))]

    assert served == ["ord_1", "ord_0", "ord_2"]
    assert len(book) == 0


@pytest.mark.parametrize(
    "changes", [{"time_in_force": TimeInForce.IOC}, {"arrived_at": None}, {"rule": QuoteFillRule()}]
)
def test_only_a_resting_order_waits_in_the_book(changes: dict[str, object]) -> None:
    """Trading 1.5: an immediate order never rests."""
    with pytest.raises(InputError) as caught:
        RestingOrders().add(order_of(1, (Side.BUY, 17_400, 1, False)).amended(**changes), Place())

    assert caught.value.code == "ORDER_NOT_RESTING"


def test_on_the_real_day_every_fill_is_explained_by_its_rows(
    real_tape: tuple[TapeDeal, ...],
) -> None:
    """Trading 5.2: each fill names prints of the file that went through, in time and size."""
    book, rows = RestingOrders(), {deal.row: deal for deal in real_tape}
    orders = {}
    for number in range(40):
        side = Side.BUY if number % 2 else Side.SELL
        terms = (side, 17_400 - side.sign * 5 * number, 3, number % 5 == 0)
        order = order_of(number, terms).amended(arrived_at=real_tape[0].at)
        orders[order.order_id] = order
        book.add(order, Place())
    uses = led(book, real_tape)

    assert len(real_tape) == 95_412
    assert len({order_id for order_id, _ in uses}) > 30
    for order_id, use in uses:
        deal, order = rows[use.row], orders[order_id]
        assert (use.at, use.price, use.printed) == (deal.at, deal.price, deal.contracts)
        assert deal.at > real_tape[0].at
        assert use.contracts <= deal.contracts
        if order.limit_price is not None:
            assert order.side.sign * (order.limit_price - deal.price) > 0


def test_on_the_real_day_nothing_of_the_future_counts(real_tape: tuple[TapeDeal, ...]) -> None:
    """Trading part 2, rule 2: the day cut at noon gives the same fills until noon."""
    cut = [deal for deal in real_tape if deal.at <= real_tape[40_000].at]
    order = order_of(1, (Side.BUY, 17_380, 50, False)).amended(
        arrived_at=real_tape[0].at + timedelta(hours=1)
    )
    books = RestingOrders(), RestingOrders()
    for book in books:
        book.add(order, Place())
    early, whole = led(books[0], cut), led(books[1], real_tape)

    assert early == [one for one in whole if one[1].at <= cut[-1].at]


def test_the_tape_has_no_print_before_the_arrival() -> None:
    """Trading 5.3: stamps at or before the arrival and delay are skipped, not met."""
    book = RestingOrders()
    late = order_of(1, (Side.BUY, 17_400, 9, False)).amended(
        arrived_at=ARRIVED + timedelta(seconds=2), rule=RULE.amended(latency_ms=1_000)
    )
    book.add(late, Place())
    uses = led(book, tape([(17_390, 9)] * 5))

    assert [use.row for _, use in uses] == [5, 6]
