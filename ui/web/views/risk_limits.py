"""Limits by scope with how much of each is used, the fourteen checks, and limits by contract."""

from collections.abc import Iterator
from decimal import Decimal

import streamlit as st

from counterseal.desk.views.risk import CheckRule
from counterseal.desk.views.risk_desk import AggregateRisk
from counterseal.policy.desk_limits import limit_of
from counterseal.risk.model import Check, CheckName
from ui.web.parts.checks import Usage, outcome, usages
from ui.web.parts.pieces import copyable, table
from ui.web.parts.words import absent, money, number, tx
from ui.web.views.risk_facts import RiskFacts
from ui.web.wording import say, term


def limits(told: RiskFacts) -> None:
    """Usage first, then every rule with its limit and what it last came to."""
    left, right = st.columns([1.2, 1], gap="large")
    with left, st.container(border=True):
        st.header(say("risk.usage"), anchor=False)
        usages(*_used(told))
        st.caption(say("risk.usage_told"))
    with right, st.container(border=True):
        _contracts(told)
    _fourteen(told)
    _further(told)
    with st.expander(say("risk.notes")):
        for note in notes():
            st.markdown(f"- {note}")
    copyable(say("risk.policy"), told.panel.config.policy_digest)


def _used(told: RiskFacts) -> Iterator[Usage]:
    for account in told.panel.accounts:
        most = told.limits.daily_loss_max_twd
        loss = max(account.daily_realized_loss_twd, Decimal(0))
        words = say("checks.of_twd", used=number(loss, 0), limit=number(most))
        label = say("risk.loss_of", name=account.account_id)
        yield Usage(label, loss, most, words, loss < most)
        position = account.current_position_tx_equivalent
        bound = told.limits.position_max_tx_equivalent
        yield _held(say("risk.position_of", name=account.account_id), position, bound)
    for one in told.desk.aggregates:
        limit = _limit(told, one)
        if limit is not None:
            yield _held(_name(one), one.standing.position_tx_equivalent, limit)


def _held(label: str, position: Decimal, limit: Decimal) -> Usage:
    words = say("checks.of_tx", used=tx(position), limit=tx(limit))
    return Usage(label, position, limit, words, abs(position) <= limit)


def _limit(told: RiskFacts, one: AggregateRisk) -> Decimal | None:
    """What bounds an aggregate by the policy; None where no row does."""
    desk = told.limits.desk
    if one.scope == "group":
        return desk.group_position_max_tx_equivalent
    tables = {
        "account": desk.account_position_max,
        "strategy": desk.strategy_position_max,
        "instrument": desk.instrument_position_max,
        "account_group": desk.account_group_position_max,
        "tenant": desk.tenant_position_max,
    }
    return limit_of(tables.get(one.scope, ()), one.name)


def _name(one: AggregateRisk) -> str:
    names = {
        "account": say("risk.further_position_of", name=one.name),
        "strategy": say("risk.strategy_position_of", name=one.name),
        "instrument": say("risk.instrument_position_of", name=one.name),
        "account_group": say("risk.account_group_position_of", name=one.name),
        "tenant": say("risk.tenant_position_of", name=one.name),
    }
    return names.get(one.scope, say("risk.group_position_of", name=one.name))


def _contracts(told: RiskFacts) -> None:
    st.header(say("risk.contracts"), anchor=False)
    table(
        say("risk.contracts"),
        (
            say("risk.contract"),
            say("risk.lots_max"),
            say("risk.tx_each"),
            say("risk.point"),
            say("risk.proxy"),
        ),
        [
            (
                one.contract_root,
                number(one.quantity_max),
                tx(one.tx_equivalent),
                number(one.multiplier),
                number(one.proxy_margin_twd),
            )
            for one in told.panel.config.contracts
        ],
        numeric={1, 2, 3, 4},
    )
    margins = [
        f"{one.contract_root} {number(one.initial_margin_twd)}"
        for one in told.panel.config.contracts
        if one.initial_margin_twd is not None
    ]
    known = ", ".join(margins) or say("risk.not_known")
    st.caption(say("risk.initial", margins=known))


