"""`counterseal approvals`: list, show, status, verify, request, review, withdraw, revoke.

Several at once, by one signature: `review-many` (bulk).
Deciding with a key on one's own machine: `statement` and `decide` (own_keys).
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from counterseal.approvals.draft import RequestTerms
from counterseal.approvals.routing import Preferred
from counterseal.desk.views.approvals import approval_status, queue
from counterseal.desk.views.history import verify_cases
from counterseal.desk.views.marks import QUEUE_LIMIT
from counterseal.policy.words import DecisionWord, Stage
from counterseal.signals.intent import OrderType, TimeInForce
from storage.home_reader import read_home
from ui.cli import amending, bulk, case_questions, delegations, own_keys, signature_export
from ui.cli.acting import Act, acting
from ui.cli.cases import (
    SHOWN_EXACTLY,
    active_bundle,
    case_detail,
    case_lines,
    not_prepared,
    record_facts,
    show_bytes,
    show_case,
    shown_mark,
    thread_lines,
    thread_of,
)
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, leave, notice, reject, table
from ui.cli.session import CLOCK, decimal_of, settings_for

app = typer.Typer(no_args_is_help=True)
app.command()(case_questions.why)
app.command()(case_questions.reviewers)
app.command("review-many")(bulk.review_many)
app.command()(own_keys.statement)
app.command()(own_keys.decide)
app.command()(signature_export.signatures)
app.command()(amending.amend)
app.command()(amending.reopen)
app.command()(amending.comment)
app.command()(amending.thread)
app.command()(amending.sweep)
app.command()(delegations.delegate)
app.command("delegations")(delegations.list_delegations)
app.command()(delegations.end_delegation)


@app.command("list")
def list_requests(
    limit: Annotated[int, typer.Option(help="Newest requests, 1 to 200.")] = QUEUE_LIMIT,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The newest requests and what each waits for."""
    with read_home(settings_for(home)) as reader:
        view = queue(reader, active_bundle(reader).approval, CLOCK.now(), limit)
    rows = [
        (
            e.approval_request_id,
            "expired" if e.expired else e.status.value,
            None if e.next_stage is None else e.next_stage.value,
            e.side.value,
            e.max_quantity,
            e.symbol,
            e.requester_id,
        )
        for e in view.entries
    ]
    heads = ("REQUEST", "STATUS", "NEXT", "SIDE", "MAX", "SYMBOL", "REQUESTER")
    counts = f"{view.label}: {view.total} requests, {view.pending} to decide"
    value = view.json_value()
    requests = value.pop("entries")
    answer({**value, "requests": requests}, [*table(rows, *heads), counts], as_json=as_json)


@app.command()
def show(request: str, home: Home = None, as_json: AsJson = False) -> None:
    """One request with its decisions, rechecked: what a reviewer is shown."""
    settings = settings_for(home)
    detail = case_detail(settings, request, as_json=as_json)
    value = detail.json_value()
    history = value.pop("history")
    told = history if isinstance(history, dict) else {}
    around = thread_of(settings, request, as_json=as_json)
    lines = [*case_lines(detail), *thread_lines(around)]
    answer({**value, **told, "thread": around.json_value()}, lines, as_json=as_json)


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """What this approval service is, as probed, and how many requests stand where."""
    with read_home(settings_for(home)) as reader:
        bundle = active_bundle(reader)
        view = approval_status(reader, bundle.approval, record_facts(reader, bundle))
    lines = [
        f"mode      {view.approval_mode}",
        f"records   {view.record_policy}",
        f"badges    {', '.join(badge.text for badge in view.badges)}",
        *table([(c.status.value, c.count) for c in view.counts], "STATUS", "REQUESTS"),
    ]
    answer({"status": view.json_value()}, lines, as_json=as_json)


@app.command()
def verify(home: Home = None, as_json: AsJson = False) -> None:
    """Recheck every case from its signed decisions.

    Exit status 0 verified, 1 a case is forged, 3 nothing to verify.
    """
    with read_home(settings_for(home)) as reader:
        view = verify_cases(reader, active_bundle(reader))
    rows = [(f.approval_request_id, f.first_bad, f.problem) for f in view.forged]
    lines = [
        f"state    {view.state.value} ({view.label})",
        f"checked  {view.cases_checked} cases, {view.decisions_checked} decisions",
        *(table(rows, "REQUEST", "FIRST BAD", "PROBLEM") if rows else ()),
    ]
    answer({"cases": view.json_value()}, lines, as_json=as_json)
    leave({"verified": 0, "broken": 1}.get(view.state.value, 3))


