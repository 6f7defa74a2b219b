"""Why somebody may not act on a case now.

Job: put an act to the decision that judges it at commit, without acting, and give its reasons.

Invariants
  I1  There is no second rule set: every reason comes from the function that refuses at commit.
  I2  What only the act itself can settle is left out by name: signature, nonce, login, words.
  I3  An error of the rules is a reason like any other: it ends no list of other cases.
  I4  The answer is advice: nothing is written, and a commit judges anew.

Not here: who must act next (views.turns), sentences for the codes (policies/reason-codes.md).
Source: governance rules 2.8 and 2.10 (click: explain), row "reason, explanation, notices".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.approvals.authorization import GovernedCase
from counterseal.approvals.carrying import CaseVersion
from counterseal.approvals.decide import decide_review
from counterseal.approvals.delegation import (
    Delegated,
    DelegationGrant,
    GrantStatus,
    links_of_grants,
)
from counterseal.approvals.execution import ExecutionCase, check_execution
from counterseal.approvals.independence import PersonLink, links_of_keys
from counterseal.approvals.lifecycle import EndedCase, decide_revoke, decide_withdraw
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestPayload
from counterseal.approvals.reasons import ReasonCode
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.statement import AuthFacts, Reviewer
from counterseal.desk.case_facts import delegated_under
from counterseal.desk.discrepancies import AccountLock
from counterseal.desk.people import enrolled_keys, newest_key
from counterseal.desk.ports import Reader
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.errors import PolicyError
from counterseal.kernel.model import Refusal, Signature
from counterseal.oms.decide import check_not_blocked
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import OrderType, PaperOrderIntent

SETTLED_BY_THE_ACT: Final = frozenset(
    {
        ReasonCode.SIGNATURE_INVALID,
        ReasonCode.SNAPSHOT_CHANGED,
        ReasonCode.NONCE_USED,
        ReasonCode.REAUTH_REQUIRED,
        ReasonCode.REASON_TOO_SHORT,
    }
)
"""Reasons about a signature that nobody has made yet."""

_ASKING: Final = "explain"
_ANY_PRICE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Register:
    """Everybody whom a case may concern, and what joins them, as of one moment.

    Attributes:
        people: By id.
        keys: The keys that may sign at commit, one for each scheme, by their owner.
        all_keys: Every registered key, revoked ones included.
        grants: Every delegation; `delegated` those not ended, as a delegate acts under them.
        unknown: Orders that nobody knows the state of: they block an account.
        locked: Accounts that a critical difference locks.
        bundle: The policy in force.
    """

    people: Mapping[str, Person]
    keys: Mapping[str, tuple[PersonKey, ...]]
    all_keys: tuple[PersonKey, ...]
    grants: tuple[DelegationGrant, ...]
    delegated: tuple[Delegated, ...]
    unknown: tuple[Order, ...]
    locked: frozenset[str]
    bundle: PolicyBundle

    def links(self, request: ApprovalRequest, now: datetime) -> tuple[PersonLink, ...]:
        """Who is one person with whom in a case, from its beginning to `now`."""
        since = request.payload.created_at
        return (*links_of_keys(self.all_keys), *links_of_grants(self.grants, since, now))


@dataclass(frozen=True, slots=True)
class Case:
    """A request, its decisions in sequence, and the versions that it amended, newest first."""

    request: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]
    earlier: tuple[CaseVersion, ...] = ()


def load_register(reader: Reader, bundle: PolicyBundle) -> Register:
    """The register as the reader sees it."""
    people = {person.person_id: person for person in reader.find(Person)}
    grants = reader.find(DelegationGrant)
    acting = (delegated_under(reader, g.grant_id) for g in grants if g.status is GrantStatus.ACTIVE)
    return Register(
        people=people,
        keys=_signing_keys(enrolled_keys(reader)),
        all_keys=reader.find(PersonKey),
        grants=grants,
        delegated=tuple(one for one in acting if isinstance(one, Delegated)),
        unknown=reader.find(Order, state=OrderState.UNKNOWN_NEEDS_RECONCILIATION.value),
        locked=frozenset(lock.account_id for lock in reader.find(AccountLock, locked=True)),
        bundle=bundle,
    )


def _signing_keys(enrolled: Iterable[PersonKey]) -> dict[str, tuple[PersonKey, ...]]:
    """By owner, the key of each scheme that `desk.people.key_of` gives."""
    held: dict[str, list[PersonKey]] = {}
    for key in enrolled:
        held.setdefault(key.person_id, []).append(key)
    newest = {owner: [newest_key(keys, s) for s in SignatureScheme] for owner, keys in held.items()}
    return {owner: tuple(k for k in keys if k is not None) for owner, keys in newest.items()}


def review_codes(
    register: Register, case: Case, person: Person, word: DecisionWord, now: datetime
) -> tuple[str, ...]:
    """Why the person may not give this word now, in check order; empty when they may try.

    Of all their keys, and of the own name and each grant, the way with the fewest reasons counts.
    """
    keys = register.keys.get(person.person_id) or (None,)
    grants = [d for d in register.delegated if d.grant.delegate == person.person_id]
    ways = [(key, under) for under in (None, *grants) for key in keys]
    found: list[tuple[str, ...]] = []
    for key, under in ways:
        codes = _one_way(register, case, person, word, now, key=key, under=under)
        if not codes:
            return ()
        found.append(codes)
    return min(found, key=len)


def _one_way(
    register: Register,
    case: Case,
    person: Person,
    word: DecisionWord,
    now: datetime,
    *,
    key: PersonKey | None,
    under: Delegated | None,
) -> tuple[str, ...]:
    rules = register.bundle.approval
    try:
        judged = decide_review(
            case.request,
            case.decisions,
            _unsigned(word, key, rules.reason_length_min),
            Reviewer(
                person=person, key=key, auth=_just_now(rules.acr_required, now), delegated=under
            ),
            nonce=None,
            bundle=register.bundle,
            links=register.links(case.request, now),
            now=now,
        )
    except PolicyError as error:
        return (error.code,)
    return _reasons(judged.codes) if isinstance(judged, Refusal) else ()


def submit_codes(register: Register, case: Case, person: Person, now: datetime) -> tuple[str, ...]:
    """Why the person may not submit an order of all that was approved now; empty when they may."""
    payload = case.request.payload
    asked = ExecutionCase(
        request=case.request,
        decisions=case.decisions,
        person_keys=register.all_keys,
        links=register.links(case.request, now),
        grants=register.grants,
        earlier=case.earlier,
        bundle=register.bundle,
        intent=_whole_intent(case.request, person, now),
        ratio=_ratio(payload),
        notional=payload.notional,
        submitter=person,
    )
    unknown = [order for order in register.unknown if order.account_id == payload.account_id]
    locked = ("TRADING_ACCOUNT_LOCKED",) if payload.account_id in register.locked else ()
    try:
        judged = check_execution(asked, now) or check_not_blocked(
            unknown, account_id=payload.account_id, symbol=payload.symbol
        )
    except PolicyError as error:
        return (error.code,)
    return (*(() if judged is None else _reasons(judged.codes)), *locked)


def withdraw_codes(
    register: Register, case: Case, person: Person, now: datetime
) -> tuple[str, ...]:
    """Why the person may not take the request back now; empty when they may."""
    return _ending_codes(lambda: decide_withdraw(_governed(register, case), person, now))


def revoke_codes(register: Register, case: Case, person: Person, now: datetime) -> tuple[str, ...]:
    """Why the person may not revoke what was approved now; empty when they may try."""
    words = "-" * register.bundle.approval.reason_length_min
    asked = _governed(register, case)
    codes = _ending_codes(lambda: decide_revoke(asked, person, reason=words, now=now))
    return codes if register.keys.get(person.person_id) else (*codes, ReasonCode.KEY_NOT_ENROLLED)


def _governed(register: Register, case: Case) -> GovernedCase:
    return GovernedCase(
        request=case.request, decisions=case.decisions, bundle=register.bundle, links=()
    )


def _ending_codes(judge: Callable[[], EndedCase | Refusal]) -> tuple[str, ...]:
    try:
        judged = judge()
    except PolicyError as error:
        return (error.code,)
    return _reasons(judged.codes) if isinstance(judged, Refusal) else ()


def _reasons(codes: Sequence[str]) -> tuple[str, ...]:
    return tuple(code for code in codes if code not in SETTLED_BY_THE_ACT)


def _unsigned(word: DecisionWord, key: PersonKey | None, reason_length: int) -> SignedReview:
    """The review as it stands before anybody signs: everything but the signature can be judged."""
    blank = Signature(
        payload_type=_ASKING,
        payload="",
        key_id=_ASKING if key is None else key.key_id,
        scheme=_ASKING if key is None else key.scheme,
        signature="",
    )
    return SignedReview(
        decision=word, reason="-" * reason_length, comment_salt="0" * 32, signature=blank
    )


def _just_now(acr: str, now: datetime) -> AuthFacts:
    """The fresh login that the act itself would bring."""
    return AuthFacts(iss=_ASKING, auth_time=now, acr=acr, amr=())


def _ratio(payload: RequestPayload) -> Decimal:
    """TX-equivalent of one contract, as the request was checked with it."""
    return payload.tx_equivalent / payload.max_quantity


def _whole_intent(request: ApprovalRequest, person: Person, now: datetime) -> PaperOrderIntent:
    """An order of everything that was approved, at a price inside the bounds."""
    bound = request.payload
    price = bound.price_min if bound.price_max is None else bound.price_max
    limit = _ANY_PRICE if price is None else price
    market = bound.order_type is OrderType.MARKET
    return PaperOrderIntent(
        order_id=_ASKING,
        intent_reference=_ASKING,
        idempotency_key=_ASKING,
        tenant=bound.tenant,
        account_id=bound.account_id,
        symbol=bound.symbol,
        legs=bound.legs,
        side=bound.side,
        quantity=bound.max_quantity,
        order_type=bound.order_type,
        time_in_force=bound.time_in_force,
        order_price=None if market else limit,
        reference_price=price if market else None,
        tx_equivalent_exposure=bound.tx_equivalent,
        quote_age_seconds=Decimal(0),
        source_signal_id=bound.signal_id,
        strategy_id=bound.strategy_id,
        strategy_version=bound.strategy_version,
        approval_id=request.approval_request_id,
        direction=bound.direction,
        target_tx_equivalent=bound.target_tx_equivalent,
        confidence=bound.confidence,
        stop_distance_points=bound.stop_distance_points,
        policy_bundle_hash=bound.policy_bundle_hash,
        submitted_by=person.person_id,
        created_at=now,
    )
