"""One case as one person stands to it, read at one moment.

Job: ask the desk's views everything that a request's page shows and a decision rests on.

Not here: drawing (ui.web.views.request), deciding (ui.web.views.signature, the desk).
Source: ui part 1 (W5: what a person signs is exactly what is on the screen).
"""

from datetime import datetime
from typing import NamedTuple

from counterseal.desk.views.approvals import RequestDetail, request_detail
from counterseal.desk.views.case_steps import CaseStep, case_steps
from counterseal.desk.views.duties import Explanation, explanation
from counterseal.desk.views.threads import CaseThread, case_thread
from counterseal.identity.keys import PersonKey
from counterseal.kernel.model import Refusal
from counterseal.policy.bundle import PolicyBundle
from ui.web import house
from ui.web.parts.words import number
from ui.web.signing import keys_for
from ui.web.wording import say


class Case(NamedTuple):
    """Everything about one case as one person stands to it, read at one moment."""

    detail: RequestDetail
    standing: Explanation
    thread: CaseThread
    keys: tuple[PersonKey, ...]
    bundle: PolicyBundle
    head: str
    steps: tuple[CaseStep, ...]
    now: datetime


def read_case(person_id: str, request_id: str) -> Case | None:
    """The case as it is now; None when there is none, or not for this person."""
    now = house.CLOCK.now()
    with house.reading() as reader:
        bundle = house.law(reader).bundle
        standing = explanation(reader, bundle, request_id, person_id, now)
        if isinstance(standing, Refusal):
            return None
        detail = request_detail(reader, request_id, bundle, house.record_facts(reader), now)
        thread = case_thread(reader, request_id, bundle.approval.void_matrix)
        if isinstance(detail, Refusal) or isinstance(thread, Refusal):
            return None
        ends = reader.ends()
        head = (
            say("decision.log_empty")
            if ends is None
            else say("decision.log_record", number=number(ends[1] - 1))
        )
        told, keys = detail.history, keys_for(reader, person_id)
        steps = case_steps(reader, bundle, told.request, told.decisions, standing.turn, now)
        return Case(detail, standing, thread, keys, bundle, head, steps, now)
