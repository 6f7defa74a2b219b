"""What an account holds, is worth and was worth; every number is of a simulation."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import streamlit as st

from counterseal.desk.views.portfolio import (
    AccountStatement,
    curve_of,
    gaps_of,
    history_of,
    portfolio_view,
)
from counterseal.portfolio.curve import CurvePoint
from counterseal.portfolio.invariants import Difference
from counterseal.portfolio.lots import Lot
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.valuation import Mark, PositionValue
from ui.web import house
from ui.web.charts.equity import drawdown_chart, equity_chart
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.pieces import Card, cards, choice, facts, page_of, plain, simulated, table
from ui.web.parts.words import absent, moment, money, number, signed, tx
from ui.web.statement import statement_archive
from ui.web.views.ledger import ledger
from ui.web.visit import here, link
from ui.web.wording import say, term

POSITIONS, CURVE, LEDGER, STATEMENT = "positions", "curve", "ledger", "statement"
LOT_ROWS = 20
POINT_ROWS = 20


class Books(NamedTuple):
    """One account as the home has it at one moment."""

    account: Account
    statement: AccountStatement
    marks: Mapping[str, Mark]
    held: Mapping[str, Position]
    now: datetime


class Curve(NamedTuple):
    """What an account was worth, and positions that its history does not make."""

    points: tuple[CurvePoint, ...]
    gaps: tuple[Difference, ...]


def show() -> None:
    """The page."""
    panels.title(say("portfolio.title"), say("portfolio.scope"), simulated())
    names = _accounts()
    if not names:
        panels.empty(say("portfolio.nothing"), say("portfolio.nothing_then"))
        return
    chosen = names[0]
    if len(names) > 1:
        chosen = choice("account", say("portfolio.account"), {name: name for name in names})
    books = _read(chosen)
    _worth(books)
    views: dict[str, tuple[str, Callable[[Books], None]]] = {
        POSITIONS: (say("portfolio.view_positions"), _positions),
        CURVE: (say("portfolio.view_curve"), _curve),
        LEDGER: (say("portfolio.view_ledger"), lambda told: ledger(told.account)),
        STATEMENT: (say("portfolio.view_statement"), _statement),
    }
    view = choice("view", say("portfolio.view"), {name: told for name, (told, _) in views.items()})
    views[view][1](books)


def _accounts() -> list[str]:
    with house.reading() as reader:
        return [one.account_id for one in reader.find(Account, tenant=here().person.tenant)]


def _read(account_id: str) -> Books:
    now = house.CLOCK.now()
    with house.reading() as whole:
        reader = OwnReader(whole, here().person.tenant)
        view = portfolio_view(reader, (), now)
        [account] = reader.find(Account, account_id=account_id)
        return Books(
            account=account,
            statement=next(a for a in view.accounts if a.valuation.account_id == account_id),
            marks={mark.symbol: mark for mark in view.marks},
            held={p.symbol: p for p in reader.find(Position, account_id=account_id)},
            now=now,
        )


def _read_curve(account: Account) -> Curve:
    """Everything that was ever booked, so for the view that shows it only."""
    with house.reading() as whole:
        reader = OwnReader(whole, here().person.tenant)
        history = history_of(reader, account.account_id)
        return Curve(curve_of(account, history), gaps_of(reader, history, account.account_id))


def _worth(books: Books) -> None:
    """Four numbers, and what they rest on."""
    value, currency = books.statement.valuation, books.account.currency.value
    exposures = [position.exposure_tx_equivalent for position in books.held.values()]
    net, gross = sum(exposures, Decimal(0)), sum(map(abs, exposures), Decimal(0))
    parts = say(
        "portfolio.equity_note",
        cash=money(value.cash, currency),
        value=signed(value.market_value, 0),
    )
    cards(
        Card(say("portfolio.equity"), money(value.equity, currency), parts),
        Card(
            say("portfolio.unrealized"),
            f"{signed(value.unrealized_pnl, 0)} {currency}",
            say("portfolio.at_marks"),
        ),
        Card(
            say("portfolio.realized"),
            f"{signed(value.realized_pnl, 0)} {currency}",
            say("portfolio.before_costs", costs=money(value.costs, currency)),
        ),
        Card(
            say("portfolio.exposure"),
            say("portfolio.tx_eq", count=tx(net)),
            say("portfolio.gross", count=tx(gross)),
        ),
    )


def _positions(books: Books) -> None:
    shown = sorted(books.statement.valuation.positions, key=lambda p: (not p.quantity, p.symbol))
    st.header(say("portfolio.positions"), anchor=False)
    if not shown:
        panels.empty(say("portfolio.flat"), say("portfolio.flat_then"))
        if "orders" in here().pages:
            link("orders", say("portfolio.to_orders"))
        return
    table(
        say("portfolio.positions"),
        (
            say("portfolio.contract"),
            say("portfolio.lots_signed"),
            say("portfolio.tx_equivalents"),
            say("portfolio.average"),
            say("portfolio.mark"),
            say("portfolio.unrealized"),
            say("portfolio.realized"),
            say("portfolio.costs"),
        ),
        [_position(one, books) for one in shown],
        numeric={1, 2, 3, 4, 5, 6, 7},
    )
    for one in shown:
        told = _price_told(one, books.marks.get(one.symbol))
        st.caption(plain(say("portfolio.price_of", symbol=one.symbol, told=told)))
    terms = books.account.books
    st.caption(say("portfolio.kept", method=term(terms.lot_method), basis=term(terms.profit_by)))
    _lots(books.statement.lots)


def _position(one: PositionValue, books: Books) -> tuple[str, ...]:
    held, flat = books.held[one.symbol], absent(say("portfolio.none_held"))
    unpriced = absent(say("portfolio.no_price"))
    return (
        one.symbol,
        signed(one.quantity),
        tx(held.exposure_tx_equivalent),
        flat if one.average_price is None else number(one.average_price),
        unpriced if one.mark_price is None else number(one.mark_price),
        signed(one.unrealized_pnl, 0),
        signed(one.realized_pnl, 0),
        number(one.fees, 0),
    )


def _price_told(one: PositionValue, mark: Mark | None) -> str:
    """Where the mark comes from, and what is the matter with it."""
    seen = "" if mark is None else say("portfolio.fill_at", moment=moment(mark.seen_at))
    match one.warning:
        case "NO_PRICE":
            return say("portfolio.warn_none")
        case "OLD_PRICE":
            return f"{seen} {say('portfolio.warn_old')}"
        case "OTHER_SOURCE":
            return f"{seen} {say('portfolio.warn_other')}"
        case _:
            return seen


def _lots(lots: Sequence[Lot]) -> None:
    if not lots:
        return
    st.header(say("portfolio.lots"), anchor=False)
    table(
        say("portfolio.lots"),
        (
            say("portfolio.lot"),
            say("portfolio.opened"),
            say("portfolio.remaining"),
            say("portfolio.open_price"),
            say("portfolio.carried"),
            say("portfolio.realized"),
            say("portfolio.opened_by"),
        ),
        [
            (
                f"{lot.symbol} #{lot.number}",
                lot.trading_day,
                signed(lot.remaining_quantity),
                number(lot.open_price),
                number(lot.carry_price),
                signed(lot.realized_pnl, 0),
                lot.opened_by,
            )
            for lot in lots[page_of(len(lots), LOT_ROWS, "lots-page")]
        ],
        numeric={2, 3, 4, 5},
    )


def _curve(books: Books) -> None:
    points, gaps = _read_curve(books.account)
    if not points:
        panels.empty(say("portfolio.no_curve"), say("portfolio.no_curve_then"))
        return
    currency = books.account.currency.value
    for gap in gaps:
        told = {"symbol": gap.key, "made": str(gap.expected), "held": str(gap.got)}
        st.warning(say("portfolio.gap", **told))
    if len(points) > 1:
        _charts(points, currency)
    else:
        st.caption(say("portfolio.one_point"))
    facts(
        (say("portfolio.peak"), money(points[-1].peak, currency)),
        (say("portfolio.drawdown"), _fall(points[-1], currency)),
    )
    st.caption(say("portfolio.curve_told", count=number(len(points))))
    with st.expander(say("portfolio.as_table")):
        _points(points[::-1], currency)


def _charts(points: Sequence[CurvePoint], currency: str) -> None:
    st.header(say("portfolio.equity_head"), anchor=False)
    st.altair_chart(equity_chart(points, currency), alt=say("portfolio.equity_alt"))
    st.header(say("portfolio.drawdown_head"), anchor=False)
    st.altair_chart(drawdown_chart(points, currency), alt=say("portfolio.drawdown_alt"))


def _fall(point: CurvePoint, currency: str) -> str:
    percent = number(point.drawdown_fraction * 100, 2)
    amount = money(point.drawdown, currency)
    return say("portfolio.fall", amount=amount, percent=percent)


def _points(newest: Sequence[CurvePoint], currency: str) -> None:
    table(
        say("portfolio.equity_head"),
        (
            say("portfolio.at"),
            say("portfolio.axis_equity", currency=currency),
            say("portfolio.axis_drawdown", currency=currency),
            say("portfolio.net_tx"),
            say("portfolio.gross_tx"),
        ),
        [
            (
                moment(point.at),
                number(point.equity, 0),
                number(point.drawdown, 0),
                tx(point.exposure_tx_equivalent),
                tx(point.gross_tx_equivalent),
            )
            for point in newest[page_of(len(newest), POINT_ROWS, "points-page")]
        ],
        numeric={1, 2, 3, 4},
    )


def _statement(books: Books) -> None:
    """Every book of the tenant, made when it is asked for."""
    st.header(say("portfolio.statement"), anchor=False)
    with st.container(border=True):
        st.text(say("portfolio.statement_told"))
        st.caption(say("portfolio.statement_label"))
        day = f"{books.now:%Y%m%dT%H%M%SZ}"
        first, second, _ = st.columns([1, 1, 2])
        for column, form, label in (
            (first, "csv", say("portfolio.as_csv")),
            (second, "parquet", say("portfolio.as_parquet")),
        ):
            with column:
                st.download_button(
                    label,
                    data=_archive(form),
                    file_name=f"simulated-statement-{day}-{form}.zip",
                    mime="application/zip",
                    on_click="ignore",
                    width="stretch",
                    key=f"statement-{form}",
                )


def _archive(form: str) -> Callable[[], bytes]:
    """What makes the archive; it runs outside the page, and takes its tenant along."""
    tenant = here().person.tenant

    def made() -> bytes:
        with house.reading() as reader:
            return statement_archive(OwnReader(reader, tenant), house.CLOCK.now(), form)

    return made
