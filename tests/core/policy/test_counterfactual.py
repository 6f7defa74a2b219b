"""Recorded decisions, judged again: under their own bundle, and under a proposed one."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from counterseal.kernel.canonical import digest
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.counterfactual import asked_under, diff_decisions, replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation, Verdict, judge
from counterseal.policy.question import Question
from counterseal.policy.universe import universe
from counterseal.policy.words import Role, Stage
from tests.core.policy.shelf import NOW, lacking, shipped

EVERY = 301


def questions() -> list[Question]:
    return [question for _, question in universe(shipped().bundle.approval, EVERY)]


def recorded(asked: Sequence[Question]) -> list[PolicyEvaluation]:
    """Each question as it was answered under the shipped policy."""
    bundle = shipped().bundle
    return [
        judge(f"apr-{n}", one, bundle.rules, bundle_hash=bundle.bundle_hash, now=NOW)
        for n, one in enumerate(asked)
    ]


def threshold(amount: str | None) -> PolicyBundle:
    """The shipped policy with another compliance threshold."""
    bundle = shipped().bundle
    stages = tuple(
        rule.amended(required_from_notional=None if amount is None else Decimal(amount))
        if rule.id is Stage.COMPLIANCE
        else rule
        for rule in bundle.approval.stages
    )
    approval = bundle.approval.amended(stages=stages)
    return bundle.amended(approval=approval, bundle_hash=digest(amount))


def case(name: str) -> Question:
    """The question of a shipped case."""
    return next(c.question() for c in shipped().cases.cases if c.name == name)


def test_a_replay_says_the_same() -> None:
    """N3: verdict and rule ids of every decision, from question and bundle alone."""
    bundle = shipped().bundle
    found = replay_recorded(recorded(questions()), {bundle.bundle_hash: bundle.rules})
    assert found.replayed > 200
    assert found.differences == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": Verdict.ALLOW},
        {"rule_ids": ("key.class",)},
        {"codes": ("ROLE",)},
        {"context": "{}"},
        {"entities": "[]"},
    ],
)
def test_a_changed_record_is_found_by_replay(changes: dict[str, object]) -> None:
    """N3: a tampered evaluation comes out otherwise than it says."""
    bundle = shipped().bundle
    told = recorded([case("an old login signs nothing"), case("a research reviewer rejects")])
    (difference,) = replay_recorded(
        [told[0].amended(**changes), told[1]], {bundle.bundle_hash: bundle.rules}
    ).differences
    assert difference.evaluation_id == told[0].evaluation_id
    assert difference.now != difference.recorded


def test_i1_a_decision_of_an_unknown_bundle_differs() -> None:
    """I1: what cannot be replayed is never the same."""
    (difference,) = replay_recorded(recorded([case("a research reviewer rejects")]), {}).differences
    assert difference.now == "the bundle is not at hand"


def test_i2_a_question_has_the_thresholds_of_the_policy_that_judges_it() -> None:
    """I2: under its own parameters a question is what it was."""
    params = shipped().bundle.approval
    for one in questions():
        wide = '"escalated":true' in one.context  # open to more than any policy opens it
        if '"stages_required":["compliance","research","risk"]' in one.entities and not wide:
            assert asked_under(one, params) == one


def test_i2_every_threshold_is_replaced() -> None:
    """I2: quorum, key class, fallback roles, ages, levels, authority, compliance, submitters."""
    params = shipped().bundle.approval
    research = params.stages[0].amended(
        quorum=2, key_class_min=3, fallback_roles=(Role.RISK_REVIEWER,)
    )
    other = params.amended(
        stages=(research, *params.stages[1:]),
        auth_age_max_seconds=5,
        acr_required="mfa",
        authority=tuple(row.amended(notional_max=Decimal(7)) for row in params.authority),
        distinct_submitter=False,
    )
    review = asked_under(case("a research reviewer approves research"), other)
    for part in ('"stage_need":2', '"key_class_min":3', '"auth_age_max_s":5', ':"mfa"'):
        assert part in review.context
    assert '"fallback_roles":[{"__entity":{"id":"risk_reviewer"' in review.context
    assert '"limit":700' in review.entities
    submit = asked_under(case("an operator submits an approved request"), threshold(None).approval)
    assert '"compliance_from":0' in submit.context
    assert '["compliance","research","risk"]' in submit.entities


def test_i2_a_question_that_cannot_be_read_stays_as_it_is() -> None:
    """No engine can read it either."""
    broken = case("a research reviewer rejects").amended(context="{")
    assert asked_under(broken, shipped().bundle.approval) == broken


def test_a_counterfactual_lists_exactly_the_planted_flips() -> None:
    """N4; part 8, test 9: under a lower threshold the large submit flips, and nothing else."""
    bundle = shipped().bundle
    told = recorded(
        [
            case("an operator submits an approved request"),
            case("an operator submits a large approved request"),
            case("a research reviewer approves research"),
            case("nothing is submitted after its time"),
        ]
    )
    same = diff_decisions(told, bundle.bundle_hash, bundle)
    assert (same.decisions, same.flips, same.reasons_changed) == (4, (), 0)

    lower = diff_decisions(told, bundle.bundle_hash, threshold("999999.99"))
    assert [flip.subject for flip in lower.flips] == ["apr-0"]
    assert lower.flips[0].recorded == "allow by submit.operator"
    assert lower.flips[0].now == "deny by threshold.compliance_required with COMPLIANCE_MISSING"
    assert lower.reasons_changed == 1


def test_i3_a_missing_rule_flips_what_it_alone_refused() -> None:
    """I3: a flip is another verdict; another reason is counted apart."""
    bundle = shipped().bundle
    told = recorded([case("nobody approves two stages"), case("every reason is named")])
    fresh = lacking(bundle.rules, "sod.distinct_reviewers", "stepup.fresh_auth")
    found = diff_decisions(told, bundle.bundle_hash, bundle.amended(rules=fresh))
    assert [flip.subject for flip in found.flips] == ["apr-0"]
    assert found.reasons_changed == 1


def test_an_engine_that_failed_judged_nothing() -> None:
    """Such a record is no decision that could flip."""
    bundle = shipped().bundle
    (failed,) = recorded([case("a research reviewer rejects").amended(context="{")])
    assert failed.verdict is Verdict.ERROR
    assert diff_decisions([failed], bundle.bundle_hash, bundle).decisions == 0