@app.command()
@acting
def request(
    signal: str,
    act: Act,
    account: Annotated[str, typer.Option()],
    symbol: Annotated[str, typer.Option()],
    quantity: Annotated[str, typer.Option(help="Most contracts that may be ordered.")],
    price: Annotated[str, typer.Option(help="Price in points that the notional is stated at.")],
    reason: Annotated[str, typer.Option()],
    author: Annotated[list[str], typer.Option(help="Authors of the strategy; may repeat.")],
    order_type: Annotated[OrderType, typer.Option()] = OrderType.MARKET,
    time_in_force: Annotated[TimeInForce, typer.Option()] = TimeInForce.DAY,
    price_min: Annotated[str | None, typer.Option()] = None,
    price_max: Annotated[str | None, typer.Option()] = None,
    uses: Annotated[int, typer.Option(help="Orders it may serve for, each up to --quantity.")] = 1,
    answers: Annotated[str | None, typer.Option(help="Own request that needed data.")] = None,
    good_till: Annotated[datetime | None, typer.Option(help="End of a GTD order, UTC.")] = None,
    route: Annotated[
        list[str] | None, typer.Option(metavar="STAGE=PERSON", help="Whom to tell first.")
    ] = None,
) -> None:
    """Ask for approval of a paper order that a signal suggests."""
    terms = RequestTerms(
        account_id=account,
        symbol=symbol,
        max_quantity=decimal_of(quantity, "--quantity"),
        price=decimal_of(price, "--price"),
        price_min=None if price_min is None else decimal_of(price_min, "--price-min"),
        price_max=None if price_max is None else decimal_of(price_max, "--price-max"),
        order_type=order_type,
        time_in_force=time_in_force,
        request_reason=reason,
        author_ids=tuple(author),
        uses_max=uses,
        answers=answers,
        good_till=None if good_till is None else good_till.replace(tzinfo=UTC),
    )
    intake = act.desk.intake
    wishes = tuple(_wish(text) for text in route or ())
    outcome = intake.request(signal, terms, act.actor, now=CLOCK.now(), key=act.key, wishes=wishes)
    act.settled(outcome, what="requested")


def _wish(text: str) -> Preferred:
    stage, _, person = text.partition("=")
    if stage not in set(Stage) or not person:
        reject("BAD_ROUTE", "expected STAGE=PERSON", field="--route", got=text)
    return Preferred(stage=Stage(stage), person_id=person)


@app.command()
@acting
def review(
    request: str,
    act: Act,
    decision: Annotated[DecisionWord, typer.Option()],
    reason: Annotated[str, typer.Option()],
    grant: Annotated[str | None, typer.Option(help="Delegation that you act under.")] = None,
) -> None:
    """Review a request: see it, then sign the statement with your own key."""
    detail = show_case(act.settings, request, as_json=act.as_json)
    approvals, actor, base = act.desk.approvals, act.actor, act.key
    preparation = approvals.prepare(
        request,
        decision,
        reason,
        actor,
        shown_hash=detail.shown_hash,
        opened=SHOWN_EXACTLY,
        key=f"{base}:prepare",
        grant_id=grant,
    )
    prepared = preparation.prepared
    if prepared is None:
        not_prepared(request, preparation.refusal, as_json=act.as_json)
    show_bytes(prepared)
    mark = shown_mark(detail.shown_hash)
    notice(f"signing: {prepared.statement.meaning.value} as {actor.id}, shown {mark}")
    signed = prepared.signed(act.sign("decision", prepared.statement.json_value()))
    act.settled(approvals.review(request, signed, actor, key=base), what=decision.value)


@app.command()
@acting
def withdraw(request: str, act: Act) -> None:
    """Take an own request back."""
    act.settled(act.desk.approvals.withdraw(request, act.actor, key=act.key), what="withdrawn")


@app.command()
@acting
def revoke(request: str, act: Act, reason: Annotated[str, typer.Option()]) -> None:
    """Take an approval back before it is used: see it, then sign with your own key."""
    for line in case_lines(case_detail(act.settings, request, as_json=act.as_json)):
        notice(line)
    revocations, actor, base = act.desk.revocations, act.actor, act.key
    preparation = revocations.prepare(request, reason, actor, key=f"{base}:prepare")
    prepared = preparation.prepared
    if prepared is None:
        not_prepared(request, preparation.refusal, as_json=act.as_json)
    notice(f"signing: {prepared.statement.meaning.value} as {actor.id}")
    signed = prepared.signed(act.sign("revoke", prepared.statement.json_value()))
    act.settled(revocations.revoke(request, signed, actor, key=base), what="revoked")
