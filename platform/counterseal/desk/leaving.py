"""Use cases: stopping is easy.

Job: end an own key or a role, close a leaver's access, and record an access review.

Invariants
  I1  The owner ends an own key alone and at once; what was signed before stays signed.
  I2  A leaver's roles, keys, mandates, delegations (given and taken), accounts and sessions end
      in one record; then the secrets of the accounts are destroyed.
  I3  A compromised key takes its unused approvals with it, in the same transaction.

Not here: starting anything again, which takes two people (desk.proposals).
Source: governance part 3 (revocation) and 5 (leavers, access review).
"""

from datetime import datetime

from counterseal.approvals.compromise import decide_compromised
from counterseal.approvals.delegation import DelegationGrant, GrantStatus
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import STREAM, key_of, people_event, person_of, register_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.desk.views.people import access_list
from counterseal.identity.access_reviews import AccessClaim, decide_review
from counterseal.identity.accounts import AccountStatus, FederatedAccount, LocalAccount
from counterseal.identity.acts import KeyEnding
from counterseal.identity.keys import PersonKey, decide_revocation
from counterseal.identity.mandate import MandateStatus, SubmitMandate
from counterseal.identity.people import (
    Person,
    Role,
    RoleGrant,
    decide_disable,
    decide_withdrawal,
)
from counterseal.identity.proposals import end_key
from counterseal.identity.sessions import LoginSession, SessionStatus, end_session
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Document, Event, Refusal, Signature, Subject, refuse
from counterseal.policy.words import Meaning


