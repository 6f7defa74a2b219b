"""`counterseal risk`: show, evaluate, allocate, switch, override, sign-override, end-override."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from counterseal.broker.gateway import PaperBroker
from counterseal.broker.ports import Broker
from counterseal.desk.ports import Reader
from counterseal.desk.views.marks import EVENTS_LIMIT
from counterseal.desk.views.risk import (
    OrderQuestion,
    RiskPanel,
    evaluate_question,
    newest_evaluations,
    risk_panel,
)
from counterseal.desk.views.risk_desk import RiskDesk, risk_desk
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Refusal
from counterseal.market.contracts import ContractTable, allocate_exposure
from counterseal.market.ports import MarketFeed
from counterseal.market.trading_days import TradingCalendar
from counterseal.policy.limits import RiskLimits, tightened
from counterseal.risk.decide import risk_refusal
from counterseal.risk.model import Check, RiskEvaluation, RiskState
from counterseal.signals.intent import OrderType, Side
from storage.home_reader import read_home
from storage.law import law_in_force
from storage.policy_files import contracts_from
from storage.quote_file import home_feed
from storage.settings import Settings
from storage.trading_calendar import view_calendar
from ui.cli.options import AsJson, Home, QuoteFile
from ui.cli.quotes import feed_from
from ui.cli.render import answer, refused, reject, table
from ui.cli.risk_acts import end_override, override, sign_override, switch
from ui.cli.session import CLOCK, decimal_of, settings_for

app = typer.Typer(no_args_is_help=True)
app.command()(switch)
app.command()(override)
app.command("sign-override")(sign_override)
app.command("end-override")(end_override)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What risk needs beside documents, read from a home without opening its desk."""

    feed: MarketFeed
    broker: Broker
    contracts: ContractTable
    calendar: Callable[[], TradingCalendar]
    trading_mode: str
    live_trading_enabled: bool
    broker_provider: str


@app.callback()
def _risk() -> None:
    """Switches, limits and evaluations."""


