"""`counterseal broker`: preview."""

from pathlib import Path
from typing import Annotated

import typer

from counterseal.broker.model import SimulationOutcome, SimulationRequest
from counterseal.broker.paper import simulate
from counterseal.desk.booking import snapshot_of
from counterseal.signals.intent import OrderType, Side
from ui.cli.options import AsJson, Home
from ui.cli.quotes import quote_from
from ui.cli.render import answer
from ui.cli.session import CLOCK, decimal_of, settings_for

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _broker() -> None:
    """Ask the paper model without sending anything."""


@app.command()
def preview(
    symbol: Annotated[str, typer.Option()],
    side: Annotated[Side, typer.Option()],
    quantity: Annotated[str, typer.Option()],
    quote: Annotated[Path, typer.Option(help="JSON file with bid, ask, sizes, event_time.")],
    order_type: Annotated[OrderType, typer.Option()] = OrderType.MARKET,
    limit_price: Annotated[str | None, typer.Option()] = None,
    outcome: Annotated[SimulationOutcome | None, typer.Option()] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What the paper broker would answer; nothing is stored, no home is needed."""
    settings_for(home)
    now = CLOCK.now()
    asked = SimulationRequest(
        order_id="preview",
        symbol=symbol,
        side=side,
        order_type=order_type,
        limit_price=None if limit_price is None else decimal_of(limit_price, "--limit-price"),
        quantity=decimal_of(quantity, "--quantity"),
        quote=snapshot_of(quote_from(quote, symbol, now), now),
        selected_outcome=outcome,
    )
    result = simulate(asked)
    size = f"{result.simulated_fill_quantity} of {result.requested_quantity}"
    lines = [
        f"outcome   {result.simulation_outcome.value} ({result.reason})",
        f"filled    {size} at {result.simulated_fill_price or '-'}",
        f"model     {result.model_version}; nothing was sent or stored",
    ]
    answer({"preview": True, "result": result.json_value()}, lines, as_json=as_json)
