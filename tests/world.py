"""A governed world: what the people of a household do, from a signal to a submit."""

from datetime import timedelta
from decimal import Decimal

from counterseal.approvals.model import RequestPayload
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.commands import Outcome
from counterseal.desk.orders import Submission
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.identity.dsse import sign_statement
from counterseal.identity.mandate import SubmitMandate, mandate_statement
from counterseal.kernel.model import Actor
from counterseal.kernel.money import Currency
from counterseal.market.instruments import contract_root
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import Leg, OrderType, Side, TimeInForce
from counterseal.signals.model import Direction, Provenance, SignalReason, StrategySignal
from tests.household import (
    ACCOUNT,
    LARGE,
    NONE,
    ORIGIN,
    PEOPLE,
    ROOT,
    START,
    SYMBOL,
    Household,
    OneQuote,
)

__all__ = [
    "ACCOUNT",
    "LARGE",
    "NONE",
    "ORIGIN",
    "PEOPLE",
    "ROOT",
    "START",
    "SYMBOL",
    "OneQuote",
    "World",
]


class World(Household):
    """A desk and what a test needs beside it."""

    def signal(
        self, *, direction: Direction = Direction.LONG, target: str = "0.25"
    ) -> StrategySignal:
        self.count += 1
        signal = StrategySignal(
            signal_id=f"signal-{self.count}",
            strategy_id="mean-reversion",
            strategy_version="1.0.0",
            timestamp=self.clock.now(),
            direction=direction,
            target_tx_equivalent=Decimal(target),
            confidence=Decimal("0.7"),
            stop_distance_points=Decimal(20),
            reason=SignalReason(signals_only=True),
        )
        provenance = Provenance(
            source="test",
            source_digest=NONE,
            data_version="d1",
            code_version="c1",
            parameters_hash=NONE,
        )
        self.done(self.desk.intake.propose(signal, provenance, self.actor("quant"), key=self.key()))
        return signal

    def payload(
        self, signal: StrategySignal, *, quantity: int = 4, symbol: str = SYMBOL
    ) -> RequestPayload:
        spec = self.desk.bench.contracts.spec(contract_root(symbol))
        assert spec is not None
        side = Side.BUY if signal.direction is Direction.LONG else Side.SELL
        now = self.clock.now()
        return RequestPayload(
            tenant="tenant-1",
            account_id=ACCOUNT,
            requester_id="quant",
            request_reason="mean reversion after a sharp move",
            strategy_id=signal.strategy_id,
            strategy_version=signal.strategy_version,
            author_ids=("author",),
            signal_id=signal.signal_id,
            signal_expires_at=now + timedelta(hours=2),
            direction=signal.direction,
            target_tx_equivalent=signal.target_tx_equivalent,
            confidence=signal.confidence,
            stop_distance_points=signal.stop_distance_points,
            symbol=symbol,
            legs=(Leg(symbol=symbol, side=side, ratio=1),),
            side=side,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            max_quantity=Decimal(quantity),
            tx_equivalent=spec.tx_equivalent * quantity,
            notional=20_000 * spec.multiplier * quantity,
            currency=Currency.TWD,
            review_ttl_seconds=3600,
            execution_validity_seconds=3600,
            data_version="d1",
            code_version="c1",
            parameters_hash=NONE,
            evidence_pack_hash=NONE,
            policy_bundle_hash=self.desk.bench.bundle.bundle_hash,
            created_at=now,
        )

    def requested(
        self,
        *,
        quantity: int = 4,
        direction: Direction = Direction.LONG,
        target: str = "0.25",
        symbol: str = SYMBOL,
    ) -> str:
        signal = self.signal(direction=direction, target=target)
        payload = self.payload(signal, quantity=quantity, symbol=symbol)
        return self.done(self.desk.approvals.request(payload, self.actor("quant"), key=self.key()))

    def asked_for_a_day(self) -> str:
        """A request whose review may last a day."""
        payload = self.payload(self.signal()).amended(review_ttl_seconds=86_400)
        actor = self.actor("quant")
        return self.done(self.desk.approvals.request(payload, actor, key=self.key()))

    def reviewed(self, request_id: str, name: str, word: DecisionWord) -> Outcome:
        reason = "checked the evidence and agree with it"
        preparation = self.desk.approvals.prepare(
            request_id, word, reason, self.actor(name), shown_hash=NONE, key=self.key()
        )
        if preparation.refusal is not None:
            return Outcome(subject_id=request_id, refusal=preparation.refusal, sealed_size=0)
        prepared = preparation.prepared
        assert prepared is not None
        signature = sign_statement(
            self.private_key(name),
            "decision",
            prepared.statement.json_value(),
            prepared.statement.key_id,
        )
        signed = prepared.signed(signature)
        return self.desk.approvals.review(request_id, signed, self.actor(name), key=self.key())

    def approved(
        self,
        *,
        quantity: int = 4,
        direction: Direction = Direction.LONG,
        target: str = "0.25",
        symbol: str = SYMBOL,
    ) -> str:
        request_id = self.requested(
            quantity=quantity, direction=direction, target=target, symbol=symbol
        )
        self.done(self.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
        self.done(self.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
        if quantity >= LARGE:
            self.done(self.reviewed(request_id, "compliance", DecisionWord.APPROVED_FOR_PAPER))
        return request_id

    def submitted(
        self,
        request_id: str,
        *,
        quantity: int = 4,
        key: str | None = None,
        selected: SimulationOutcome | None = None,
    ) -> Outcome:
        asked = Submission(
            approval_request_id=request_id, quantity=Decimal(quantity), selected_outcome=selected
        )
        return self.desk.orders.submit(asked, self.actor("operator"), key=key or self.key())

    def mandate(self, **bounds: object) -> str:
        """The operator's signed mandate over the account; the id of its record."""
        self.count += 1
        now = self.clock.now()
        told: dict[str, object] = {
            "mandate_id": f"mandate-{self.count}",
            "tenant": "tenant-1",
            "account_id": ACCOUNT,
            "person_id": "operator",
            "key_id": "key-of-operator",
            "strategies": ("mean-reversion",),
            "orders_max": 10,
            "tx_equivalent_max": Decimal("0.25"),
            "valid_from": now,
            "valid_until": now + timedelta(hours=8),
            "issued_at": now,
            "nonce": f"non_mandate_{self.count}",
        } | bounds
        unsigned = SubmitMandate.model_validate(told)
        signature = sign_statement(
            self.private_key("operator"),
            "mandate",
            {**mandate_statement(unsigned)},
            unsigned.key_id,
        )
        signed = unsigned.amended(signature=signature)
        return self.done(self.desk.mandates.issue(signed, self.actor("operator"), key=self.key()))

    def service(self) -> Actor:
        """The platform's own identity."""
        return self.actor("dispatch").amended(issuer=SERVICE_ISSUER)
