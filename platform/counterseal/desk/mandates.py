"""Use cases: an operator's signed, bounded permission to submit.

Job: draft a mandate, record it with its signature, end it, and say whose right an order stands on.

Invariants
  I1  A mandate is recorded only when it would count now for its own account and strategies.
  I2  A platform service acts under a mandate or not at all; a person uses only the own one.

Not here: what a mandate allows (identity.mandate), batches (desk.dispatch).
Source: governance rule 3; workflow part 3.
"""

from datetime import datetime
from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, CommandRecord, Done, Outcome
from counterseal.desk.people import enrolled_key, key_of, person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.identity.mandate import (
    MandateStatus,
    SubmitMandate,
    check_mandate,
    decide_use,
)
from counterseal.identity.people import Person
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Actor, DomainModel, Event, Name, Refusal, Subject, refuse
from counterseal.kernel.money import NonNegative, Quantity
from counterseal.policy.authorize import Action, authorize
from counterseal.signals.intent import PaperOrderIntent

STREAM: Final = "mandates"


class MandateAsked(DomainModel):
    """The bounds that an operator wants to sign; fields as of `identity.mandate.SubmitMandate`."""

    account_id: Name
    strategies: tuple[Name, ...]
    orders_max: int
    tx_equivalent_max: NonNegative
    protection_points: Quantity | None = None
    valid_until: UtcDatetime


