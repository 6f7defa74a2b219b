"""States and kill switches of the tenant, its accounts and strategies, and what switches them."""

import streamlit as st
from pydantic import ValidationError

from counterseal.desk.risk_switches import SwitchOrder
from counterseal.desk.views.risk import AccountRisk
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.authorize import Action, allowed_roles
from counterseal.risk.facts import TradingState
from counterseal.risk.switches import RiskScope, RiskSwitch
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, facts, plain
from ui.web.parts.words import absent, moment, money, number, signed, tx
from ui.web.views.risk_facts import RiskFacts
from ui.web.visit import here
from ui.web.wording import say, term

ON, OFF, KEEP = "on", "off", "keep"
KEY, TOLD, WHY = "switch_key", "switch_told", "switch-why"
_TONES = {
    TradingState.ACTIVE: Tone.GOOD,
    TradingState.REDUCING: Tone.WARN,
    TradingState.HALTED: Tone.BAD,
}


def state(told: RiskFacts) -> None:
    """What is switched, what accounts stand at, and beside it the switch."""
    left, right = st.columns([1.72, 1], gap="large")
    with left:
        _switches(told)
        for account in told.panel.accounts:
            _account(account, told)
    with right, st.container(border=True, key="decision"):
        st.header(say("risk.switch"), anchor=False)
        _form(told)


def _switches(told: RiskFacts) -> None:
    """Every scope on its own row, those that nobody ever switched as well."""
    st.header(say("risk.scopes"), anchor=False)
    known = {one.switch_id: one for one in told.desk.switches}
    every = next((one for one in known.values() if one.scope is RiskScope.ALL), None)
    _scope(term(RiskScope.ALL), every, killed=every is not None and every.kill_switch_active)
    for account in told.panel.accounts:
        one = known.get(f"account:{account.account_id}")
        name = f"{term(RiskScope.ACCOUNT)} {account.account_id}"
        _scope(name, one, killed=account.kill_switch_active)
    mine = {s.subject: s for s in known.values() if s.scope is RiskScope.STRATEGY}
    for strategy in sorted({*told.strategies, *(name for name in mine if name is not None)}):
        one = mine.get(strategy)
        name = f"{term(RiskScope.STRATEGY)} {strategy}"
        _scope(name, one, killed=one is not None and one.kill_switch_active)


