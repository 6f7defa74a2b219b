"""`counterseal portfolio open-account`."""

from typing import Annotated

import typer

from ui.cli.acting import Act, acting
from ui.cli.render import reject
from ui.cli.session import decimal_of


@acting
def open_account(
    account: Annotated[str, typer.Argument(help="Its id, new in this home.")],
    act: Act,
    cash: Annotated[str, typer.Option(help="Opening cash in TWD; simulated.")],
    group: Annotated[str, typer.Option(help="Whose positions count beside it.")] = "main",
) -> None:
    """Open a simulated account in the own tenant, in a group whose limit it shares."""
    from counterseal.identity.people import Person  # noqa: PLC0415 - only acting needs it
    from counterseal.kernel.money import Currency  # noqa: PLC0415 - the same
    from storage.home_reader import read_home  # noqa: PLC0415 - the same

    amount = decimal_of(cash, "--cash")
    if amount < 0:
        reject("BAD_NUMBER", "opening cash is zero or more", field="--cash", got=cash)
    with read_home(act.settings) as reader:
        person = reader.get(Person, act.actor.id)
    tenant = "none" if person is None else person.tenant
    opened = act.desk.setup.open_account(
        account, tenant, Currency.TWD, amount, act.actor, key=act.key, group=group
    )
    act.settled(opened, what="opened")
