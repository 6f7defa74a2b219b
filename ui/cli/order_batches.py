"""`counterseal orders submit-batch`: many approvals, one commit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.signals.text_rows import LineError
from ui.cli.acting import Act, acting
from ui.cli.render import answer, leave, notice, reject, table
from ui.cli.session import CLOCK, content_of, desk_at, text_of
from ui.cli.text_layout import Layout, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from counterseal.desk.commands import Outcome
    from counterseal.desk.order_batches import KeyedSubmission
    from counterseal.kernel.canonical import Json
    from counterseal.market.ports import MarketFeed
    from storage.settings import Settings

Quotes = Annotated[
    list[Path] | None,
    typer.Option("--quote", help="JSON file of a symbol's quote; once for each symbol."),
]


@acting
def submit_batch(
    file: Annotated[
        str,
        typer.Argument(
            help="JSON, JSON Lines or CSV of approval_request_id, quantity and what else a submit"
            " takes; - for standard input."
        ),
    ],
    act: Act,
    layout: Layout = None,
    quote: Quotes = None,
) -> None:
    """Submit many approved requests: committed and sealed together, each judged for itself.

    With any broken row nothing is submitted. Exit status 0 when all were accepted, 1 when any was
    refused: the others stand. The same file with the same --key does what a crash left undone.
    """
    from counterseal.desk.order_lines import parse_orders  # noqa: PLC0415 - looking loads no desk

    text = text_of(content_of(file), file)
    parsed = parse_orders(text, layout_of(file, layout), key=act.key)
    if parsed.errors:
        _broken(parsed.errors, as_json=act.as_json)
    if not parsed.batch:
        reject("NO_ORDERS", "there is no order in it", field="FILE", got=file)
    actor, feed = act.actor, _feed(act.settings, parsed.batch, quote or [])
    batches = desk_at(act.settings, feed).order_batches
    _report(parsed.batch, batches.submit(parsed.batch, actor), as_json=act.as_json)


def _broken(errors: "Iterable[LineError]", *, as_json: bool) -> None:
    for error in errors:
        notice(f"line {error.line}: {error.code} {error.field}: {error.message}")
    told: list[Json] = [error.json_value() for error in errors]
    answer({"ok": False, "outcomes": [], "errors": told}, [], as_json=as_json)
    leave(2)


def _feed(
    settings: "Settings", batch: "Sequence[KeyedSubmission]", files: list[Path]
) -> "MarketFeed":
    """The files' quotes; one that names no symbol is of the only symbol that the batch has.

    Without files, the feed of the home.
    """
    from counterseal.approvals.model import ApprovalRequest  # noqa: PLC0415 - only here
    from storage.home_reader import read_home  # noqa: PLC0415 - the same
    from storage.quote_file import home_feed  # noqa: PLC0415 - the same
    from ui.cli.quotes import GivenQuotes, quote_from  # noqa: PLC0415 - the same

    requests = tuple(one.asked.approval_request_id for one in batch)
    with read_home(settings) as reader:
        cases = reader.find(ApprovalRequest, approval_request_id=requests)
    symbols = {case.payload.symbol for case in cases}
    only = symbols.pop() if len(symbols) == 1 else "unknown"
    if not files:
        return home_feed(settings)
    return GivenQuotes(*(quote_from(path, only, CLOCK.now()) for path in files))


def _report(
    batch: "Sequence[KeyedSubmission]", outcomes: "Sequence[Outcome]", *, as_json: bool
) -> None:
    told = list(zip(batch, outcomes, strict=True))
    refused = sum(1 for outcome in outcomes if not outcome.accepted)
    rows = [(one.asked.approval_request_id, done.subject_id, _word(done)) for one, done in told]
    value: dict[str, Json] = {
        "ok": not refused,
        "outcomes": [
            {
                "approval_request_id": one.asked.approval_request_id,
                "key": one.key,
                **done.json_value(),
            }
            for one, done in told
        ],
        "errors": [],
    }
    answer(value, table(rows, "REQUEST", "ORDER", "OUTCOME"), as_json=as_json)
    if refused:
        notice(f"refused: {refused} of {len(outcomes)} orders")
        leave(1)


def _word(done: "Outcome") -> str:
    return "submitted" if done.refusal is None else ",".join(done.refusal.codes)
