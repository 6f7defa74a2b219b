"""The ledger of one account: balances, results by day, and every entry."""

import streamlit as st

from counterseal.portfolio.ledger import trial_balance
from counterseal.portfolio.model import Account, DailyPnl, LedgerEntry
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.pieces import page_of, table
from ui.web.parts.words import moment, number, signed
from ui.web.wording import say

ROWS = 20


def ledger(account: Account) -> None:
    """Balances, days and entries, the newest first."""
    with house.reading() as reader:
        entries = reader.find(LedgerEntry, account_id=account.account_id)
        days = reader.find(DailyPnl, account_id=account.account_id)
    if not entries:
        panels.empty(say("portfolio.no_entries"), say("portfolio.no_entries_then"))
        return
    left, right = st.columns(2, gap="large")
    with left:
        _balances(entries)
    with right:
        _days(sorted(days, key=lambda day: day.trading_day, reverse=True))
    _entries(sorted(entries, key=lambda one: (one.at, one.entry_id), reverse=True))


def _balances(entries: tuple[LedgerEntry, ...]) -> None:
    st.header(say("portfolio.balances"), anchor=False)
    table(
        say("portfolio.balances"),
        (say("portfolio.ledger_account"), say("portfolio.currency"), say("portfolio.balance")),
        [
            (row.ledger_account, row.currency.value, signed(row.balance))
            for row in trial_balance(entries)
        ],
        numeric={2},
    )
    st.caption(say("portfolio.balances_told"))


def _days(days: list[DailyPnl]) -> None:
    st.header(say("portfolio.days"), anchor=False)
    table(
        say("portfolio.days"),
        (
            say("portfolio.day"),
            say("portfolio.realized"),
            say("portfolio.costs"),
            say("portfolio.net"),
        ),
        [
            (
                day.trading_day,
                signed(day.realized_pnl, 0),
                number(day.costs, 0),
                signed(day.net_realized, 0),
            )
            for day in days[page_of(len(days), ROWS, "days-page")]
        ],
        numeric={1, 2, 3},
    )


def _entries(entries: list[LedgerEntry]) -> None:
    st.header(say("portfolio.entries"), anchor=False)
    table(
        say("portfolio.entries"),
        (
            say("portfolio.at"),
            say("portfolio.kind"),
            say("portfolio.from"),
            say("portfolio.into"),
            say("portfolio.amount"),
            say("portfolio.currency"),
            say("portfolio.cause"),
        ),
        [
            (
                moment(one.at),
                one.kind,
                one.credit_account,
                one.debit_account,
                number(one.amount),
                one.currency.value,
                one.cause_id,
            )
            for one in entries[page_of(len(entries), ROWS, "entries-page")]
        ],
        numeric={4},
    )