class Leaving:
    """Ends keys and access."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def end_own_key(self, key_id: str, reason: KeyEnding, actor: Actor, *, key: str) -> Outcome:
        """End an own key that is lost or compromised, without anybody else.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `KEY_ENDING` for another reason, `KEY_REVOKED`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            owner = person_of(reader, actor)
            if isinstance(owner, Refusal):
                return owner
            if reason not in {KeyEnding.LOST, KeyEnding.COMPROMISED}:
                return refuse("KEY_ENDING", "an owner ends a key as lost or compromised")
            register = register_of(reader, self._bench.origin)
            ended = end_key(key_id, owner.person_id, reason, register, now)
            if isinstance(ended, Refusal):
                return ended
            done = people_event(
                "key.ended", "people.end_key", owner.person_id, ended, reason=reason
            )
            if reason is KeyEnding.COMPROMISED:
                events = (*done.events, *compromised_events(reader, key_id, now))
                return done.amended(events=events)
            return done

        asked = digest({"key": key_id, "reason": reason})
        return self._run("people.end_key", asked, actor, key, decide)

    def disable(self, person_id: str, actor: Actor, *, key: str) -> Outcome:
        """Close a leaver's access; refusals `NOT_FOUND` and those of `people.decide_disable`.

        The secrets of their accounts are destroyed once it is recorded, or by the same command
        again.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            officer, person = person_of(reader, actor), reader.get(Person, person_id)
            if isinstance(officer, Refusal):
                return officer
            if person is None:
                return refuse("NOT_FOUND", "no such person", person=person_id)
            closed = decide_disable(person, officer, now)
            if isinstance(closed, Refusal):
                return closed
            documents = (closed, *_closed_with(reader, closed, actor.id, now))
            return people_event("person.disabled", "people.disable", person_id, *documents)

        asked = digest({"person": person_id})
        outcome = self._run("people.disable", asked, actor, key, decide)
        if outcome.accepted:
            with self._bench.store.reader() as reader:
                accounts = reader.find(LocalAccount, person_id=person_id)
            for account in accounts:
                self._bench.credentials.forget(account.account_id)
        return outcome

    def withdraw_role(self, person_id: str, role: Role, actor: Actor, *, key: str) -> Outcome:
        """Take one role from a person.

        Refusals: `NOT_FOUND` and those of `people.decide_withdrawal`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            officer, person = person_of(reader, actor), reader.get(Person, person_id)
            if isinstance(officer, Refusal):
                return officer
            if person is None:
                return refuse("NOT_FOUND", "no such person", person=person_id)
            grants = reader.find(RoleGrant, person_id=person_id)
            withdrawn = decide_withdrawal(person, role, grants, officer, now)
            if isinstance(withdrawn, Refusal):
                return withdrawn
            left, ended = withdrawn
            return people_event("role.withdrawn", "people.withdraw_role", person_id, left, *ended)

        asked = digest({"person": person_id, "role": role})
        return self._run("people.withdraw_role", asked, actor, key, decide)

    def attest_review(
        self, claim: AccessClaim, signature: Signature, actor: Actor, *, key: str
    ) -> Outcome:
        """Record a signed access review over the list as it stands.

        Refusals: `NOT_FOUND`, and those of `identity.access_reviews.decide_review`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            attester = person_of(reader, actor)
            if isinstance(attester, Refusal):
                return attester
            review = decide_review(
                claim,
                signature,
                attester,
                key_of(reader, actor.id, signature.scheme),
                origin=self._bench.origin,
                list_digest=access_list(reader).digest,
                now=now,
            )
            if isinstance(review, Refusal):
                return review
            return people_event(
                "access.reviewed",
                "people.attest_review",
                review.review_id,
                review,
                signature=signature,
                meaning=Meaning.ATTESTED_REVIEW,
            )

        return self._run("people.attest_review", claim.digest, actor, key, decide)

    def _run(self, name: str, asked: str, actor: Actor, key: str, decide: Decide) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=STREAM, payload_digest=asked)
        return self._bench.recorder.run(command, decide)


def compromised_events(reader: Reader, key_id: str, now: datetime) -> tuple[Event, ...]:
    """One event for each unused approval that a compromised key takes with it."""
    decisions = reader.find(ApprovalDecision, key_id=key_id)
    names = sorted({d.approval_request_id for d in decisions})
    found = [reader.get(ApprovalRequest, name) for name in names]
    requests = [request for request in found if request is not None]
    return tuple(
        Event(
            type="approval.revoked",
            stream=f"case:{request.approval_request_id}",
            subject=Subject(
                type="approval_request", id=request.approval_request_id, version=request.version
            ),
            action="people.end_key",
            reason_code="KEY_REVOKED",
            reason_text=f"the key {key_id} is compromised",
            documents=(request,),
        )
        for request in decide_compromised(requests, decisions, key_id, now)
    )


def _closed_with(reader: Reader, person: Person, by: str, now: datetime) -> tuple[Document, ...]:
    """Everything else that ends with a person's access."""
    name = person.person_id
    keys = [
        decide_revocation(key, KeyEnding.LEFT, now)
        for key in reader.find(PersonKey, person_id=name)
        if key.revoked_at is None
    ]
    mandates = [
        mandate.amended(status=MandateStatus.REVOKED)
        for mandate in reader.find(SubmitMandate, person_id=name)
        if mandate.status is MandateStatus.ACTIVE
    ]
    found: tuple[LocalAccount | FederatedAccount, ...] = (
        *reader.find(LocalAccount, person_id=name),
        *reader.find(FederatedAccount, person_id=name),
    )
    accounts = [a.amended(status=AccountStatus.DISABLED) for a in found if a.active]
    sessions = [
        end_session(session, now, by=by, reason="PERSON_DISABLED", status=SessionStatus.REVOKED)
        for session in reader.find(LoginSession, person_id=name, status=SessionStatus.OPEN.value)
    ]
    delegations = [
        grant.amended(status=GrantStatus.ENDED, ended_at=now, ended_by=by)
        for grant in reader.find(DelegationGrant, status=GrantStatus.ACTIVE.value)
        if name in {grant.delegator, grant.delegate} and now < grant.valid_until
    ]
    ended: list[Document | Refusal] = [*keys, *mandates, *delegations, *accounts, *sessions]
    return tuple(one for one in ended if isinstance(one, Document))
