"""What people are told, and by which port.

Job: turn the state of a case, and of a person's keys and roles, into notices with stable ids.

Invariants
  I1  A notice has the same id however often it is made: who keeps ids tells nobody twice.
  I2  A stage is announced to the people who may take it, and only once it is due; to those whom
      it is routed to first, and to all from the reminder on.
  I3  A notice holds ids, numbers, words of the policy and times: no comment, no name, no secret.
  I4  Nothing is made for people who may not act any more.
  I5  A notice only tells. No answer to one decides anything, and a lost one changes nothing.

Not here: who must act (views.turns), keeping and sending (storage.notifying, flows.notify).
Source: governance row "reason, explanation, notices"; issue point 5.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Protocol

from pydantic import StringConstraints

from counterseal.approvals.expiry import is_expired
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.desk.ports import Reader
from counterseal.desk.views.marks import PaperView
from counterseal.desk.views.signing import SignatureDue, signatures_due
from counterseal.desk.views.standing import Case, Register
from counterseal.desk.views.turns import OPEN, Turn, cases_of, ends_at, turn_of
from counterseal.identity.people import RoleGrant
from counterseal.identity.sessions import LoginSession, SessionStatus
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.model import Name
from counterseal.kernel.money import exact_text

KEPT_DAYS: Final = 30
"""What happened longer ago is no news."""

EXPIRING_SECONDS: Final = 600
"""How long before its end an unused approval is announced as expiring."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]
"""One line of printable ASCII: it cannot break out of a header."""

Lines = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[\x20-\x7e\n]*$")]
"""Lines of printable ASCII."""


class NoticeKind(StrEnum):
    """What a notice is about."""

    REQUESTED = "requested"
    STAGE_DUE = "stage_due"
    SUBMIT_DUE = "submit_due"
    REMINDER = "reminder"
    ESCALATED = "escalated"
    EXPIRING = "expiring"
    DECIDED = "decided"
    ENDED = "ended"
    EXPIRED = "expired"
    KEY_ENROLLED = "key_enrolled"
    KEY_REVOKED = "key_revoked"
    ROLE_GRANTED = "role_granted"
    SESSION_REVOKED = "session_revoked"
    SIGNATURE_DUE = "signature_due"


class Notice(PaperView):
    """One thing that one person is told.

    Attributes:
        notice_id: The same for the same occasion; a receiver drops what it has seen.
        subject_id: The case, key or grant.
        at: When it came about (UTC), not when it was told.
        until: When it is no use any more (UTC, half-open); None for what stays true.
    """

    notice_id: Name
    kind: NoticeKind
    person_id: Name
    subject_id: Name
    at: UtcDatetime
    until: UtcDatetime | None
    headline: Line
    body: Lines


class Notifier(Protocol):
    """One way to reach people.

    A notice may be handed over again after a crash: at least once, never exactly once. An
    implementation MUST carry the notice's id to the receiver, MUST end within a bound of its own,
    and MUST raise `AdapterError` unless the notice was taken; `retriable` says that later may do.
    """

    @property
    def channel(self) -> str:
        """The name under which deliveries are kept."""

    def reaches(self, person_id: str) -> bool:
        """Whether the person has an address here."""

    def deliver(self, notice: Notice) -> None:
        """Hand one notice over.

        Raises:
            AdapterError: it was not taken, or nobody knows.
        """


def case_notices(register: Register, case: Case, now: datetime) -> Iterator[Notice]:
    """Everything that a case gives to tell at `now` (UTC), what is told already included."""
    request = case.request
    yield _notice(
        NoticeKind.REQUESTED,
        request.requester_id,
        case,
        request.created_at,
        occasion=str(request.version),
        said="your request is open for review",
    )
    for decision in case.decisions:
        yield _decided(case, decision)
    turn = turn_of(register, case, now)
    if turn is not None:
        yield from _calls(case, turn, now)
    elif is_expired(request, case.decisions, now) or request.status is RequestStatus.EXPIRED:
        yield from _expired(case)
    else:
        yield from _ended(case)


