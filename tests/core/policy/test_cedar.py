"""The door to the engine: eight traps, and every failure a denial."""

import inspect
import re
import sys
from pathlib import Path
from typing import Final

import cedarpy
import pytest
from pydantic import ValidationError

from counterseal.kernel.canonical import canonical_bytes, parse_json
from counterseal.kernel.errors import PolicyError
from counterseal.policy import cedar
from counterseal.policy.bundle import RuleText
from counterseal.policy.cedar import evaluate, evaluate_all, naming_flaws, read_rules, rules_of
from counterseal.policy.lint import lint
from counterseal.policy.question import PersonFacts, Question, RuleAction, question
from counterseal.policy.units import LONG_MAX
from counterseal.policy.words import Role, Stage
from tests.core.policy.rules_room import (
    approved,
    asked,
    person,
    request,
    reviewing,
    shipped,
    submitting,
)

IN_ORDER: Final = question(person(), RuleAction.APPROVE, request(), reviewing())
ALLOW_ALL: Final = '@id("open") permit (principal, action, resource);\n'


def rules(*texts: str) -> RuleText:
    return shipped().amended(rules="\n".join(texts))


def facts(text: str) -> list[dict[str, object]]:
    told = parse_json(text)
    assert isinstance(told, list)
    return told


def changed(asked_: Question, place: int, **attributes: object) -> Question:
    """The question with attributes of an entity that no typed fact could have had."""
    entities = facts(asked_.entities)
    entities[place]["attrs"] = {**entities[place]["attrs"], **attributes}  # type: ignore[dict-item] # JSON
    return asked_.amended(entities=canonical_bytes(entities).decode())  # type: ignore[arg-type] # JSON


def test_the_engine_is_loaded_in_one_place() -> None:
    """Governance 4: one fail-closed adapter."""
    root = Path(__file__).parents[3]
    folders = (root / name for name in ("platform", "storage", "flows", "ui"))
    sources = (path for folder in folders for path in folder.rglob("*.py"))
    users = [path.name for path in sources if re.search(r"(import|from) cedarpy", path.read_text())]
    assert users == ["cedar.py"]


def test_an_act_in_order_is_allowed_by_a_named_rule() -> None:
    """Governance 4: allowed, by id, with the engine's name and version."""
    answer = evaluate(shipped(), IN_ORDER)
    assert (answer.allowed, answer.rule_ids) == (True, ("review.research.approve",))
    assert answer.engine.startswith("cedarpy-4.")


def test_trap_1_an_error_inside_a_prohibition_is_no_permission() -> None:
    """Governance 4, trap 1: the engine skips that forbid and says Allow; we do not."""
    overflow = f"context.auth_age_s + {2**63 - 1} + {2**63 - 1} > 0"
    text = rules(
        ALLOW_ALL,
        '@id("broken") @reason("ROLE") forbid (principal, action == '
        f'Counterseal::Action::"approve", resource) when {{ {overflow} }};',
    )
    raw = cedarpy.is_authorized(
        {
            "principal": IN_ORDER.principal.json_ref(),
            "action": {"type": "Counterseal::Action", "id": "approve"},
            "resource": IN_ORDER.resource.json_ref(),
            "context": IN_ORDER.context,
        },
        text.rules,
        IN_ORDER.entities,
        text.entity_schema,
    )
    assert raw.allowed

    answer = evaluate(text, IN_ORDER)
    assert (answer.allowed, answer.codes) == (False, ("POLICY_ERROR",))
    assert answer.errors


@pytest.mark.parametrize(
    "bad",
    [
        changed(IN_ORDER, 1, policy_hash=7),
        changed(IN_ORDER, 1, colour="red"),
        IN_ORDER.amended(entities='[{"uid":{"type":"Counterseal::Person","id":"rex"}}]'),
        IN_ORDER.amended(entities="no JSON"),
    ],
    ids=["wrong type", "unknown attribute", "attributes missing", "no JSON"],
)
def test_trap_2_entities_are_checked_against_the_schema_at_every_call(bad: Question) -> None:
    """Governance 4, trap 2: even under rules that allow everything."""
    for text in (shipped(), rules(ALLOW_ALL)):
        answer = evaluate(text, bad)
        assert (answer.allowed, answer.codes) == (False, ("POLICY_ERROR",))


@pytest.mark.parametrize(
    "bad",
    [
        IN_ORDER.amended(context="{}"),
        IN_ORDER.amended(context="no JSON"),
        IN_ORDER.amended(action=RuleAction.SUBMIT),
        IN_ORDER.amended(principal=request().ref),
        IN_ORDER.amended(principal=person(person_id="unknown").ref),
    ],
    ids=["empty context", "no context", "another action", "no person", "unknown person"],
)
def test_trap_3_what_does_not_fit_is_an_error_and_not_just_denied(bad: Question) -> None:
    """Governance 4, trap 3: NoDecision, and Deny with errors only."""
    answer = evaluate(shipped(), bad)
    assert (answer.allowed, answer.rule_ids, answer.codes) == (False, (), ("POLICY_ERROR",))


