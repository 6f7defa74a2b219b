"""How far fills stray from the tape: exact on a small one, labelled on the real one."""

from decimal import Decimal

from counterseal.broker.calibration import CalibrationTerms, calibrate
from counterseal.market.tape import TapeDeal, volume_weighted_price
from counterseal.policy.execution import BarFillRule, QuoteFillRule, TapeFillRule
from tests.core.broker.markets import SYMBOL, tape

ONE = Decimal(1)
TERMS = CalibrationTerms(every_seconds=10, span_seconds=4, sizes=(2,))


def test_the_cost_is_the_distance_from_the_prints_after_the_order() -> None:
    """Trading 5.3: by hand: one buy at 10 s; last 100, then 101 x 1 and 103 x 3: mean 102.5."""
    path = [(100, 5)] * 10 + [(100, 1), (101, 1), (103, 3)]
    quote, prints = calibrate(
        SYMBOL,
        tape(path),
        ONE,
        (QuoteFillRule(), TapeFillRule(participation_cap=ONE, slippage_ticks=0)),
        TERMS,
    ).rows

    assert (quote.probes, quote.filled, quote.share_filled) == (1, 1, ONE)
    assert quote.cost_mean == Decimal("-1.5")
    assert quote.off_p50 == quote.off_p99 == Decimal("1.5")
    assert prints.cost_mean == (Decimal(101) + 103) / 2 - Decimal("102.5")


def test_without_prints_there_is_no_probe_and_nothing_is_claimed() -> None:
    """Trading part 2: no number is made up."""
    (row,) = calibrate(SYMBOL, (), ONE, (QuoteFillRule(),), TERMS).rows

    assert row.probes == row.filled == 0
    assert row.share_filled == 0
    assert row.cost_mean is row.off_p50 is None


def test_the_mean_price_is_weighted_by_contracts() -> None:
    """Trading 1.4: 101 x 1 and 103 x 3."""
    assert volume_weighted_price(tape([(101, 1), (103, 3)])) == Decimal("102.5")
    assert volume_weighted_price(()) is None


def test_the_real_day_is_reported_as_simulated_with_its_assumptions(
    real_tape: tuple[TapeDeal, ...],
) -> None:
    """Trading 5.3: per model and size; a larger order fills no larger share."""
    rules = (QuoteFillRule(), TapeFillRule(), BarFillRule())
    terms = CalibrationTerms(every_seconds=1_800)
    report = calibrate("TXF202108", real_tape, ONE, rules, terms)

    assert report.simulated
    names = {fact.name for fact in report.assumptions}
    assert {"quotes", "tape", *(rule.model_version for rule in rules)} <= names
    assert len(report.rows) == len(rules) * len(terms.sizes)
    for rule in rules:
        own = [row for row in report.rows if row.model_version == rule.model_version]
        shares = [row.share_filled for row in own]
        assert shares == sorted(shares, reverse=True)
        for row in own:
            assert row.off_p50 is not None
            assert row.off_p90 is not None
            assert row.off_p99 is not None
            assert row.off_p50 <= row.off_p90 <= row.off_p99
    assert report == calibrate("TXF202108", real_tape, ONE, rules, terms)
