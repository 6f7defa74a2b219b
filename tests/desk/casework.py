"""What people do with a case beyond asking and reviewing: delegate, amend, race."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

from counterseal.approvals.delegation import DelegationGrant, GrantScope, grant_statement
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.statement import UNOPENED, Opened
from counterseal.desk.case_facts import decisions_of
from counterseal.desk.commands import Outcome
from counterseal.desk.delegations import SignedGrant
from counterseal.identity.acts import grant_role
from counterseal.identity.dsse import sign_statement
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.policy.words import DecisionWord, Role, Stage
from tests.world import ACCOUNT, NONE, World

Bounds = Mapping[str, object]
WORDS = "checked the evidence and agree with it"
SCOPE = GrantScope(
    strategies=("mean-reversion",),
    instruments=("TMF",),
    accounts=(ACCOUNT,),
    tx_equivalent_max=Decimal("0.25"),
    notional_max=Decimal(2_000_000),
    currency=Currency.TWD,
)


def codes(outcome: Outcome | Refusal) -> tuple[str, ...]:
    refusal = outcome.refusal if isinstance(outcome, Outcome) else outcome
    return () if refusal is None else refusal.codes


def stored(world: World, request_id: str) -> ApprovalRequest:
    with world.store.reader() as reader:
        found = reader.get(ApprovalRequest, request_id)
    assert found is not None
    return found


def decided(world: World, request_id: str) -> tuple[ApprovalDecision, ...]:
    with world.store.reader() as reader:
        return decisions_of(reader, request_id)


def signed_review(
    world: World,
    request_id: str,
    name: str,
    word: DecisionWord,
    grant_id: str | None = None,
    *,
    words: str = WORDS,
    shown: str = NONE,
    opened: Opened = UNOPENED,
) -> SignedReview | Refusal:
    """Prepared and signed, not yet sent."""
    answer = world.desk.approvals.prepare(
        request_id,
        word,
        words,
        world.actor(name),
        shown_hash=shown,
        opened=opened,
        key=world.key(),
        grant_id=grant_id,
    )
    if answer.prepared is None:
        assert answer.refusal is not None
        return answer.refusal
    statement = answer.prepared.statement
    return answer.prepared.signed(
        sign_statement(
            world.private_key(name), "decision", statement.json_value(), statement.key_id
        )
    )


def review_under(
    world: World, request_id: str, name: str, word: DecisionWord, grant_id: str | None
) -> Outcome | Refusal:
    signed = signed_review(world, request_id, name, word, grant_id)
    if isinstance(signed, Refusal):
        return signed
    return world.desk.approvals.review(request_id, signed, world.actor(name), key=world.key())


def drafted(
    world: World,
    delegator: str,
    delegate: str,
    *stages: Stage,
    days: int = 7,
    bounds: Bounds | None = None,
) -> SignedGrant:
    """A grant before it is signed."""
    now = world.clock.now()
    made = world.desk.delegations.draft(
        delegate,
        stages,
        SCOPE.amended(**(bounds or {})),
        "away for a week, please stand in",
        world.actor(delegator),
        valid_from=now,
        valid_until=now + timedelta(days=days),
        now=now,
        key=world.key(),
    )
    assert isinstance(made, SignedGrant), made
    return made


def signed_grant(world: World, draft: SignedGrant, signer: str | None = None) -> SignedGrant:
    grant = draft.grant
    signature = sign_statement(
        world.private_key(signer or grant.delegator),
        "grant",
        {**grant_statement(grant)},
        grant.key_id,
    )
    return draft.amended(grant=grant.amended(signature=signature))


def delegated(
    world: World,
    delegator: str,
    delegate: str,
    *stages: Stage,
    days: int = 7,
    bounds: Bounds | None = None,
) -> str:
    """A recorded grant; its id."""
    made = signed_grant(
        world, drafted(world, delegator, delegate, *stages, days=days, bounds=bounds)
    )
    actor = world.actor(delegator)
    return world.done(world.desk.delegations.delegate(made, actor, key=world.key()))


def grant_of(world: World, grant_id: str) -> DelegationGrant:
    with world.store.reader() as reader:
        found = reader.get(DelegationGrant, grant_id)
    assert found is not None
    return found


def amended(
    world: World, request_id: str, changes: Mapping[str, object], name: str = "quant"
) -> Outcome:
    """Amend with a payload that differs in these fields."""
    payload = stored(world, request_id).payload.amended(**changes)
    return world.desk.amendments.amend(request_id, payload, world.actor(name), key=world.key())


def limited(world: World, name: str, role: Role, *strategies: str) -> None:
    """A role given anew, for these strategies only."""
    officer = world.actor("officer-1")
    world.done(world.desk.leaving.withdraw_role(name, role, officer, key=world.key()))
    act = grant_role(world.terms(), name, role, strategies=strategies)
    world.done(world.agreed(act, "officer-1", "officer-2"))


def crowd(world: World, count: int) -> list[str]:
    """So many research reviewers with keys."""
    names = [f"reviewer-{n}" for n in range(count)]
    for name in names:
        actor = world.actor("officer-1")
        world.done(world.desk.people.add(world.person(name), actor, key=world.key()))
        world.done(world.granted(name, Role.RESEARCH_REVIEWER))
        world.done(world.enrolled(name))
    return names


def race(world: World, request_id: str, names: Sequence[str]) -> list[Outcome]:
    """Everybody prepares and signs the same open seat, then all send at once."""
    signed: list[tuple[str, SignedReview]] = []
    for name in names:
        one = signed_review(world, request_id, name, DecisionWord.RESEARCH_APPROVED)
        assert isinstance(one, SignedReview), one
        signed.append((name, one))

    def send(told: tuple[str, SignedReview]) -> Outcome:
        name, review = told
        actor = world.actor(name)
        return world.desk.approvals.review(request_id, review, actor, key=f"race-{name}")

    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(send, signed))
