"""What waits for a person, and why they cannot do what they came for.

Job: list a person's open work with the command that does it; explain one case to one person.

Invariants
  I1  A review or submit is listed only for who may take it now, by the rules of a commit.
  I2  Nothing waits for a disabled person.
  I3  Each entry says since when and until when; what is over is not listed.

Not here: who must act (views.turns), sentences for the codes (policies/reason-codes.md), sending
(desk.notices).
Source: issue point "who must act next, and why I cannot"; governance rule 2.10.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from counterseal.approvals.expiry import is_expired
from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.approvals.statement import due_stage
from counterseal.desk.ports import Reader, least_id, since_of
from counterseal.desk.views.drills import DrillRow, drills_of
from counterseal.desk.views.marks import PaperView
from counterseal.desk.views.signing import SignatureDue, signatures_due
from counterseal.desk.views.standing import (
    Case,
    Register,
    load_register,
    review_codes,
    revoke_codes,
    submit_codes,
    withdraw_codes,
)
from counterseal.desk.views.turns import OPEN, Turn, cases_of, turn_of
from counterseal.identity.people import Person
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sessions import LoginSession, SessionStatus
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal, Text, refuse
from counterseal.kernel.money import exact_text
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.proposal import KIND as POLICY
from counterseal.policy.words import DecisionWord

SUBMIT: Final = "submit"
WITHDRAW: Final = "withdraw"
REVOKE: Final = "revoke"
_OVER: Final = frozenset({RequestStatus.NEEDS_DATA, RequestStatus.EXPIRED})


class DutyKind(StrEnum):
    """What kind of work waits."""

    REVIEW = "review"
    SUBMIT = "submit"
    SIGN = "sign_proposal"
    VOTE = "vote_policy"
    ANSWER = "answer_needs_data"
    ASK_AGAIN = "ask_again"
    DRILL = "signing_drill"


class Duty(DomainModel):
    """One piece of work.

    Attributes:
        subject_id: The request or proposal; of a drill the person.
        since: When it began to wait (UTC).
        until: When it is too late (UTC, half-open).
        late: Whether it waited so long already that others may act as well.
        command: What to type; words in capitals are the person's own.
    """

    kind: DutyKind
    subject_id: Name
    sentence: Text
    since: UtcDatetime
    until: UtcDatetime
    late: bool = False
    command: Text


class OpenSession(DomainModel):
    """A login of the person that has not ended; times in UTC, `until` half-open."""

    session_id: Name
    issuer: Name
    since: UtcDatetime
    until: UtcDatetime


class Duties(PaperView):
    """Everything that waits for a person: first what is late, then what ends first.

    Attributes:
        sessions: The person's open logins: one that they do not know is an alarm.
    """

    person_id: Name
    at: UtcDatetime
    duties: tuple[Duty, ...]
    sessions: tuple[OpenSession, ...]


class Act(DomainModel):
    """One thing that a person might do with a case, and every reason against it."""

    name: Name
    codes: tuple[Name, ...]

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it before it is signed."""
        return not self.codes


class Explanation(PaperView):
    """One case as one person stands to it.

    Attributes:
        acts: The due stage's approving word and the two endings, submit, withdraw, and revoke.
        turn: Who must act next; None when the case has ended.
    """

    approval_request_id: Name
    person_id: Name
    at: UtcDatetime
    status: RequestStatus
    expired: bool
    acts: tuple[Act, ...]
    turn: Turn | None


def duties(reader: Reader, bundle: PolicyBundle, person_id: str, now: datetime) -> Duties | Refusal:
    """What waits for a person at `now` (UTC); refusal `NOT_FOUND`."""
    register = load_register(reader, bundle)
    person = register.people.get(person_id)
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=person_id)
    found: list[Duty] = []
    if person.active:
        for case in cases_of(reader, *reader.find(ApprovalRequest, status=OPEN)):
            found += _of_turn(register, case, person_id, now)
        found += _of_returns(reader, bundle, person_id, now)
        found += _of_proposals(signatures_due(reader, register, now), person_id)
        found += _of_drills(drills_of(reader, bundle, person, now))
    ranked = sorted(found, key=lambda d: (not d.late, d.until, d.subject_id, d.kind))
    return Duties(
        person_id=person_id,
        at=now,
        duties=tuple(ranked),
        sessions=tuple(_sessions(reader, person_id, now)),
    )


def _sessions(reader: Reader, person_id: str, now: datetime) -> Iterator[OpenSession]:
    for one in reader.find(LoginSession, person_id=person_id, status=SessionStatus.OPEN.value):
        if now < one.expires_at:
            yield OpenSession(
                session_id=one.session_id,
                issuer=one.issuer,
                since=one.opened_at,
                until=one.expires_at,
            )


def _of_proposals(due: Iterable[SignatureDue], person_id: str) -> Iterator[Duty]:
    for one in due:
        if person_id in one.eligible:
            yield Duty(
                kind=DutyKind.VOTE if one.kind == POLICY else DutyKind.SIGN,
                subject_id=one.proposal_id,
                sentence=f"proposal ({one.kind}) about {one.about} needs your signature",
                since=one.since,
                until=one.until,
                command=f"counterseal {one.noun} approve {one.proposal_id} --as {person_id}",
            )


