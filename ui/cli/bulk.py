"""`counterseal approvals review-many`: several requests, one passphrase, one signature."""

from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.policy.words import DecisionWord
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.render import answer, leave, notice, refused, table
from ui.cli.session import CLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterseal.desk.bulk import BulkItem, PreparedBatch
    from counterseal.kernel.canonical import Json
    from storage.settings import Settings

REFUSED = 1


@acting
def review_many(
    requests: Annotated[list[str], typer.Argument(help="Each is shown before anything is signed.")],
    act: Act,
    decision: Annotated[DecisionWord, typer.Option(help="The one word for all of them.")],
    reason: Annotated[str, typer.Option()],
) -> None:
    """Review several requests in one ceremony: see each, then sign once with your own key.

    It is done in your own name, and each request is judged alone. Exit status 0 when all were
    accepted, 1 when any was refused: the others stand. The same call with the same --key does what
    a crash left undone.
    """
    from counterseal.desk.bulk import SignedBatch  # noqa: PLC0415 - only bulk review
    from ui.cli.cases import SHOWN  # noqa: PLC0415 - the same

    shown = _shown(act.settings, requests)
    bulk, actor, base = act.desk.bulk, act.actor, act.key
    preparation = bulk.prepare_batch(shown, decision, reason, actor, key=base, opened=SHOWN)
    items, prepared = list(preparation.settled), preparation.prepared
    if preparation.refusal is not None:
        refused(preparation.refusal, as_json=act.as_json, more={"outcomes": _told(items)})
    if prepared is not None:
        meaning, count = prepared.statement.meaning.value, prepared.statement.count
        notice(f"signing: {meaning} as {actor.id}, {count} decisions in one batch")
        signature = act.sign("batch", prepared.statement.json_value())
        signed = SignedBatch(prepared=prepared, signature=signature)
        items += bulk.review_batch(signed, actor, key=base)
    _answer(sorted(items, key=lambda item: item.request_id), prepared, as_json=act.as_json)


def _shown(settings: "Settings", requests: "Sequence[str]") -> dict[str, str]:
    """Show every request; the digest of what was shown of each, by its id."""
    from counterseal.desk.views.approvals import request_detail  # noqa: PLC0415 - only here
    from counterseal.desk.views.threads import case_thread  # noqa: PLC0415 - the same
    from counterseal.kernel.canonical import digest  # noqa: PLC0415 - the same
    from counterseal.kernel.model import Refusal  # noqa: PLC0415 - the same
    from ui.cli.cases import (  # noqa: PLC0415 - the same
        active_bundle,
        case_lines,
        record_facts,
        thread_lines,
    )

    shown: dict[str, str] = {}
    with read_home(settings) as reader:
        bundle = active_bundle(reader)
        facts = record_facts(reader, bundle)
        for request in dict.fromkeys(requests):
            found = request_detail(reader, request, bundle, facts, CLOCK.now())
            around = case_thread(reader, request, bundle.approval.void_matrix)
            if isinstance(found, Refusal) or isinstance(around, Refusal):
                notice(f"request     {request}: no such approval request")
                shown[request] = digest(None)
                continue
            for line in (*case_lines(found), *thread_lines(around), ""):
                notice(line)
            shown[request] = found.shown_hash
    return shown


def _answer(
    items: "Sequence[BulkItem]", prepared: "PreparedBatch | None", *, as_json: bool
) -> None:
    ok = all(item.refusal is None for item in items)
    batch = None if prepared is None else prepared.statement.json_value()
    rows = [(i.request_id, *_words(i)) for i in items]
    accepted = sum(item.refusal is None for item in items)
    lines = [
        *table(rows, "REQUEST", "OUTCOME", "DECISION OR REASONS"),
        f"{accepted} of {len(items)} accepted",
    ]
    answer({"ok": ok, "batch": batch, "outcomes": _told(items)}, lines, as_json=as_json)
    if not ok:
        leave(REFUSED)


def _words(item: "BulkItem") -> tuple[str, str | None]:
    before = ", before" if item.replayed else ""
    if item.refusal is not None:
        return f"refused{before}", ", ".join(item.refusal.codes)
    return f"accepted{before}", item.decision_id


def _told(items: "Sequence[BulkItem]") -> "list[Json]":
    return [{**item.json_value(), "accepted": item.refusal is None} for item in items]
