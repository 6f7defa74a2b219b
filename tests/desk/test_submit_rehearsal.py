"""A submit rehearsed at a supposed quote: by the model, or with a chosen answer."""

from decimal import Decimal
from pathlib import Path

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.views.preview import SimulatedQuote, WorkflowInput, preview
from counterseal.desk.views.workflow import WorkflowView
from counterseal.oms.states import OrderState
from tests.world import World

QUOTE = SimulatedQuote(
    bid=Decimal(19_999),
    ask=Decimal(20_010),
    bid_size=Decimal(5),
    ask_size=Decimal(5),
    last=Decimal(20_000),
)


def asked(world: World, **more: object) -> WorkflowInput:
    told = {"approval_request_id": world.approved(quantity=1, target="0.05")}
    return WorkflowInput.model_validate({**told, "broker_simulation_model": QUOTE, **more})


def state(world: World, wanted: WorkflowInput) -> OrderState:
    with world.store.reader() as reader:
        run = preview(
            reader, world.desk.bench, wanted, world.actor("operator"), world.clock.now(), key="run"
        )
    assert isinstance(run, WorkflowView)
    return run.oms_state


def test_a_supposed_quote_is_answered_by_the_model_unless_an_answer_was_chosen_at_it(
    tmp_path: Path,
) -> None:
    """TX-G3, TX-G10, TX-J4, TX-J9: the spread is too wide for the model, not for a chosen fill."""
    world = World(tmp_path / "home")
    wanted = asked(world, broker_simulation=SimulationOutcome.FILL)
    assert wanted.submission().selected_outcome is None
    assert state(world, wanted) is OrderState.ACCEPTED
    chosen = wanted.amended(chosen_at_quote=True)
    assert chosen.submission().selected_outcome is SimulationOutcome.FILL
    assert state(world, chosen) is OrderState.FILLED


def test_terms_of_stops_and_protected_orders_reach_the_submission(tmp_path: Path) -> None:
    """TX-G3: what a page asks for is what the desk is asked for."""
    world = World(tmp_path / "home")
    told = asked(world, stop_price=Decimal(20_100), protection_points=Decimal(20)).submission()
    assert (told.stop_price, told.protection_points) == (Decimal(20_100), Decimal(20))
