"""`counterseal approvals delegate | delegations | end-delegation`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.policy.words import Stage
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, notice, refused, table
from ui.cli.session import CLOCK, decimal_of, settings_for


@acting
def delegate(
    delegate: Annotated[str, typer.Argument(help="Who may review in your name.")],
    act: Act,
    stage: Annotated[list[Stage], typer.Option(help="May repeat.")],
    strategy: Annotated[list[str], typer.Option(help="May repeat.")],
    instrument: Annotated[list[str], typer.Option(help="Contract root, such as TX; may repeat.")],
    account: Annotated[list[str], typer.Option(help="May repeat.")],
    max_exposure: Annotated[str, typer.Option(help="TX-equivalent of one request.")],
    max_notional: Annotated[str, typer.Option(help="Of one request, in the currency.")],
    until: Annotated[datetime, typer.Option(help="End, UTC; at most what the policy allows.")],
    reason: Annotated[str, typer.Option()],
    currency: Annotated[Currency, typer.Option()] = Currency.TWD,
) -> None:
    """Let somebody review in your name: see the grant, then sign it with your own key."""
    from counterseal.approvals import delegation  # noqa: PLC0415 - only delegating needs it

    told = (strategy, instrument, account)
    bounds = dict(zip(("strategies", "instruments", "accounts"), map(tuple, told), strict=True))
    scope = delegation.GrantScope(
        **bounds,
        tx_equivalent_max=decimal_of(max_exposure, "--max-exposure"),
        notional_max=decimal_of(max_notional, "--max-notional"),
        currency=currency,
    )
    delegations, actor, base = act.desk.delegations, act.actor, act.key
    now, end = CLOCK.now(), until.replace(tzinfo=UTC)
    drafted = delegations.draft(
        delegate, stage, scope, reason, actor, valid_from=now, valid_until=end, now=now, key=base
    )
    if isinstance(drafted, Refusal):
        refused(drafted, as_json=act.as_json)
    notice(f"signing: {drafted.grant.meaning.value} by {actor.id} to {delegate} until {end}")
    signature = act.sign(delegation.KIND, {**delegation.grant_statement(drafted.grant)})
    signed = drafted.amended(grant=drafted.grant.amended(signature=signature))
    act.settled(delegations.delegate(signed, actor, key=base), what="delegated")


def list_delegations(home: Home = None, as_json: AsJson = False) -> None:
    """Every grant, newest first, and whether it counts now."""
    from counterseal.approvals.delegation import (  # noqa: PLC0415 - only this list needs it
        DelegationGrant,
    )

    with read_home(settings_for(home)) as reader:
        grants = sorted(reader.find(DelegationGrant), key=lambda g: g.issued_at, reverse=True)
    now = CLOCK.now()
    rows = [
        (
            g.grant_id,
            "in force" if g.in_force(now) else "not in force",
            g.delegator,
            g.delegate,
            ",".join(g.stages),
            g.valid_until,
        )
        for g in grants
    ]
    heads = ("GRANT", "STANDING", "DELEGATOR", "DELEGATE", "STAGES", "UNTIL")
    listed = [{**g.json_value(), "in_force": g.in_force(now)} for g in grants]
    answer({"delegations": [*listed]}, table(rows, *heads), as_json=as_json)


@acting
def end_delegation(grant: str, act: Act) -> None:
    """End a grant at once."""
    act.settled(act.desk.delegations.end(grant, act.actor, key=act.key), what="ended")