def _of_drills(rows: Iterable[DrillRow]) -> Iterator[Duty]:
    for row in rows:
        if row.due is not None:
            yield Duty(
                kind=DutyKind.DRILL,
                subject_id=row.person_id,
                sentence="show that you can still sign: nothing was decided by your key for long",
                since=row.due.since,
                until=row.due.until,
                command=drill_command(row),
            )


def drill_command(row: DrillRow) -> str:
    """By the key that needs least: a key file here, an SSH key at home, a passkey on the pages."""
    if SignatureScheme.ED25519 in row.schemes:
        return f"counterseal people drill --as {row.person_id}"
    if SignatureScheme.SSHSIG in row.schemes:
        return f"counterseal people drill-statement --as {row.person_id} --out FILE"
    return "counterseal web"


def _of_turn(register: Register, case: Case, person_id: str, now: datetime) -> Iterator[Duty]:
    turn = turn_of(register, case, now, {person_id})
    if turn is None or person_id not in turn.eligible:
        return
    bound, about = case.request.payload, case.request.approval_request_id
    said = f"{turn.step} of {bound.side.value} {exact_text(bound.max_quantity)} {bound.symbol}"
    yours = ", routed to you" if person_id in turn.routed else ""
    if turn.word is None:
        command = f"counterseal orders submit {about} --as {person_id} --quantity QUANTITY"
    else:
        command = (
            f"counterseal approvals review {about} --as {person_id} --decision {turn.word.value}"
            " --reason REASON"
        )
    yield Duty(
        kind=DutyKind.SUBMIT if turn.word is None else DutyKind.REVIEW,
        subject_id=about,
        sentence=f"{said}, asked for by {bound.requester_id}{yours}",
        since=turn.since,
        until=turn.until,
        late=turn.escalate_at is not None and now >= turn.escalate_at,
        command=command,
    )


def _of_returns(
    reader: Reader, bundle: PolicyBundle, person_id: str, now: datetime
) -> Iterator[Duty]:
    """Own requests that came back, while the signal lives and nothing newer was asked for it.

    No signal lives longer than the policy lets one be asked for: what is older is not read.
    """
    oldest = least_id("apr", now - timedelta(seconds=bundle.approval.signal_age_max_seconds))
    own = since_of(reader, ApprovalRequest, ApprovalRequest.KEY, oldest, requester_id=person_id)
    lives = [r for r in own if now < r.payload.signal_expires_at]
    back = (r for r in lives if r.status in _OVER or r.status.value in OPEN)
    for case in cases_of(reader, *back):
        request = case.request
        lapsed = request.status in _OVER or is_expired(request, case.decisions, now)
        if lapsed and not any(_settles(other, request) for other in own):
            yield _return_of(request)


def _return_of(request: ApprovalRequest) -> Duty:
    needs_data, who = request.status is RequestStatus.NEEDS_DATA, request.requester_id
    said = "a reviewer needs more data" if needs_data else "it expired undecided or unused"
    return Duty(
        kind=DutyKind.ANSWER if needs_data else DutyKind.ASK_AGAIN,
        subject_id=request.approval_request_id,
        sentence=f"your request came back: {said}",
        since=request.updated_at,
        until=request.payload.signal_expires_at,
        command=f"counterseal approvals request {request.signal_id} --as {who} TERMS",
    )


def _settles(other: ApprovalRequest, request: ApprovalRequest) -> bool:
    """Whether another request answers one that came back, or asks again for its signal."""
    again = other.signal_id == request.signal_id and other.created_at > request.created_at
    return again or other.payload.answers == request.approval_request_id


def explanation(
    reader: Reader, bundle: PolicyBundle, request_id: str, person_id: str, now: datetime
) -> Explanation | Refusal:
    """Why a person can or cannot act on a case at `now` (UTC); refusal `NOT_FOUND`.

    A person of another tenant learns nothing: the case is not found.
    """
    register = load_register(reader, bundle)
    person, request = register.people.get(person_id), reader.get(ApprovalRequest, request_id)
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=person_id)
    if request is None or request.tenant != person.tenant:
        return refuse("NOT_FOUND", "no such approval request", request=request_id)
    [case] = cases_of(reader, request)
    return Explanation(
        approval_request_id=request_id,
        person_id=person_id,
        at=now,
        status=request.status,
        expired=is_expired(request, case.decisions, now),
        acts=tuple(_acts(register, case, person, now)),
        turn=turn_of(register, case, now),
    )


def _acts(register: Register, case: Case, person: Person, now: datetime) -> Iterator[Act]:
    rules = register.bundle.approval
    due = due_stage(case.request, rules) or rules.stages[-1]
    for word in (due.decision, DecisionWord.REJECTED, DecisionWord.NEEDS_DATA):
        yield Act(name=word.value, codes=review_codes(register, case, person, word, now))
    yield Act(name=SUBMIT, codes=submit_codes(register, case, person, now))
    yield Act(name=WITHDRAW, codes=withdraw_codes(register, case, person, now))
    yield Act(name=REVOKE, codes=revoke_codes(register, case, person, now))
