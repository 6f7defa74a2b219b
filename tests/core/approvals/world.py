"""A small desk of people, keys and one request for approval tests."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.approvals.authorization import GovernedCase
from counterseal.approvals.decide import ReviewOutcome, decide_request, decide_review
from counterseal.approvals.execution import ExecutionCase
from counterseal.approvals.history import CaseFacts
from counterseal.approvals.independence import Candidate, PersonLink
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    RequestPayload,
    ReviewNonce,
)
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.routing import Preferred
from counterseal.approvals.statement import AuthFacts, DecisionStatement, Reviewer, build_statement
from counterseal.identity.dsse import sign_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person, Role
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.policy.bundle import PolicyBundle, build_bundle
from counterseal.policy.words import DecisionWord
from counterseal.signals.intake import decide_intake
from counterseal.signals.intent import Leg, OrderType, PaperOrderIntent, Side, TimeInForce, exposure
from counterseal.signals.model import (
    Direction,
    Provenance,
    SignalReason,
    SignalRecord,
    StrategySignal,
)

NOW: Final = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
RATIO: Final = Decimal("0.05")
HASH: Final = "sha256:" + "a" * 64
SALT: Final = "0" * 32
REASON: Final = "checked against the evidence"
POLICIES: Final = Path(__file__).parents[3] / "policies"
PEOPLE: Final[Mapping[str, tuple[Role, ...]]] = {
    "rita": (Role.REQUESTER,),
    "rex": (Role.RESEARCH_REVIEWER,),
    "kai": (Role.RISK_REVIEWER,),
    "cora": (Role.COMPLIANCE_REVIEWER,),
    "olga": (Role.OPERATOR,),
    "both": (Role.REQUESTER, Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER),
    "anna": (Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER),
}


def bundle(**changes: Json) -> PolicyBundle:
    names = (
        "approval/2026.11.1/params.yaml",
        "risk/2026.11.1/limits.yaml",
        "retention/2026.11.1/retention.yaml",
    )
    rules = ("approval/2026.11.1/approval.cedar", "approval/2026.11.1/approval.cedarschema")
    files = {name: (POLICIES / name).read_bytes() for name in (*names, *rules)}
    documents = {name: _parsed(files[name]) for name in names}
    documents[names[0]] = documents[names[0]] | changes
    return build_bundle("2026.11.1", files, documents, effective_from=NOW - timedelta(days=1))


@cache
def _parsed(content: bytes) -> dict[str, Json]:
    """What a policy file says; nobody changes it."""
    told: dict[str, Json] = yaml.safe_load(content)
    return told


def private_key(person: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(person.encode()).digest())


def key_of(person: str) -> PersonKey:
    raw = private_key(person).public_key().public_bytes_raw()
    return PersonKey(
        key_id=f"key_{person}",
        person_id=person,
        public_key=base64.b64encode(raw).decode(),
        key_class=1,
        enrolled_by=("eva", "emil"),
        effective_at=NOW - timedelta(days=1),
    )


def person(name: str) -> Person:
    return Person(person_id=name, tenant="acme", handle=name, roles=PEOPLE[name], created_at=NOW)


def keys() -> tuple[PersonKey, ...]:
    return tuple(key_of(name) for name in PEOPLE)


def facts() -> CaseFacts:
    return CaseFacts(person_keys=keys())


def candidates() -> tuple[Candidate, ...]:
    return tuple(Candidate(person_id=n, roles=r, key_class=1) for n, r in PEOPLE.items())


def signal(direction: Direction = Direction.LONG) -> SignalRecord:
    told = StrategySignal(
        signal_id="sig_1",
        strategy_id="trend",
        strategy_version="0.1.0",
        timestamp=NOW,
        direction=direction,
        target_tx_equivalent=Decimal("0.1"),
        confidence=Decimal("0.7"),
        stop_distance_points=Decimal(20),
        reason=SignalReason(signals_only=True),
    )
    origin = Provenance(
        source="file",
        source_digest=HASH,
        data_version="d1",
        code_version="c1",
        parameters_hash=HASH,
    )
    record = decide_intake(told, None, origin, age_max_seconds=60, now=NOW)
    assert isinstance(record, SignalRecord)
    return record


def payload(policy: PolicyBundle, **changes: object) -> RequestPayload:
    base = RequestPayload(
        tenant="acme",
        account_id="acct_1",
        requester_id="rita",
        request_reason="a breakout worth a paper run",
        strategy_id="trend",
        strategy_version="0.1.0",
        author_ids=("adam",),
        signal_id="sig_1",
        signal_expires_at=NOW + timedelta(hours=8),
        direction=Direction.LONG,
        target_tx_equivalent=Decimal("0.1"),
        confidence=Decimal("0.7"),
        stop_distance_points=Decimal(20),
        symbol="TMF202601",
        legs=(Leg(symbol="TMF202601", side=Side.BUY, ratio=1),),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        max_quantity=Decimal(2),
        price_min=Decimal(19000),
        price_max=Decimal(21000),
        tx_equivalent=Decimal("0.1"),
        notional=Decimal(400000),
        currency=Currency.TWD,
        review_ttl_seconds=3600,
        execution_validity_seconds=600,
        data_version="d1",
        code_version="c1",
        parameters_hash=HASH,
        evidence_pack_hash=HASH,
        policy_bundle_hash=policy.bundle_hash,
        created_at=NOW,
    )
    return base.amended(**changes)


def asked(
    policy: PolicyBundle,
    content: RequestPayload,
    staff: Sequence[Candidate],
    wishes: Sequence[Preferred] = (),
) -> ApprovalRequest | Refusal:
    """What rita's request becomes when `staff` may review it."""
    return decide_request(
        "apr_1",
        content,
        signal(content.direction),
        person("rita"),
        bundle=policy,
        candidates=staff,
        links=(),
        ratio=RATIO,
        now=NOW,
        wishes=wishes,
    )


