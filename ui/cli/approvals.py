"""`counterseal approvals`: list, show, status, verify, request, review, withdraw, revoke."""

from typing import Annotated, NoReturn

import typer

from counterseal.approvals.draft import RequestTerms
from counterseal.approvals.review_checks import SignedReview
from counterseal.audit.verdict import Outcome as LogOutcome
from counterseal.audit.verify import verify_log
from counterseal.desk.installation import PolicyActivation
from counterseal.desk.views.approvals import (
    RequestDetail,
    approval_status,
    queue,
    request_detail,
)
from counterseal.desk.views.history import RecordFacts, verify_cases
from counterseal.desk.views.marks import QUEUE_LIMIT
from counterseal.kernel.errors import PolicyError
from counterseal.kernel.model import Refusal
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import OrderType, TimeInForce
from storage.home_reader import HomeReader, read_home
from storage.policy_files import bundle_from
from storage.settings import Settings
from ui.cli.acknowledged import settled
from ui.cli.options import ActingAs, AsJson, Home, Key, PassphraseFile
from ui.cli.render import answer, leave, notice, refused, reject, table
from ui.cli.session import CLOCK, command_key, decimal_of, desk_at, logged_in, settings_for

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_requests(
    limit: Annotated[int, typer.Option(help="Newest requests, 1 to 200.")] = QUEUE_LIMIT,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The newest requests and what each waits for."""
    with read_home(settings_for(home)) as reader:
        view = queue(reader, _bundle(reader).approval, CLOCK.now(), limit)
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
    detail = _detail(settings, request, as_json=as_json)
    value = detail.json_value()
    history = value.pop("history")
    told = history if isinstance(history, dict) else {}
    answer({**value, **told}, _lines(detail), as_json=as_json)


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """What this approval service is, as probed, and how many requests stand where."""
    with read_home(settings_for(home)) as reader:
        bundle = _bundle(reader)
        view = approval_status(reader, bundle.approval, _facts(reader, bundle))
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
        view = verify_cases(reader, _bundle(reader))
    rows = [(f.approval_request_id, f.first_bad, f.problem) for f in view.forged]
    lines = [
        f"state    {view.state.value} ({view.label})",
        f"checked  {view.cases_checked} cases, {view.decisions_checked} decisions",
        *(table(rows, "REQUEST", "FIRST BAD", "PROBLEM") if rows else ()),
    ]
    answer({"cases": view.json_value()}, lines, as_json=as_json)
    leave({"verified": 0, "broken": 1}.get(view.state.value, 3))


@app.command()
def request(
    signal: str,
    acting_as: ActingAs,
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
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask for approval of a paper order that a signal suggests."""
    settings = settings_for(home)
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
    )
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    intake = desk_at(settings).intake
    outcome = intake.request(signal, terms, actor, now=CLOCK.now(), key=command_key(key))
    settled(settings, outcome, as_json=as_json, what="requested")


