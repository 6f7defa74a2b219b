"""`counterseal approvals amend | reopen | comment | thread | sweep`."""

from typing import Annotated

import typer

from counterseal.signals.intent import OrderType, TimeInForce
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.cases import thread_lines, thread_of
from ui.cli.options import ActingAs, AsJson, Home, PassphraseFile
from ui.cli.render import answer, reject, table
from ui.cli.session import CLOCK, decimal_of, desk_at, logged_in, settings_for


@acting
def amend(
    request: str,
    act: Act,
    quantity: Annotated[str | None, typer.Option(help="Needs --price, too.")] = None,
    price: Annotated[str | None, typer.Option(help="In points, for the notional.")] = None,
    price_min: Annotated[str | None, typer.Option()] = None,
    price_max: Annotated[str | None, typer.Option()] = None,
    order_type: Annotated[OrderType | None, typer.Option()] = None,
    time_in_force: Annotated[TimeInForce | None, typer.Option()] = None,
    reason: Annotated[str | None, typer.Option()] = None,
    uses: Annotated[int | None, typer.Option(help="Orders it may serve for.")] = None,
) -> None:
    """Change an own request before it is used; what still stands of its reviews carries over."""
    from counterseal.approvals.draft import AmendedTerms, amended_payload  # noqa: PLC0415 - here
    from counterseal.approvals.model import ApprovalRequest  # noqa: PLC0415 - the same
    from counterseal.market.instruments import contract_root  # noqa: PLC0415 - the same

    terms = AmendedTerms(
        max_quantity=None if quantity is None else decimal_of(quantity, "--quantity"),
        price=None if price is None else decimal_of(price, "--price"),
        price_min=None if price_min is None else decimal_of(price_min, "--price-min"),
        price_max=None if price_max is None else decimal_of(price_max, "--price-max"),
        order_type=order_type,
        time_in_force=time_in_force,
        request_reason=reason,
        uses_max=uses,
    )
    desk, base = act.desk, act.key
    with read_home(act.settings) as reader:
        old = reader.get(ApprovalRequest, request)
    spec = None if old is None else desk.bench.contracts.spec(contract_root(old.payload.symbol))
    if old is None or spec is None:
        reject("NOT_FOUND", "no such approval request", field="request", got=request)
    payload = amended_payload(old.payload, terms, spec)
    act.settled(desk.amendments.amend(request, payload, act.actor, key=base), what="amended")


@acting
def reopen(request: str, act: Act) -> None:
    """Ask anew, under the policy in force, for what an older policy was asked for."""
    act.settled(act.desk.amendments.reopen(request, act.actor, key=act.key), what="reopened")


@acting
def comment(
    request: str,
    act: Act,
    text: Annotated[str, typer.Option(help="1 to 2,000 characters.")],
    reply_to: Annotated[str | None, typer.Option(help="A comment of the same request.")] = None,
) -> None:
    """Say something about a request; nobody signs it and nothing follows from it."""
    comments = act.desk.comments
    outcome = comments.comment(request, text, act.actor, key=act.key, reply_to=reply_to)
    act.settled(outcome, what="commented")


def thread(request: str, home: Home = None, as_json: AsJson = False) -> None:
    """What stands around a request: versions field by field, citations, uses, comments."""
    found = thread_of(settings_for(home), request, as_json=as_json)
    answer({"thread": found.json_value()}, thread_lines(found), as_json=as_json)


def sweep(
    acting_as: ActingAs,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Record every reminder, escalation and expiry that is due."""
    settings = settings_for(home)
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    outcomes = desk_at(settings).waiting.sweep(actor, now=CLOCK.now())
    rows = [(o.subject_id, "recorded" if o.accepted else "refused") for o in outcomes]
    told = [{"subject_id": case, "outcome": what} for case, what in rows]
    answer({"swept": [*told]}, table(rows, "REQUEST", "OUTCOME"), as_json=as_json)
