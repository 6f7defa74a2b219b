"""Cases as questions: counts, ages, closures and money in the words of the rules."""

from datetime import timedelta
from decimal import Decimal

import pytest

from counterseal.approvals.authorization import (
    SubmitFacts,
    closing_question,
    judged,
    reason_codes,
    review_question,
    stage_of_word,
    submit_question,
)
from counterseal.approvals.decide import ReviewOutcome
from counterseal.approvals.escalation import escalate_at
from counterseal.approvals.execution import judge_execution
from counterseal.approvals.independence import LinkKind, PersonLink
from counterseal.approvals.reasons import ReasonCode
from counterseal.approvals.statement import AuthFacts, Reviewer
from counterseal.identity.people import Role
from counterseal.kernel.canonical import parse_json
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.policy.evaluation import JudgedRefusal
from counterseal.policy.lint import RULE_CODES
from counterseal.policy.question import Question, RuleAction
from counterseal.policy.units import (
    BEYOND,
    UNLIMITED,
    authority_limit,
    minor_units,
    notional_units,
    whole_seconds,
)
from counterseal.policy.words import DecisionWord, Stage
from tests.core.approvals import world
from tests.core.approvals.world import NOW, Desk

R = DecisionWord.RESEARCH_APPROVED
P = DecisionWord.APPROVED_FOR_PAPER
LATER = NOW + timedelta(seconds=9)


def reviewer(name: str, age: timedelta = timedelta(0), **changes: object) -> Reviewer:
    auth = AuthFacts(iss="counterseal:local", auth_time=LATER - age, acr="mfa", amr=("pwd",))
    own = Reviewer(person=world.person(name), key=world.key_of(name), auth=auth)
    return own.amended(**changes)


def context(asked: Question) -> dict[str, object]:
    told = parse_json(asked.context)
    assert isinstance(told, dict)
    return told


def attributes(asked: Question, place: int) -> dict[str, object]:
    told = parse_json(asked.entities)
    assert isinstance(told, list)
    found = told[place]["attrs"]
    assert isinstance(found, dict)
    return found


def ids(told: object) -> list[str]:
    assert isinstance(told, list)
    return [one["__entity"]["id"] for one in told]


def test_a_review_is_asked_with_the_case_as_it_stands() -> None:
    """Governance 4: counts and closures come from the host, hashes from the case."""
    desk = Desk()
    desk.review("anna", R)
    desk.links = (PersonLink(left="kai", right="karl", kind=LinkKind.ACCOUNT),)

    asked = review_question(desk.governed(), reviewer("kai"), P, None, LATER)

    told, request = context(asked), attributes(asked, 1)
    assert (told["stage"], told["stage_count"], told["stage_need"]) == ("risk", 0, 1)
    assert ids(told["acting_as"]) == ["kai", "karl"]
    assert ids(request["reviewed_by"]) == ["anna"]
    assert ids(request["authors"]) == ["adam"]
    assert request["stages_done"] == ["research"]
    assert request["payload_hash"] == told["payload_hash"] == desk.request.request_hash
    assert request["notional"] == 40_000_000
    assert judged(desk.governed(), asked, LATER).rule_ids == ("review.risk.approve",)


def test_a_fallback_role_is_asked_about_as_what_it_is() -> None:
    """Governance 2.6: the right names the escalation; nobody is said to hold another role."""
    desk = Desk()
    at = escalate_at(desk.request, desk.bundle.approval)
    late = desk.request.amended(review_expires_at=at + timedelta(hours=1))
    governed = desk.governed().amended(request=late)
    for now, escalated, rules in (
        (at - timedelta(seconds=1), False, ("role.stage",)),
        (at, True, ("review.escalated.approve",)),
    ):
        login = AuthFacts(iss="counterseal:local", auth_time=now, acr="mfa", amr=("pwd",))
        asked = review_question(governed, reviewer("kai", auth=login), R, None, now)
        told = context(asked)
        assert (told["escalated"], ids(told["fallback_roles"])) == (escalated, ["risk_reviewer"])
        assert '"research_reviewer"' not in asked.entities
        assert judged(governed, asked, now).rule_ids == rules