def _calls(case: Case, turn: Turn, now: datetime) -> Iterator[Notice]:
    """What calls for somebody to act, the most urgent only; it lapses with the step."""
    first = NoticeKind.SUBMIT_DUE if turn.stage is None else NoticeKind.STAGE_DUE
    soon = turn.until - timedelta(seconds=EXPIRING_SECONDS)
    later = (
        (turn.remind_at, NoticeKind.REMINDER, "still waits for you"),
        (turn.escalate_at, NoticeKind.ESCALATED, "has waited too long"),
        (soon, NoticeKind.EXPIRING, "expires soon"),
    )
    rungs = [(at, kind, said) for at, kind, said in later if at and turn.since < at <= now]
    at, kind, said = max(rungs, default=(turn.since, first, "is due"))
    told = {
        NoticeKind.STAGE_DUE: turn.routed or turn.eligible,
        NoticeKind.ESCALATED: (case.request.requester_id, *turn.eligible),
    }
    for person_id in told.get(kind, turn.eligible):
        yield _notice(
            kind,
            person_id,
            case,
            at,
            occasion=f"{turn.step}:{utc_text(turn.since)}",
            said=f"{turn.step} {said}",
            until=turn.until,
        )


def _decided(case: Case, decision: ApprovalDecision) -> Notice:
    word, stage = decision.decision.value, decision.stage.value
    return _notice(
        NoticeKind.DECIDED,
        case.request.requester_id,
        case,
        decision.decided_at,
        occasion=decision.approval_decision_id,
        said=f"{stage} review by {decision.reviewer_id}: {word}",
    )


def _expired(case: Case) -> Iterator[Notice]:
    """To the requester and those who had reviewed; at the instant of the clock, recorded or not."""
    for person_id in _concerned(case):
        yield _notice(
            NoticeKind.EXPIRED,
            person_id,
            case,
            _expired_at(case),
            occasion=str(case.request.version),
            said="expired; silence never approves",
        )


def _expired_at(case: Case) -> datetime:
    """Once an expiry is recorded, whether the approval or the review lapsed shows by the stages."""
    if case.request.status is RequestStatus.EXPIRED and case.request.execution_valid_until:
        return case.request.execution_valid_until
    return ends_at(case)


def _ended(case: Case) -> Iterator[Notice]:
    """To all concerned but those who know it from the decision that ended the case."""
    request, last = case.request, case.decisions[-1:]
    knowing = {request.requester_id, *(d.reviewer_id for d in last if not d.approves)}
    by_decision = any(not d.approves for d in last)
    for person_id in _concerned(case):
        if by_decision and person_id in knowing:
            continue
        yield _notice(
            NoticeKind.ENDED,
            person_id,
            case,
            request.updated_at,
            occasion=request.status.value,
            said=f"ended as {request.status.value}",
        )


def _concerned(case: Case) -> tuple[str, ...]:
    signers = (decision.reviewer_id for decision in case.decisions)
    return tuple(dict.fromkeys((case.request.requester_id, *signers)))


def person_notices(
    register: Register, grants: Iterable[RoleGrant], sessions: Iterable[LoginSession]
) -> Iterator[Notice]:
    """What happened to keys, roles and logins: a stranger's act on them must not stay unseen."""
    for key in register.all_keys:
        said = "a key that signs for you was enrolled"
        yield _personal(NoticeKind.KEY_ENROLLED, key.person_id, key.key_id, key.effective_at, said)
        if key.revoked_at is not None:
            said = "a key that signed for you was revoked"
            yield _personal(NoticeKind.KEY_REVOKED, key.person_id, key.key_id, key.revoked_at, said)
    for grant in grants:
        said = f"you were given the role {grant.role.value}"
        yield _personal(
            NoticeKind.ROLE_GRANTED, grant.person_id, grant.grant_id, grant.granted_at, said
        )
    for login in sessions:
        if login.ended_at is not None and login.ended_by != login.person_id:
            said = "a login of yours was ended by somebody else"
            yield _personal(
                NoticeKind.SESSION_REVOKED, login.person_id, login.session_id, login.ended_at, said
            )


