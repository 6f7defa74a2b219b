"""What a desk tries on its rules before it opens."""

import sys

import pytest

from counterseal.kernel.errors import PolicyError
from counterseal.policy.cedar import Effect, evaluate, read_rules, rules_of
from counterseal.policy.self_test import allowed_cases, check_rules, forbidden_cases
from tests.core.policy.rules_room import parameters, shipped, without
from tests.core.policy.test_rules import GUARDED_BY_PERMITS

OPEN = '@id("open") permit (principal, action, resource);\n'


def test_the_shipped_rules_pass() -> None:
    """Governance 8, test 19: no forbidden case is allowed."""
    check_rules(shipped(), parameters())
    assert allowed_cases(shipped(), parameters()) == ()


def test_every_case_is_refused_by_a_rule_and_for_what_its_name_says() -> None:
    """Governance 8, test 19: no case is refused by accident."""
    for case in forbidden_cases(parameters()):
        answer = evaluate(shipped(), case.question)
        assert not answer.allowed, case.name
        assert answer.errors == (), case.name
        assert 1 <= len(answer.codes) <= 2, (case.name, answer.codes)


def test_a_permissive_policy_is_told_with_what_it_allows() -> None:
    """Governance 8, test 19: a planted permit that nothing forbids."""
    planted = shipped().amended(rules=OPEN)
    with pytest.raises(PolicyError, match="the requester reviews") as told:
        check_rules(planted, parameters())
    assert told.value.code == "POLICY_PERMISSIVE"


@pytest.mark.parametrize(
    "rule",
    sorted(
        rule.id
        for rule in read_rules(shipped())
        if rule.effect is Effect.FORBID and rule.id not in GUARDED_BY_PERMITS
    ),
)
def test_a_missing_prohibition_stops_the_start(rule: str) -> None:
    """Governance 8, tests 8 and 19: each one that no right repeats."""
    with pytest.raises(PolicyError, match="POLICY_PERMISSIVE"):
        check_rules(without(rule), parameters())


def test_a_role_that_the_parameters_do_not_name_may_not_review() -> None:
    """Governance 2.1: rules and parameters agree on who takes part in a stage."""
    stages = tuple(stage.amended(roles=stage.roles[:1]) for stage in parameters().stages)
    narrower = parameters().amended(stages=stages)
    assert allowed_cases(shipped(), narrower) == (
        "no role of research approves",
        "no role of risk approves",
    )


@pytest.mark.parametrize(
    "text",
    [
        shipped().amended(rules=OPEN + OPEN),
        shipped().amended(rules="permit ("),
        shipped().amended(entity_schema="entity {"),
        shipped().amended(
            rules=shipped().rules.replace("context.review_open", "context.reviews_open")
        ),
    ],
    ids=["one name twice", "no rules", "no schema", "a misspelt key"],
)
def test_a_flawed_text_stops_the_start(text: object) -> None:
    """Governance 4, trap 2: validated at the start, not when somebody decides."""
    with pytest.raises(PolicyError, match="POLICY_INVALID"):
        check_rules(text, parameters())  # type: ignore[arg-type] # rule texts


def test_without_the_engine_a_desk_opens_and_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Governance 8, test 6: what is read stays readable; nothing is approved."""
    rules_of.cache_clear()
    read_rules.cache_clear()
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    check_rules(shipped(), parameters())
