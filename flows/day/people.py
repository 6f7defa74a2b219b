"""People who act by themselves, in demo homes only.

Job: bring the people of a day into the register, and sign as they would.

Invariants
  I1  Everybody is labelled automatic; `UnsafeDemoKeyring` refuses any home but a demo.
  I2  Every act uses a key derived from what it is about, so that a resumed day repeats it.

Not here: what they are told to do (plan), rules that may refuse them (desk).
Source: governance part 3, rules 2.6 (delegation) and 2.7 (many decisions, one signature).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from counterseal.approvals.batch import KIND as BATCH
from counterseal.approvals.batch import BatchStatement
from counterseal.approvals.delegation import KIND as GRANT
from counterseal.approvals.delegation import GrantScope, grant_statement
from counterseal.approvals.model import BatchNonce, ReviewNonce
from counterseal.desk.bulk import PreparedBatch, SignedBatch
from counterseal.desk.commands import Outcome
from counterseal.desk.comments import PreparedReview, prepared_review
from counterseal.desk.delegations import SignedGrant
from counterseal.desk.desk import Desk
from counterseal.desk.ports import Reader
from counterseal.desk.views.approvals import request_detail
from counterseal.desk.views.history import RecordFacts
from counterseal.identity.acts import (
    Act,
    ActTerms,
    EnrolKey,
    grant_role,
    kind_of,
    statement_of,
)
from counterseal.identity.keys import PersonKey
from counterseal.identity.mandate import KIND as MANDATE
from counterseal.identity.mandate import SubmitMandate, mandate_statement
from counterseal.identity.people import Person
from counterseal.identity.schemes import KEY_CLASS, SignatureScheme
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import IntegrityError, InvariantError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Actor, Refusal
from counterseal.kernel.money import Currency
from flows.day.plan import (
    ACCOUNT,
    AUTOMATIC,
    OFFICERS,
    OPERATOR,
    OWN_MACHINES,
    ROLES,
    TENANT,
    DayPlan,
    Remark,
    StandIn,
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
        self._grants: dict[tuple[str, str], str] = {}

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
                self._agreed(grant_role(self._terms(key), person_id, role), key)
            self._enrol(person_id)

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

    def stand_in(self, told: StandIn, until: datetime) -> None:
        """Have a grant signed by who is away, from now until the instant (UTC).

        Raises:
            IntegrityError: `DEMO_SETUP_REFUSED`.
        """
        key, now = f"demo:stand-in:{told.delegator}:{told.delegate}", self._clock.now()
        actor = self.actor(told.delegator)
        draft = self._desk.delegations.draft(
            told.delegate,
            told.stages,
            _scope(told),
            told.reason,
            actor,
            valid_from=now,
            valid_until=until,
            now=now,
            key=key,
        )
        if isinstance(draft, Refusal):
            raise IntegrityError("DEMO_SETUP_REFUSED", draft.message, got=draft.code)
        signature = self._ring.sign(told.delegator, GRANT, {**grant_statement(draft.grant)})
        signed = SignedGrant(
            grant=draft.grant.amended(signature=signature),
            reason=draft.reason,
            comment_salt=draft.comment_salt,
        )
        granted = _done(self._desk.delegations.delegate(signed, actor, key=key))
        self._grants[told.delegator, told.delegate] = granted

    def remark(
        self, request_id: str, remark: Remark, reply_to: str | None, *, key: str
    ) -> str | None:
        """Say something about a case; the comment's id, or None when it was refused."""
        actor = self.actor(remark.person_id)
        said = self._desk.comments.comment(
            request_id, remark.text, actor, key=key, reply_to=reply_to
        )
        return said.subject_id if said.accepted else None

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
            scheme=_scheme(verdict.person_id),
            grant_id=self._grant_of(verdict),
        )
        prepared = preparation.prepared
        if prepared is None:
            return Outcome(subject_id=request_id, refusal=preparation.refusal, sealed_size=0)
        statement = prepared.statement.json_value()
        signature = self._ring.sign(verdict.person_id, "decision", statement)
        return approvals.review(request_id, prepared.signed(signature), actor, key=key)

    def review_together(
        self, request_ids: Sequence[str], verdict: Verdict, *, key: str
    ) -> tuple[str, ...]:
        """Review several requests under one signature; gives those that were decided.

        A ceremony that a kill interrupted is ended with the statement that was prepared for it.
        """
        actor, bulk = self.actor(verdict.person_id), self._desk.bulk
        with self._desk.bench.store.reader() as reader:
            shown = self._shown(reader, request_ids)
            prepared = _begun(reader, sorted(request_ids), verdict, key)
        if prepared is None:
            prepared = bulk.prepare_batch(
                shown,
                verdict.word,
                verdict.reason,
                actor,
                key=key,
                scheme=_scheme(verdict.person_id),
            ).prepared
        if prepared is None:
            return ()
        signature = self._ring.sign(verdict.person_id, BATCH, prepared.statement.json_value())
        signed = SignedBatch(prepared=prepared, signature=signature)
        items = bulk.review_batch(signed, actor, key=key)
        return tuple(item.request_id for item in items if item.refusal is None)

    def _shown(self, reader: Reader, request_ids: Sequence[str]) -> dict[str, str]:
        """What a reviewer saw of each request, digested.

        Raises:
            InvariantError: for a request that is not recorded.
        """
        bundle, now, shown = self._desk.bench.bundle, self._clock.now(), {}
        for request_id in request_ids:
            detail = request_detail(reader, request_id, bundle, RecordFacts(), now)
            if isinstance(detail, Refusal):
                raise InvariantError("a recorded request cannot be shown")
            shown[request_id] = str(detail.shown_hash)
        return shown

    def _grant_of(self, verdict: Verdict) -> str | None:
        if verdict.in_the_name_of is None:
            return None
        return self._grants[verdict.in_the_name_of, verdict.person_id]

    def _key_id(self, person_id: str) -> str:
        return f"key-{person_id}"

    def _terms(self, key: str) -> ActTerms:
        return self._desk.people.terms(TENANT, self._clock.now(), key=key)

    def _agreed(self, act: Act, key: str, *also: str) -> None:
        """Put an act into force by the signatures of both officers, and of others."""
        kind, statement = kind_of(act), statement_of(act)
        signatures = [self._ring.sign(name, kind, statement) for name in (*OFFICERS, *also)]
        _done(self._desk.proposals.propose(signatures, self.actor(OFFICERS[0]), key=key))

    def _enrol(self, person_id: str) -> None:
        scheme = _scheme(person_id)
        key = PersonKey(
            key_id=self._key_id(person_id),
            person_id=person_id,
            public_key=self._public_key(person_id),
            key_class=KEY_CLASS[scheme],
            scheme=scheme,
            enrolled_by=(),
            effective_at=self._clock.now(),
        )
        base = f"demo:enrol:{person_id}"
        self._agreed(EnrolKey(terms=self._terms(base), key=key), base, person_id)

    def _public_key(self, person_id: str) -> str:
        key_id = self._key_id(person_id)
        seed = self._ids.secret(f"seed:{key_id}", 32)
        if person_id in OWN_MACHINES:
            return self._ring.own_machine(person_id, key_id, seed=seed)
        salt = self._ids.secret(f"salt:{key_id}", 16)
        return self._ring.public_key(person_id, key_id, seed=seed, salt=salt)


