"""`counterseal portfolio`: show, curve, export, settle, reverse, open-account."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.desk.views.portfolio import (
    CALLER,
    AccountStatement,
    closing_equity,
    curve_of,
    gaps_of,
    history_of,
    portfolio_view,
)
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import utc_text
from counterseal.portfolio.curve import CurvePoint
from counterseal.portfolio.lots import Lot
from counterseal.portfolio.model import Account
from counterseal.portfolio.valuation import Mark
from storage.home_reader import read_home
from ui.cli.book_acts import reverse, settle
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, notice, reject, table
from ui.cli.session import CLOCK, decimal_of, settings_for
from ui.cli.trading_accounts import open_account

if TYPE_CHECKING:
    from storage.metrics import Ratios

app = typer.Typer(no_args_is_help=True)
app.command()(settle)
app.command()(reverse)
app.command("open-account")(open_account)
_HEADS = (
    *("SYMBOL", "QUANTITY", "AVERAGE", "MARK", "MARKED_AT", "SOURCE", "VALUE", "AGE_S"),
    *("UNREALIZED", "REALIZED", "WARNING"),
)
_LOT_HEADS = ("LOT", "OPENED", "LEFT", "PRICE", "CARRIED", "REALIZED", "BY")
_CURVE_HEADS = ("AT", "EQUITY", "CASH", "VALUE", "DRAWDOWN", "TX_EQ", "GROSS_TX_EQ", "UNMARKED")


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
    """Positions, lots, cash, and equity = cash + market value. Simulated, no performance claim."""
    now = CLOCK.now()
    told: list[Mark] = []
    for words in mark or []:
        symbol, equal, price = words.partition("=")
        if not (symbol and equal):
            reject("BAD_MARK", "expected SYMBOL=PRICE", field="--mark", got=words)
        seen = Mark(symbol=symbol, price=decimal_of(price, "--mark"), seen_at=now, source=CALLER)
        told.append(seen)
    with read_home(settings_for(home)) as reader:
        view = portfolio_view(reader, told, now)
    used = {one.symbol: one for one in view.marks}
    lines = [line for one in view.accounts for line in _lines(one, used)] or ["(nothing)"]
    shown: dict[str, Json] = {
        "accounts": [
            {**one.valuation.json_value(), "lots": [lot.json_value() for lot in one.lots]}
            for one in view.accounts
        ],
        "marks": [one.json_value() for one in view.marks],
    }
    answer(shown, lines, as_json=as_json)


@app.command()
def curve(
    account: Annotated[str | None, typer.Option(help="One account; all by default.")] = None,
    ratios: Annotated[
        bool, typer.Option(help="Sharpe, Sortino and drawdown of daily returns, too.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Equity, drawdown and exposure over time. Simulated, no performance claim."""
    with read_home(settings_for(home)) as reader:
        found = [a for a in reader.find(Account) if account in (None, a.account_id)]
        histories = {a.account_id: history_of(reader, a.account_id) for a in found}
        gaps = {name: gaps_of(reader, told, name) for name, told in histories.items()}
    if account is not None and not found:
        reject("NOT_FOUND", "no such account", field="--account", got=account)
    shown: dict[str, Json] = {}
    lines: list[str] = []
    for one in found:
        history = histories[one.account_id]
        points = curve_of(one, history)
        closings = closing_equity(points, history.days)
        told = _ratios(one, [equity for _, equity in closings]) if ratios else None
        shown[one.account_id] = {
            "points": [point.json_value() for point in points],
            "closing_equity": [{"trading_day": d, "equity": str(e)} for d, e in closings],
            "ratios": None if told is None else told.json_value(),
            "gaps": [gap.json_value() for gap in gaps[one.account_id]],
        }
        for gap in gaps[one.account_id]:
            notice(f"incomplete: {gap.key}: the fills make {gap.expected}, held is {gap.got}")
        lines += [f"account  {one.account_id} (simulated)", *_curve_lines(points)]
        lines += [] if told is None else _ratio_lines(told)
    answer({"curves": shown, "label": "paper simulation"}, lines, as_json=as_json)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="Folder; made when it is not there.")],
    form: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write positions, lots, ledger, daily results, fills and equity curve as files. Simulated."""
    known = ("csv", "parquet")
    if form not in known:
        reject("FORMAT_UNKNOWN", "say --format csv or parquet", field="--format", got=form)
    settings = settings_for(home)
    from storage.frames import (  # noqa: PLC0415 - brings pandas
        FrameFormat,
        statement_frames,
        write_frames,
    )

    with read_home(settings) as reader:
        frames = statement_frames(reader, CLOCK.now())
    paths = write_frames(frames, out, FrameFormat(form))
    files = [
        (name, len(frame), str(path))
        for (name, frame), path in zip(frames.items(), paths, strict=True)
    ]
    shown: list[Json] = [{"frame": n, "rows": rows, "file": path} for n, rows, path in files]
    notice("simulated: no performance claim")
    answer(
        {"files": shown, "simulated": True}, table(files, "FRAME", "ROWS", "FILE"), as_json=as_json
    )


def _ratios(account: Account, closings: Sequence[Decimal]) -> "Ratios":
    from storage.metrics import ratios  # noqa: PLC0415 - brings the metrics library

    return ratios(account.opening_cash, closings)


def _marked(mark: Mark | None) -> tuple[str, str]:
    """When and from where a price was taken."""
    return ("-", "-") if mark is None else (utc_text(mark.seen_at), mark.source)


def _lines(one: AccountStatement, marks: Mapping[str, Mark]) -> list[str]:
    value = one.valuation
    rows = [
        (
            *(p.symbol, p.quantity, p.average_price, p.mark_price),
            *_marked(marks.get(p.symbol)),
            *(p.market_value, p.mark_age_seconds, p.unrealized_pnl, p.realized_pnl),
            p.warning or "-",
        )
        for p in value.positions
    ]
    terms = value.books
    return [
        f"account       {value.account_id} (simulated)",
        f"books         {terms.lot_method} lots, profit by {terms.profit_by}",
        f"settlement    {terms.daily_settlement}",
        f"cash          {value.cash} {value.currency}",
        f"market value  {value.market_value}",
        f"equity        {value.equity}",
        f"unrealized    {value.unrealized_pnl}",
        f"realized      {value.realized_pnl} before costs of {value.costs}",
        *table(rows, *_HEADS),
        *_lot_lines(one.lots),
    ]


def _lot_lines(lots: Sequence[Lot]) -> list[str]:
    rows = [
        (
            *(f"{lot.symbol}#{lot.number}", lot.trading_day, lot.remaining_quantity),
            *(lot.open_price, lot.carry_price, lot.realized_pnl, lot.opened_by),
        )
        for lot in lots
    ]
    return [f"  {line}" for line in table(rows, *_LOT_HEADS)] if rows else []


def _curve_lines(points: Sequence[CurvePoint]) -> list[str]:
    rows = [
        (
            *(utc_text(p.at), p.equity, p.cash, p.market_value, p.drawdown),
            *(p.exposure_tx_equivalent, p.gross_tx_equivalent, p.unmarked),
        )
        for p in points
    ]
    return table(rows, *_CURVE_HEADS)


def _ratio_lines(told: "Ratios") -> list[str]:
    rows = [(name.replace("_", " "), value) for name, value in told if name != "simulated"]
    return table(rows, "OF_DAILY_RETURNS", "VALUE")
