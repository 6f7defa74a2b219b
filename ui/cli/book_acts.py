"""`counterseal portfolio settle | reverse`: what an operator books beside fills."""

from typing import Annotated

import typer

from ui.cli.acting import Act, acting
from ui.cli.order_changes import words
from ui.cli.session import decimal_of


@acting
def settle(
    symbol: Annotated[str, typer.Argument(help="The future, such as TMF202601.")],
    act: Act,
    account: Annotated[str, typer.Option()],
    price: Annotated[str, typer.Option(help="Settlement price, in points.")],
    trading_day: Annotated[str, typer.Option(help="Day that it settles, YYYY-MM-DD.")],
    source: Annotated[str, typer.Option(help="Where the price comes from; recorded.")],
    final: Annotated[
        bool, typer.Option("--final", help="Ends the contract; on its last trading day only.")
    ] = False,
) -> None:
    """Settle a position in a future to a price, once for each trading day."""
    from counterseal.portfolio.settlement import (  # noqa: PLC0415 - looking loads no books
        SettlementKind,
        SettlementPrice,
    )

    told = SettlementPrice(
        symbol=symbol,
        kind=SettlementKind.FINAL if final else SettlementKind.DAILY,
        price=decimal_of(price, "--price"),
        source=source,
        trading_day=trading_day,
    )
    done = act.desk.bookkeeping.settle(account, told, act.actor, key=act.key)
    act.settled(done, what="settled")


@acting
def reverse(
    fill: Annotated[str, typer.Argument(help="As `orders show` lists it.")],
    act: Act,
    reason: Annotated[str, typer.Option(help="Why it is taken back; recorded.")],
) -> None:
    """Take a fill back by new entries; a correction is this and then a new fill."""
    told = words(reason)
    done = act.desk.bookkeeping.reverse(fill, act.actor, reason=told, key=act.key)
    act.settled(done, what="reversed")
