"""The contract of `broker.ports.Gateway`, run on every gateway, book and fill model."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.broker.models import answer_of
from counterseal.kernel.errors import AdapterError
from counterseal.oms.ingest import FixExecType as T
from counterseal.oms.ingest import FixOrdStatus as S
from counterseal.signals.intent import OrderType, TimeInForce
from tests.storage.gateway_market import BOOKS, RULES, Venue

Open = Callable[..., Venue]
GATEWAYS = [(model, book, False) for model in RULES for book in BOOKS] + [("quote", "memory", True)]
FALLS = ((19_985, 3), (19_984, 9), (19_983, 9))
"""Through the limit with fewer contracts than asked, then with more than enough."""


@pytest.fixture(params=GATEWAYS, ids=lambda told: "-".join(map(str, told)))
def venue(request: pytest.FixtureRequest, tmp_path: Path) -> Venue:
    model, book, faulty = request.param
    return Venue(tmp_path, model, book, FALLS, faulty=faulty)


def test_a_message_is_worked_once_however_often_it_comes(venue: Venue) -> None:
    """TX-I6: the first reports again, and nothing else."""
    terms = venue.terms()
    first = venue.gateway.place(terms, venue.now)
    again = venue.gateway.place(terms, venue.now)
    ended = venue.gateway.cancel(venue.cancelling(), venue.now)

    assert [report.exec_type for report in first] == [T.NEW]
    assert first == again
    assert venue.gateway.cancel(venue.cancelling(), venue.now) == ended
    assert venue.gateway.place(terms, venue.now) == first
    assert venue.kinds() == [T.NEW, T.CANCELED]


def test_reports_are_numbered_without_gaps_over_all_orders(venue: Venue) -> None:
    """Trading reference 3.3 rule 7: each with an id of its own, those answered among them."""
    returned = [r for n in (1, 2) for r in venue.gateway.place(venue.terms(f"o-{n}"), venue.now)]
    venue.reach(2)
    every = venue.gateway.reports_after(0, 1000)

    assert [report.sequence for report in every] == list(range(1, len(every) + 1))
    assert len({report.exec_id for report in every}) == len(every)
    assert every[:2] == tuple(returned)
    assert venue.gateway.reports_after(1, 1) == every[1:2]
    assert venue.gateway.reports_after(len(every), 1000) == ()


def test_the_market_fills_what_it_has_and_every_fill_can_be_made_again(venue: Venue) -> None:
    """Trading reference 5.2, TX-J13: quantity and price of the model, unchanged."""
    venue.gateway.place(venue.terms(), venue.now)
    venue.reach(1)
    some = venue.gateway.status("o-1")
    venue.reach(2)
    whole = venue.gateway.status("o-1")
    trades = [r for r in venue.gateway.reports_after(0, 1000) if r.exec_type is T.TRADE]

    assert some is not None
    assert (some.exec_type, some.ord_status, int(some.cum_quantity)) == (
        T.STATUS,
        S.PARTIALLY_FILLED,
        3,
    )
    assert whole is not None
    assert (whole.ord_status, int(whole.leaves_quantity)) == (S.FILLED, 0)
    assert [trade.last_quantity for trade in trades] == [Decimal(3), Decimal(1)]
    for trade in trades:
        fill = venue.gateway.fill(trade.exec_id)
        assert fill is not None
        assert (fill.fill_id, fill.last_price) == (trade.exec_id, trade.last_price)
        assert fill.workflow_run_id == venue.terms().workflow_run_id
        assert answer_of(fill.request) == fill.result
        assert fill.fees == ()
    assert venue.gateway.fill("paper-1") is None


def test_a_cancel_wins_when_nothing_reached_the_order_before_it(venue: Venue) -> None:
    """Trading reference 3.3 rule 5: under its own ClOrdID, with the order's beside it."""
    venue.gateway.place(venue.terms(), venue.now)
    venue.reach(1)
    [ended] = venue.gateway.cancel(venue.cancelling(), venue.now)
    venue.reach(2)

    assert (ended.exec_type, ended.ord_status) == (T.CANCELED, S.CANCELED)
    assert (ended.cl_ord_id, ended.orig_cl_ord_id) == ("c-1", "o-1")
    assert (int(ended.cum_quantity), int(ended.leaves_quantity)) == (3, 0)
    assert venue.kinds() == [T.NEW, T.TRADE, T.CANCELED]


def test_a_cancel_loses_to_a_fill_before_it(venue: Venue) -> None:
    """Trading reference 3.1: the order is filled, the cancel refused."""
    venue.gateway.place(venue.terms(), venue.now)
    venue.reach(2)
    [answer] = venue.gateway.cancel(venue.cancelling(), venue.now)

    assert (answer.exec_type, answer.ord_status) == (T.CANCEL_REJECTED, S.FILLED)
    assert (int(answer.cum_quantity), int(answer.leaves_quantity)) == (4, 0)