class Mandates:
    """Issues and ends mandates."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def draft(
        self, asked: MandateAsked, actor: Actor, now: datetime, *, key: str
    ) -> SubmitMandate | Refusal:
        """The mandate to show and sign, from `now` (UTC) on; nothing is recorded.

        What was issued with these bounds under the same key is given as it was.

        Returns:
            Or `NOT_FOUND`, `PERSON_DISABLED`, `KEY_NOT_ENROLLED`.
        """
        with self._bench.store.reader() as reader:
            person, own = (
                person_of(reader, actor),
                key_of(reader, actor.id, SignatureScheme.ED25519),
            )
            record = reader.get(CommandRecord, key)
            known = None if record is None else reader.get(SubmitMandate, record.subject_id)
        if isinstance(person, Refusal):
            return person
        if own is None:
            return refuse("KEY_NOT_ENROLLED", "the person has no key", person=actor.id)
        if known is not None and all(dict(known)[name] == value for name, value in asked):
            return known.amended(status=MandateStatus.ACTIVE, orders_used=0)
        ids = self._bench.ids
        return SubmitMandate(
            **dict(asked),
            mandate_id=ids.new("man", key, now),
            tenant=person.tenant,
            person_id=actor.id,
            key_id=own.key_id,
            valid_from=now,
            issued_at=now,
            nonce=f"non_{ids.secret(f'mandate:{key}', 16).hex()}",
        )

    def issue(self, mandate: SubmitMandate, actor: Actor, *, key: str) -> Outcome:
        """Record a signed mandate; the outcome names it.

        Refusals: `NOT_FOUND`, `ROLE`, `MANDATE_EXISTS`, `MANDATE_NOT_OWN`, and those of
        `identity.mandate.check_mandate`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            operator = person_of(reader, actor)
            if isinstance(operator, Refusal):
                return operator
            if reader.get(SubmitMandate, mandate.mandate_id) is not None:
                return refuse("MANDATE_EXISTS", "mandate ids are never reused")
            if actor.id != mandate.person_id:
                return refuse("MANDATE_NOT_OWN", "an operator signs the own mandate")
            fresh = mandate.amended(status=MandateStatus.ACTIVE, orders_used=0)
            refusal = check_mandate(
                fresh,
                operator,
                enrolled_key(reader, mandate.key_id),
                account_id=mandate.account_id,
                strategy_id=mandate.strategies[0],
                tx_equivalent=mandate.tx_equivalent_max,
                protection_points=mandate.protection_points,
                now=max(now, mandate.valid_from),
            )
            return refusal or _done("mandate.issued", "mandates.issue", fresh)

        return self._run("mandates.issue", mandate.mandate_id, mandate.digest, actor, key, decide)

    def revoke(self, mandate_id: str, actor: Actor, *, key: str) -> Outcome:
        """End a mandate; any operator may. Refusals: `NOT_FOUND`, `ROLE`, `MANDATE_EXPIRED`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            del now
            operator = person_of(reader, actor)
            if isinstance(operator, Refusal):
                return operator
            role = authorize(Action.MANDATE, operator.held_roles(), active=operator.active)
            if role is not None:
                return role
            mandate = reader.get(SubmitMandate, mandate_id)
            if mandate is None:
                return refuse("NOT_FOUND", "no such mandate", mandate=mandate_id)
            if mandate.status is MandateStatus.REVOKED:
                return refuse("MANDATE_EXPIRED", "the mandate has ended", mandate=mandate_id)
            ended = mandate.amended(status=MandateStatus.REVOKED)
            return _done("mandate.revoked", "mandates.revoke", ended)

        return self._run("mandates.revoke", mandate_id, mandate_id, actor, key, decide)

    def _run(
        self, name: str, mandate_id: str, asked: str, actor: Actor, key: str, decide: Decide
    ) -> Outcome:
        command = Command(
            name=name,
            actor=actor,
            key=key,
            stream=STREAM,
            payload_digest=digest({"mandate": mandate_id, "asked": asked}),
        )
        return self._bench.recorder.run(command, decide)


def barred_person(reader: Reader, actor: Actor, action: Action) -> Refusal | None:
    """Why an actor may not ask for what the platform's own services may; None when they may.

    Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`.
    """
    if actor.issuer == SERVICE_ISSUER:
        return None
    person = person_of(reader, actor)
    if isinstance(person, Refusal):
        return person
    return authorize(action, person.held_roles(), active=person.active)


def acting_operator(reader: Reader, actor: Actor, mandate_id: str | None) -> Person | Refusal:
    """The person on whose right an actor submits: the own one, or the mandate's operator.

    Returns:
        The person; or `NOT_FOUND`, `PERSON_DISABLED`, `MANDATE_NOT_OWN`.
    """
    if mandate_id is None:
        return person_of(reader, actor)
    mandate = reader.get(SubmitMandate, mandate_id)
    operator = None if mandate is None else reader.get(Person, mandate.person_id)
    if operator is None:
        return refuse("NOT_FOUND", "no such mandate", mandate=mandate_id)
    if actor.issuer != SERVICE_ISSUER and actor.id != operator.person_id:
        return refuse("MANDATE_NOT_OWN", "this mandate is another person's", mandate=mandate_id)
    return operator


def used_mandate(
    reader: Reader, mandate_id: str, operator: Person, intent: PaperOrderIntent, now: datetime
) -> SubmitMandate | Refusal:
    """The mandate after this order; refusals of `identity.mandate.check_mandate`."""
    mandate = reader.get(SubmitMandate, mandate_id)
    if mandate is None:
        return refuse("NOT_FOUND", "no such mandate", mandate=mandate_id)
    refusal = check_mandate(
        mandate,
        operator,
        enrolled_key(reader, mandate.key_id),
        account_id=intent.account_id,
        strategy_id=intent.strategy_id,
        tx_equivalent=intent.tx_equivalent_exposure,
        protection_points=intent.protection_points,
        now=now,
    )
    return refusal or decide_use(mandate)


def _done(kind: str, action: str, mandate: SubmitMandate) -> Done:
    event = Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type="mandate", id=mandate.mandate_id),
        action=action,
        documents=(mandate,),
        signature=mandate.signature if kind == "mandate.issued" else None,
        meaning="mandated_submit" if kind == "mandate.issued" else "",
    )
    return Done(subject_id=mandate.mandate_id, events=(event,))
