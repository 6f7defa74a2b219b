"""A house to try things out in: people, accounts and requests on a scratch desk.

Job: found a throw-away installation and carry requests through it, for rehearsals only.

Invariants
  I1  It writes only through the desk that it is given.

Not here: what is tried out (desk.readiness), the scratch store (storage.probes).
Source: TX-L8.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from counterseal.approvals.model import RequestPayload
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.installation import Installation
from counterseal.desk.orders import Submission
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.identity.acts import (
    ATTEST,
    Act,
    ActTerms,
    EnrolKey,
    grant_role,
    kind_of,
    statement_of,
)
from counterseal.identity.dsse import public_key_text, sign_statement
from counterseal.identity.founding import Founder, Founding, founding_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.mandate import KIND as MANDATE
from counterseal.identity.mandate import SubmitMandate, mandate_statement
from counterseal.identity.people import Person, Role
from counterseal.identity.sealing import private_key_from_seed
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Actor, Signature
from counterseal.kernel.money import Currency
from counterseal.market.contracts import ContractSpec
from counterseal.market.instruments import contract_root
from counterseal.oms.model import Order
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import Leg, OrderType, Side, TimeInForce
from counterseal.signals.model import Direction, Provenance, SignalReason, StrategySignal

SYMBOL: Final = "TMF202601"
ACCOUNT: Final = "scratch-1"
OTHER_ACCOUNT: Final = "scratch-2"
AWAY: Final = Decimal(19_900)
"""A buyer's limit (points) that the scratch market does not reach."""

OPERATOR: Final = "operator"
OFFICERS: Final = ("officer-1", "officer-2")
REVIEWER: Final = "risk"
"""Somebody who holds one reviewer role and no other."""
AUDITOR: Final = "auditor"
_TENANT: Final = "scratch"
_STRATEGY: Final = "rehearsal"
_QUANTITY: Final = Decimal(2)
_PEOPLE: Final[Mapping[str, tuple[Role, ...]]] = {
    OFFICERS[0]: (Role.ADMINISTRATOR, Role.ENROLMENT_OFFICER),
    OFFICERS[1]: (Role.ADMINISTRATOR, Role.ENROLMENT_OFFICER),
    "requester": (Role.REQUESTER, Role.RESEARCH_REVIEWER),
    "reviewer": (Role.COMPLIANCE_REVIEWER,),
    REVIEWER: (Role.RISK_REVIEWER,),
    OPERATOR: (Role.OPERATOR,),
    AUDITOR: (Role.AUDITOR,),
}
_NOTHING: Final = digest(None)


def scratch_actor(name: str, now: datetime) -> Actor:
    """A person of the rehearsal; nobody outside a scratch store is called so."""
    return Actor(
        id=name,
        issuer="counterseal:rehearsal",
        amr=("key",),
        acr="mfa",
        auth_time=now,
        session=f"rehearsal-{name}",
    )


def _person(name: str, now: datetime) -> Person:
    return Person(person_id=name, tenant=_TENANT, handle=name, created_at=now)


