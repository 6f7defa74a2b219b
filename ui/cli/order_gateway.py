"""`counterseal orders deliver`, `reconcile-accounts`, `resolve`: the gateway and what differs."""

from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Actor, Refusal, refuse
from counterseal.oms.model import WAITING, Order, OutboxEntry
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.options import QuoteFile
from ui.cli.order_changes import words
from ui.cli.quotes import feed_from
from ui.cli.render import answer, leave, notice, refused, table
from ui.cli.session import CLOCK, IDS, desk_at

if TYPE_CHECKING:
    from counterseal.desk.discrepancies import ReconciliationRun


@acting
def deliver(act: Act, quote: QuoteFile = None) -> None:
    """Hand every message that is due to the gateway, once, and take its reports in."""
    _ = act.actor
    with read_home(act.settings) as reader:
        waiting = reader.find(OutboxEntry, status=WAITING)
        orders = {entry.order_id: reader.get(Order, entry.order_id) for entry in waiting}
    symbols = [order.symbol for order in orders.values() if order is not None]
    now, symbol = CLOCK.now(), symbols[-1] if symbols else "unknown"
    desk = desk_at(act.settings, feed_from(quote, symbol, now, act.settings))
    service = _service(act.actor)
    if desk.delivery is None or desk.ingesting is None:
        refused(
            refuse("NO_GATEWAY", "orders are filled where they are submitted in this home"),
            as_json=act.as_json,
        )
    outcomes = [
        outcome
        for outbox_id in desk.delivery.due(now)
        for outcome in desk.delivery.deliver(outbox_id, service.session, service)
    ]
    outcomes += desk.ingesting.poll(service)
    done = [(o.subject_id, "done" if o.refusal is None else o.refusal.code) for o in outcomes]
    steps: list[Json] = [{"subject_id": subject, "outcome": word} for subject, word in done]
    clean = all(outcome.accepted for outcome in outcomes)
    answer({"ok": clean, "steps": steps}, table(done, "SUBJECT", "OUTCOME"), as_json=act.as_json)
    if not clean:
        leave(1)


@acting
def reconcile_accounts(act: Act) -> None:
    """Compare gateway, orders, books and log; a critical difference locks its account."""
    from counterseal.desk.comparing import LogDifference  # noqa: PLC0415 - looking loads no desk
    from counterseal.desk.discrepancies import ReconciliationRun  # noqa: PLC0415 - the same
    from storage.data_keys import data_keys  # noqa: PLC0415 - the same
    from storage.reconcile import reconcile  # noqa: PLC0415 - the same

    desk = act.desk
    log = [
        LogDifference(row=f"{d.table} {d.key} {d.column}".strip(), expected=d.expected, got=d.got)
        for d in reconcile(act.settings.database, data_keys(act.settings)).differences
    ]
    outcome = desk.account_reconciling.compare(desk.gateway, log, act.actor, key=act.key)
    if outcome.refusal is not None:
        refused(outcome.refusal, as_json=act.as_json)
    with read_home(act.settings) as reader:
        made = reader.get(ReconciliationRun, outcome.subject_id)
    if made is None:
        refused(refuse("NOT_FOUND", "no such run", run=outcome.subject_id), as_json=act.as_json)
    answer(made.json_value(), _lines(made), as_json=act.as_json)
    if made.critical:
        notice("critical: the accounts named are locked until a risk reviewer resolves them")
        leave(1)


@acting
def resolve(
    account: str,
    act: Act,
    reason: Annotated[str, typer.Option(help="Why it may go on; recorded with the decision.")],
) -> None:
    """Sign that what differs is accepted, and unlock; a risk reviewer who did not submit."""
    from counterseal.desk.discrepancies import (  # noqa: PLC0415 - looking loads no desk
        KIND,
        resolution_statement,
    )

    told, books = words(reason), act.desk.account_reconciling
    terms = books.terms(account, act.actor, reason=told)
    if isinstance(terms, Refusal):
        refused(terms, as_json=act.as_json)
    notice(f"signing: what run {terms.run_id} found of {account} is accepted: {told}")
    signature = act.sign(KIND, resolution_statement(terms))
    act.settled(books.resolve(terms, signature, act.actor, key=act.key), what="unlocked")


def _lines(made: "ReconciliationRun") -> list[str]:
    rows = [
        (d.severity.value, d.kind.value, d.account_id or "every account", d.subject, d.got)
        for d in made.differences
    ]
    compared = f"{made.orders} orders, {made.reports} reports, {made.fills} fills"
    return [
        f"run       {made.run_id}",
        f"compared  {compared}, {made.accounts} accounts",
        f"found     {made.critical} critical, {made.warnings} warnings",
        *(table(rows, "SEVERITY", "KIND", "ACCOUNT", "ROW", "HOLDS") if rows else ()),
    ]


def _service(starter: Actor) -> Actor:
    """The platform's own worker, in the login of the person who started it."""
    from counterseal.desk.services import SERVICE_ISSUER  # noqa: PLC0415 - looking loads no desk

    session = IDS.new("ses", "deliver", CLOCK.now())
    return starter.amended(
        id="deliver", issuer=SERVICE_ISSUER, amr=("service",), acr="none", session=session
    )
