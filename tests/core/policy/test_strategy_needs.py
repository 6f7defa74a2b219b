"""What single strategies need beyond the stages: more, never less."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import PolicyError
from counterseal.kernel.money import Currency
from counterseal.policy.bundle import PolicyBundle, read_document
from counterseal.policy.counterfactual import asked_under, diff_decisions
from counterseal.policy.evaluation import judge
from counterseal.policy.params import QUORUM_MAX, ApprovalParameters, StrategyNeed
from counterseal.policy.question import Question
from counterseal.policy.sweep import sweep
from counterseal.policy.words import Stage
from storage.policy_files import bundle_from
from storage.settings import POLICY_VERSION
from tests.core.policy.shelf import NOW, lacking, shipped

SHIPPED = shipped().bundle.approval
NAMES = ("s1", "s2")
needs = st.lists(
    st.builds(
        StrategyNeed,
        strategy=st.sampled_from(NAMES),
        stage=st.sampled_from(tuple(Stage)),
        quorum=st.integers(min_value=1, max_value=QUORUM_MAX),
    ),
    unique_by=lambda need: (need.strategy, need.stage),
    max_size=6,
).map(tuple)


def needing(*rows: tuple[str, Stage, int]) -> PolicyBundle:
    """The shipped policy with needs of strategies."""
    told = [StrategyNeed(strategy=name, stage=stage, quorum=n) for name, stage, n in rows]
    bundle = shipped().bundle
    return bundle.amended(approval=SHIPPED.amended(strategy_needs=tuple(told)))


def case(name: str) -> Question:
    """The question of a shipped case; its requests are of the strategy s1."""
    return next(c.question() for c in shipped().cases.cases if c.name == name)


@settings(max_examples=100)
@given(
    needs,
    st.lists(st.integers(min_value=1, max_value=QUORUM_MAX), min_size=3, max_size=3),
    st.integers(min_value=0, max_value=2_000_000),
    st.sampled_from(tuple(Currency)),
)
def test_i8_a_need_adds_to_a_stage_and_never_takes_away(
    told: tuple[StrategyNeed, ...], quorums: list[int], notional: int, currency: Currency
) -> None:
    """Governance part 1, row quorum: of all that applies to a stage the greatest counts."""
    pairs = zip(SHIPPED.stages, quorums, strict=True)
    plain = SHIPPED.amended(stages=tuple(rule.amended(quorum=n) for rule, n in pairs))
    asked = (Decimal(notional), currency)
    before = {r.id: r.quorum for r in plain.required_stages(*asked, "s1")}

    after = plain.amended(strategy_needs=told).required_stages(*asked, "s1")

    own = {need.stage: need.quorum for need in told if need.strategy == "s1"}
    found = {rule.id: rule.quorum for rule in after}
    assert set(found) == set(before) | set(own)
    base = {rule.id: rule.quorum for rule in plain.stages}
    assert found == {stage: max(base[stage], own.get(stage, 0)) for stage in found}
    assert [rule.id for rule in after] == [stage for stage in Stage if stage in found]


def test_i8_applying_a_need_twice_changes_nothing_more() -> None:
    """Governance part 1, row quorum: everybody who asks gets the same stages."""
    params = needing(("s1", Stage.RISK, 2), ("s1", Stage.COMPLIANCE, 1)).approval
    once = params.for_strategy("s1")
    assert once.for_strategy("s1") == once
    assert params.for_strategy("s2") is params


@pytest.mark.parametrize(
    "row",
    [
        {"strategy": "s1", "stage": "risk", "quorum": 0},
        {"strategy": "s1", "stage": "risk", "quorum": 21},
        {"strategy": "s1", "stage": "nowhere", "quorum": 1},
        {"strategy": "s1", "stage": "risk", "quorum": 2, "roles": []},
        {"strategy": "s1", "stage": "risk"},
    ],
)
def test_a_need_that_says_too_much_or_too_little_does_not_load(row: dict[str, Json]) -> None:
    """Governance 4: pydantic documents refuse unknown keys and impossible numbers."""
    told: dict[str, Json] = {**SHIPPED.json_value(), "strategy_needs": [row]}
    with pytest.raises(PolicyError):
        read_document(ApprovalParameters, told, "params.yaml")


def test_a_need_names_a_stage_of_the_policy_and_none_twice() -> None:
    """Governance part 1, row quorum: one row for one stage of one strategy."""
    with pytest.raises(ValidationError, match="none twice"):
        needing(("s1", Stage.RISK, 2), ("s1", Stage.RISK, 3))
    needed = needing(("s1", Stage.COMPLIANCE, 1)).approval
    with pytest.raises(ValidationError, match="a stage of the policy"):
        needed.amended(stages=needed.stages[:2])


def test_i2_a_question_has_the_needs_of_its_strategy_under_another_policy() -> None:
    """N4: quorum, stages and threshold of the strategy that is asked about, and of no other."""
    wide = needing(("s1", Stage.RESEARCH, 2), ("s1", Stage.COMPLIANCE, 1)).approval
    review = asked_under(case("a research reviewer approves research"), wide)
    assert '"stage_need":2' in review.context
    assert '"stages_required":["compliance","research","risk"]' in review.entities
    assert '"compliance_from":0' in asked_under(case("who reviewed does not submit"), wide).context

    other = needing(("s2", Stage.RESEARCH, 2), ("s2", Stage.COMPLIANCE, 1)).approval
    for one in (
        case("a research reviewer approves research"),
        case("who reviewed does not submit"),
    ):
        assert asked_under(one, other) == asked_under(one, SHIPPED)


def test_a_counterfactual_lists_the_submits_that_a_new_need_would_refuse() -> None:
    """N4: a small submit of the strategy flips; the same of another strategy does not."""
    bundle = shipped().bundle
    asked = case("an operator submits an approved request")
    other = asked.amended(entities=asked.entities.replace('"strategy":"s1"', '"strategy":"s2"'))
    told = [
        judge(f"apr-{n}", one, bundle.rules, bundle_hash=bundle.bundle_hash, now=NOW)
        for n, one in enumerate((asked, other))
    ]
    found = diff_decisions(told, bundle.bundle_hash, needing(("s1", Stage.COMPLIANCE, 1)))
    assert [flip.subject for flip in found.flips] == ["apr-0"]
    assert found.flips[0].now == "deny by threshold.compliance_required with COMPLIANCE_MISSING"


def test_the_sweep_asks_about_a_strategy_that_always_needs_compliance() -> None:
    """N5: without the threshold's rule a small submit of that strategy is a counterexample."""
    bundle = needing(("s1", Stage.COMPLIANCE, 1))
    assert sweep(bundle, every=997).holds

    planted = bundle.amended(rules=lacking(bundle.rules, "threshold.compliance_required"))
    (violation,) = sweep(planted, every=61).violations
    assert violation.invariant == 4
    assert "notional 1 minor units of s1" in violation.example


def test_a_need_is_written_in_the_policy_file() -> None:
    """Governance 4: from YAML bytes to the stages of a request, and into the bundle's hash."""
    path = "approval/2026.11.1/params.yaml"
    plain = shipped().files
    row = b"strategy_needs: [{strategy: s1, stage: risk, quorum: 2}]"
    changed = {**plain, path: plain[path].replace(b"strategy_needs: []", row)}
    made = bundle_from(changed, POLICY_VERSION, NOW)
    small = (Decimal(1), Currency.TWD)
    assert [r.quorum for r in made.approval.required_stages(*small, "s1")] == [1, 2]
    assert [r.quorum for r in made.approval.required_stages(*small, "s2")] == [1, 1]
    assert made.bundle_hash != shipped().bundle.bundle_hash
