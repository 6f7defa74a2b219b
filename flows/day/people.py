"""People who act by themselves, in demo homes only.

Job: bring the people of a day into the register, and sign as they would.

Invariants
  I1  Everybody is labelled automatic; `UnsafeDemoKeyring` refuses any home but a demo.
  I2  Every act uses a key derived from what it is about, so that a resumed day repeats it.

Not here: what they are told to do (plan), rules that may refuse them (desk).
Source: governance part 3.
"""

from datetime import datetime
from pathlib import Path

from counterseal.approvals.review_checks import SignedReview
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.people import enrolment_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.mandate import KIND as MANDATE
from counterseal.identity.mandate import SubmitMandate, mandate_statement
from counterseal.identity.people import Person
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Actor, Signature
from flows.day.plan import (
    ACCOUNT,
    AUTOMATIC,
    OFFICERS,
    OPERATOR,
    ROLES,
    TENANT,
    DayPlan,
    Verdict,
)
from storage.keyring import UnsafeDemoKeyring

ISSUER = "counterseal:demo"


class AutomaticPeople:
    """The people of a demo home.

    Args:
        desk: The demo home's desk.
        keys: Folder of the sealed keys.
        clock: The replay clock.
        ids: The seeded source.

    Raises:
        InputError: `NOT_A_DEMO_HOME`.
    """

    def __init__(self, desk: Desk, keys: Path, mode: str, clock: Clock, ids: IdSource) -> None:
        self._desk = desk
        self._ring = UnsafeDemoKeyring(keys, mode)
        self._clock = clock
        self._ids = ids

    def actor(self, person_id: str) -> Actor:
        """A person's demo login, renewed at this instant."""
        now = self._clock.now()
        session = self._ids.new("ses", f"demo:{person_id}", now)
        return Actor(
            id=person_id, issuer=ISSUER, amr=("demo",), acr="none", auth_time=now, session=session
        )

    def join(self) -> None:
        """Add everybody, grant roles by both officers, enrol keys.

        Raises:
            IntegrityError: `DEMO_SETUP_REFUSED`.
        """
        first, people = self.actor(OFFICERS[0]), self._desk.people
        for person_id, roles in ROLES.items():
            person = Person(
                person_id=person_id,
                tenant=TENANT,
                handle=person_id,
                created_at=self._clock.now(),
                labels=(AUTOMATIC,),
            )
            _done(people.add(person, first, key=f"demo:add:{person_id}"))
            for role in roles:
                key = f"demo:grant:{person_id}:{role}"
                _done(people.grant(person_id, role, OFFICERS, first, key=key))
            self._enrol(person_id, first)

    def mandate(self, plan: DayPlan, until: datetime) -> str:
        """The operator's signed mandate for the day; its id.

        Raises:
            IntegrityError: `DEMO_SETUP_REFUSED`.
        """
        now = self._clock.now()
        unsigned = SubmitMandate(
            mandate_id=self._ids.new("man", "demo:mandate", now),
            tenant=TENANT,
            account_id=ACCOUNT,
            person_id=OPERATOR,
            key_id=self._key_id(OPERATOR),
            strategies=plan.mandated,
            orders_max=10_000,
            tx_equivalent_max=plan.tx_equivalent_max,
            valid_from=now,
            valid_until=until,
            issued_at=now,
            nonce=f"non_{self._ids.secret('demo:mandate', 16).hex()}",
        )
        signature = self._ring.sign(OPERATOR, MANDATE, {**mandate_statement(unsigned)})
        signed = unsigned.amended(signature=signature)
        outcome = self._desk.mandates.issue(signed, self.actor(OPERATOR), key="demo:mandate")
        return _done(outcome)

    def review(self, request_id: str, verdict: Verdict, *, key: str) -> Outcome:
        """One signed review, or the refusal that met it."""
        actor, approvals = self.actor(verdict.person_id), self._desk.approvals
        preparation = approvals.prepare(
            request_id,
            verdict.word,
            verdict.reason,
            actor,
            shown_hash=digest({"request": request_id, "shown": AUTOMATIC}),
            key=f"{key}:prepare",
        )
        prepared = preparation.prepared
        if prepared is None:
            return Outcome(subject_id=request_id, refusal=preparation.refusal, sealed_size=0)
        signed = SignedReview(
            decision=verdict.word,
            reason=prepared.reason,
            comment_salt=prepared.comment_salt,
            signature=self._signed(verdict.person_id, prepared.statement.json_value()),
        )
        return approvals.review(request_id, signed, actor, key=key)

    def _signed(self, person_id: str, statement: dict[str, Json]) -> Signature:
        return self._ring.sign(person_id, "decision", statement)

    def _key_id(self, person_id: str) -> str:
        return f"key-{person_id}"

    def _enrol(self, person_id: str, officer: Actor) -> None:
        key_id = self._key_id(person_id)
        public = self._ring.public_key(
            person_id,
            key_id,
            seed=self._ids.secret(f"seed:{key_id}", 32),
            salt=self._ids.secret(f"salt:{key_id}", 16),
        )
        key = PersonKey(
            key_id=key_id,
            person_id=person_id,
            public_key=public,
            key_class=1,
            enrolled_by=(),
            effective_at=self._clock.now(),
        )
        proof = self._ring.sign(person_id, "enrol", {**enrolment_statement(key)})
        enrol = self._desk.people.enrol
        _done(enrol(key, proof, OFFICERS, officer, key=f"demo:enrol:{person_id}"))


def _done(outcome: Outcome) -> str:
    if outcome.refusal is not None:
        raise IntegrityError(
            "DEMO_SETUP_REFUSED", outcome.refusal.message, got=outcome.refusal.code
        )
    return outcome.subject_id
