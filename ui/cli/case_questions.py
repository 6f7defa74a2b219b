"""`counterseal approvals why | reviewers`: why somebody cannot act, and how reviewers review."""

from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.kernel.model import Refusal
from storage.home_reader import read_home
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, refused, table
from ui.cli.session import CLOCK, settings_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from counterseal.desk.views.duties import Explanation
    from counterseal.desk.views.reviewers import ReviewersView

About = Annotated[str, typer.Option("--as", help="About whom; nothing is acted or proved.")]


def why(request: str, about: About, home: Home = None, as_json: AsJson = False) -> None:
    """Why a person can or cannot act on a request now, and who must act next.

    Nothing is recorded and no passphrase is asked; a commit judges anew.
    """
    from counterseal.desk.views.duties import explanation  # noqa: PLC0415 - only this asks
    from storage.law import law_in_force  # noqa: PLC0415 - the same
    from storage.reason_words import reason_sentences  # noqa: PLC0415 - the same

    settings, now = settings_for(home), CLOCK.now()
    with read_home(settings) as reader:
        told = explanation(reader, law_in_force(reader, now).bundle, request, about, now)
    if isinstance(told, Refusal):
        refused(told, as_json=as_json)
    sentences = reason_sentences(settings.counterseal_policies)
    used = {code: sentences.get(code, "") for act in told.acts for code in act.codes}
    answer({**told.json_value(), "sentences": {**used}}, _lines(told, used), as_json=as_json)


def _lines(told: "Explanation", sentences: "Mapping[str, str]") -> list[str]:
    rows = [(act.name, ", ".join(act.codes) or "nothing against it") for act in told.acts]
    lines = [
        f"{told.label}: request {told.approval_request_id} as {told.person_id}",
        f"status    {'expired' if told.expired else told.status.value}",
    ]
    if told.turn is not None:
        eligible = ", ".join(told.turn.eligible) or "nobody can"
        lines += [
            f"next      {told.turn.step}: {eligible}",
            *(f"routed    {person_id}" for person_id in told.turn.routed),
            f"since     {told.turn.since:%Y-%m-%d %H:%M:%SZ}",
            f"until     {told.turn.until:%Y-%m-%d %H:%M:%SZ}",
        ]
        if told.turn.escalate_at is not None:
            lines.append(f"escalates {told.turn.escalate_at:%Y-%m-%d %H:%M:%SZ}")
    words = [f"{code}: {sentence}" for code, sentence in sentences.items()]
    return [*lines, *table(rows, "ACT", "AGAINST IT"), *words]


def reviewers(home: Home = None, as_json: AsJson = False) -> None:
    """How each reviewer reviews: counts, haste, and what approved cases lost later."""
    from counterseal.desk.views.reviewers import reviewers as view_of  # noqa: PLC0415 - only this
    from storage.law import law_in_force  # noqa: PLC0415 - the same

    now = CLOCK.now()
    with read_home(settings_for(home)) as reader:
        view = view_of(reader, law_in_force(reader, now).bundle.approval, now)
    answer(view.json_value(), _record_lines(view), as_json=as_json)


def _record_lines(view: "ReviewersView") -> list[str]:
    rows = [
        (
            r.person_id,
            r.decisions,
            r.approve_rate,
            r.rubber_stamp_rate,
            r.bulk_rate,
            r.due_to_decided_seconds,
            r.shown_to_decided_seconds,
            r.losing_cases,
            ", ".join(f"{loss.amount} {loss.currency.value}" for loss in r.losses) or None,
        )
        for r in view.reviewers
    ]
    heads = (
        "REVIEWER",
        "DECIDED",
        "APPROVED",
        "STAMPED",
        "BULK",
        "DUE S",
        "SHOWN S",
        "LOSING",
        "LOST",
    )
    about = (
        f"{view.label}: stamped is approved within {view.hasty_seconds} s or with nothing shown;"
        " seconds are medians"
    )
    return [*table(rows, *heads), about]
