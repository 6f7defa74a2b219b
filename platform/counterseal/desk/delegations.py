"""Use cases: let somebody else review in your name, for a time and within a scope.

Job: draft a grant, record it with the delegator's signature, and end it.

Invariants
  I1  A grant is recorded only when it holds as signed; its id is never used again.
  I2  The delegator's words lie beside the log, under the commitment that was signed.
  I3  Ending takes effect at once and needs no signature: stopping is safe.

Not here: what a grant allows (approvals.delegation), reviewing under it (desk.approvals).
Source: governance rule 2.6; N8.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import Field

from counterseal.approvals.delegation import (
    DelegationGrant,
    GrantScope,
    decide_delegation,
    decide_end_delegation,
)
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.statement import comment_hash, comment_opening
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import enrolled_key, key_of, person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.identity.people import Person
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import seconds_between
from counterseal.kernel.model import Actor, DomainModel, Event, Refusal, Subject, Text, refuse
from counterseal.policy.words import Stage

STREAM: Final = "delegations"
_R: Final = ReasonCode


class SignedGrant(DomainModel):
    """A grant with its signature and the words that its commitment opens."""

    grant: DelegationGrant
    reason: Text
    comment_salt: str = Field(pattern=r"^[0-9a-f]{32}$")


class Delegations:
    """Issues and ends delegations."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def draft(
        self,
        delegate: str,
        stages: Sequence[Stage],
        scope: GrantScope,
        reason: str,
        actor: Actor,
        *,
        valid_from: datetime,
        valid_until: datetime,
        now: datetime,
        key: str,
    ) -> SignedGrant | Refusal:
        """The grant to show and sign; it has no signature yet and nothing is recorded.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `KEY_NOT_ENROLLED`.
        """
        ids = self._bench.ids
        with self._bench.store.reader() as reader:
            delegator, own = person_of(reader, actor), key_of(reader, actor.id)
        if isinstance(delegator, Refusal):
            return delegator
        if own is None:
            return refuse("KEY_NOT_ENROLLED", "the person has no key", person=actor.id)
        salt = ids.secret(f"salt:{key}", 16).hex()
        grant = DelegationGrant(
            grant_id=ids.new("del", key, now),
            log_origin=self._bench.origin,
            tenant=delegator.tenant,
            delegator=actor.id,
            delegate=delegate,
            stages=tuple(stages),
            scope=scope,
            valid_from=max(valid_from, now),
            valid_until=valid_until,
            reason=comment_hash(salt, reason),
            nonce=f"non_{ids.secret(f'nonce:{key}', 16).hex()}",
            issued_at=now,
            key_id=own.key_id,
        )
        return SignedGrant(grant=grant, reason=reason, comment_salt=salt)

    def delegate(self, signed: SignedGrant, actor: Actor, *, key: str) -> Outcome:
        """Record a signed grant; the outcome names it.

        Refusals: `REAUTH_REQUIRED`, `REASON_TOO_SHORT`, and those of
        `approvals.delegation.decide_delegation`, all collected.
        """
        grant = signed.grant

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            delegator = person_of(reader, actor)
            if isinstance(delegator, Refusal):
                return delegator
            decided = decide_delegation(
                grant,
                delegator,
                reader.get(Person, grant.delegate),
                enrolled_key(reader, grant.key_id),
                known=reader.get(DelegationGrant, grant.grant_id),
                params=self._bench.bundle.approval,
                now=now,
            )
            codes = [_R(c) for c in decided.codes] if isinstance(decided, Refusal) else []
            codes += self._word_codes(signed, actor, now)
            if isinstance(decided, Refusal):
                return refuse_all(codes, decided.message, **_told(decided)) or decided
            refusal = refuse_all(codes, "the grant is refused", grant=grant.grant_id)
            if refusal is not None:
                return refusal
            opening = comment_opening(actor.id, signed.comment_salt, signed.reason)
            event = _event("delegation.granted", "approvals.delegate", decided).amended(
                meaning=grant.meaning.value,
                signature=grant.signature,
                reason_text=opening.commitment,
            )
            return Done(subject_id=grant.grant_id, events=(event,), openings=(opening,))

        return self._run("approvals.delegate", grant.digest, actor, key, decide)

    def end(self, grant_id: str, actor: Actor, *, key: str) -> Outcome:
        """End a grant now; refusals `NOT_FOUND` and of `decide_end_delegation`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            grant = reader.get(DelegationGrant, grant_id)
            if isinstance(person, Refusal):
                return person
            if grant is None:
                return refuse("NOT_FOUND", "no such grant", grant=grant_id)
            ended = decide_end_delegation(grant, person, now)
            if isinstance(ended, Refusal):
                return ended
            event = _event("delegation.ended", "approvals.end_delegation", ended)
            return Done(subject_id=grant_id, events=(event,))

        asked = digest({"grant": grant_id})
        return self._run("approvals.end_delegation", asked, actor, key, decide)

    def _word_codes(self, signed: SignedGrant, actor: Actor, now: datetime) -> list[ReasonCode]:
        params = self._bench.bundle.approval
        age = seconds_between(actor.auth_time, now)
        opened = comment_hash(signed.comment_salt, signed.reason) == signed.grant.reason
        checks = (
            (_R.REAUTH_REQUIRED, not 0 <= age <= params.auth_age_max_seconds),
            (_R.GRANT_INVALID, not opened or signed.grant.log_origin != self._bench.origin),
            (_R.REASON_TOO_SHORT, len(signed.reason) < params.reason_length_min),
        )
        return [code for code, failed in checks if failed]

    def _run(self, name: str, asked: str, actor: Actor, key: str, decide: Decide) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=STREAM, payload_digest=asked)
        return self._bench.recorder.run(command, decide)


def _told(refusal: Refusal) -> dict[str, str]:
    return {detail.name: detail.value for detail in refusal.details}


def _event(kind: str, action: str, grant: DelegationGrant) -> Event:
    return Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type="delegation_grant", id=grant.grant_id),
        action=action,
        documents=(grant,),
    )
