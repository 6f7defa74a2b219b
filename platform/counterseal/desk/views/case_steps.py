"""The way of a case: what was done by whom, what is due, and who comes later.

Job: tell every step that a request needs, from its reviews to its submit, with people's names.

Invariants
  I1  A step is done when its quorum of counted approvals is full; when it is due, it names who may
      take it now by the rules of a commit.
  I2  A later step names whom nothing that is known already bars: no requester, author or reviewer
      of the case, and nobody linked to one.
  I3  Of a case that ended nothing is due and nobody comes later.

Not here: who must act next (views.turns), what a person may not do (views.hindrance).
Source: governance rules 2.1 and 2.5; UI-10.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from counterseal.approvals.decide import barred_from, required_by
from counterseal.approvals.independence import Candidate, PersonLink, closure, fits
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.case_facts import candidates, links_of_case
from counterseal.desk.ports import Reader
from counterseal.desk.views.turns import Turn
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.authorize import Action, allowed_roles
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.params import StageRule
from counterseal.policy.words import Stage
from counterseal.signals.intent import PaperOrderIntent


class StepState(StrEnum):
    """Where a step stands."""

    DONE = "done"
    DUE = "due"
    LATER = "later"


class StepTaken(DomainModel):
    """Somebody's part of a step, at a UTC instant."""

    person_id: Name
    at: UtcDatetime


class CaseStep(DomainModel):
    """One step.

    Attributes:
        stage: The review; None for the submit.
        taken: Approvals that count for it, or submits, in sequence.
        people: Who may take it now, or later; empty when nobody can, and of a step that is done.
        since: When it became due (UTC); None of every other.
    """

    stage: Stage | None
    state: StepState
    taken: tuple[StepTaken, ...] = ()
    people: tuple[Name, ...] = ()
    since: UtcDatetime | None = None


def case_steps(
    reader: Reader,
    bundle: PolicyBundle,
    request: ApprovalRequest,
    decisions: Sequence[ApprovalDecision],
    turn: Turn | None,
    now: datetime,
) -> tuple[CaseStep, ...]:
    """Every step of a case at `now` (UTC), the submit last.

    Args:
        reader: Of the same moment as what follows.
        bundle: The policy in force.
        request: The case.
        decisions: Its decisions, in sequence.
        turn: What the case waits for; None when it has ended.
        now: UTC.
    """
    counted = [one for one in decisions if one.approves]
    links = links_of_case(reader, request.payload.created_at, now)
    barred = barred_from(request.payload, bundle, links).union(d.reviewer_id for d in counted)
    staff = candidates(reader, request.tenant, request.strategy_id, now)
    rules = {rule.id: rule for rule in required_by(request.payload, bundle)}
    found = []
    for stage in request.stages_required:
        own = tuple(
            StepTaken(person_id=d.reviewer_id, at=d.decided_at) for d in counted if d.stage == stage
        )
        rule = rules.get(stage)
        later = () if rule is None or turn is None else _who(rule, staff, barred, links)
        found.append(_step(stage, own, turn, later, done=stage in request.stages_done))
    submitters = _submitters(reader, request.tenant, counted) if turn is not None else ()
    done = request.consumed_by_order is not None
    return (*found, _step(None, _submitted(reader, request), turn, submitters, done=done))


def _step(
    stage: Stage | None,
    taken: tuple[StepTaken, ...],
    turn: Turn | None,
    later: tuple[str, ...],
    *,
    done: bool,
) -> CaseStep:
    if done:
        return CaseStep(stage=stage, state=StepState.DONE, taken=taken)
    if turn is not None and turn.stage == stage:
        return CaseStep(
            stage=stage, state=StepState.DUE, taken=taken, people=turn.eligible, since=turn.since
        )
    return CaseStep(stage=stage, state=StepState.LATER, taken=taken, people=later)


def _who(
    rule: StageRule,
    staff: Sequence[Candidate],
    barred: Iterable[str],
    links: Sequence[PersonLink],
) -> tuple[str, ...]:
    shut = frozenset(barred)
    return tuple(
        sorted(
            one.person_id
            for one in staff
            if fits(rule, [one]) and not closure(one.person_id, links) & shut
        )
    )


def _submitted(reader: Reader, request: ApprovalRequest) -> tuple[StepTaken, ...]:
    """Who turned the approval into orders, and when, oldest first."""
    found = (reader.get(PaperOrderIntent, order_id) for order_id in request.orders)
    return tuple(
        StepTaken(person_id=one.submitted_by, at=one.created_at) for one in found if one is not None
    )


def _submitters(
    reader: Reader, tenant: str, counted: Sequence[ApprovalDecision]
) -> tuple[str, ...]:
    reviewed, roles = {d.reviewer_id for d in counted}, allowed_roles(Action.SUBMIT)
    people = reader.find(Person, tenant=tenant)
    may = (p for p in people if p.active and p.held_roles() & roles)
    return tuple(sorted(p.person_id for p in may if p.person_id not in reviewed))
