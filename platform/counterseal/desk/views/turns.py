"""Who must act next on a case.

Job: name the step that is due, who may take it, since when, and when it ends.

Invariants
  I1  A stage is due only when the stages before it are done: nobody is called early.
  I2  Whoever is named may act now by the rules that a commit applies (views.standing).
  I3  A case whose clock has run out waits for nobody, whether or not that is recorded yet.

Not here: what one person must do (views.duties), telling people (desk.notices).
Source: governance rules 2.4 and 2.6, row "ordered stages, escalation".
"""

from collections.abc import Container, Iterable
from datetime import datetime
from typing import Final

from counterseal.approvals.escalation import escalate_at, remind_at, roles_at
from counterseal.approvals.expiry import is_expired
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.approvals.statement import due_stage
from counterseal.desk.case_facts import earlier_versions
from counterseal.desk.ports import Reader
from counterseal.desk.views.standing import Case, Register, review_codes, submit_codes
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.authorize import Action, allowed_roles
from counterseal.policy.words import DecisionWord, Role, Stage

IN_REVIEW: Final = (RequestStatus.PENDING_REVIEW.value, RequestStatus.RESEARCH_APPROVED.value)
OPEN: Final = (*IN_REVIEW, RequestStatus.APPROVED_FOR_PAPER.value)
"""Statuses of cases that wait for somebody, as a reader is asked for them."""


class Turn(DomainModel):
    """The step that a case waits for.

    Attributes:
        stage: The review stage that is due; None when the case waits for its submit.
        word: The approving word of the stage; None for a submit.
        roles: Roles that may take the step, in the order of the policy.
        seats_open: People who are still needed.
        eligible: Ids of the people who may take it now, sorted; empty when nobody can.
        routed: Those of them whom the request is routed to: they are told first.
        since: When the step became due (UTC).
        remind_at: When people are reminded (UTC): of a review by the policy, of a submit at half
            of its time.
        escalate_at: When the fallback roles of the policy may act as well (UTC); None for a submit.
        until: When the case expires without it (UTC, half-open).
    """

    approval_request_id: Name
    stage: Stage | None
    word: DecisionWord | None
    roles: tuple[Role, ...]
    seats_open: int
    eligible: tuple[Name, ...]
    routed: tuple[Name, ...] = ()
    since: UtcDatetime
    remind_at: UtcDatetime
    escalate_at: UtcDatetime | None
    until: UtcDatetime

    @property
    def step(self) -> str:
        """`research review` and the like, or `submit`."""
        return "submit" if self.stage is None else f"{self.stage.value} review"


def turn_of(
    register: Register, case: Case, now: datetime, among: Container[str] | None = None
) -> Turn | None:
    """The step that is due, or None for a case that ended.

    Args:
        register: Everybody.
        case: Of the same moment.
        now: UTC.
        among: Ids of the people whose eligibility is wanted; None for everybody's.
    """
    request = case.request
    if request.status.value not in OPEN or is_expired(request, case.decisions, now):
        return None
    if request.status is RequestStatus.APPROVED_FOR_PAPER:
        return _submit_turn(register, case, now, among)
    return _review_turn(register, case, now, among)


def _asked(
    register: Register, roles: Iterable[Role], among: Container[str] | None
) -> tuple[Person, ...]:
    """Whom the law is asked about: who holds a named role, or acts under somebody's grant."""
    named, delegates = frozenset(roles), {one.grant.delegate for one in register.delegated}
    return tuple(
        person
        for person_id, person in register.people.items()
        if (among is None or person_id in among)
        and (person_id in delegates or person.held_roles() & named)
    )


def _review_turn(
    register: Register, case: Case, now: datetime, among: Container[str] | None
) -> Turn | None:
    request, params = case.request, register.bundle.approval
    rule = due_stage(request, params)
    if rule is None:
        return None
    taken = sum(d.approves and d.stage == rule.id for d in case.decisions)
    roles, word = roles_at(rule, request, params, now), rule.decision
    people = _asked(register, roles, among)
    eligible = _ids(p for p in people if not review_codes(register, case, p, word, now))
    named = {seat.person_id for seat in request.routing if seat.stage == rule.id}
    return Turn(
        approval_request_id=request.approval_request_id,
        stage=rule.id,
        word=word,
        roles=roles,
        seats_open=max(rule.quorum - taken, 0),
        eligible=eligible,
        routed=tuple(person_id for person_id in eligible if person_id in named),
        since=due_since(case),
        remind_at=remind_at(request, params),
        escalate_at=escalate_at(request, params),
        until=ends_at(case),
    )


def _submit_turn(
    register: Register, case: Case, now: datetime, among: Container[str] | None
) -> Turn:
    roles = allowed_roles(Action.SUBMIT)
    people = _asked(register, roles, among)
    since, until = due_since(case), ends_at(case)
    return Turn(
        approval_request_id=case.request.approval_request_id,
        stage=None,
        word=None,
        roles=tuple(role for role in Role if role in roles),
        seats_open=1,
        eligible=_ids(p for p in people if not submit_codes(register, case, p, now)),
        since=since,
        remind_at=since + (until - since) / 2,
        escalate_at=None,
        until=until,
    )


def _ids(people: Iterable[Person]) -> tuple[str, ...]:
    return tuple(sorted(person.person_id for person in people))


def due_since(case: Case, before: int | None = None) -> datetime:
    """When the due step became due: the approval that completed the one before it, or the request.

    Args:
        case: The case.
        before: Place of a decision in the sequence: when the step that it took became due.
    """
    decisions = case.decisions[:before]
    stage = case.request.next_stage if before is None else case.decisions[before].stage
    passed = [d.decided_at for d in decisions if d.approves and d.stage != stage]
    return max(passed, default=case.request.created_at)


def ends_at(case: Case) -> datetime:
    """When an open case expires: its own clock, or that of the first approval that lapses."""
    request = case.request
    own = request.review_expires_at
    if request.status is RequestStatus.APPROVED_FOR_PAPER:
        own = request.execution_valid_until or request.updated_at
    return min([own, *(d.expires_at for d in case.decisions if d.approves)])


def cases_of(reader: Reader, *requests: ApprovalRequest) -> tuple[Case, ...]:
    """The requests with their decisions in sequence, and the versions that they amended."""
    ids = tuple(request.approval_request_id for request in requests)
    found: dict[str, list[ApprovalDecision]] = {request_id: [] for request_id in ids}
    if ids:
        for decision in reader.find(ApprovalDecision, approval_request_id=ids):
            found[decision.approval_request_id].append(decision)
    return tuple(
        Case(
            request=r,
            decisions=tuple(sorted(found[r.approval_request_id], key=lambda d: d.sequence)),
            earlier=earlier_versions(reader, r),
        )
        for r in requests
    )
