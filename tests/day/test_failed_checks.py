"""Which failed checks a day's results list."""

from pathlib import Path

from counterseal.risk.facts import TradingState
from counterseal.risk.switches import RiskScope
from flows.day.results import failed_checks
from tests.desk.test_risk_states import switched
from tests.world import ACCOUNT, World


def test_every_check_that_refused_is_listed_and_none_that_did_not_run(tmp_path: Path) -> None:
    """TX-H: a halt fails one of the further checks; skipped ones and warnings are no failures."""
    world = World(tmp_path / "home")
    world.done(switched(world, RiskScope.ACCOUNT, ACCOUNT, state=TradingState.HALTED))
    outcome = world.submitted(world.approved())
    with world.store.reader() as reader:
        failed = failed_checks(reader)

    assert failed == {outcome.subject_id: ("TRADING_STATE",)}
