"""The rules and the oracle: two texts of one law, over a universe and over random facts."""

from collections.abc import Iterator
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.policy.cedar import evaluate_all
from counterseal.policy.question import (
    BundleFacts,
    Closing,
    Context,
    Granting,
    PersonFacts,
    RequestFacts,
    Resource,
    Reviewing,
    RuleAction,
    Submitting,
    TenantFacts,
    Voting,
    question,
)
from counterseal.policy.words import Role, Stage
from tests.core.policy import oracle
from tests.core.policy.rules_room import (
    REVIEWERS,
    approved,
    person,
    request,
    reviewing,
    shipped,
    submitting,
)

Asked = tuple[PersonFacts, RuleAction, Resource, Context | None]
REVIEWS = (RuleAction.APPROVE, RuleAction.REJECT, RuleAction.ASK_DATA)
STATES = (
    "pending_review",
    "research_approved",
    "approved_for_paper_simulation",
    "rejected",
    "needs_data_review",
    "expired",
    "withdrawn",
    "revoked",
    "superseded",
    "consumed",
)
STAGE_SETS = tuple(
    tuple(s for s, used in zip(Stage, uses, strict=True) if used)
    for uses in product((False, True), repeat=len(Stage))
)
PEOPLE = ("rex", "rita", "adam", "kai", "cora")


def compared(cases: list[Asked]) -> None:
    """Verdict and reasons of both are the same for every case."""
    answers = evaluate_all(shipped(), [question(*case) for case in cases])
    for case, answer in zip(cases, answers, strict=True):
        expected = oracle.verdict(*case)
        assert (answer.allowed, answer.codes, answer.errors) == (not expected, expected, ()), case


def people() -> Iterator[PersonFacts]:
    yield from (person(role) for role in Role)
    yield person()
    yield person(tenant="other")
    yield person(Role.OPERATOR, active=False)
    yield person(limit=99_999_999)
    yield person(strategies=("other",))


def test_rules_and_oracle_agree_on_every_review_of_a_small_universe() -> None:
    """Governance 4 (oracle): people x actions x stages x what is done x who was there."""
    compared(
        [
            (who, action, request(stages_done=done, reviewed_by=by, state=state), how)
            for who, action, done, by, state in product(
                people(), REVIEWS, STAGE_SETS[::2], ((), ("rex",)), STATES[:4]
            )
            for how in (reviewing(stage=done[-1] if done else Stage.RESEARCH),)
        ]
    )


def test_rules_and_oracle_agree_on_every_stage_and_order() -> None:
    """Governance 4 (oracle): each stage, also none, against everything done and required."""
    stages = (*Stage, "none")
    compared(
        [
            (who, RuleAction.APPROVE, request(stages_done=done, stages_required=required), how)
            for who, done, required, stage in product(
                (person(), *map(person, REVIEWERS)), STAGE_SETS, STAGE_SETS, stages
            )
            for how in (reviewing(stage=stage),)
        ]
    )


def test_rules_and_oracle_agree_on_every_escalated_stage() -> None:
    """Governance 2.6: each role against each fallback role, before and after escalation."""
    compared(
        [
            (person(role), RuleAction.APPROVE, request(stages_done=done), how)
            for role, other, escalated, done, stage in product(
                Role, (*Role, None), (False, True), STAGE_SETS, (*Stage, "none")
            )
            for fallback in ((() if other is None else (other,)),)
            for how in (reviewing(stage=stage, escalated=escalated, fallback_roles=fallback),)
        ]
    )


def test_rules_and_oracle_agree_on_every_submit_of_a_small_universe() -> None:
    """Governance 4 (oracle): people x stages x states x thresholds."""
    compared(
        [
            (who, RuleAction.SUBMIT, approved(stages_done=done, state=state, reviewed_by=by), how)
            for who, done, state, by, limit in product(
                (person(Role.OPERATOR), person()),
                STAGE_SETS,
                STATES,
                (("kai",), ("rex",)),
                (100_000_000, 100_000_001),
            )
            for how in (submitting(compliance_from=limit),)
        ]
    )


names = st.lists(st.sampled_from(PEOPLE), max_size=4).map(tuple)
words = st.sampled_from(("h1", "h2"))
numbers = st.integers(min_value=-2, max_value=3)
stages = st.lists(st.sampled_from(tuple(Stage)), unique=True).map(tuple)
persons = st.builds(
    PersonFacts,
    person_id=st.sampled_from(PEOPLE),
    tenant=words,
    roles=st.lists(st.sampled_from(tuple(Role)), unique=True).map(tuple),
    active=st.booleans(),
    limit=numbers,
    strategies=st.lists(words, max_size=1).map(tuple),
)
requests = st.builds(
    RequestFacts,
    request_id=words,
    tenant=words,
    requester=st.sampled_from(PEOPLE),
    strategy=words,
    notional=numbers,
    state=st.sampled_from(STATES),
    payload_hash=words,
    policy_hash=words,
    evidence_hash=words,
    authors=names,
    reviewed_by=names,
    stages_done=stages,
    stages_required=stages,
)
review_contexts = st.builds(
    Reviewing,
    stage=st.sampled_from((*Stage, "none")),
    stage_count=numbers,
    stage_need=numbers,
    acting_as=names,
    payload_hash=words,
    policy_hash=words,
    evidence_hash=words,
    auth_age_s=numbers,
    auth_age_max_s=numbers,
    acr=st.sampled_from(("mfa", "pwd", "none")),
    acr_required=st.sampled_from(("mfa", "none")),
    key_class=numbers,
    key_class_min=numbers,
    review_open=st.booleans(),
    escalated=st.booleans(),
    fallback_roles=st.lists(st.sampled_from(tuple(Role)), unique=True).map(tuple),
)
submit_contexts = st.builds(
    Submitting,
    acting_as=names,
    payload_hash=words,
    policy_hash=words,
    evidence_hash=words,
    compliance_from=numbers,
    distinct_submitter=st.booleans(),
    execution_open=st.booleans(),
)
closings = st.builds(Closing, policy_hash=words)
bundles = st.builds(BundleFacts, bundle_hash=words, authors=names, approved_by=names)
acts = st.one_of(
    st.tuples(persons, st.sampled_from(REVIEWS), requests, review_contexts),
    st.tuples(persons, st.just(RuleAction.SUBMIT), requests, submit_contexts),
    st.tuples(
        persons, st.sampled_from((RuleAction.REVOKE, RuleAction.WITHDRAW)), requests, closings
    ),
    st.tuples(
        persons,
        st.just(RuleAction.APPROVE_POLICY),
        bundles,
        st.builds(Voting, acting_as=names),
    ),
    st.tuples(persons, st.just(RuleAction.EXPORT), st.builds(TenantFacts, tenant=words), st.none()),
    st.tuples(
        persons,
        st.just(RuleAction.GRANT),
        persons.map(lambda one: one.amended(person_id="delegate")),
        st.builds(Granting, role=st.sampled_from(tuple(Role))),
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(acts, min_size=8, max_size=20))
def test_rules_and_oracle_agree_on_whatever_is_asked(cases: list[Asked]) -> None:
    """Governance 8, test 8: the oracle agrees everywhere, on verdict and on every reason."""
    compared(cases)
