"""A day's moments, and when the market reaches a price."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.market.replay import MINUTE, SEEN_AFTER, Moment, moments
from counterseal.market.replay_reach import PriceReach
from counterseal.market.sessions import TAIPEI
from counterseal.market.ticks import Print, TickFile, in_time_order

START = datetime(2021, 7, 26, 8, 45, tzinfo=TAIPEI)
REAL_PRINTS = 20_000


def deal(second: int, price: int, contracts: int = 1, *, auction: bool = False) -> Print:
    at = START + timedelta(seconds=second)
    return Print("TX", "202108", at, Decimal(price), contracts, auction, second + 2)


@st.composite
def tapes(draw: st.DrawFn) -> tuple[Print, ...]:
    """A few minutes with seconds without a print, and with several."""
    rows = st.tuples(st.integers(0, 300), st.integers(95, 105), st.integers(1, 9))
    return tuple(deal(*row) for row in sorted(draw(st.lists(rows, max_size=40))))


def two(one: Sequence[Print], other: Sequence[Print]) -> tuple[Moment, ...]:
    return tuple(moments({"TX202108": one, "MTX202108": other}))


@given(tapes(), tapes())
@settings(max_examples=60)
def test_i3_moments_ascend_and_keep_every_print_once(
    one: tuple[Print, ...], other: tuple[Print, ...]
) -> None:
    """Trading 2, rule 3: merged by time; the order of a symbol's file stays."""
    told = two(one, other)
    assert all(before.at < after.at for before, after in pairwise(told))
    for symbol, tape in (("TX202108", one), ("MTX202108", other)):
        ticks = [tick for moment in told for tick in moment.ticks if tick.symbol == symbol]
        assert [(t.at, t.price, t.contracts) for t in ticks] == [
            (d.at, d.price, d.contracts) for d in tape
        ]
        bars = [bar for moment in told for bar in moment.bars if bar.symbol == symbol]
        assert sum(bar.volume for bar in bars) == sum(d.contracts for d in tape)


@given(tapes(), tapes())
@settings(max_examples=60)
def test_i1_nothing_is_known_before_its_second_or_minute_is_over(
    one: tuple[Print, ...], other: tuple[Print, ...]
) -> None:
    """Trading 2, rule 1: no look-ahead."""
    for moment in two(one, other):
        assert {tick.at + SEEN_AFTER for tick in moment.ticks} <= {moment.at}
        assert {bar.start + MINUTE for bar in moment.bars} <= {moment.at}
        assert moment.ticks or moment.bars


@given(tapes(), tapes(), st.integers(0, 320))
@settings(max_examples=120)
def test_i2_a_cut_changes_no_moment_up_to_it(
    one: tuple[Print, ...], other: tuple[Print, ...], second: int
) -> None:
    """Prints at the instant and later are cut; what was known then stays as it was."""
    cut = START + timedelta(seconds=second)
    before = two([d for d in one if d.at < cut], [d for d in other if d.at < cut])
    assert [m for m in before if m.at <= cut] == [m for m in two(one, other) if m.at <= cut]


def test_auction_prints_are_no_ticks_and_a_day_without_listeners_has_none() -> None:
    """Trading 2, trap: an opening-auction print is no quote."""
    tape = (deal(0, 90, auction=True), deal(0, 100), deal(30, 101))
    told = tuple(moments({"TX202108": tape}))
    assert [tick.price for moment in told for tick in moment.ticks] == [100, 101]
    [bar] = [bar for moment in moments({"TX202108": tape}, ticks=False) for bar in moment.bars]
    assert (int(bar.open), int(bar.low), bar.start) == (100, 100, START.astimezone(UTC))


def outright(real_day: TickFile) -> list[Print]:
    prints = in_time_order(d for d in real_day.prints if (d.product, d.month) == ("MTX", "202108"))
    return [d for d in prints if not d.auction][:REAL_PRINTS]


def test_the_bars_of_moments_equal_bars_made_of_all_real_prints(real_day: TickFile) -> None:
    """Trading 2, rule 5: each bar tells its own minute, counted here from the whole list."""
    tape = outright(real_day)
    told = [bar for m in moments({"MTX202108": tape}, ticks=False) for bar in m.bars]
    minutes: dict[datetime, list[Print]] = {}
    for d in tape:
        minutes.setdefault(d.at.replace(second=0), []).append(d)
    assert [bar.start for bar in told] == sorted(minutes)
    for bar in told:
        dealt = minutes[bar.start]
        prices = [d.price for d in dealt]
        assert (bar.open, bar.close) == (prices[0], prices[-1])
        assert (bar.low, bar.high) == (min(prices), max(prices))
        assert bar.volume == sum(d.contracts for d in dealt)


@given(tapes(), st.integers(93, 107), st.integers(-2, 305))
@settings(max_examples=150)
def test_i1_no_print_at_a_price_or_beyond_is_left_out(
    tape: tuple[Print, ...], price: int, second: int
) -> None:
    """Strictly later than asked; the first second with such a print, none skipped."""
    after, level = (START + timedelta(seconds=second)).astimezone(UTC), Decimal(price)
    reach = PriceReach(tape)
    known = [(d.at + SEEN_AFTER, d.price) for d in tape if d.at + SEEN_AFTER > after]
    assert reach.next_move(after) == min((at for at, _ in known), default=None)
    assert reach.next_at_or_below(level, after) == min(
        (at for at, seen in known if seen <= level), default=None
    )
    assert reach.next_at_or_above(level, after) == min(
        (at for at, seen in known if seen >= level), default=None
    )
