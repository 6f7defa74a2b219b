"""Use case: a person says of a control that it was carried out, or does not apply here.

Job: put a signed word about one control on record.

Invariants
  I1  One statement counts once: its nonce names its record.
  I2  Whatever speaks against a word is on record too.

Not here: what counts (identity.attestations), statuses (desk.views.controls).
Source: governance rules, part 7.
"""

from datetime import datetime
from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import key_of, person_of
from counterseal.desk.ports import Reader
from counterseal.identity.attestations import ControlAttestation, ControlClaim, decide_attestation
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Event, Refusal, Signature, Subject, refuse
from counterseal.policy.controls import CONTROL_ATTESTED, Catalogue
from counterseal.policy.words import Meaning

STREAM: Final = "controls"
COMMAND: Final = "controls.attest"


class Attestations:
    """Signed words about controls."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def attest(
        self,
        claim: ControlClaim,
        signature: Signature,
        catalogue: Catalogue,
        actor: Actor,
        *,
        key: str,
    ) -> Outcome:
        """Record what the actor signed about a control of the catalogue.

        Refusals: `NOT_FOUND`, `NONCE_USED`, and those of
        `identity.attestations.decide_attestation`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            if isinstance(person, Refusal):
                return person
            nonce = claim.terms.nonce
            if reader.get(ControlAttestation, nonce) is not None:
                return refuse("NONCE_USED", "this statement is on record already", nonce=nonce)
            attested = decide_attestation(
                claim,
                signature,
                person,
                key_of(reader, actor.id, signature.scheme, signature.key_id),
                origin=self._bench.origin,
                control=catalogue.control(claim.control_id),
                now=now,
            )
            return attested if isinstance(attested, Refusal) else _done(attested)

        asked = digest({"claim": claim.json_value(), "signature": signature.json_value()})
        command = Command(name=COMMAND, actor=actor, key=key, stream=STREAM, payload_digest=asked)
        return self._bench.recorder.run(command, decide)


def _done(attested: ControlAttestation) -> Done:
    event = Event(
        type=CONTROL_ATTESTED,
        stream=STREAM,
        subject=Subject(type="control", id=attested.control_id),
        action=COMMAND,
        meaning=Meaning.ATTESTED_REVIEW.value,
        reason_text=attested.reason,
        documents=(attested,),
        signature=attested.signature,
    )
    return Done(subject_id=attested.attestation_id, events=(event,))
