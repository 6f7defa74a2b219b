"""Use case: a reviewer's signing drill.

Job: put on record that a person signed with their own key, so that the next drill is due later.

Invariants
  I1  One statement is one drill: its nonce counts once.

Not here: what a drill is (identity.drills), whose drill is due (views.drills).
Source: governance part 1 (policy versions, liveness).
"""

from datetime import datetime
from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, CommandRecord, Done, Outcome
from counterseal.desk.people import STREAM, key_of, people_event, person_of
from counterseal.desk.ports import Reader
from counterseal.identity.acts import ActTerms
from counterseal.identity.drills import check_drill
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Refusal, Signature, refuse

COMMAND: Final = "people.drill"


class Drills:
    """Signing drills."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def drill(self, terms: ActTerms, signature: Signature, actor: Actor, *, key: str) -> Outcome:
        """Record a drill that the actor signed.

        Refusals: `NOT_FOUND`, `NONCE_USED`, and those of `identity.drills.check_drill`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            if isinstance(person, Refusal):
                return person
            used = reader.find(CommandRecord, name=COMMAND, subject_id=terms.nonce)
            if used:
                return refuse("NONCE_USED", "this statement was a drill before", nonce=terms.nonce)
            own = key_of(reader, actor.id, signature.scheme, signature.key_id)
            refusal = check_drill(terms, signature, person, own, origin=self._bench.origin, now=now)
            if refusal is not None:
                return refusal
            told = people_event("key.drilled", COMMAND, person.person_id, signature=signature)
            return told.amended(subject_id=terms.nonce)

        asked = digest({"terms": terms.json_value(), "signature": signature.json_value()})
        command = Command(name=COMMAND, actor=actor, key=key, stream=STREAM, payload_digest=asked)
        return self._bench.recorder.run(command, decide)
