"""Equity and positions of a report, and how they are drawn."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.money import EXACT
from counterseal.portfolio.model import Account, Position
from counterseal.signals.model import Direction
from evidence.report_charts import HEIGHT, WIDTH, charts_of
from evidence.report_curves import POINTS_MAX, AccountCurves, Curve, Point
from tests.evidence.report_room import bodies_of, of_all, page_of
from tests.world import ACCOUNT, World

START = datetime(2026, 1, 5, tzinfo=UTC)
VALUES = st.lists(
    st.decimals(-(10**9), 10**9, places=4, allow_nan=False, allow_infinity=False),
    min_size=2,
    max_size=60,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of its own."""
    return World(tmp_path)


def curve(values: list[Decimal], *, seconds: int = 60) -> Curve:
    points = tuple(
        Point(START + timedelta(seconds=seconds * place), value)
        for place, value in enumerate(values)
    )
    return Curve("acct", "TWD", points, (("TX", points),))


def traded(world: World) -> None:
    """Two fills, the second one closes what the first one opened."""
    world.done(world.submitted(world.approved()))
    world.after(60)
    world.quote()
    world.done(world.submitted(world.approved(direction=Direction.SHORT)))


def read(bodies: list[bytes]) -> AccountCurves:
    curves = AccountCurves()
    for body in bodies:
        record = json.loads(body)
        curves.take(record["recorded_at"], (record["after"] or {}).get("documents", {}))
    return curves


def test_equity_is_cash_and_what_is_held_at_the_last_price(world: World) -> None:
    """I1: as the core values an account; flat again, equity is cash."""
    traded(world)
    with world.store.reader() as reader:
        [account], [position] = reader.find(Account), reader.find(Position)
    first, second = world.fills()

    [told] = read(bodies_of(world)).drawn()

    points = EXACT.multiply(first.last_quantity, first.multiplier)
    assert told.account_id == ACCOUNT
    assert [point.value for point in told.positions[0][1]] == [first.last_quantity, 0]
    assert position.quantity == 0
    assert told.equity[-1].value == account.cash
    assert told.equity[0].value == account.opening_cash - sum(fee.amount for fee in first.fees)
    assert second.last_quantity == first.last_quantity
    assert points > 0


def test_a_price_that_is_none_is_counted_and_draws_nothing(world: World) -> None:
    """A fill without a price moves no mark."""
    traded(world)
    bodies = []
    for body in bodies_of(world):
        record = json.loads(body)
        for fill in (record["after"] or {}).get("documents", {}).get("fills", []):
            fill["last_price"] = "nothing"
        bodies.append(canonical_bytes(record))

    curves = read(bodies)

    assert curves.unreadable == 2
    assert len(curves.drawn()) == 1


def test_a_report_of_everything_draws_what_its_words_say(world: World) -> None:
    """WAI: a drawing has a title and a description that screen readers read out."""
    traded(world)

    page = page_of(of_all(bodies_of(world)))

    assert page.tags.count("svg") == page.tags.count("desc") == 2
    labels = [value.split() for tag, name, value in page.attributes if name == "aria-labelledby"]
    ids = {value for _, name, value in page.attributes if name == "id"}
    assert {one for pair in labels if len(pair) == 2 for one in pair} <= ids
    assert f"Equity of {ACCOUNT}, simulated" in page.text
    assert re.search(
        r"2 points from .* UTC: first [0-9,.]+, lowest .*, last [0-9,.]+ TWD\.", page.text
    )


@given(VALUES)
def test_a_drawing_stays_in_its_box_between_round_numbers(values: list[Decimal]) -> None:
    """Every step lies in the box, the levels rise, and hold all values between them."""
    for chart in charts_of([curve(values)]):
        across = [Decimal(n) for n in re.findall(r"H(-?[0-9.]+)", chart.line)]
        heights = [Decimal(n) for n in re.findall(r"(?:V|M0 )(-?[0-9.]+)", chart.line)]
        assert across == sorted(across)
        assert across[-1] == WIDTH
        assert all(0 <= n <= WIDTH for n in across)
        assert all(0 <= n <= HEIGHT for n in heights)
        assert len(heights) == len(values)
        levels = [Decimal(tick.label.replace(",", "")) for tick in chart.ticks]
        assert levels == sorted(set(levels))
        assert levels[0] <= min(values) <= max(values) <= levels[-1]
        assert len(levels) <= 7


def test_a_single_booking_is_not_drawn() -> None:
    """One point is a number, no curve."""
    assert charts_of([curve([Decimal(5)])]) == ()


def test_bookings_at_one_instant_are_drawn_side_by_side() -> None:
    """A day that was recorded within one second still has its steps."""
    equity, _ = charts_of([curve([Decimal(1), Decimal(2), Decimal(3)], seconds=0)])

    assert equity.line.count("V") == 2
    assert equity.starts == equity.ends == "2026-01-05 00:00"


def test_positions_have_whole_numbers_beside_them_and_equity_no_area() -> None:
    """Contracts are counted; a box without zero is not filled down to it."""
    values = [Decimal(n) for n in (1_000_000, 1_000_003)]
    equity, position = charts_of([curve(values)])

    assert not equity.area
    assert position.area.endswith("Z")
    assert all("." not in tick.label for tick in position.ticks)
    assert any(tick.zero for tick in position.ticks)


@pytest.mark.parametrize("count", [1, POINTS_MAX - 1, POINTS_MAX, POINTS_MAX + 1, 5_000])
def test_a_long_curve_is_thinned_and_keeps_its_ends(world: World, count: int) -> None:
    """I2: the same number of points however long the log is."""
    with world.store.reader() as reader:
        [account] = reader.find(Account)
    curves = AccountCurves()
    for place in range(count):
        at = START + timedelta(seconds=place)
        cash = {**account.json_value(), "cash": str(place)}
        curves.take(at.isoformat(), {"accounts": [cash], "positions": []})

    [told] = curves.drawn()

    assert len(told.equity) <= POINTS_MAX + 1
    assert (told.equity[0].value, told.equity[-1].value) == (Decimal(0), Decimal(count - 1))
    assert [p.at for p in told.equity] == sorted(p.at for p in told.equity)
    assert len(told.equity) == count or len(told.equity) > POINTS_MAX / 4
