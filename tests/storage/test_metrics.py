"""Ratios over the returns of an account, against their definitions."""

import math
from collections.abc import Sequence
from decimal import Decimal
from statistics import fmean, stdev
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from storage.metrics import Ratios

OPENING = Decimal(1_000_000)
equities = st.lists(st.integers(900_000, 1_100_000), min_size=2, max_size=30, unique=True)


def ratios(opening: Decimal, closings: Sequence[Decimal]) -> "Ratios":
    from storage.metrics import ratios as told  # noqa: PLC0415 - its library takes seconds to load

    return told(opening, closings)


def of(*closings: int) -> list[Decimal]:
    return [Decimal(closing) for closing in closings]


@settings(max_examples=60, deadline=None)
@given(equities)
def test_i1_ratios_are_what_their_definitions_say(closings: list[int]) -> None:
    """Architecture part 6: the library, and the same by the standard library's own arithmetic."""
    told = ratios(OPENING, of(*closings))
    equity = [1_000_000, *closings]
    returns = [b / a - 1 for a, b in zip(equity, closings, strict=False)]
    peaks = [max(equity[: place + 1]) for place in range(len(equity))]
    fall = min(e / p - 1 for e, p in zip(equity, peaks, strict=True))

    assert told.days == len(closings)
    assert told.max_drawdown is not None
    assert float(told.max_drawdown) == pytest.approx(fall, abs=1e-6)
    if stdev(returns) > 0:
        sharpe = fmean(returns) / stdev(returns) * math.sqrt(252)
        assert told.sharpe is not None
        assert float(told.sharpe) == pytest.approx(sharpe, rel=1e-6, abs=1e-6)
    below = math.sqrt(fmean([min(r, 0) ** 2 for r in returns]))
    if below > 0:
        sortino = fmean(returns) / below * math.sqrt(252)
        assert told.sortino is not None
        assert float(told.sortino) == pytest.approx(sortino, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("closings", [(), (1_000_500,), (0, 1_000_000), (-5, 10, 20)])
def test_i2_what_is_not_defined_is_none(closings: tuple[int, ...]) -> None:
    """Fewer than two returns, or a return over nothing: no ratio at all."""
    told = ratios(OPENING, of(*closings))

    assert (told.sharpe, told.sortino, told.max_drawdown, told.annual_return) == (None,) * 4


def test_i2_days_without_any_change_have_no_sharpe_ratio() -> None:
    """A spread of zero divides nothing; the fall is zero, and that is defined."""
    told = ratios(OPENING, of(1_000_000, 1_000_000, 1_000_000))

    assert (told.sharpe, told.sortino) == (None, None)
    assert told.max_drawdown == 0
    assert (told.simulated, told.performance_claim) == (True, False)
