"""Use case: two people declare what a restored backup has lost.

Job: record a rollback as the first record under the log's next name.

Invariants
  I1  Two different administrators sign the same declaration with their own enrolled keys.
  I2  Who they are is read from the restored database, in the transaction that records it.

Not here: what a rollback is (audit.rollback), the signer and the key file (storage.recovery).
Source: audit-log, signer as guard; governance rule 3.
"""

from datetime import datetime
from typing import Final

from counterseal.audit.rollback import (
    ROLLED_BACK,
    STREAM,
    Rollback,
    RollbackApproval,
    rollback_statement,
)
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import key_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Recorder
from counterseal.identity.people import Person
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Actor, Event, Refusal, Subject, refuse
from counterseal.policy.authorize import Action, authorize

KIND: Final = "rollback"
PEOPLE: Final = 2


def declare(recorder: Recorder, rollback: Rollback, actor: Actor) -> Outcome:
    """Record a declared rollback; the same again is answered from its record.

    Refusals: those of `check_approvals`.
    """

    def decide(reader: Reader, now: datetime) -> Done | Refusal:
        refusal = check_approvals(reader, rollback)
        if refusal is not None:
            return refusal
        del now
        event = Event(
            type=ROLLED_BACK,
            stream=STREAM,
            subject=Subject(type=Rollback.KIND, id=rollback.origin),
            action="log.recover",
            reason_text=rollback.reason,
            documents=(rollback,),
        )
        return Done(subject_id=rollback.origin, events=(event,))

    command = Command(
        name="log.recover",
        actor=actor,
        key=f"rollback:{rollback.epoch}",
        stream=STREAM,
        payload_digest=rollback.digest,
    )
    return recorder.run(command, decide)


def check_approvals(reader: Reader, rollback: Rollback) -> Refusal | None:
    """Why these consents do not declare it; None when they do.

    Refusals: `TWO_PEOPLE_NEEDED`, `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`, `KEY_NOT_ENROLLED`,
    `SIGNATURE_INVALID`.
    """
    if len({one.person_id for one in rollback.approvals}) != PEOPLE:
        return refuse("TWO_PEOPLE_NEEDED", "two different people declare a rollback")
    for approval in rollback.approvals:
        refusal = _check_approval(reader, rollback, approval)
        if refusal is not None:
            return refusal
    return None


def _check_approval(
    reader: Reader, rollback: Rollback, approval: RollbackApproval
) -> Refusal | None:
    name = approval.person_id
    person = reader.get(Person, name)
    key = key_of(reader, name, approval.signature.scheme)
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=name)
    barred = authorize(Action.CHANGE_LOG_KEY, person.held_roles(), active=person.active)
    if barred is not None:
        return barred
    if key is None or key.key_id != approval.signature.key_id:
        return refuse("KEY_NOT_ENROLLED", "this key is not enrolled", person=name)
    try:
        stated = verify_signed(approval.signature, key, KIND)
    except IntegrityError as error:
        return refuse(error.code, error.message, person=name)
    if stated != rollback_statement(rollback, name, key.key_id):
        return refuse("SIGNATURE_INVALID", "another declaration was signed", person=name)
    return None