class ScratchHouse:
    """People and accounts of a rehearsal.

    Args:
        desk: A desk over a scratch store that holds no record yet.
        files: The policy files that its bundle was built from.
        now: The one instant of the rehearsal (UTC), inside a trading session of the calendar.
        start: Where its keys begin, so that a second house on one store asks under new ones.
        log_vkey: The log's key as the installation names it.
    """

    def __init__(
        self,
        desk: Desk,
        files: Mapping[str, bytes],
        now: datetime,
        start: int = 0,
        log_vkey: str = "scratch",
    ) -> None:
        self.desk = desk
        self.now = now
        self._files = files
        self._count = start
        self._log_vkey = log_vkey

    def key(self) -> str:
        """A fresh idempotency key."""
        self._count += 1
        return f"rehearsal-{self._count}"

    def done(self, outcome: Outcome) -> str:
        """The subject of an accepted outcome.

        Raises:
            InputError: `REHEARSAL_STOPPED` when it was refused.
        """
        if outcome.refusal is not None:
            raise InputError(
                "REHEARSAL_STOPPED", "a step of the rehearsal was refused", got=outcome.refusal.code
            )
        return outcome.subject_id

    def _actor(self, name: str) -> Actor:
        return scratch_actor(name, self.now)

    def found(self) -> None:
        """People, keys, policy and two accounts.

        Raises:
            InputError: `REHEARSAL_STOPPED`.
        """
        setup, first = self.desk.setup, self._actor(OFFICERS[0])
        bench = self.desk.bench
        installation = Installation(
            origin=bench.origin,
            log_vkey=self._log_vkey,
            tenant=_TENANT,
            mode="demo",
            created_at=self.now,
        )
        self.done(setup.install(installation, first, key=self.key()))
        self._found_people()
        self.done(setup.activate_policy(self._files, OFFICERS, first, key=self.key()))
        for account in (ACCOUNT, OTHER_ACCOUNT):
            opened = setup.open_account(
                account, _TENANT, Currency.TWD, Decimal(1_000_000), first, key=self.key()
            )
            self.done(opened)

    def _found_people(self) -> None:
        people, first = self.desk.people, self._actor(OFFICERS[0])
        terms = people.terms(_TENANT, self.now, key=self.key())
        founders = tuple(Founder(person=_person(n, self.now), key=self._new(n)) for n in OFFICERS)
        statement = founding_statement(terms, [one.key for one in founders])
        signatures = self.signed(ATTEST, statement, *OFFICERS)
        founding = Founding(terms=terms, founders=founders, signatures=signatures)
        self.done(people.found(founding, first, key=self.key()))
        for name, roles in _PEOPLE.items():
            if name not in OFFICERS:
                self.done(people.add(_person(name, self.now), first, key=self.key()))
                for role in roles:
                    self._agreed(grant_role(self._terms(), name, role))
                self._agreed(EnrolKey(terms=self._terms(), key=self._new(name)), name)

    def _terms(self) -> ActTerms:
        return self.desk.people.terms(_TENANT, self.now, key=self.key())

    def _agreed(self, act: Act, *also: str) -> None:
        signatures = self.signed(kind_of(act), statement_of(act), *OFFICERS, *also)
        first = self._actor(OFFICERS[0])
        self.done(self.desk.proposals.propose(signatures, first, key=self.key()))

    def signed(
        self, kind: str, statement: Mapping[str, Json], *names: str
    ) -> tuple[Signature, ...]:
        """A statement, signed by each of these people with their own key."""
        return tuple(
            sign_statement(private_key_from_seed(self._seed(n)), kind, statement, f"key-{n}")
            for n in names
        )

    def _new(self, name: str) -> PersonKey:
        return PersonKey(
            key_id=f"key-{name}",
            person_id=name,
            public_key=public_key_text(private_key_from_seed(self._seed(name))),
            key_class=1,
            enrolled_by=(),
            effective_at=self.now,
        )

    def _seed(self, name: str) -> bytes:
        return self.desk.bench.ids.secret(f"scratch-key-{name}", 32)

    def _signal(self, signal_id: str) -> StrategySignal:
        signal = StrategySignal(
            signal_id=signal_id,
            strategy_id=_STRATEGY,
            strategy_version="1",
            timestamp=self.now,
            direction=Direction.LONG,
            target_tx_equivalent=Decimal("0.25"),
            confidence=Decimal("0.7"),
            stop_distance_points=Decimal(20),
            reason=SignalReason(signals_only=True),
        )
        provenance = Provenance(
            source="rehearsal",
            source_digest=_NOTHING,
            data_version="none",
            code_version="none",
            parameters_hash=_NOTHING,
        )
        told = self.desk.intake.propose(
            signal, provenance, self._actor("requester"), key=self.key()
        )
        self.done(told)
        return signal

    def requested(self, signal: str | None = None, **terms: object) -> str:
        """A fresh request over a fresh signal, of this name; `terms` differ from the usual payload.

        Raises:
            InputError: `REHEARSAL_STOPPED`.
        """
        said = self._signal(signal or self.key())
        spec = self.desk.bench.contracts.spec(contract_root(SYMBOL))
        if spec is None:
            raise InputError("REHEARSAL_STOPPED", "no terms of the scratch contract", got=SYMBOL)
        payload = self._payload(said, spec).amended(**terms)
        requester = self._actor("requester")
        return self.done(self.desk.approvals.request(payload, requester, key=self.key()))

    def service(self, name: str) -> Actor:
        """A service of the scratch platform."""
        return scratch_actor(name, self.now).amended(issuer=SERVICE_ISSUER)

    def mandate(self) -> str:
        """The operator's signed permission to dispatch one order of this house.

        Raises:
            InputError: `REHEARSAL_STOPPED`.
        """
        unsigned = SubmitMandate(
            mandate_id=self.key(),
            tenant=_TENANT,
            account_id=ACCOUNT,
            person_id=OPERATOR,
            key_id=f"key-{OPERATOR}",
            strategies=(_STRATEGY,),
            orders_max=1,
            tx_equivalent_max=Decimal(1),
            valid_from=self.now,
            valid_until=self.now + timedelta(hours=1),
            issued_at=self.now,
            nonce=self.key(),
        )
        private = private_key_from_seed(self._seed(OPERATOR))
        signature = sign_statement(private, MANDATE, mandate_statement(unsigned), unsigned.key_id)
        signed = unsigned.amended(signature=signature)
        issued = self.desk.mandates.issue(signed, self._actor(OPERATOR), key=self.key())
        return self.done(issued)

    def _payload(self, signal: StrategySignal, spec: ContractSpec) -> RequestPayload:
        return RequestPayload(
            tenant=_TENANT,
            account_id=ACCOUNT,
            requester_id="requester",
            request_reason="a rehearsal of the governed path",
            strategy_id=signal.strategy_id,
            strategy_version=signal.strategy_version,
            author_ids=("requester",),
            signal_id=signal.signal_id,
            signal_expires_at=self.now + timedelta(hours=2),
            direction=signal.direction,
            target_tx_equivalent=signal.target_tx_equivalent,
            confidence=signal.confidence,
            stop_distance_points=signal.stop_distance_points,
            symbol=SYMBOL,
            legs=(Leg(symbol=SYMBOL, side=Side.BUY, ratio=1),),
            side=Side.BUY,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            max_quantity=_QUANTITY,
            tx_equivalent=spec.tx_equivalent * _QUANTITY,
            notional=Decimal(20_000) * spec.multiplier * _QUANTITY,
            currency=Currency.TWD,
            review_ttl_seconds=3600,
            execution_validity_seconds=3600,
            data_version="none",
            code_version="none",
            parameters_hash=_NOTHING,
            evidence_pack_hash=_NOTHING,
            policy_bundle_hash=self.desk.bench.bundle.bundle_hash,
            created_at=self.now,
        )

    def review(
        self, request_id: str, name: str, word: DecisionWord, *, own: bool = True
    ) -> Outcome:
        """A review, signed with the reviewer's own key or with a stranger's."""
        preparation = self.desk.approvals.prepare(
            request_id,
            word,
            "a rehearsal of the review",
            self._actor(name),
            shown_hash=_NOTHING,
            key=self.key(),
        )
        prepared = preparation.prepared
        if prepared is None:
            return Outcome(subject_id=request_id, refusal=preparation.refusal, sealed_size=0)
        statement = prepared.statement
        private = private_key_from_seed(self._seed(name if own else "stranger"))
        signed = prepared.signed(
            sign_statement(private, "decision", statement.json_value(), statement.key_id)
        )
        return self.desk.approvals.review(request_id, signed, self._actor(name), key=self.key())

    def submit(self, request_id: str, selected: SimulationOutcome | None = None) -> Outcome:
        """A submit by the operator, under a fresh key."""
        asked = Submission(
            approval_request_id=request_id, quantity=_QUANTITY, selected_outcome=selected
        )
        return self.desk.orders.submit(asked, self.operator, key=self.key())

    def enqueued(self, limit_price: Decimal | None = None) -> str:
        """An approved order of the other account whose message waits for a gateway; its id.

        Args:
            limit_price: Points, for a limit order; None for a market order.

        Raises:
            InputError: `REHEARSAL_STOPPED`.
        """
        terms = {} if limit_price is None else {"order_type": OrderType.LIMIT}
        request_id = self.approved(account_id=OTHER_ACCOUNT, **terms)
        asked = Submission(
            approval_request_id=request_id, quantity=Decimal(1), limit_price=limit_price
        )
        self.done(self.desk.orders.enqueue(asked, self.operator, key=self.key()))
        with self.desk.bench.store.reader() as reader:
            found = reader.find(Order, approval_request_id=request_id)
        if not found:
            raise InputError("REHEARSAL_STOPPED", "no order was accepted", got=request_id)
        return found[0].order_id

    @property
    def operator(self) -> Actor:
        """Who submits."""
        return self._actor(OPERATOR)

    def approved(self, signal: str | None = None, **terms: object) -> str:
        """A request that two people approved, over a signal of this name.

        Raises:
            InputError: `REHEARSAL_STOPPED`.
        """
        request_id = self.requested(signal, **terms)
        research, paper = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
        self.done(self.review(request_id, "reviewer", research))
        self.done(self.review(request_id, "risk", paper))
        return request_id
