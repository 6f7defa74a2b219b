"""`counterseal broker`: preview, calibrate, record-calibration."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from counterseal.broker.model import SimulationOutcome, SimulationResult
from counterseal.desk.views.model_preview import (
    SupposedBar,
    preview_model,
    told_preview,
    told_rules,
)
from counterseal.desk.views.simulation import SimulationForm
from counterseal.market import quotes
from counterseal.signals.intent import OrderType, Side
from ui.cli.calibrations import calibrate, record_calibration
from ui.cli.fill_rules import rule_for
from ui.cli.options import AsJson, Home, QuoteFile
from ui.cli.quotes import quote_from
from ui.cli.render import answer, reject
from ui.cli.session import CLOCK, decimal_of, settings_for

app = typer.Typer(no_args_is_help=True)
app.command()(calibrate)
app.command()(record_calibration)
_NUMBERS = (
    *("quantity", "limit_price", "bid", "ask", "last", "bid_size", "ask_size"),
    *("age_seconds", "liquidity_score", "max_spread", "stale_quote_seconds"),
)
Number = Annotated[str | None, typer.Option()]
ModelName = Annotated[
    str | None, typer.Option(help="A model's version; the home's policy decides without one.")
]
Prints = Annotated[
    list[str] | None,
    typer.Option("--print", help="PRICE:CONTRACTS printed after the arrival; repeatable."),
]
BarText = Annotated[
    str | None, typer.Option(help="OPEN,HIGH,LOW,CLOSE,VOLUME of the minute after the arrival.")
]


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
    model: ModelName = None,
    prints: Prints = None,
    bar: BarText = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What the model in force would answer, rule by rule; nothing is stored, no home is needed.

    Without any option the form's defaults are asked: buy 2 TMF at a market of 19999 to 20000.
    """
    settings, now = settings_for(home), CLOCK.now()
    words = {"symbol": symbol, "side": side, "order_type": order_type, "selected_outcome": outcome}
    numbers = (
        *(quantity, limit_price, bid, ask, last, bid_size, ask_size),
        *(age_seconds, liquidity_score, max_spread, stale_quote_seconds),
    )
    form = _form(words, _numbers(numbers), {} if quote is None else _quoted(quote, symbol, now))
    rule = rule_for(settings, form.symbol, model, now)
    shown = [_print(text) for text in prints or ()]
    result = preview_model(form, rule, now, prints=shown, bar=_bar(bar))
    answer(told_preview(form, rule, result), _lines(result), as_json=as_json)


def _form(
    words: Mapping[str, object], numbers: Mapping[str, object], quoted: Mapping[str, object]
) -> SimulationForm:
    told = {name: word for name, word in words.items() if word is not None}
    form = SimulationForm().amended(**{**quoted, **told, **numbers})
    price = form.limit_price
    if price is not None and form.order_type is OrderType.MARKET:
        told_by = "--limit-price"
        reject("LIMIT_PRICE_UNEXPECTED", "a market order has none", field=told_by, got=price)
    return form


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
        *told_rules(result),
    ]


def _print(text: str) -> tuple[Decimal, int]:
    price, _, contracts = text.partition(":")
    if not contracts.isdecimal() or not int(contracts):
        reject("BAD_PRINT", "a print is PRICE:CONTRACTS", field="--print", got=text)
    return decimal_of(price, "--print"), int(contracts)


def _bar(text: str | None) -> SupposedBar | None:
    if text is None:
        return None
    numbers = [decimal_of(part, "--bar") for part in text.split(",")]
    if len(numbers) != len(SupposedBar._fields):
        reject("BAD_BAR", "a bar is OPEN,HIGH,LOW,CLOSE,VOLUME", field="--bar", got=text)
    return SupposedBar(*numbers)


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