def test_a_stage_without_fallback_roles_opens_to_nobody_by_escalating() -> None:
    """Governance 2.6: named in the bundle, or nobody; own holders review as before."""
    desk = Desk()
    desk.review("anna", R)
    at = escalate_at(desk.request, desk.bundle.approval)
    late = desk.request.amended(review_expires_at=at + timedelta(hours=1))
    governed = desk.governed().amended(request=late, decisions=())
    login = AuthFacts(iss="counterseal:local", auth_time=at, acr="mfa", amr=("pwd",))
    for name, rule in (("rex", "role.stage"), ("kai", "review.risk.approve")):
        asked = review_question(governed, reviewer(name, auth=login), P, None, at)
        assert context(asked)["fallback_roles"] == []
        assert judged(governed, asked, at).rule_ids == (rule,)


@pytest.mark.parametrize(
    ("word", "done", "stage"),
    [
        (R, (), Stage.RESEARCH),
        (P, (), Stage.RISK),
        (P, (Stage.RESEARCH,), Stage.RISK),
        (P, (Stage.RESEARCH, Stage.RISK), Stage.COMPLIANCE),
        (R, (Stage.RESEARCH,), Stage.RESEARCH),
        (DecisionWord.REJECTED, (Stage.RESEARCH,), Stage.RISK),
    ],
)
def test_a_word_is_for_the_due_stage_or_the_first_that_it_fits(
    word: DecisionWord, done: tuple[Stage, ...], stage: Stage
) -> None:
    """Governance 2.1: which stage a button stands for."""
    desk = Desk(notional=Decimal(1_000_000))
    request = desk.request.amended(stages_done=done)
    rule = stage_of_word(request, word, desk.bundle.approval)
    assert rule is not None
    assert rule.id == stage


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        (timedelta(0), 0),
        (timedelta(seconds=120), 120),
        (timedelta(seconds=120, microseconds=1), 121),
        (timedelta(microseconds=-1), -1),
        (timedelta(seconds=-1), -1),
    ],
)
def test_a_fraction_of_a_second_never_makes_a_login_fresher(age: timedelta, seconds: int) -> None:
    """Governance 2.4: 120 s, half a microsecond more is too old, one ahead is ahead."""
    assert whole_seconds(age) == seconds
    asked = review_question(Desk().governed(), reviewer("rex", age), R, None, LATER)
    codes = judged(Desk().governed(), asked, LATER).codes
    assert ("REAUTH_REQUIRED" in codes) == (not 0 <= seconds <= 120)


def test_somebody_without_a_key_has_the_lowest_class() -> None:
    """Governance 3: class 0 is below every minimum."""
    asked = review_question(Desk().governed(), reviewer("rex", key=None), R, None, LATER)
    assert context(asked)["key_class"] == 0


@pytest.mark.parametrize(
    ("amount", "units"),
    [("0", 0), ("0.009", 0), ("999999.999", 99_999_999), ("1000000", 100_000_000)],
)
def test_money_is_told_in_whole_minor_units_rounded_down(amount: str, units: int) -> None:
    """Governance 4: Longs in minor units, no floats."""
    assert minor_units(Decimal(amount)) == units


def test_an_amount_beyond_the_largest_number_and_foreign_money_are_beyond_every_limit() -> None:
    """Governance 2.2: nothing is converted, so nothing finite covers it."""
    params = Desk().bundle.approval
    assert minor_units(Decimal(10) ** 30) == BEYOND
    assert notional_units(Decimal(1), Currency.USD, params) == BEYOND
    assert notional_units(Decimal(1), Currency.TWD, params) == 100


def test_authority_is_the_highest_of_the_held_roles_and_none_without() -> None:
    """Governance 4: a role that the policy gives no authority has none."""
    params = Desk().bundle.approval
    research = authority_limit([Role.RESEARCH_REVIEWER], params)
    assert research == 2_000_000_000
    assert authority_limit([Role.RESEARCH_REVIEWER, Role.COMPLIANCE_REVIEWER], params) == UNLIMITED
    assert authority_limit([Role.OPERATOR], params) == 0
    assert authority_limit([], params) == 0


