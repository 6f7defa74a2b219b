"""`counterseal orders`: list, show, submit and what becomes of an order after it."""

from pathlib import Path
from typing import Annotated

import typer

from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import Fill, SimulationOutcome
from counterseal.desk.views.fills import explained
from counterseal.desk.views.order_story import told_order
from counterseal.desk.views.reliability import TimeoutCandidate, timeout_row, timeout_rows
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Refusal, refuse
from counterseal.oms.model import ExecutionReport, Order, OrderEvent
from counterseal.oms.timeouts import TIMEOUT_SECONDS_DEFAULT
from counterseal.risk.model import RiskEvaluation
from storage.home_reader import read_home
from storage.settings import Settings
from ui.cli import mandates, order_batches, order_changes, order_gateway
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home, Key, PassphraseFile, QuoteFile
from ui.cli.order_changes import GoodTill, optional, utc
from ui.cli.quotes import feed_from
from ui.cli.render import answer, leave, notice, refused, reject, table
from ui.cli.session import CLOCK, command_key, decimal_of, desk_at, logged_in, settings_for

app = typer.Typer(no_args_is_help=True)
app.command("submit-batch")(order_batches.submit_batch)
app.command()(order_gateway.deliver)
app.command("reconcile-accounts")(order_gateway.reconcile_accounts)
app.command()(order_gateway.resolve)
app.command()(order_changes.replace)
app.command()(order_changes.reconcile)
app.command()(order_changes.outbox)
app.command("replay-letter")(order_changes.replay_letter)
app.command()(mandates.mandate)
app.command("mandates")(mandates.list_mandates)
app.command("end-mandate")(mandates.end_mandate)


@app.command("list")
def list_orders(home: Home = None, as_json: AsJson = False) -> None:
    """Every order and where it stands."""
    with read_home(settings_for(home)) as reader:
        orders = reader.find(Order)
    rows = [
        (o.order_id, o.state.value, o.side.value, o.quantity, o.cum_quantity, o.symbol)
        for o in orders
    ]
    heads = ("ORDER", "STATE", "SIDE", "QUANTITY", "FILLED", "SYMBOL")
    answer({"orders": [o.json_value() for o in orders]}, table(rows, *heads), as_json=as_json)


@app.command()
def show(order: str, home: Home = None, as_json: AsJson = False) -> None:
    """One order with its events, reports, fills and risk evaluation."""
    with read_home(settings_for(home)) as reader:
        found = reader.get(Order, order)
        events = reader.find(OrderEvent, order_id=order)
        reports = reader.find(ExecutionReport, order_id=order)
        fills = reader.find(Fill, order_id=order)
        evaluations = reader.find(RiskEvaluation, order_id=order)
    if found is None:
        refused(refuse("NOT_FOUND", "no such order", order=order), as_json=as_json)
    lines = told_order(found, events, evaluations)
    lines += tuple(line for fill in fills for line in explained(fill))
    parts = {"events": events, "reports": reports, "fills": fills, "evaluations": evaluations}
    value = {name: [d.json_value() for d in documents] for name, documents in parts.items()}
    answer({"order": found.json_value(), **value}, lines, as_json=as_json)


@app.command()
@acting
def submit(
    request: str,
    act: Act,
    quantity: Annotated[str, typer.Option(help="Contracts, at most what was approved.")],
    limit_price: Annotated[str | None, typer.Option()] = None,
    stop_price: Annotated[str | None, typer.Option(help="Of a STOP.")] = None,
    protection_points: Annotated[str | None, typer.Option(help="Of a MWP order.")] = None,
    good_till: GoodTill = None,
    parent: Annotated[str | None, typer.Option(help="Order that this is a slice of.")] = None,
    outcome: Annotated[
        SimulationOutcome | None, typer.Option(help="A chosen answer instead of the model's.")
    ] = None,
    quote: QuoteFile = None,
) -> None:
    """Submit an approved request to the paper broker at a quote."""
    from counterseal.desk.orders import Submission  # noqa: PLC0415 - looking loads no desk

    asked = Submission(
        approval_request_id=request,
        quantity=decimal_of(quantity, "--quantity"),
        limit_price=optional(limit_price, "--limit-price"),
        stop_price=optional(stop_price, "--stop-price"),
        protection_points=optional(protection_points, "--protection-points"),
        good_till=utc(good_till),
        parent_order_id=parent,
        selected_outcome=outcome,
    )
    with read_home(act.settings) as reader:
        case = reader.get(ApprovalRequest, request)
    symbol = "unknown" if case is None else case.payload.symbol
    feed = feed_from(quote, symbol, CLOCK.now(), act.settings)
    actor = act.actor
    done = desk_at(act.settings, feed).orders.submit(asked, actor, key=act.key)
    act.settled(done, what="order")


