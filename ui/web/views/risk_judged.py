"""The evaluations of orders, the newest first, each with every check and number."""

import streamlit as st

from counterseal.risk.model import RiskEvaluation
from ui.web import house
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.checks import check_table, measured, summary, usages
from ui.web.parts.pieces import Tone, badge, badges, facts, page_of, plain
from ui.web.parts.words import absent, moment, short, tx
from ui.web.visit import here, link
from ui.web.wording import say, term

ROWS = 10


def evaluations() -> None:
    """A page of them, of which no more is read than is shown."""
    with house.reading() as whole:
        reader = OwnReader(whole, here().person.tenant)
        total = reader.count(RiskEvaluation)
        at = page_of(total, ROWS, "page")
        shown = reader.newest(RiskEvaluation, "evaluated_at", ROWS, at.start)
    if not shown:
        panels.empty(say("risk.no_judgement"), say("risk.none_judged_then"))
    for one in shown:
        _row(one)


def _row(one: RiskEvaluation) -> None:
    with st.container(border=True, key=f"row-{one.evaluation_id}"):
        what, state, way = st.columns([5, 3, 1], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{plain(moment(one.evaluated_at))}**")
            st.caption(plain(say("risk.about", account=one.account_id, order=one.order_id)))
        with state:
            good = badge(say("risk.approved"), Tone.GOOD)
            mark = good if one.approved else badge(say("risk.rejected"), Tone.BAD)
            badges(mark, badge(summary(one.all_checks), Tone.OFF))
        with way:
            if "order" in here().pages:
                link("order", say("risk.order"), id=one.order_id)
        if not one.approved:
            st.text(", ".join(term(name) for name in one.failed))
        with st.expander(say("submit.every_check")):
            usages(*measured(one.checks))
            judgement(one)


def judgement(one: RiskEvaluation) -> None:
    """Every check with its numbers, and what they were judged by."""
    check_table(say("submit.every_check"), one.all_checks)
    exposed = one.exposure_tx_equivalent
    unknown = absent(say("risk.unknown_contract"))
    facts(
        (
            say("request.exposure"),
            unknown if exposed is None else say("request.tx_equivalent", count=tx(exposed)),
        ),
        (say("risk.snapshot"), short(one.snapshot_hash)),
        (say("risk.intent"), short(one.intent_hash)),
        (say("risk.policy"), short(one.policy_digest)),
    )