def _scope(name: str, switch: RiskSwitch | None, *, killed: bool) -> None:
    standing = TradingState.ACTIVE if switch is None else switch.state
    with st.container(border=True):
        what, marks = st.columns([3, 2], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{plain(name)}**")
            st.caption(plain(_set_by(switch)))
        with marks:
            stop = badge(say("risk.kill_on"), Tone.BAD) if killed else ""
            calm = "" if killed else badge(say("risk.kill_off"), Tone.OFF)
            badges(badge(term(standing), _TONES[standing]), stop, calm)


def _set_by(switch: RiskSwitch | None) -> str:
    if switch is None:
        return say("risk.never_switched")
    return say(
        "risk.set_by",
        person=switch.set_by,
        moment=moment(switch.updated_at),
        reason=switch.reason,
    )


def _account(account: AccountRisk, told: RiskFacts) -> None:
    """The live state of one account (TX-H16)."""
    beat = account.heartbeat_age_seconds
    age = absent(say("risk.no_beat")) if beat is None else say("risk.seconds", count=number(beat))
    healthy = say("risk.healthy") if account.broker_heartbeat_healthy else say("risk.unhealthy")
    counts = next((c for c in told.desk.counters if c.account_id == account.account_id), None)
    profit = next((p for p in told.desk.open_profits if p.account_id == account.account_id), None)
    opened = None if profit is None else profit.unrealized_pnl_twd
    with st.container(border=True):
        st.header(account.account_id, anchor=False)
        facts(
            (
                say("risk.position"),
                say("portfolio.tx_eq", count=tx(account.current_position_tx_equivalent)),
            ),
            (say("risk.loss"), money(account.daily_realized_loss_twd, "TWD")),
            (
                say("risk.open_profit"),
                absent(say("risk.no_quote")) if opened is None else f"{signed(opened, 0)} TWD",
            ),
            (say("risk.keys"), number(account.seen_idempotency_keys)),
            (
                say("risk.orders_today"),
                absent(say("risk.none_judged"))
                if counts is None
                else say("risk.on_day", count=number(counts.orders_today), day=counts.trading_day),
            ),
            (say("risk.heartbeat"), f"{healthy}, {age}"),
            (say("risk.updated"), moment(account.updated_at)),
        )


def _form(told: RiskFacts) -> None:
    held = here().person.held_roles()
    allowed = allowed_roles(Action.KILL_SWITCH)
    if not held & allowed:
        roles = ", ".join(sorted(term(role) for role in allowed))
        st.caption(say("risk.who_switches", roles=roles))
        return
    st.session_state.setdefault(KEY, house.command_key())
    scope, subject, standing, kill = _chosen(told)
    reason = st.text_area(say("risk.reason"), key=WHY, height=80, max_chars=2_000)
    missing = scope is not RiskScope.ALL and subject is None
    nothing = missing or (standing == KEEP and kill == KEEP)
    st.button(
        say("risk.do_switch"),
        key="do-switch",
        type="primary",
        width="stretch",
        disabled=nothing,
        on_click=_switch,
        args=(scope, subject, standing, kill),
    )
    if nothing:
        st.caption(say("risk.choose_first"))
    elif not reason.strip():
        st.caption(say("risk.say_why"))
    refusal = st.session_state.get(TOLD)
    if isinstance(refusal, Refusal):
        panels.refused(refusal)
    st.caption(say("risk.freer_told"))


def _chosen(told: RiskFacts) -> tuple[RiskScope, str | None, str, str]:
    """Whose orders, and what to set for them; `keep` leaves it as it is."""
    whose = st.selectbox(
        say("risk.whose"),
        [one.value for one in RiskScope],
        format_func=lambda one: term(RiskScope(one)),
        key="switch-scope",
    )
    scope = RiskScope(whose)
    subject = _subject(scope, told)
    standing = st.selectbox(
        say("risk.state"),
        [KEEP, *(one.value for one in TradingState)],
        format_func=lambda one: say("risk.keep") if one == KEEP else term(TradingState(one)),
        key="switch-state",
    )
    kill = st.selectbox(
        say("risk.kill"), [KEEP, ON, OFF], format_func=_kill_word, key="switch-kill"
    )
    return scope, subject, standing, kill


def _kill_word(one: str) -> str:
    match one:
        case "on":
            return say("risk.turn_on")
        case "off":
            return say("risk.turn_off")
        case _:
            return say("risk.keep")


def _subject(scope: RiskScope, told: RiskFacts) -> str | None:
    """Which account or strategy; None for all, or when there is none to choose."""
    match scope:
        case RiskScope.ACCOUNT:
            names = [account.account_id for account in told.panel.accounts]
        case RiskScope.STRATEGY:
            names = [*told.strategies]
        case RiskScope.ALL:
            return None
    if not names:
        st.caption(say("risk.none_to_choose"))
        return None
    return st.selectbox(term(scope), names, key=f"switch-{scope.value}")


def _switch(scope: RiskScope, subject: str | None, standing: str, kill: str) -> None:
    session = here().session
    try:
        asked = SwitchOrder(
            scope=scope,
            subject=subject,
            state=None if standing == KEEP else TradingState(standing),
            kill_switch=None if kill == KEEP else kill == ON,
            reason=str(st.session_state.get(WHY, "")).strip(),
        )
        key = str(st.session_state[KEY])
        refusal = house.desk().switches.switch(asked, session.actor, key=key).refusal
    except ValidationError:
        refusal = refuse("REASON_TOO_SHORT", "say why")
    except CountersealError as error:
        refusal = refuse(error.code, error.message)
    st.session_state[TOLD] = refusal
    st.session_state.pop(KEY, None)
    if refusal is None:
        for name in (WHY, "switch-state", "switch-kill"):
            st.session_state.pop(name, None)