def _fourteen(told: RiskFacts) -> None:
    last = {check.name: check for check in told.panel.last_checks}
    words = rules()
    st.header(say("risk.fourteen"), anchor=False)
    table(
        say("risk.fourteen"),
        (say("checks.check"), say("risk.rule"), say("risk.limit"), say("risk.last")),
        [
            (term(rule.name), words[rule.name], _bound(rule, told), _last(last.get(rule.name)))
            for rule in told.panel.config.checks
        ],
        numeric={2},
    )
    if not last:
        st.caption(say("risk.none_judged_then"))


def _last(check: Check | None) -> str:
    return absent(say("risk.none_judged")) if check is None else outcome(check)[0]


def _bound(rule: CheckRule, told: RiskFacts) -> str:
    """The limit with its unit; empty where a rule has no number of its own."""
    given = told.limits
    bounds = {
        CheckName.MAX_EXPOSURE: _in_tx(given.max_tx_equivalent_exposure),
        CheckName.POSITION_LIMIT: _in_tx(given.position_max_tx_equivalent),
        CheckName.STALE_QUOTE: _in_seconds(given.stale_quote_seconds),
        CheckName.BROKER_HEARTBEAT: _in_seconds(given.heartbeat_max_age_seconds),
        CheckName.PRICE_REASONABILITY: f"{number(given.price_deviation_max * 100, 2)}%",
        CheckName.MARGIN_PROXY: money(given.margin_max_twd, "TWD"),
        CheckName.DAILY_LOSS_LIMIT: money(given.daily_loss_max_twd, "TWD"),
        CheckName.MAX_ORDER_SIZE_BY_CONTRACT: say("risk.by_contract"),
    }
    return bounds.get(rule.name, say("risk.must_hold"))


def _in_tx(limit: Decimal) -> str:
    return say("portfolio.tx_eq", count=tx(limit))


def _in_seconds(limit: Decimal) -> str:
    return say("risk.seconds", count=number(limit))


def _further(told: RiskFacts) -> None:
    last = {check.name: check for check in told.panel.last_further_checks}
    with st.expander(say("risk.further")):
        table(
            say("risk.further"),
            (
                say("checks.check"),
                say("risk.breach"),
                say("risk.hardness"),
                say("risk.limit"),
                say("risk.last"),
            ),
            [
                (
                    term(rule.name),
                    _breach(rule.on_breach),
                    say("risk.soft") if rule.soft else say("risk.hard"),
                    rule.limit,
                    _last(last.get(rule.name)),
                )
                for rule in told.desk.rules
            ],
        )


def _breach(word: str) -> str:
    match word:
        case "refuse":
            return say("risk.refuses")
        case "warn":
            return say("risk.warns")
        case _:
            return say("risk.is_off")


def rules() -> dict[CheckName, str]:
    """What each of the fourteen asks, as the core says it."""
    name = CheckName
    return {
        name.LIVE_TRADING_DISABLED: say("risk.rule_live"),
        name.PAPER_BROKER_ONLY: say("risk.rule_provider"),
        name.IDEMPOTENCY_KEY_PRESENT: say("risk.rule_key"),
        name.PAPER_ONLY_INTENT: say("risk.rule_intent"),
        name.MAX_EXPOSURE: say("risk.rule_exposure"),
        name.STALE_QUOTE: say("risk.rule_stale"),
        name.PRICE_REASONABILITY: say("risk.rule_price"),
        name.MAX_ORDER_SIZE_BY_CONTRACT: say("risk.rule_size"),
        name.MARGIN_PROXY: say("risk.rule_margin"),
        name.DUPLICATE_ORDER_PREVENTION: say("risk.rule_duplicate"),
        name.DAILY_LOSS_LIMIT: say("risk.rule_loss"),
        name.POSITION_LIMIT: say("risk.rule_position"),
        name.KILL_SWITCH: say("risk.rule_kill"),
        name.BROKER_HEARTBEAT: say("risk.rule_beat"),
    }


def notes() -> tuple[str, ...]:
    """The six notes, as the core says them."""
    return (
        say("risk.note_price"),
        say("risk.note_size"),
        say("risk.note_margin"),
        say("risk.note_duplicate"),
        say("risk.note_facts"),
        say("risk.note_stops"),
    )
