"""A calibration on record: made from a tape, by whom it may be made."""

from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.broker.calibration import EVERY_MODEL, CalibrationTerms, calibrate
from counterseal.desk.calibrating import CalibrationRun, CalibrationTape
from counterseal.kernel.canonical import digest
from counterseal.market.tape import TapeDeal
from tests.core.broker.markets import SYMBOL, tape
from tests.world import World

TERMS = CalibrationTerms(every_seconds=60, span_seconds=200, sizes=(1,))
PRINTS = tape([(100 + number % 3, 5) for number in range(300)])
VERSION = digest("a file")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def told(deals: tuple[TapeDeal, ...] = PRINTS) -> CalibrationTape:
    return CalibrationTape(SYMBOL, deals, Decimal(1), VERSION)


def runs(world: World) -> tuple[CalibrationRun, ...]:
    with world.store.reader() as reader:
        return reader.find(CalibrationRun)


def test_a_calibration_is_kept_with_its_data_and_its_error(world: World) -> None:
    """TX-L3:slippage_liquidity_calibration_enabled: who, when, which bytes, how far off."""
    calibrating, operator, key = world.desk.calibrating, world.actor("operator"), world.key()
    run_id = world.done(calibrating.run(told(), TERMS, operator, key=key))
    again = calibrating.run(told(), TERMS, operator, key=key)
    [kept] = runs(world)
    report = calibrate(SYMBOL, PRINTS, Decimal(1), EVERY_MODEL, TERMS)

    assert (kept.run_id, again.replayed, again.subject_id) == (run_id, True, run_id)
    assert (kept.data_version, kept.prints, kept.symbol) == (VERSION, 300, SYMBOL)
    assert (kept.rows, kept.report) == (report.rows, report.digest)
    assert (kept.started_by, kept.at) == ("operator", world.clock.now())
    assert kept.measured
    assert kept.probes == sum(row.probes for row in report.rows) > 0


@pytest.mark.parametrize(("who", "code"), [("quant", "ROLE"), ("nobody", "NOT_FOUND")])
def test_only_who_sets_up_may_calibrate(world: World, who: str, code: str) -> None:
    """TX-L3: refused, and nothing is kept."""
    outcome = world.desk.calibrating.run(told(), TERMS, world.actor(who), key=world.key())

    assert outcome.refusal is not None
    assert (outcome.refusal.code, runs(world)) == (code, ())


def test_a_tape_on_which_nothing_can_be_probed_is_no_calibration(world: World) -> None:
    """TX-L3, negative: an empty result would prove nothing."""
    short = told(PRINTS[:2])
    outcome = world.desk.calibrating.run(short, TERMS, world.actor("operator"), key=world.key())

    assert outcome.refusal is not None
    assert (outcome.refusal.code, runs(world)) == ("TAPE_WITHOUT_PROBE", ())


def test_a_model_that_filled_nothing_is_not_measured(world: World) -> None:
    """TX-L3:slippage_liquidity_calibration_enabled, false side: an error that nobody knows."""
    world.done(world.desk.calibrating.run(told(), TERMS, world.actor("operator"), key=world.key()))
    [kept] = runs(world)
    first, *rest = kept.rows
    blind = first.amended(filled=0, cost_mean=None, off_p50=None, off_p90=None, off_p99=None)

    assert kept.measured
    assert not kept.amended(rows=(blind, *rest)).measured