def test_less_than_is_filled_is_granted_as_what_is_filled(venue: Venue) -> None:
    """FIX D12; D8: a filled order reopens for more, and may be filled again."""
    venue.gateway.place(venue.terms(), venue.now)
    venue.reach(1)
    [smaller] = venue.gateway.replace(venue.replacing(1), venue.now)
    [larger] = venue.gateway.replace(venue.replacing(5, "r-2"), venue.now)
    venue.reach(3)
    asked = [venue.gateway.status(name) for name in ("o-1", "r-1", "r-2")]

    assert (smaller.exec_type, smaller.ord_status) == (T.REPLACED, S.FILLED)
    assert (int(smaller.cum_quantity), int(smaller.leaves_quantity)) == (3, 0)
    assert (smaller.cl_ord_id, smaller.orig_cl_ord_id) == ("r-1", "o-1")
    assert (larger.ord_status, int(larger.leaves_quantity)) == (S.PARTIALLY_FILLED, 2)
    assert {answer.cl_ord_id for answer in asked if answer is not None} == {"r-2"}
    assert venue.kinds().count(T.TRADE) == 2


def test_an_order_that_has_ended_is_not_changed_any_more(venue: Venue) -> None:
    """Trading reference 3.2: CANCELED is terminal; the answer names the request."""
    venue.gateway.place(venue.terms(), venue.now)
    venue.gateway.cancel(venue.cancelling(), venue.now)
    [changed] = venue.gateway.replace(venue.replacing(9), venue.now)
    [ended] = venue.gateway.cancel(venue.cancelling("c-2"), venue.now)

    assert (changed.exec_type, changed.cl_ord_id) == (T.REPLACE_REJECTED, "r-1")
    assert (ended.exec_type, ended.ord_status) == (T.CANCEL_REJECTED, S.CANCELED)
    assert venue.gateway.status("o-1") == venue.gateway.status("c-1")


@pytest.mark.parametrize(
    ("word", "kinds", "cum"),
    [
        (TimeInForce.IOC, [T.NEW, T.TRADE, T.CANCELED], 3),
        (TimeInForce.FOK, [T.NEW, T.CANCELED], 0),
    ],
)
def test_an_immediate_order_does_not_rest(
    venue: Venue, word: TimeInForce, kinds: list[T], cum: int
) -> None:
    """Trading reference 1.5: IOC keeps what it got, FOK takes all or nothing."""
    terms = venue.terms(time_in_force=word, order_type=OrderType.MARKET, limit_price=None)
    venue.gateway.place(terms, venue.now)
    venue.reach(1)
    kinds_at_once = venue.kinds()
    venue.reach(2)
    told = venue.gateway.status("o-1")

    assert venue.kinds() == kinds_at_once == kinds
    assert told is not None
    assert (told.ord_status, int(told.cum_quantity), int(told.leaves_quantity)) == (
        S.CANCELED,
        cum,
        0,
    )


def test_the_close_of_the_session_ends_a_day_order_by_the_world_s_clock(venue: Venue) -> None:
    """Trading reference 1.3: 13:45 Taipei, whenever somebody looks."""
    terms = venue.terms(limit_price=Decimal(19_000))
    venue.gateway.place(terms, venue.now)
    venue.world.clock.move_to(datetime(2026, 1, 5, 6, 30, tzinfo=UTC))
    [_, over] = venue.gateway.reports_after(0, 10)

    assert (over.exec_type, over.ord_status, over.text) == (T.EXPIRED, S.EXPIRED, "SESSION_CLOSED")
    assert over.transact_time == datetime(2026, 1, 5, 5, 45, tzinfo=UTC)
    assert int(over.leaves_quantity) == 0


def test_what_was_never_heard_of_is_said_so(venue: Venue) -> None:
    """Trading reference 3.3 rule 9: silence and not knowing are two answers."""
    assert venue.gateway.status("o-9") is None
    with pytest.raises(AdapterError, match="ORDER_NOT_AT_GATEWAY") as told:
        venue.gateway.cancel(venue.cancelling(order="o-9"), venue.now)
    with pytest.raises(AdapterError, match="ORDER_NOT_AT_GATEWAY"):
        venue.gateway.replace(venue.replacing(2, order="o-9"), venue.now)
    assert told.value.retriable is False
    assert venue.kinds() == []


def test_an_order_that_nothing_can_be_asked_about_is_rejected_with_the_reason(
    venue: Venue,
) -> None:
    """Trading reference 5.3: no quote, no fill; an order known by another id is left alone."""
    [strange] = venue.gateway.place(venue.terms(symbol="ZZZ202601"), venue.now)
    [unquoted] = venue.gateway.place(venue.terms("o-2", symbol="MXF202601"), venue.now)
    venue.gateway.place(venue.terms("o-3"), venue.now)
    [twice] = venue.gateway.place(venue.terms("o-3", cl_ord_id="o-3b"), venue.now)
    still = venue.gateway.status("o-3")

    assert [r.exec_type for r in (strange, unquoted, twice)] == [T.REJECTED] * 3
    assert [r.text for r in (strange, unquoted, twice)] == [
        "CONTRACT_UNKNOWN",
        "NO_QUOTE",
        "ORDER_KNOWN",
    ]
    assert still is not None
    assert (still.ord_status, int(still.leaves_quantity)) == (S.NEW, 4)