def opened(policy: PolicyBundle, *wishes: Preferred, **changes: object) -> ApprovalRequest:
    outcome = asked(policy, payload(policy, **changes), candidates(), wishes)
    assert isinstance(outcome, ApprovalRequest), outcome
    return outcome


class Desk:
    """One case in memory; `review` signs as a person and moves the case when accepted."""

    def __init__(self, policy: PolicyBundle | None = None, **changes: object) -> None:
        self.bundle = policy or bundle()
        self.request = opened(self.bundle, **changes)
        self.decisions: tuple[ApprovalDecision, ...] = ()
        self.links: tuple[PersonLink, ...] = ()
        self.count = 0

    def review(
        self,
        name: str,
        word: DecisionWord,
        now: datetime | None = None,
        *,
        reason: str = REASON,
        signer: str | None = None,
        statement_changes: Mapping[str, object] | None = None,
        nonce_changes: Mapping[str, object] | None = None,
        reviewer_changes: Mapping[str, object] | None = None,
    ) -> ReviewOutcome | Refusal:
        self.count += 1
        at = now or NOW + timedelta(seconds=self.count)
        auth = AuthFacts(iss="counterseal:local", auth_time=at, acr="mfa", amr=("pwd", "otp"))
        reviewer = Reviewer(person=person(name), key=key_of(name), auth=auth)
        nonce = ReviewNonce(
            nonce=f"n{self.count}",
            person_id=name,
            approval_request_id="apr_1",
            request_version=1,
            issued_at=at,
            expires_at=at + timedelta(seconds=300),
        )
        statement = self.statement(reviewer, word, nonce.nonce, at, reason)
        signed = SignedReview(
            decision=word,
            reason=reason,
            comment_salt=SALT,
            signature=sign_statement(
                private_key(signer or name),
                "decision",
                {**statement.json_value(), **(statement_changes or {})},  # type: ignore[dict-item] # forged
                f"key_{name}",
            ),
        )
        outcome = decide_review(
            self.request,
            self.decisions,
            signed,
            reviewer.amended(**(reviewer_changes or {})),
            nonce=nonce.amended(**(nonce_changes or {})),
            bundle=self.bundle,
            links=self.links,
            now=at,
        )
        if isinstance(outcome, ReviewOutcome):
            self.request = outcome.request
            self.decisions = (*self.decisions, outcome.decision)
        return outcome

    def statement(
        self, reviewer: Reviewer, word: DecisionWord, nonce: str, at: datetime, reason: str
    ) -> DecisionStatement:
        try_person = reviewer
        if not reviewer.person.held_roles() & self.bundle.approval.reviewer_roles():
            elevated = reviewer.person.amended(roles=(Role.RESEARCH_REVIEWER,))
            try_person = reviewer.amended(person=elevated)
        open_request = self.request
        if open_request.next_stage is None:
            open_request = open_request.amended(stages_done=())
        return build_statement(
            open_request,
            try_person,
            self.bundle.approval,
            decision=word,
            approval_decision_id=f"dec_{self.count}",
            sequence=len(self.decisions) + 1,
            reason=reason,
            comment_salt=SALT,
            evidence_shown_hash=HASH,
            nonce=nonce,
            log_origin="acme/log",
            issued_at=at,
        )

    def approved(self) -> "Desk":
        for name, word in (
            ("rex", DecisionWord.RESEARCH_APPROVED),
            ("kai", DecisionWord.APPROVED_FOR_PAPER),
        ):
            outcome = self.review(name, word)
            assert isinstance(outcome, ReviewOutcome), outcome
        return self

    def intent(self, **changes: object) -> PaperOrderIntent:
        p = self.request.payload
        base = PaperOrderIntent(
            order_id="ord_1",
            intent_reference="paper-order-0",
            idempotency_key="paper-idem-0",
            tenant=p.tenant,
            account_id=p.account_id,
            symbol=p.symbol,
            legs=p.legs,
            side=p.side,
            quantity=p.max_quantity,
            order_type=p.order_type,
            time_in_force=p.time_in_force,
            order_price=Decimal(20000),
            tx_equivalent_exposure=exposure(p.max_quantity, RATIO),
            quote_age_seconds=Decimal(0),
            source_signal_id=p.signal_id,
            strategy_id=p.strategy_id,
            strategy_version=p.strategy_version,
            approval_id="apr_1",
            direction=p.direction,
            target_tx_equivalent=p.target_tx_equivalent,
            confidence=p.confidence,
            stop_distance_points=p.stop_distance_points,
            policy_bundle_hash=p.policy_bundle_hash,
            submitted_by="olga",
            created_at=NOW,
        )
        return base.amended(**changes)

    def governed(self) -> GovernedCase:
        return GovernedCase(
            request=self.request, decisions=self.decisions, bundle=self.bundle, links=self.links
        )

    def case(self, **changes: object) -> ExecutionCase:
        base = ExecutionCase(
            request=self.request,
            decisions=self.decisions,
            person_keys=keys(),
            links=self.links,
            bundle=self.bundle,
            intent=self.intent(),
            notional=Decimal(0),
            ratio=RATIO,
            submitter=person("olga"),
        )
        return base.amended(**changes)
