"""`counterseal orders mandate | mandates | end-mandate`: what may be submitted unattended."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from counterseal.kernel.model import Refusal
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home
from ui.cli.order_changes import optional
from ui.cli.render import answer, notice, refused, table
from ui.cli.session import CLOCK, decimal_of, settings_for


@acting
def mandate(
    act: Act,
    account: Annotated[str, typer.Option()],
    strategy: Annotated[list[str], typer.Option(help="May repeat.")],
    orders: Annotated[int, typer.Option(help="Most orders under it.")],
    max_exposure: Annotated[str, typer.Option(help="TX-equivalent of one order.")],
    until: Annotated[datetime, typer.Option(help="End, UTC.")],
    protection_points: Annotated[
        str | None, typer.Option(help="Of its MWP orders; none are submitted without.")
    ] = None,
) -> None:
    """Let approved requests be submitted in your name: see the bounds, then sign them."""
    from counterseal.desk.mandates import MandateAsked  # noqa: PLC0415 - looking loads no desk
    from counterseal.identity.mandate import KIND, mandate_statement  # noqa: PLC0415 - the same

    asked = MandateAsked(
        account_id=account,
        strategies=tuple(strategy),
        orders_max=orders,
        tx_equivalent_max=decimal_of(max_exposure, "--max-exposure"),
        protection_points=optional(protection_points, "--protection-points"),
        valid_until=until.replace(tzinfo=UTC),
    )
    mandates, actor = act.desk.mandates, act.actor
    drafted = mandates.draft(asked, actor, CLOCK.now(), key=act.key)
    if isinstance(drafted, Refusal):
        refused(drafted, as_json=act.as_json)
    notice(
        f"signing: {actor.id} has up to {orders} orders of {', '.join(strategy)} submitted for"
        f" {account}, each of at most {max_exposure} TX-equivalents, until {until}"
    )
    signature = act.sign(KIND, {**mandate_statement(drafted)})
    signed = drafted.amended(signature=signature)
    act.settled(mandates.issue(signed, actor, key=act.key), what="mandated")


def list_mandates(home: Home = None, as_json: AsJson = False) -> None:
    """Every mandate, newest first, and how much of it is used."""
    from counterseal.identity.mandate import SubmitMandate  # noqa: PLC0415 - only this list

    with read_home(settings_for(home)) as reader:
        found = sorted(reader.find(SubmitMandate), key=lambda m: m.issued_at, reverse=True)
    rows = [
        (
            *(m.mandate_id, m.status.value, m.person_id, m.account_id, ",".join(m.strategies)),
            *(f"{m.orders_used}/{m.orders_max}", m.tx_equivalent_max),
            *(m.protection_points or "-", m.valid_until),
        )
        for m in found
    ]
    heads = ("MANDATE", "STATUS", "OPERATOR", "ACCOUNT", "STRATEGIES", "USED", "TX_EQ", "POINTS")
    lines = table(rows, *heads, "UNTIL")
    answer({"mandates": [m.json_value() for m in found]}, lines, as_json=as_json)


@acting
def end_mandate(mandate: str, act: Act) -> None:
    """End a mandate at once; any operator may."""
    act.settled(act.desk.mandates.revoke(mandate, act.actor, key=act.key), what="ended")