@app.command()
def show(
    limit: Annotated[int, typer.Option(help="Newest evaluations, 1 to 500.")] = EVENTS_LIMIT,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Limits, rules, states, counts, aggregates, live state of accounts, newest evaluations."""
    settings, now = settings_for(home), CLOCK.now()
    with read_home(settings) as reader:
        limits, ground = _law(reader, settings, home_feed(settings), now)
        panel = risk_panel(reader, ground, limits, now)
        beside = risk_desk(reader, ground, limits.desk, now)
        newest = newest_evaluations(reader, limit)
    judged = [
        (e.evaluation_id, e.order_id, "approved" if e.approved else ",".join(e.failed))
        for e in newest.evaluations
    ]
    value = {
        **panel.json_value(),
        "desk": beside.json_value(),
        **newest.json_value(),
        "trading_mode": settings.trading_mode,
        "live_trading_enabled": settings.enable_live_trading,
    }
    lines = [*_panel_lines(panel), "", *_desk_lines(panel, beside)]
    lines += ["", *table(judged, "EVALUATION", "ORDER", "OUTCOME")]
    lines += [f"newest {len(judged)} of {newest.total} evaluations"] if judged else []
    answer(value, lines, as_json=as_json)


@app.command()
def evaluate(
    symbol: Annotated[str, typer.Option()],
    side: Annotated[Side, typer.Option()],
    quantity: Annotated[str, typer.Option(help="Contracts.")],
    order_type: Annotated[OrderType, typer.Option()] = OrderType.MARKET,
    limit_price: Annotated[str | None, typer.Option()] = None,
    approved_target: Annotated[
        str | None, typer.Option(help="TX-equivalents approved; the limit by default.")
    ] = None,
    idempotency_key: Annotated[str, typer.Option(help="As an order would carry it.")] = "question",
    account: Annotated[str | None, typer.Option(help="The only account by default.")] = None,
    quote: QuoteFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """All fourteen checks, then the others, on an order that is not placed; nothing is written."""
    settings, now = settings_for(home), CLOCK.now()
    target = None if approved_target is None else decimal_of(approved_target, "--approved-target")
    asked = OrderQuestion(
        account_id=account or "unnamed",
        idempotency_key=idempotency_key,
        symbol=symbol,
        side=side,
        quantity=decimal_of(quantity, "--quantity"),
        order_type=order_type,
        order_price=None if limit_price is None else decimal_of(limit_price, "--limit-price"),
        approved_target=target,
    )
    feed = feed_from(quote, symbol, now, settings)
    with read_home(settings) as reader:
        if account is None:
            asked = asked.amended(account_id=_only_account(reader))
        limits, ground = _law(reader, settings, feed, now)
        judged = evaluate_question(reader, ground, limits, asked, now)
    if isinstance(judged, Refusal):
        refused(judged, as_json=as_json)
    _tell(judged, as_json=as_json)


@app.command()
def allocate(
    target: Annotated[str, typer.Argument(help="Exposure in TX-equivalents, unsigned.")],
    as_json: AsJson = False,
) -> None:
    """Split an exposure into TX, then MTX, then TMF; no home is needed."""
    split = allocate_exposure(decimal_of(target, "TARGET"))
    lines = [
        f"contracts  {split.tx} TX, {split.mtx} MTX, {split.tmf} TMF",
        f"actual     {split.actual} of {split.target} (residual {split.residual})",
    ]
    answer(split.json_value(), lines, as_json=as_json)


def _law(
    reader: Reader, settings: Settings, feed: MarketFeed, now: datetime
) -> tuple[RiskLimits, _Ground]:
    bundle, files = law_in_force(reader, now)
    contracts = contracts_from(files)
    ground = _Ground(
        feed=feed,
        broker=PaperBroker(),
        contracts=contracts,
        calendar=partial(view_calendar, settings.counterseal_home, contracts.closures, now),
        trading_mode=settings.trading_mode,
        live_trading_enabled=settings.enable_live_trading,
        broker_provider=settings.broker_provider,
    )
    return tightened(bundle.limits, settings.limit_overrides()), ground


def _only_account(reader: Reader) -> str:
    accounts = [state.account_id for state in reader.find(RiskState)]
    if len(accounts) != 1:
        reject("ACCOUNT_UNCLEAR", "name one account", field="--account", got=", ".join(accounts))
    return accounts[0]


def _tell(judged: RiskEvaluation, *, as_json: bool) -> None:
    """Every check with its facts; a failed one leaves with status 1."""
    value: dict[str, Json] = {"written": False, "evaluation": judged.json_value()}
    lines = table([_check_row(check) for check in judged.checks], "CHECK", "OUTCOME", "FACTS")
    further = [_check_row(check) for check in judged.further_checks]
    lines += ["", *table(further, "FURTHER CHECK", "OUTCOME", "FACTS")]
    refusal = risk_refusal(judged)
    if refusal is None or not as_json:
        answer({"ok": True, **value}, lines, as_json=as_json)
    if refusal is not None:
        refused(refusal, as_json=as_json, more=value)


def _outcome(check: Check) -> str:
    if check.skipped or check.passed:
        return "skipped" if check.skipped else "passed"
    return "FAILED" if check.failed else check.effect.value


def _check_row(check: Check) -> tuple[str, str, str]:
    facts = ", ".join(f"{d.name} {d.value}" for d in check.details)
    return check.name.value, _outcome(check), facts or check.message


def _desk_lines(panel: RiskPanel, desk: RiskDesk) -> list[str]:
    last = {check.name: _outcome(check) for check in panel.last_further_checks}
    rules = [
        (r.name.value, r.on_breach, "soft" if r.soft else "hard", r.limit or "-", last.get(r.name))
        for r in desk.rules
    ]
    switches = [
        (s.switch_id, s.state.value, s.kill_switch_active, s.set_by, s.reason)
        for s in desk.switches
    ]
    counts = [
        (c.account_id, c.trading_day, c.orders_today, c.cancels_today, c.repeats, c.orders_total)
        for c in desk.counters
    ]
    standings = [
        (
            a.scope,
            a.name,
            a.standing.position_tx_equivalent,
            a.standing.working_long_tx_equivalent,
            a.standing.working_short_tx_equivalent,
        )
        for a in desk.aggregates
    ]
    return [
        *table(rules, "FURTHER CHECK", "BREACH", "KIND", "LIMIT", "LAST"),
        "",
        *table(switches, "SWITCH", "STATE", "KILL_SWITCH", "BY", "REASON"),
        "",
        *table(counts, "ACCOUNT", "DAY", "ORDERS", "CANCELS", "REPEATS", "EVER"),
        "",
        *table(standings, "SCOPE", "NAME", "POSITION", "WORKING_LONG", "WORKING_SHORT"),
        "",
        *_override_lines(desk),
    ]


def _override_lines(desk: RiskDesk) -> list[str]:
    overrides = [
        (
            o.override.override_id,
            o.override.terms.check.value,
            o.override.account_id,
            "counts" if o.counts_now else o.override.status.value,
            ",".join(o.override.signed_by),
            o.override.terms.expires_at.isoformat(timespec="seconds"),
        )
        for o in desk.overrides
    ]
    return table(overrides, "OVERRIDE", "CHECK", "ACCOUNT", "STANDING", "SIGNED_BY", "UNTIL")


def _panel_lines(panel: RiskPanel) -> list[str]:
    last = {check.name: _outcome(check) for check in panel.last_checks}
    accounts = [
        (
            a.account_id,
            a.current_position_tx_equivalent,
            a.daily_realized_loss_twd,
            a.seen_idempotency_keys,
            a.kill_switch_active,
            a.broker_heartbeat_healthy,
            a.updated_at.isoformat(timespec="seconds"),
        )
        for a in panel.accounts
    ]
    contracts = [
        (c.contract_root, c.quantity_max, c.multiplier, c.tx_equivalent, c.proxy_margin_twd)
        for c in panel.config.contracts
    ]
    rules = [(c.name.value, c.limit or "-", last.get(c.name), c.rule) for c in panel.config.checks]
    heads = ("ACCOUNT", "POSITION", "DAY_LOSS", "KEYS", "KILL_SWITCH", "HEARTBEAT", "UPDATED")
    return [
        " ".join(badge.text for badge in panel.badges),
        "",
        *table(accounts, *heads),
        "",
        *table(contracts, "CONTRACT", "MAX", "TWD_PER_POINT", "TX_EQUIVALENT", "PROXY_MARGIN"),
        "",
        *table(rules, "CHECK", "LIMIT", "LAST", "RULE"),
        "",
        *panel.config.guardrail_notes,
    ]
