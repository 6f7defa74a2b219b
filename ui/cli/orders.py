"""`counterseal orders`: list, show, submit."""

from typing import Annotated

import typer

from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import Fill, SimulationOutcome
from counterseal.desk.orders import Submission
from counterseal.kernel.model import refuse
from counterseal.oms.model import ExecutionReport, Order, OrderEvent
from counterseal.risk.model import RiskEvaluation
from storage.homes import read_home
from ui.cli.options import ActingAs, AsJson, Home, Key, PassphraseFile, QuoteFile
from ui.cli.quotes import feed_from
from ui.cli.render import answer, refused, settled, table
from ui.cli.session import CLOCK, command_key, decimal_of, desk_at, logged_in, settings_for

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_orders(home: Home = None, as_json: AsJson = False) -> None:
    """Every order and where it stands."""
    with read_home(settings_for(home)) as reader:
        orders = reader.find(Order)
    rows = [
        (o.order_id, o.state.value, o.side.value, o.quantity, o.cum_quantity, o.symbol)
        for o in orders
    ]
    heads = ("ORDER", "STATE", "SIDE", "QUANTITY", "FILLED", "SYMBOL")
    answer({"orders": [o.json_value() for o in orders]}, table(rows, *heads), as_json=as_json)


@app.command()
def show(order: str, home: Home = None, as_json: AsJson = False) -> None:
    """One order with its events, reports, fills and risk evaluation."""
    with read_home(settings_for(home)) as reader:
        found = reader.get(Order, order)
        parts = {
            "events": reader.find(OrderEvent, order_id=order),
            "reports": reader.find(ExecutionReport, order_id=order),
            "fills": reader.find(Fill, order_id=order),
            "evaluations": reader.find(RiskEvaluation, order_id=order),
        }
    if found is None:
        refused(refuse("NOT_FOUND", "no such order", order=order), as_json=as_json)
    lines = [
        f"order    {found.order_id} ({found.state.value})",
        f"asks     {found.side.value} {found.quantity} {found.symbol} {found.order_type.value}",
        f"filled   {found.cum_quantity} at {found.average_price or '-'}",
        f"request  {found.approval_request_id}",
    ]
    value = {name: [d.json_value() for d in documents] for name, documents in parts.items()}
    answer({"order": found.json_value(), **value}, lines, as_json=as_json)


@app.command()
def submit(
    request: str,
    acting_as: ActingAs,
    quantity: Annotated[str, typer.Option(help="Contracts, at most what was approved.")],
    limit_price: Annotated[str | None, typer.Option()] = None,
    outcome: Annotated[
        SimulationOutcome | None, typer.Option(help="A chosen answer instead of the model's.")
    ] = None,
    quote: QuoteFile = None,
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Submit an approved request to the paper broker at a quote."""
    settings = settings_for(home)
    asked = Submission(
        approval_request_id=request,
        quantity=decimal_of(quantity, "--quantity"),
        limit_price=None if limit_price is None else decimal_of(limit_price, "--limit-price"),
        selected_outcome=outcome,
    )
    with read_home(settings) as reader:
        case = reader.get(ApprovalRequest, request)
    symbol = "unknown" if case is None else case.payload.symbol
    feed = feed_from(quote, symbol, CLOCK.now())
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    done = desk_at(settings, feed).orders.submit(asked, actor, key=command_key(key))
    settled(done, as_json=as_json, what="order")