def signature_notices(due: Iterable[SignatureDue]) -> Iterator[Notice]:
    """Calls to sign open proposals about keys, roles and policies."""
    for one in due:
        for person_id in one.eligible:
            called = _personal(
                NoticeKind.SIGNATURE_DUE,
                person_id,
                one.proposal_id,
                one.since,
                f"a proposal ({one.kind}) about {one.about} needs your signature",
            )
            yield called.amended(until=one.until)


def notices(
    reader: Reader, register: Register, touched: Iterable[str], now: datetime
) -> tuple[Notice, ...]:
    """Everything there is to tell of open cases, of the touched ones, of keys, roles and logins.

    Args:
        reader: What is stored.
        register: Everybody, as of the same moment.
        touched: Ids of requests that something happened to since this was last asked.
        now: UTC; what came about more than `KEPT_DAYS` before is left out.
    """
    wanted = {request.approval_request_id: request for request in _open_or(reader, touched)}
    found: list[Notice] = []
    for case in cases_of(reader, *wanted.values()):
        found += case_notices(register, case, now)
    revoked = reader.find(LoginSession, status=SessionStatus.REVOKED.value)
    found += person_notices(register, reader.find(RoleGrant), revoked)
    found += signature_notices(signatures_due(reader, register, now))
    since = now - timedelta(days=KEPT_DAYS)
    here = {person_id for person_id, person in register.people.items() if person.active}
    fresh = (n for n in found if since < n.at <= now and n.person_id in here)
    return tuple(sorted(fresh, key=lambda notice: (notice.at, notice.notice_id)))


def _open_or(reader: Reader, touched: Iterable[str]) -> Iterator[ApprovalRequest]:
    yield from reader.find(ApprovalRequest, status=OPEN)
    for request_id in touched:
        request = reader.get(ApprovalRequest, request_id)
        if request is not None:
            yield request


def _notice(
    kind: NoticeKind,
    person_id: str,
    case: Case,
    at: datetime,
    *,
    occasion: str,
    said: str,
    until: datetime | None = None,
) -> Notice:
    bound, about = case.request.payload, case.request.approval_request_id
    what = f"{bound.side.value} {exact_text(bound.max_quantity)} {bound.symbol}"
    lines = (
        f"Paper simulation: {said}.",
        "",
        f"Request    {about}",
        f"Order      {what}, for {bound.strategy_id} {bound.strategy_version}",
        f"Requester  {bound.requester_id}",
        *(() if until is None else (f"Until      {utc_text(until)}",)),
        "",
        f"Look:      counterseal approvals show {about}",
        f"Your work: counterseal inbox --as {person_id}",
    )
    return Notice(
        notice_id=_notice_id(kind, person_id, about, occasion),
        kind=kind,
        person_id=person_id,
        subject_id=about,
        at=at,
        until=until,
        headline=f"[paper simulation] {said}: {what}"[:200],
        body="\n".join((*lines, "")),
    )


def _personal(kind: NoticeKind, person_id: str, subject_id: str, at: datetime, said: str) -> Notice:
    lines = (
        f"Paper simulation: {said}.",
        "",
        f"Record     {subject_id}",
        f"At         {utc_text(at)}",
        "",
        "If you did not expect this, tell an enrolment officer at once.",
        f"Your work: counterseal inbox --as {person_id}",
        "",
    )
    return Notice(
        notice_id=_notice_id(kind, person_id, subject_id, utc_text(at)),
        kind=kind,
        person_id=person_id,
        subject_id=subject_id,
        at=at,
        until=None,
        headline=f"[paper simulation] {said}",
        body="\n".join(lines),
    )


def _notice_id(kind: NoticeKind, person_id: str, subject_id: str, occasion: str) -> str:
    said = {"kind": kind, "person": person_id, "subject": subject_id, "occasion": occasion}
    return f"ntc_{digest(said)[7:39]}"
