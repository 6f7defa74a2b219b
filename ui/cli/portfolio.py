"""`counterseal portfolio`: show."""

from typing import Annotated

import typer

from counterseal.broker.model import Fill
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.valuation import Mark, Valuation, value_account
from storage.home_reader import read_home
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, reject, table
from ui.cli.session import CLOCK, decimal_of, settings_for

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _portfolio() -> None:
    """Positions, cash and equity."""


@app.command()
def show(
    mark: Annotated[
        list[str] | None, typer.Option(help="SYMBOL=PRICE; the last fill's price by default.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Positions, cash, and equity = cash + market value. Simulated, no performance claim."""
    now = CLOCK.now()
    with read_home(settings_for(home)) as reader:
        accounts, positions = reader.find(Account), reader.find(Position)
        fills = reader.find(Fill)
    marks = [
        Mark(symbol=f.symbol, price=f.last_price, seen_at=f.occurred_at, source="last-fill")
        for f in fills
    ]
    for told in mark or []:
        symbol, equal, price = told.partition("=")
        if not (symbol and equal):
            reject("BAD_MARK", "expected SYMBOL=PRICE", field="--mark", got=told)
        seen = Mark(symbol=symbol, price=decimal_of(price, "--mark"), seen_at=now, source="caller")
        marks.append(seen)
    values = [
        value_account(a, [p for p in positions if p.account_id == a.account_id], marks, now=now)
        for a in accounts
    ]
    lines = [line for value in values for line in _lines(value)] or ["(nothing)"]
    answer({"accounts": [value.json_value() for value in values]}, lines, as_json=as_json)


def _lines(value: Valuation) -> list[str]:
    rows = [
        (p.symbol, p.quantity, p.average_price, p.mark_price, p.market_value, p.warning or "-")
        for p in value.positions
    ]
    return [
        f"account       {value.account_id} (simulated)",
        f"cash          {value.cash} {value.currency}",
        f"market value  {value.market_value}",
        f"equity        {value.equity}",
        *table(rows, "SYMBOL", "QUANTITY", "AVERAGE", "MARK", "VALUE", "WARNING"),
    ]
