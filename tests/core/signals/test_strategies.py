"""Strategies: the interface, the samples, and listening."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import Price
from counterseal.market.quotes import Bar
from counterseal.market.replay import Moment, Tick
from counterseal.signals.hearing import Listener, Spoken, hear, listening
from counterseal.signals.model import Direction
from counterseal.signals.strategies import NoParameters, Proposal, Said, Strategy
from counterseal.signals.strategies_samples import (
    SAMPLES,
    MeanReversion,
    Momentum,
    MomentumRule,
    OpeningRangeBreakout,
    OpeningRangeRule,
    ReversionRule,
)

MTX = "MTX202108"
OPENS = datetime(2021, 7, 26, 0, 45, tzinfo=UTC)
"""08:45 in Taipei."""
NO_PAUSE = timedelta(0)
LONG, SHORT = Direction.LONG, Direction.SHORT


class Last(DomainModel):
    close: Price | None = None


# Ten lines, and nothing else of the platform:
class Rising(Strategy[Last]):
    name, version, parameters = "rising", "1.0.0", NoParameters()

    def start(self) -> Last:
        return Last()

    def on_bar(self, bar: Bar, state: Last) -> Said[Last]:
        rose = state.close is not None and bar.close > state.close
        return Said(Last(close=bar.close), (Proposal(direction=LONG),) if rose else ())


def bar(minute: int, close: int, symbol: str = MTX, *, low: int | None = None) -> Moment:
    start, price = OPENS + timedelta(minutes=minute), Decimal(close)
    least = price if low is None else Decimal(low)
    one = Bar(
        symbol=symbol,
        start=start,
        open=price,
        high=price,
        low=least,
        close=price,
        volume=Decimal(1),
    )
    return Moment(start + timedelta(minutes=1), bars=(one,))


def tick(second: int, price: int) -> Moment:
    at = OPENS + timedelta(seconds=second)
    return Moment(at + timedelta(seconds=1), ticks=(Tick(MTX, at, Decimal(price), 1),))


def said_by(listeners: Sequence[Listener], told: Sequence[Moment]) -> list[Spoken]:
    spoken: list[Spoken] = []
    for moment in told:
        listeners, fresh = hear(listeners, moment)
        spoken += fresh
    return spoken


def test_ten_lines_are_a_strategy() -> None:
    """Issue, point 6: others implement one without touching the river."""
    told = [bar(0, 100), bar(1, 101), bar(2, 101), bar(3, 103)]
    spoken = said_by(listening(Rising(), [MTX], NO_PAUSE), told)
    assert [(one.at, int(one.price)) for one in spoken] == [(told[1].at, 101), (told[3].at, 103)]
    assert {(one.strategy_id, one.symbol, one.place) for one in spoken} == {("rising", MTX, 1)}


def test_i1_a_strategy_reaches_nothing_but_its_event_and_its_state() -> None:
    """Issue, point 6: signals only; neither order nor clock nor desk is in its hands."""
    frozen = MeanReversion()
    with pytest.raises(AttributeError):
        frozen.name = "other"  # type: ignore[misc]  # frozen on purpose
    with pytest.raises(ValidationError, match="frozen"):
        Proposal(direction=LONG).direction = SHORT  # type: ignore[misc]  # frozen on purpose
    assert {*Proposal.model_fields} == {
        *("direction", "target_tx_equivalent", "confidence", "stop_distance_points", "notes"),
    }


@pytest.mark.parametrize("confidence", ["-0.1", "1.1"])
def test_a_proposal_is_bounded_like_a_signal(confidence: str) -> None:
    """TX-E1: confidence within 0..1."""
    with pytest.raises(ValidationError):
        Proposal(direction=LONG, confidence=Decimal(confidence))
    assert Proposal(direction=LONG, confidence=Decimal(1)).confidence == 1


def test_name_version_and_parameters_make_the_identity() -> None:
    """TX-E2: what a signal was computed with is told by its digest."""
    wider = MeanReversion(ReversionRule(lookback=20))
    assert MeanReversion().identity == MeanReversion(ReversionRule()).identity
    assert len({MeanReversion().identity, wider.identity, MeanReversion(name="x").identity}) == 3
    assert len({sample.name for sample in SAMPLES}) == len(SAMPLES)


def test_the_opening_range_is_left_once_a_session_in_either_direction() -> None:
    """Opening range of 2 minutes: 98 to 103; the first close outside it speaks."""
    rule = OpeningRangeBreakout(OpeningRangeRule(range_minutes=2))
    opening = [bar(0, 100, low=98), bar(1, 103)]
    for outside, direction in ((104, LONG), (97, SHORT)):
        told = [*opening, bar(2, 103), bar(3, 98), bar(4, outside), bar(5, 90), bar(6, 110)]
        [one] = said_by(listening(rule, [MTX], NO_PAUSE), told)
        assert (one.at, one.proposal.direction) == (told[4].at, direction)
        assert one.proposal.stop_distance_points == 5
        assert {n.name: n.value for n in one.proposal.notes}["range_high"] == "103"


def test_the_opening_range_belongs_to_its_day_and_to_the_regular_session() -> None:
    """Trading 1.3: 08:45 to 13:45; a night is passed over, the next day begins anew."""
    rule = OpeningRangeBreakout(OpeningRangeRule(range_minutes=1))
    day = 24 * 60
    told = [bar(0, 100), bar(1, 101), bar(299, 102), bar(300, 200), bar(700, 300)]
    assert len(said_by(listening(rule, [MTX], NO_PAUSE), told)) == 1
    again = [*told, bar(day, 50), bar(day + 1, 50), bar(day + 2, 49)]
    assert [one.at for one in said_by(listening(rule, [MTX], NO_PAUSE), again)] == [
        told[1].at,
        again[-1].at,
    ]
    missed = [bar(day, 50), bar(2 * day + 5, 60)]
    assert said_by(listening(rule, [MTX], NO_PAUSE), missed) == []


@pytest.mark.parametrize(("last", "direction"), [(110, SHORT), (90, LONG), (104, None)])
def test_the_reversion_stands_against_a_stretched_close(
    last: int, direction: Direction | None
) -> None:
    """At least 5 points and 1.5 mean deviations from the mean of 12 closes."""
    told = [bar(minute, 100) for minute in range(11)]
    spoken = said_by(listening(MeanReversion(), [MTX], NO_PAUSE), [*told, bar(11, last)])
    assert [one.proposal.direction for one in spoken] == ([direction] if direction else [])
    assert said_by(listening(MeanReversion(), [MTX], NO_PAUSE), [*told[1:], bar(11, last)]) == []


@pytest.mark.parametrize(("change", "direction"), [(3, LONG), (-3, SHORT), (2, None), (-2, None)])
def test_momentum_follows_a_change_above_its_threshold(
    change: int, direction: Direction | None
) -> None:
    """TX-C8: LONG above +2, SHORT below -2."""
    told = [tick(0, 100), tick(1, 100 + change)]
    spoken = said_by(listening(Momentum(MomentumRule()), [MTX], NO_PAUSE), told)
    assert [one.proposal.direction for one in spoken] == ([direction] if direction else [])


def test_i2_a_pause_keeps_a_strategy_quiet_and_its_state_goes_on() -> None:
    """Inclusive: heard again when the pause is over."""
    told = [bar(minute, 100 + minute) for minute in range(6)]
    spoken = said_by(listening(Rising(), [MTX], timedelta(minutes=2)), told)
    assert [one.at for one in spoken] == [told[1].at, told[3].at, told[5].at]


def test_i3_each_instrument_has_a_state_of_its_own() -> None:
    """A rise from one instrument to the other is none."""
    told = [bar(0, 100), bar(0, 300, "TX202108"), bar(1, 100), bar(1, 301, "TX202108")]
    ears = listening(Rising(), [MTX, "TX202108"], NO_PAUSE)
    assert [one.symbol for one in said_by(ears, told)] == ["TX202108"]


def test_what_is_said_twice_at_one_instant_is_counted() -> None:
    """Signals get ids of their own."""
    at = OPENS + timedelta(seconds=1)
    ticks = tuple(Tick(MTX, OPENS, Decimal(price), 1) for price in (100, 110, 90))
    spoken = said_by(listening(Momentum(), [MTX], NO_PAUSE), [Moment(at, ticks=ticks)])
    assert [(one.place, int(one.price)) for one in spoken] == [(1, 110), (2, 90)]


@dataclass(frozen=True)
class Deaf(Strategy[Last]):
    name: str = "deaf"
    version: str = "1"
    parameters: NoParameters = NoParameters()  # noqa: RUF009 - frozen, and equal to any other

    def start(self) -> Last:
        return Last()


def test_a_strategy_that_answers_nothing_says_nothing() -> None:
    """Bars and ticks are both optional."""
    ears = listening(Deaf(), [MTX], NO_PAUSE)
    assert said_by(ears, [bar(0, 100), tick(90, 200)]) == []
    assert hear(ears, bar(0, 100))[0] == tuple(ears)


@given(st.lists(st.integers(80, 120), min_size=30, max_size=60), st.integers(0, 59))
@settings(max_examples=60)
def test_i1_what_was_said_up_to_an_instant_does_not_depend_on_what_comes(
    closes: list[int], cut: int
) -> None:
    """No look-ahead, and the state at the cut is all that is needed to go on."""
    told = [bar(minute, close) for minute, close in enumerate(closes)]
    reverting, rising = (
        listening(MeanReversion(), [MTX], NO_PAUSE),
        listening(Rising(), [MTX], NO_PAUSE),
    )
    ears: tuple[Listener, ...] = (*reverting, *rising)
    listeners = ears
    before: list[Spoken] = []
    for moment in told[:cut]:
        listeners, fresh = hear(listeners, moment)
        before += fresh
    assert before + said_by(listeners, told[cut:]) == said_by(ears, told)