@app.command()
def review(
    request: str,
    acting_as: ActingAs,
    decision: Annotated[DecisionWord, typer.Option()],
    reason: Annotated[str, typer.Option()],
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Review a request: see it, then sign the statement with your own key."""
    settings = settings_for(home)
    detail = _detail(settings, request, as_json=as_json)
    for line in _lines(detail):
        notice(line)
    actor, opened = logged_in(settings, acting_as, passphrase_file)
    approvals, base = desk_at(settings).approvals, command_key(key)
    preparation = approvals.prepare(
        request, decision, reason, actor, shown_hash=detail.shown_hash, key=f"{base}:prepare"
    )
    prepared = preparation.prepared
    if prepared is None:
        _not_prepared(request, preparation.refusal, as_json=as_json)
    notice(f"signing: {prepared.statement.meaning.value} as {actor.id}")
    signed = SignedReview(
        decision=decision,
        reason=prepared.reason,
        comment_salt=prepared.comment_salt,
        signature=opened.sign("decision", prepared.statement.json_value()),
    )
    outcome = approvals.review(request, signed, actor, key=base)
    settled(settings, outcome, as_json=as_json, what=decision.value)


@app.command()
def withdraw(
    request: str,
    acting_as: ActingAs,
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take an own request back."""
    settings = settings_for(home)
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    outcome = desk_at(settings).approvals.withdraw(request, actor, key=command_key(key))
    settled(settings, outcome, as_json=as_json, what="withdrawn")


@app.command()
def revoke(
    request: str,
    acting_as: ActingAs,
    reason: Annotated[str, typer.Option()],
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take an approval back before it is used: see it, then sign with your own key."""
    from counterseal.desk.revocations import SignedRevocation  # noqa: PLC0415 - only revoking

    settings = settings_for(home)
    for line in _lines(_detail(settings, request, as_json=as_json)):
        notice(line)
    actor, opened = logged_in(settings, acting_as, passphrase_file)
    revocations, base = desk_at(settings).revocations, command_key(key)
    preparation = revocations.prepare(request, reason, actor, key=f"{base}:prepare")
    prepared = preparation.prepared
    if prepared is None:
        _not_prepared(request, preparation.refusal, as_json=as_json)
    notice(f"signing: {prepared.statement.meaning.value} as {actor.id}")
    signed = SignedRevocation(
        reason=prepared.reason,
        comment_salt=prepared.comment_salt,
        signature=opened.sign("revoke", prepared.statement.json_value()),
    )
    outcome = revocations.revoke(request, signed, actor, key=base)
    settled(settings, outcome, as_json=as_json, what="revoked")


def _bundle(reader: HomeReader) -> PolicyBundle:
    """The policy in force, from the bytes that were activated.

    Raises:
        PolicyError: `POLICY_MISSING`.
    """
    activations = reader.find(PolicyActivation)
    active = max(activations, key=lambda a: a.effective_from, default=None)
    if active is None:
        raise PolicyError("POLICY_MISSING", "no policy was activated in this home")
    files = {file.path: file.text.encode() for file in active.files}
    return bundle_from(files, active.version, active.effective_from)


def _facts(reader: HomeReader, bundle: PolicyBundle) -> RecordFacts:
    """How records are kept here, probed now."""
    verdict = verify_log(reader.records(), reader.checkpoints())
    return RecordFacts(
        append_only=not reader.missing_guards(),
        hash_chained=verdict.outcome is not LogOutcome.TAMPERED,
        signed=verify_cases(reader, bundle).signed,
        write_once=False,
        identity_provider=False,
    )


def _detail(settings: Settings, request: str, *, as_json: bool) -> RequestDetail:
    """The case as shown; leaves with status 1 when there is none."""
    with read_home(settings) as reader:
        bundle = _bundle(reader)
        facts = _facts(reader, bundle)
        found = request_detail(reader, request, bundle, facts, CLOCK.now())
    if isinstance(found, Refusal):
        refused(found, as_json=as_json)
    return found


def _not_prepared(request: str, refusal: Refusal | None, *, as_json: bool) -> NoReturn:
    """Leaves without anything to sign; with status 1 when that was refused."""
    if refusal is None:
        reject("NOT_FOUND", "the statement is gone", field="request", got=request)
    refused(refusal, as_json=as_json)


def _lines(detail: RequestDetail) -> list[str]:
    history = detail.history
    request, bound = history.request, history.request.payload
    standing = f"{request.status.value}{', expired' if detail.expired else ''}"
    head = [
        f"request     {request.approval_request_id} ({standing})",
        f"verdict     {history.verdict.value}: {history.message}",
        f"asks        {bound.side.value} up to {bound.max_quantity} {bound.symbol}, paper only",
        f"exposure    {bound.tx_equivalent} TX-equivalent, {bound.notional} {bound.currency}",
        f"signal      {bound.signal_id} of {bound.strategy_id} {bound.strategy_version}",
        f"requester   {request.requester_id}: {bound.request_reason}",
        f"hash        {request.request_hash}",
        f"records     {history.record_policy}",
    ]
    done = [
        f"decision {d.sequence}  {d.decision.value} by {d.reviewer_id} as {d.reviewer_role.value}"
        for d in history.decisions
    ]
    return [*head, *done]
