"""`counterseal approvals`: list, show, request, review, withdraw."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, NamedTuple

import typer

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestPayload
from counterseal.approvals.review_checks import SignedReview
from counterseal.desk.approvals import load_case
from counterseal.desk.desk import Desk
from counterseal.identity.people import Person
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.market.instruments import contract_root
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import Leg, OrderType, Side, TimeInForce, exposure, side_of
from counterseal.signals.model import Direction, SignalRecord
from storage.homes import read_home
from storage.settings import Settings
from ui.cli.options import ActingAs, AsJson, Home, Key, PassphraseFile
from ui.cli.render import answer, notice, refused, reject, settled, table
from ui.cli.session import CLOCK, command_key, decimal_of, desk_at, logged_in, settings_for

app = typer.Typer(no_args_is_help=True)


class _Asked(NamedTuple):
    symbol: str
    quantity: Decimal
    price: Decimal
    price_min: Decimal | None
    price_max: Decimal | None


@app.command("list")
def list_requests(home: Home = None, as_json: AsJson = False) -> None:
    """Every request and what it waits for."""
    with read_home(settings_for(home)) as reader:
        requests = reader.find(ApprovalRequest)
    rows = [
        (
            r.approval_request_id,
            r.status.value,
            None if r.next_stage is None else r.next_stage.value,
            r.payload.side.value,
            r.payload.max_quantity,
            r.payload.symbol,
            r.requester_id,
        )
        for r in requests
    ]
    heads = ("REQUEST", "STATUS", "NEXT", "SIDE", "MAX", "SYMBOL", "REQUESTER")
    answer({"requests": [r.json_value() for r in requests]}, table(rows, *heads), as_json=as_json)


@app.command()
def show(request: str, home: Home = None, as_json: AsJson = False) -> None:
    """One request with its decisions: what a reviewer is shown."""
    with read_home(settings_for(home)) as reader:
        case = load_case(reader, request)
    if isinstance(case, Refusal):
        refused(case, as_json=as_json)
    value: dict[str, Json] = {
        "request": case[0].json_value(),
        "decisions": [d.json_value() for d in case[1]],
        "shown_hash": _shown_hash(*case),
    }
    answer(value, _lines(*case), as_json=as_json)


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
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    taken, person = _taken(settings, signal, actor.id)
    desk = desk_at(settings)
    asked = _Asked(
        symbol=symbol,
        quantity=decimal_of(quantity, "--quantity"),
        price=decimal_of(price, "--price"),
        price_min=None if price_min is None else decimal_of(price_min, "--price-min"),
        price_max=None if price_max is None else decimal_of(price_max, "--price-max"),
    )
    payload = _payload(desk, taken, person, asked).amended(
        account_id=account,
        request_reason=reason,
        author_ids=tuple(author),
        order_type=order_type,
        time_in_force=time_in_force,
    )
    outcome = desk.approvals.request(payload, actor, key=command_key(key))
    settled(outcome, as_json=as_json, what="requested")


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
    with read_home(settings) as reader:
        case = load_case(reader, request)
    if isinstance(case, Refusal):
        refused(case, as_json=as_json)
    for line in _lines(*case):
        notice(line)
    actor, opened = logged_in(settings, acting_as, passphrase_file)
    approvals, base = desk_at(settings).approvals, command_key(key)
    preparation = approvals.prepare(
        request, decision, reason, actor, shown_hash=_shown_hash(*case), key=f"{base}:prepare"
    )
    if preparation.prepared is None:
        if preparation.refusal is None:
            reject("NOT_FOUND", "the statement is gone", field="request", got=request)
        refused(preparation.refusal, as_json=as_json)
    prepared = preparation.prepared
    notice(f"signing: {prepared.statement.meaning.value} as {actor.id}")
    signed = SignedReview(
        decision=decision,
        reason=prepared.reason,
        comment_salt=prepared.comment_salt,
        signature=opened.sign("decision", prepared.statement.json_value()),
    )
    outcome = approvals.review(request, signed, actor, key=base)
    settled(outcome, as_json=as_json, what=decision.value)


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
    settled(outcome, as_json=as_json, what="withdrawn")


def _shown_hash(request: ApprovalRequest, decisions: tuple[ApprovalDecision, ...]) -> str:
    return digest(
        {"request": request.json_value(), "decisions": [d.json_value() for d in decisions]}
    )


def _lines(request: ApprovalRequest, decisions: tuple[ApprovalDecision, ...]) -> list[str]:
    bound = request.payload
    head = [
        f"request     {request.approval_request_id} ({request.status.value})",
        f"asks        {bound.side.value} up to {bound.max_quantity} {bound.symbol}, paper only",
        f"exposure    {bound.tx_equivalent} TX-equivalent, {bound.notional} {bound.currency}",
        f"signal      {bound.signal_id} of {bound.strategy_id} {bound.strategy_version}",
        f"requester   {request.requester_id}: {bound.request_reason}",
        f"hash        {request.request_hash}",
    ]
    done = [f"decision {d.sequence}  {d.decision.value} by {d.reviewer_id}" for d in decisions]
    return [*head, *done]


def _size(desk: Desk, symbol: str, quantity: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
    spec = desk.bench.contracts.spec(contract_root(symbol))
    if spec is None:
        raise InputError("SYMBOL_UNKNOWN", "no contract terms", field="--symbol", got=symbol)
    return exposure(quantity, spec.tx_equivalent), exposure(quantity, price * spec.multiplier)


def _taken(settings: Settings, signal: str, person_id: str) -> tuple[SignalRecord, Person]:
    with read_home(settings) as reader:
        taken, person = reader.get(SignalRecord, signal), reader.get(Person, person_id)
    if taken is None or person is None:
        reject("NOT_FOUND", "no such signal", field="signal", got=signal)
    return taken, person


def _payload(desk: Desk, taken: SignalRecord, person: Person, asked: _Asked) -> RequestPayload:
    """What the signal, the contract and the policy say; the rest is amended by the caller."""
    side = Side.BUY if taken.direction is Direction.FLAT else side_of(taken.direction)
    exposed, notional = _size(desk, asked.symbol, asked.quantity, asked.price)
    bundle = desk.bench.bundle
    rules = bundle.approval
    return RequestPayload(
        tenant=person.tenant,
        account_id="unstated",
        requester_id=person.person_id,
        request_reason="unstated",
        author_ids=("unstated",),
        signal_expires_at=taken.timestamp + timedelta(seconds=rules.signal_age_max_seconds),
        symbol=asked.symbol,
        legs=(Leg(symbol=asked.symbol, side=side, ratio=1),),
        side=side,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        max_quantity=asked.quantity,
        price_min=asked.price_min,
        price_max=asked.price_max,
        tx_equivalent=exposed,
        notional=notional,
        currency=desk.bench.contracts.currency,
        review_ttl_seconds=rules.review_ttl_seconds,
        execution_validity_seconds=rules.execution_validity_seconds,
        evidence_pack_hash=taken.payload_digest,
        policy_bundle_hash=bundle.bundle_hash,
        created_at=CLOCK.now(),
        **_of_signal(taken),  # type: ignore[arg-type]  # fields of one name have one type
    )


def _of_signal(taken: SignalRecord) -> dict[str, object]:
    names = (
        *("signal_id", "strategy_id", "strategy_version", "direction", "target_tx_equivalent"),
        *("confidence", "stop_distance_points", "data_version", "code_version", "parameters_hash"),
    )
    return {name: getattr(taken, name) for name in names}