@app.command()
@acting
def cancel(
    order: str,
    act: Act,
    reason: Annotated[str, typer.Option(help="Why; recorded with the cancel.")],
) -> None:
    """Cancel an order that still works; what was filled stays."""
    told = _reason(reason)
    done = act.desk.lifecycle.cancel(order, act.actor, reason=told, key=act.key)
    act.settled(done, what="cancelled")


@app.command()
def timeouts(
    timeout_seconds: Annotated[
        int, typer.Option(help="Age from which an order is a candidate, 1 to 86400.")
    ] = TIMEOUT_SECONDS_DEFAULT,
    order: Annotated[str | None, typer.Option(help="This order only.")] = None,
    mark: Annotated[bool, typer.Option("--mark", help="Write; without it, only look.")] = False,
    acting_as: Annotated[str | None, typer.Option("--as", help="Who marks.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; recorded with each mark.")] = None,
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Orders that waited too long, and what a mark would do; `--mark` does it."""
    settings, now = settings_for(home), CLOCK.now()
    with read_home(settings) as reader:
        if order is None:
            found: tuple[TimeoutCandidate, ...] | Refusal
            found = timeout_rows(reader, now, timeout_seconds)
        else:
            one = timeout_row(reader, order, now, timeout_seconds)
            found = one if isinstance(one, Refusal) else (one,)
    if isinstance(found, Refusal):
        refused(found, as_json=as_json)
    if mark:
        by, why = _needed(acting_as, "--as"), _reason(_needed(reason, "--reason"))
        _mark(settings, found, by, why, passphrase_file, command_key(key), as_json=as_json)
        return
    rows = [(c.order_id, c.state.value, c.symbol, c.age_seconds, c.event.value) for c in found]
    lines = table(rows, "ORDER", "STATE", "SYMBOL", "AGE_SECONDS", "A_MARK_RECORDS")
    value: dict[str, Json] = {
        "timeout_seconds": timeout_seconds,
        "candidates": [c.json_value() for c in found],
        "written": False,
    }
    answer(value, lines, as_json=as_json)


def _mark(
    settings: Settings,
    found: tuple[TimeoutCandidate, ...],
    acting_as: str,
    reason: str,
    passphrase_file: Path | None,
    key: str,
    *,
    as_json: bool,
) -> None:
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    lifecycle = desk_at(settings).lifecycle
    outcomes = [
        lifecycle.mark_timeout(
            c.order_id,
            actor,
            workflow_run_id=c.workflow_run_id,
            reason=reason,
            key=f"{key}:{c.order_id}",
            timeout_seconds=c.timeout_seconds,
        )
        for c in found
    ]
    marks = [(c.order_id, c.event.value, o) for c, o in zip(found, outcomes, strict=True)]
    all_done = all(outcome.accepted for outcome in outcomes)
    rows = [(i, e, "marked" if o.refusal is None else o.refusal.code) for i, e, o in marks]
    told: list[Json] = [
        {"order_id": i, "event": e, "accepted": o.accepted, **o.json_value()} for i, e, o in marks
    ]
    value: dict[str, Json] = {"ok": all_done, "written": True, "marks": told}
    answer(value, table(rows, "ORDER", "EVENT", "OUTCOME"), as_json=as_json)
    if not all_done:
        notice("refused: not every order could be marked")
        leave(1)


def _needed(told: str | None, option: str) -> str:
    return told or reject("OPTION_MISSING", "a mark needs this option", field=option)


def _reason(told: str) -> str:
    words = told.strip()
    return words or reject("REASON_MISSING", "a reason is recorded with it", field="--reason")
