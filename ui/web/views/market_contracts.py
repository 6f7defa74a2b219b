"""The contracts beside each other, an exposure in lots of them, and whose a symbol is."""

from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.desk.views.contracts import ContractRow, contract_rows, symbol_terms
from counterseal.market.contracts import ContractTable, allocate_exposure
from counterseal.policy.limits import RiskLimits
from ui.web import house
from ui.web.parts import fields
from ui.web.parts.pieces import Card, Tone, badge, badges, cards, facts, table
from ui.web.parts.words import absent, lots, money, number, signed, tx
from ui.web.wording import say

FIRST_TARGET: Final = Decimal("0.30")
TARGET_MAX: Final = Decimal(10_000)
SYMBOL_CHARS: Final = 24


def show() -> None:
    """This view."""
    contracts = house.desk().bench.contracts
    with house.reading() as reader:
        limits = house.limits(house.law(reader))
    with st.container(border=True):
        _terms(contracts)
    left, right = st.columns([1.72, 1], gap="medium")
    with left, st.container(border=True, height="stretch"):
        _allocator(limits)
    with right, st.container(border=True, height="stretch"):
        _symbol(contracts, limits)


def _terms(contracts: ContractTable) -> None:
    rows = contract_rows(contracts)
    st.header(say("market.terms"), anchor=False)
    head = [say("market.contract"), say("market.code"), say("market.multiplier")]
    head += [say("market.tick_size"), say("market.ratio")]
    head += [say("market.worth", contract=row.contract_root) for row in rows]
    table(say("market.terms"), head, [_row(row) for row in rows], numeric=range(2, 8))
    st.caption(say("market.terms_told", group=rows[0].symbol_group, source=contracts.source))


def _row(row: ContractRow) -> tuple[str, ...]:
    return (
        row.contract_root,
        row.trading_code,
        money(row.multiplier, row.currency.value),
        number(row.tick),
        tx(row.tx_equivalent),
        *(number(one) for one in (row.in_tx, row.in_mtx, row.in_tmf)),
    )


def _allocator(limits: RiskLimits) -> None:
    """TX first, then MTX, then TMF; what does not divide is told."""
    st.header(say("market.allocator"), anchor=False)
    most = tx(limits.max_tx_equivalent_exposure)
    st.caption(say("market.allocator_told", limit=most))
    asked = fields.exact(
        "market-target", say("market.target"), FIRST_TARGET, Decimal(0), TARGET_MAX
    )
    split = allocate_exposure(asked or Decimal(0))
    cards(
        Card("TX", lots(split.tx)),
        Card("MTX", lots(split.mtx)),
        Card("TMF", lots(split.tmf)),
        Card(
            say("market.actual"),
            tx(split.actual),
            say("market.residual", count=signed(split.residual)),
        ),
    )


def _symbol(contracts: ContractTable, limits: RiskLimits) -> None:
    """Whose a symbol is, and how much of it one order may be."""
    st.header(say("market.whose"), anchor=False)
    symbol = st.text_input(
        say("market.symbol"), "TMF202601", max_chars=SYMBOL_CHARS, key="market-symbol"
    ).strip()
    if not (symbol.isascii() and symbol.isprintable() and symbol) or " " in symbol:
        st.caption(say("market.symbol_odd"))
        return
    told = symbol_terms(symbol, contracts, limits)
    if told.contract_root is None or told.tx_equivalent is None:
        badges(badge(say("market.unknown"), Tone.WARN))
        st.text(say("market.unknown_told"))
        return
    facts(
        (say("market.contract"), told.contract_root),
        (say("market.month"), told.month or absent(say("market.no_month"))),
        (say("market.ratio"), tx(told.tx_equivalent)),
        (say("market.largest"), lots(told.quantity_max)),
    )