def test_trap_4_a_denial_that_no_rule_names_has_a_reason() -> None:
    """Governance 4, trap 4: no permit matched, the engine names nothing."""
    never = rules('@id("never") permit (principal, action, resource) when { false };')
    answer = evaluate(never, IN_ORDER)
    assert (answer.allowed, answer.rule_ids, answer.codes) == (False, (), ("ROLE",))


def test_trap_5_the_host_counts_because_the_engine_cannot() -> None:
    """Governance 4, trap 5: a set has no size; counts are whole numbers in the context."""
    sized = '@id("x") permit (principal, action, resource) when { resource.authors.size() > 1 };'
    with pytest.raises(PolicyError, match="POLICY_INVALID"):
        rules_of(rules(sized))
    full = reviewing(stage_count=2, stage_need=2)
    assert asked(person(), RuleAction.APPROVE, request(), full).codes == ("STAGE_FULL",)


def test_trap_6_two_rules_of_one_name_are_caught_though_the_validator_passes_them() -> None:
    """Governance 4, trap 6: nothing is decided under rules that cannot be told apart."""
    twice = rules(ALLOW_ALL, ALLOW_ALL)
    assert cedarpy.validate_policies(twice.rules, twice.entity_schema).validation_passed

    assert lint(twice) == ("open: the @id is used twice",)
    assert evaluate(twice, IN_ORDER).codes == ("POLICY_ERROR",)


@pytest.mark.parametrize(
    ("rule", "flaw"),
    [
        ("permit (principal, action, resource);", "policy1 has no @id"),
        ('@id("") permit (principal, action, resource);', "policy1 has no @id"),
        ('@id("x") forbid (principal, action, resource);', "x: a forbid without @reason"),
        (
            '@id("x") @reason("WHY") forbid (principal, action, resource);',
            "x: @reason(WHY) is no known code",
        ),
    ],
)
def test_trap_6_a_rule_without_name_or_known_reason_is_caught(rule: str, flaw: str) -> None:
    """Governance 4, trap 6: ids and reasons are annotations that nobody else checks."""
    assert lint(rules(ALLOW_ALL, rule)) == (flaw,)


def test_trap_6_names_do_not_move_when_a_rule_is_added() -> None:
    """Governance 4, trap 6: the engine's own names are positions."""
    before = asked(person(), RuleAction.APPROVE, request(), reviewing(review_open=False))
    first = rules('@id("a.first") permit (principal, action, resource) when { false };')
    moved = first.amended(rules=first.rules + shipped().rules)
    after = evaluate(
        moved, question(person(), RuleAction.APPROVE, request(), reviewing(review_open=False))
    )
    assert before.rule_ids == after.rule_ids == ("time.review",)


def test_trap_7_the_experimental_call_is_not_used() -> None:
    """Governance 4, trap 7: a partial answer is never a decision."""
    assert "partial" not in inspect.getsource(cedar)


@pytest.mark.parametrize("number", [1.5, LONG_MAX + 1, -LONG_MAX - 1, "7", True, 2**64])
def test_trap_8_a_number_that_the_engine_would_not_explain_never_gets_there(
    number: object,
) -> None:
    """Governance 4, trap 8: typed facts come first, and they name the field."""
    with pytest.raises(ValidationError, match="limit"):
        PersonFacts.model_validate({"person_id": "p", "tenant": "t", "limit": number})


def test_trap_8_an_entity_named_twice_is_an_error() -> None:
    """Governance 4, trap 8: two different facts about one person decide nothing."""
    first, what = facts(IN_ORDER.entities)
    other = {**first, "attrs": {**first["attrs"], "limit": 1}}  # type: ignore[dict-item] # JSON
    doubled = canonical_bytes([first, other, what]).decode()  # type: ignore[list-item] # JSON
    assert evaluate(shipped(), IN_ORDER.amended(entities=doubled)).codes == ("POLICY_ERROR",)


def test_one_entity_that_is_both_sides_is_told_once() -> None:
    """Governance 4: an officer before the own key."""
    officer = person(Role.ENROLMENT_OFFICER)
    assert len(facts(question(officer, RuleAction.ENROL_KEY, officer).entities)) == 1


