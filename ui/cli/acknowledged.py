"""The answer to a command of the desk: what came of it, and the receipt that proves it."""

from typing import TYPE_CHECKING

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import CountersealError
from ui.cli.render import answer, notice, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from counterseal.desk.commands import Outcome
    from storage.settings import Settings


def settled(
    settings: "Settings",
    outcome: "Outcome",
    *,
    as_json: bool,
    what: str,
    more: "Mapping[str, Json] | None" = None,
) -> None:
    """Answer; a refusal leaves with status 1, and has a record and a receipt as well.

    With --json the receipt (C2SP tlog-proof) comes with the answer: who keeps it can show that this
    was acknowledged, whatever becomes of the log.
    """
    facts: dict[str, Json] = {
        "subject_id": outcome.subject_id,
        "replayed": outcome.replayed,
        "sealed_size": outcome.sealed_size,
        "event_id": outcome.event_id,
        **(more or {}),
    }
    if as_json and outcome.event_id is not None:
        facts["receipt"] = receipt_of(settings, outcome.event_id)
    if outcome.refusal is not None:
        from storage.reason_words import reason_sentences  # noqa: PLC0415 - only a refusal

        words = reason_sentences(settings.counterseal_policies)
        refused(outcome.refusal, as_json=as_json, more=facts, words=words)
    lines = [f"{what}: {outcome.subject_id} (sealed under size {outcome.sealed_size})"]
    if outcome.event_id is not None:
        lines.append(f"receipt: counterseal audit prove --event {outcome.event_id}")
    answer({"ok": True, **facts}, lines, as_json=as_json)


def receipt_of(settings: "Settings", event_id: str) -> str | None:
    """The receipt of one acknowledged record; None, said on stderr, when none can be made.

    What was done stays done and is answered so: a damaged tile must not make it look refused.
    """
    from storage.home_reader import read_home  # noqa: PLC0415 - only an answer in JSON proves
    from ui.cli.proofs import proved  # noqa: PLC0415 - the same

    try:
        with read_home(settings) as reader:
            return proved(reader, None, event_id).text
    except CountersealError as error:
        notice(f"counterseal: no receipt: {error}")
        return None
