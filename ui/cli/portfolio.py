"""`counterseal portfolio`: show."""

from collections.abc import Mapping
from typing import Annotated

import typer

from counterseal.broker.model import Fill
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import utc_text
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.valuation import Mark, Valuation, latest_marks, value_account
from storage.home_reader import read_home
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, reject, table
from ui.cli.session import CLOCK, decimal_of, settings_for

app = typer.Typer(no_args_is_help=True)
_HEADS = ("SYMBOL", "QUANTITY", "AVERAGE", "MARK", "MARKED_AT", "SOURCE", "VALUE", "WARNING")


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
    used = latest_marks(marks, now)
    lines = [line for value in values for line in _lines(value, used)] or ["(nothing)"]
    held = sorted({p.symbol for value in values for p in value.positions} & used.keys())
    shown: dict[str, Json] = {
        "accounts": [value.json_value() for value in values],
        "marks": [used[symbol].json_value() for symbol in held],
    }
    answer(shown, lines, as_json=as_json)


def _marked(mark: Mark | None) -> tuple[str, str]:
    """When and from where a price was taken."""
    return ("-", "-") if mark is None else (utc_text(mark.seen_at), mark.source)


def _lines(value: Valuation, marks: Mapping[str, Mark]) -> list[str]:
    rows = [
        (
            *(p.symbol, p.quantity, p.average_price, p.mark_price),
            *_marked(marks.get(p.symbol)),
            *(p.market_value, p.warning or "-"),
        )
        for p in value.positions
    ]
    return [
        f"account       {value.account_id} (simulated)",
        f"cash          {value.cash} {value.currency}",
        f"market value  {value.market_value}",
        f"equity        {value.equity}",
        *table(rows, *_HEADS),
    ]
