"""`counterseal broker`: preview."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from counterseal.broker.model import SimulationOutcome, SimulationResult
from counterseal.desk.views.simulation import SimulationForm, preview_fill
from counterseal.kernel.canonical import Json
from counterseal.market import quotes
from counterseal.signals.intent import OrderType, Side
from ui.cli.options import AsJson, Home, QuoteFile
from ui.cli.quotes import quote_from
from ui.cli.render import answer, reject
from ui.cli.session import CLOCK, decimal_of, settings_for

app = typer.Typer(no_args_is_help=True)
_NUMBERS = (
    *("quantity", "limit_price", "bid", "ask", "last", "bid_size", "ask_size"),
    *("age_seconds", "liquidity_score", "max_spread", "stale_quote_seconds"),
)
Number = Annotated[str | None, typer.Option()]


@app.callback()
def _broker() -> None:
    """Ask the paper model without sending anything."""


@app.command()
def preview(
    symbol: Annotated[str | None, typer.Option()] = None,
    side: Annotated[Side | None, typer.Option()] = None,
    order_type: Annotated[OrderType | None, typer.Option()] = None,
    outcome: Annotated[SimulationOutcome | None, typer.Option()] = None,
    quote: QuoteFile = None,
    quantity: Number = None,
    limit_price: Number = None,
    bid: Number = None,
    ask: Number = None,
    last: Number = None,
    bid_size: Number = None,
    ask_size: Number = None,
    age_seconds: Number = None,
    liquidity_score: Number = None,
    max_spread: Number = None,
    stale_quote_seconds: Number = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What the paper broker would answer; nothing is stored, no home is needed.

    Without any option the form's defaults are asked: buy 2 TMF at a market of 19999 to 20000.
    """
    settings_for(home)
    now = CLOCK.now()
    words = {"symbol": symbol, "side": side, "order_type": order_type, "selected_outcome": outcome}
    numbers = (
        *(quantity, limit_price, bid, ask, last, bid_size, ask_size),
        *(age_seconds, liquidity_score, max_spread, stale_quote_seconds),
    )
    form = SimulationForm().amended(
        **({} if quote is None else _quoted(quote, symbol, now)),
        **{name: word for name, word in words.items() if word is not None},
        **_numbers(numbers),
    )
    if form.limit_price is not None and form.order_type is OrderType.MARKET:
        price = form.limit_price
        reject(
            "LIMIT_PRICE_UNEXPECTED", "a market order has none", field="--limit-price", got=price
        )
    result = preview_fill(form, now)
    value: dict[str, Json] = {"preview": True, "form": form.json_value()}
    answer({**value, "result": result.json_value()}, _lines(result), as_json=as_json)


def _numbers(told: Sequence[str | None]) -> dict[str, Decimal]:
    """The numbers that were told, by the form's field."""
    return {
        name: decimal_of(text, f"--{name.replace('_', '-')}")
        for name, text in zip(_NUMBERS, told, strict=True)
        if text is not None
    }


def _lines(result: SimulationResult) -> list[str]:
    size = f"{result.simulated_fill_quantity} of {result.requested_quantity}"
    unmet = ", ".join(check.name for check in result.checks if not check.passed) or "none"
    return [
        f"outcome   {result.simulation_outcome.value} ({result.reason})",
        f"filled    {size} at {result.simulated_fill_price or '-'}",
        f"unmet     {unmet}",
        f"model     {result.model_version}; nothing was sent or stored",
    ]


def _quoted(path: Path, symbol: str | None, now: datetime) -> dict[str, object]:
    """The form's quote fields from a file; its age is computed from its event time."""
    quote = quote_from(path, symbol or SimulationForm().symbol, now)
    return {
        "quote_symbol": quote.symbol,
        "bid": quote.bid,
        "ask": quote.ask,
        "last": quote.last,
        "bid_size": quote.bid_size,
        "ask_size": quote.ask_size,
        "liquidity_score": quote.liquidity_score,
        "age_seconds": quotes.age_seconds(quote, now),
    }