def test_without_the_engine_everything_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Governance 8, test 6: a missing library is a refusal with its own code."""
    rules_of.cache_clear()
    read_rules.cache_clear()
    monkeypatch.setitem(sys.modules, "cedarpy", None)

    answers = evaluate_all(shipped(), [IN_ORDER, IN_ORDER])

    assert [(a.allowed, a.codes, a.engine) for a in answers] == [
        (False, ("POLICY_UNAVAILABLE",), "none")
    ] * 2
    assert lint(shipped())[0].startswith("POLICY_UNAVAILABLE")


class _Result:
    """What an engine that lies may say."""

    def __init__(self, decision: cedarpy.Decision, *named: str) -> None:
        self.decision = decision
        self.diagnostics = cedarpy.Diagnostics(
            {"reason": list(named), "id_annotations_by_reason": {n: n for n in named}}
        )


@pytest.mark.parametrize(
    "result",
    [
        _Result(cedarpy.Decision.Allow),
        _Result(cedarpy.Decision.Allow, "sod.distinct_reviewers"),
        _Result(cedarpy.Decision.Allow, "nobody's rule"),
        _Result(cedarpy.Decision.Allow, "review.reject", "nobody's rule"),
        _Result(cedarpy.Decision.Deny, "review.reject"),
        _Result(cedarpy.Decision.NoDecision, "review.reject"),
    ],
    ids=["no rule", "a forbid", "a stranger", "half a stranger", "a permit denies", "undecided"],
)
def test_an_answer_that_no_rule_of_ours_explains_is_an_error(
    result: _Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Governance invariant 5: allowed means Allow, no errors, and a permit of ours."""
    monkeypatch.setattr(cedarpy, "is_authorized_batch", lambda *_: [result])
    assert evaluate(shipped(), IN_ORDER).codes == ("POLICY_ERROR",)


@pytest.mark.parametrize("failure", [RuntimeError("out of memory"), ValueError("no"), KeyError()])
def test_an_engine_that_raises_refuses(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Governance invariant 5: an error never approves."""

    def broken(*_: object) -> None:
        raise failure

    monkeypatch.setattr(cedarpy, "is_authorized_batch", broken)
    assert evaluate(shipped(), IN_ORDER).codes == ("POLICY_ERROR",)


def test_an_engine_that_answers_too_little_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Governance invariant 5: a missing answer is none."""
    monkeypatch.setattr(cedarpy, "is_authorized_batch", lambda *_: [])
    answers = evaluate_all(shipped(), [IN_ORDER, IN_ORDER])
    assert [a.codes for a in answers] == [("POLICY_ERROR",)] * 2


@pytest.mark.parametrize(
    "text",
    [
        rules("permit (principal, action"),
        rules('@id("t") permit (principal == ?principal, action, resource);'),
        shipped().amended(entity_schema="entity Person {"),
        rules("// nothing"),
    ],
    ids=["no rules", "a template", "no schema", "an empty text"],
)
def test_rules_that_do_not_load_refuse_everything(text: RuleText) -> None:
    """Governance invariant 5: a policy that cannot be read allows nothing."""
    assert evaluate(text, IN_ORDER).codes == ("POLICY_ERROR",)
    assert lint(text)


def test_many_questions_at_once_get_the_answers_that_each_gets_alone() -> None:
    """Governance 2.10, explain: order is kept, neighbours do not touch each other."""
    questions = [
        question(who, action, what, reviewing(stage=stage))
        for who in (person(), person(Role.RISK_REVIEWER), person(tenant="other"))
        for what in (request(), request(state="rejected"), request(authors=("rex",)))
        for action in (RuleAction.APPROVE, RuleAction.REJECT, RuleAction.ASK_DATA)
        for stage in Stage
    ]
    questions.insert(7, IN_ORDER.amended(context="{}"))
    questions.append(question(person(Role.OPERATOR), RuleAction.SUBMIT, approved(), submitting()))
    assert evaluate_all(shipped(), questions) == tuple(evaluate(shipped(), q) for q in questions)


def test_equal_facts_are_one_question_in_any_order() -> None:
    """Governance invariant 9: sets are sorted, so that a question has one text."""
    first = request(authors=("adam", "eve"), stages_done=(Stage.RESEARCH, Stage.RISK))
    second = request(authors=("eve", "adam", "eve"), stages_done=(Stage.RISK, Stage.RESEARCH))
    one, two = (question(person(), RuleAction.REJECT, r, reviewing()) for r in (first, second))
    assert one == two


def test_the_shipped_rules_have_no_flaw() -> None:
    """Governance 4, gate step 1: parsed, fit for the schema, named, with known reasons."""
    assert lint(shipped()) == ()
    assert naming_flaws(read_rules(shipped())) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("resource.authors.isEmpty()", "resource.author.isEmpty()"),
        ("context.review_open", "context.reviews_open"),
        ('Action::"approve", resource)', 'Action::"aprove", resource)'),
        ('Role::"operator"', 'Rolle::"operator"'),
        ("resource.notional > principal.limit", 'resource.notional > "5"'),
    ],
    ids=["attribute", "context key", "action", "entity type", "value type"],
)
def test_a_misspelt_rule_is_caught_before_it_is_used(old: str, new: str) -> None:
    """Governance 4 (engines): typos in a deny rule are caught by the validator."""
    assert old in shipped().rules
    assert lint(rules(shipped().rules.replace(old, new, 1)))