def test_a_request_above_the_authority_is_refused_and_at_it_is_not() -> None:
    """Governance 4, limit.notional_authority: up to the limit, inclusive."""
    above = Desk(notional=Decimal("20000000.01"))
    refused = above.review("rex", R)
    assert isinstance(refused, Refusal)
    assert refused.codes == ("ABOVE_AUTHORITY",)
    assert isinstance(Desk(notional=Decimal(20_000_000)).review("rex", R), ReviewOutcome)
    assert isinstance(above.review("cora", R), ReviewOutcome)


def test_a_bundle_may_ask_for_a_level_of_login() -> None:
    """Governance 5 (step-up): where the bundle says mfa, a password alone signs nothing."""
    strict = world.bundle(acr_required="mfa")
    weak = AuthFacts(iss="counterseal:local", auth_time=NOW, acr="none", amr=("key",))
    refused = Desk(strict).review("rex", R, NOW, reviewer_changes={"auth": weak})
    assert isinstance(refused, Refusal)
    assert "REAUTH_REQUIRED" in refused.codes
    assert isinstance(Desk(strict).review("rex", R), ReviewOutcome)


def test_a_submit_is_asked_with_what_the_decisions_prove() -> None:
    """Governance 2.10: a stored status adds nothing, a larger notional needs more."""
    desk = Desk().approved()
    asked = submit_question(
        desk.governed(), SubmitFacts(submitter=world.person("olga"), notional=Decimal(0)), LATER
    )
    request = attributes(asked, 1)
    assert request["stages_done"] == request["stages_required"] == ["research", "risk"]
    assert judged(desk.governed(), asked, LATER).rule_ids == ("submit.operator",)

    large = SubmitFacts(submitter=world.person("olga"), notional=Decimal(1_000_000))
    answer = judged(desk.governed(), submit_question(desk.governed(), large, LATER), LATER)
    assert answer.codes == ("COMPLIANCE_MISSING",)

    bare = desk.governed().amended(decisions=())
    nothing = submit_question(
        bare, SubmitFacts(submitter=world.person("olga"), notional=Decimal(0)), LATER
    )
    assert attributes(nothing, 1)["stages_done"] == []
    assert "STAGES_MISSING" in judged(bare, nothing, LATER).codes


def test_an_execution_hands_back_what_the_rules_said_either_way() -> None:
    """Governance invariant 9: the evaluation is there to be recorded."""
    desk = Desk().approved()
    passed = judge_execution(desk.case(), LATER)
    assert passed.refusal is None
    assert passed.evaluation.rule_ids == ("submit.operator",)
    refused = judge_execution(desk.case(submitter=world.person("kai")), LATER)
    assert isinstance(refused.refusal, JudgedRefusal)
    assert refused.refusal.evaluations == (refused.evaluation,)


def test_a_bundle_out_of_force_is_another_policy() -> None:
    """Governance invariant 6: for every act on a case."""
    desk = Desk()
    over = desk.governed().amended(bundle=desk.bundle.amended(expires_at=NOW))
    for action, name in ((RuleAction.WITHDRAW, "rita"), (RuleAction.REVOKE, "cora")):
        asked = closing_question(over, world.person(name), action, LATER)
        assert "POLICY_CHANGED" in judged(over, asked, LATER).codes
    asked = review_question(over, reviewer("rex"), R, None, LATER)
    assert judged(over, asked, LATER).codes == ("POLICY_CHANGED",)


def test_a_refused_review_carries_the_rules_that_said_no() -> None:
    """N10: ids beside codes, and the reasons of the host beside those of the rules."""
    refused = Desk().review("rita", P, reason="short")
    assert isinstance(refused, JudgedRefusal)
    [evaluation] = refused.evaluations
    assert evaluation.rule_ids == (
        "limit.notional_authority",
        "order.research_first",
        "role.stage",
        "sod.requester_may_not_review",
    )
    assert set(reason_codes(evaluation)) < set(refused.codes)
    assert "REASON_TOO_SHORT" in refused.codes


def test_every_reason_of_a_rule_is_one_of_this_room() -> None:
    """Governance 2.8: except that of an act that is no case's."""
    assert set(ReasonCode) >= RULE_CODES - {"TWO_OFFICERS_NEEDED"}
