"""`counterseal orders replace`, `reconcile`, `outbox`, `replay-letter`."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer

from counterseal.desk.views.reliability import outbox_rows
from counterseal.oms.model import Order, OutboxStatus
from counterseal.oms.states import OrderState
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home, QuoteFile
from ui.cli.quotes import feed_from
from ui.cli.render import answer, reject, table
from ui.cli.session import CLOCK, decimal_of, desk_at, settings_for

GoodTill = Annotated[datetime | None, typer.Option(help="End of a GTD order, UTC.")]


@acting
def replace(
    order: str,
    act: Act,
    reason: Annotated[str, typer.Option(help="Why; recorded with the replace.")],
    quantity: Annotated[str | None, typer.Option(help="New whole quantity.")] = None,
    limit_price: Annotated[str | None, typer.Option()] = None,
    stop_price: Annotated[str | None, typer.Option()] = None,
    good_till: GoodTill = None,
    cl_ord_id: Annotated[str | None, typer.Option(help="Own ClOrdID of the request.")] = None,
    quote: QuoteFile = None,
) -> None:
    """Change a working order inside its approval; risk judges it again."""
    from counterseal.desk.replacing import Replacement  # noqa: PLC0415 - looking loads no desk

    asked = Replacement(
        order_id=order,
        quantity=optional(quantity, "--quantity"),
        limit_price=optional(limit_price, "--limit-price"),
        stop_price=optional(stop_price, "--stop-price"),
        good_till=utc(good_till),
        cl_ord_id=cl_ord_id,
    )
    with read_home(act.settings) as reader:
        found = reader.get(Order, order)
    symbol = "unknown" if found is None else found.symbol
    feed = feed_from(quote, symbol, CLOCK.now(), act.settings)
    told, actor = words(reason), act.actor
    replacing = desk_at(act.settings, feed).replacing
    act.settled(replacing.replace(asked, actor, reason=told, key=act.key), what="replaced")


@acting
def reconcile(
    order: str,
    act: Act,
    state: Annotated[OrderState, typer.Option(help="What was found out.")],
    reason: Annotated[str, typer.Option(help="How it was found out; recorded.")],
) -> None:
    """Record the state of an order whose outcome was unknown."""
    told = words(reason)
    done = act.desk.reconciling.state(order, state, act.actor, reason=told, key=act.key)
    act.settled(done, what="reconciled")


def outbox(
    status: Annotated[OutboxStatus | None, typer.Option(help="This status only.")] = None,
    limit: Annotated[int, typer.Option(help="Newest first, 1 to 500.")] = 100,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Messages to the paper broker; a failed one is a dead letter."""
    with read_home(settings_for(home)) as reader:
        found = outbox_rows(reader, status, limit)
    rows = [
        (row.outbox_id, row.status.value, row.attempts, row.order_id, row.last_error)
        for row in found
    ]
    lines = table(rows, "MESSAGE", "STATUS", "ATTEMPTS", "ORDER", "LAST_ERROR")
    answer({"outbox": [row.json_value() for row in found]}, lines, as_json=as_json)


@acting
def replay_letter(
    message: str,
    act: Act,
    reason: Annotated[str, typer.Option(help="Why it may succeed now; recorded.")],
) -> None:
    """Have a dead letter tried again, under its own ClOrdID."""
    told = words(reason)
    done = act.desk.dead_letters.replay(message, act.actor, reason=told, key=act.key)
    act.settled(done, what="replayed")


def optional(text: str | None, option: str) -> Decimal | None:
    """A number that may be left out."""
    return None if text is None else decimal_of(text, option)


def utc(told: datetime | None) -> datetime | None:
    """An instant as it was typed, in UTC; None when none was."""
    return None if told is None else told.replace(tzinfo=UTC)


def words(told: str) -> str:
    """A reason without the blanks around it; a blank one is refused."""
    kept = told.strip()
    return kept or reject("REASON_MISSING", "a reason is recorded with it", field="--reason")