def _scheme(person_id: str) -> SignatureScheme:
    return SignatureScheme.SSHSIG if person_id in OWN_MACHINES else SignatureScheme.ED25519


def _scope(told: StandIn) -> GrantScope:
    return GrantScope(
        strategies=told.strategies,
        instruments=told.instruments,
        accounts=(ACCOUNT,),
        tx_equivalent_max=told.tx_equivalent_max,
        notional_max=told.notional_max,
        currency=Currency.TWD,
    )


def _begun(
    reader: Reader, request_ids: Sequence[str], verdict: Verdict, key: str
) -> PreparedBatch | None:
    """The ceremony that was prepared over these requests, or None."""
    for nonce in reader.find(BatchNonce, person_id=verdict.person_id):
        statement = BatchStatement.model_validate_json(nonce.statement)
        if list(statement.request_ids) == list(request_ids):
            leaves = tuple(_leaf(reader, i, verdict, key) for i in request_ids)
            return PreparedBatch(statement=statement, leaves=leaves)
    return None


def _leaf(reader: Reader, request_id: str, verdict: Verdict, key: str) -> PreparedReview:
    """One decision of a begun ceremony.

    Raises:
        InvariantError: when its words are gone.
    """
    [nonce] = reader.find(ReviewNonce, person_id=verdict.person_id, approval_request_id=request_id)
    found = prepared_review(reader, nonce.nonce, verdict.reason, key)
    if isinstance(found, Refusal):
        raise InvariantError("a prepared review is gone")
    return found


def _done(outcome: Outcome) -> str:
    if outcome.refusal is not None:
        raise IntegrityError(
            "DEMO_SETUP_REFUSED", outcome.refusal.message, got=outcome.refusal.code
        )
    return outcome.subject_id
