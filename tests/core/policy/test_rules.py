"""Each shipped rule by itself: what it permits or forbids, and that nothing else does."""

from typing import Final

import pytest

from counterseal.policy.cedar import Effect, read_rules
from counterseal.policy.question import Context, PersonFacts, Resource, RuleAction
from counterseal.policy.words import Role, Stage
from tests.core.policy.rules_room import (
    BUNDLE,
    CLOSING,
    GRANTING,
    OTHER_HASH,
    TENANT,
    VOTING,
    approved,
    asked,
    person,
    request,
    reviewing,
    shipped,
    submitting,
    without,
)

Act = tuple[PersonFacts, RuleAction, Resource, Context | None]
A = RuleAction
RESEARCHED: Final = request(stages_done=(Stage.RESEARCH,), state="research_approved")
CHECKED: Final = RESEARCHED.amended(stages_done=(Stage.RESEARCH, Stage.RISK))
OPERATOR: Final = person(Role.OPERATOR)
DELEGATE: Final = person(Role.AUDITOR, person_id="delia")
PERMITS: Final[dict[str, Act]] = {
    "review.research.approve": (
        person(Role.RESEARCH_REVIEWER),
        A.APPROVE,
        request(),
        reviewing(),
    ),
    "review.risk.approve": (
        person(Role.RISK_REVIEWER),
        A.APPROVE,
        RESEARCHED,
        reviewing(stage=Stage.RISK),
    ),
    "review.compliance.approve": (
        person(Role.COMPLIANCE_REVIEWER),
        A.APPROVE,
        CHECKED,
        reviewing(stage=Stage.COMPLIANCE),
    ),
    "review.escalated.approve": (
        person(Role.RISK_REVIEWER),
        A.APPROVE,
        request(),
        reviewing(escalated=True, fallback_roles=(Role.RISK_REVIEWER,)),
    ),
    "review.reject": (person(Role.RISK_REVIEWER), A.REJECT, request(), reviewing()),
    "review.ask_data": (person(Role.RISK_REVIEWER), A.ASK_DATA, request(), reviewing()),
    "review.revoke": (
        person(Role.RISK_REVIEWER),
        A.REVOKE,
        RESEARCHED.amended(reviewed_by=("rex",)),
        CLOSING,
    ),
    "request.withdraw": (person(Role.REQUESTER), A.WITHDRAW, request(requester="rex"), CLOSING),
    "submit.operator": (OPERATOR, A.SUBMIT, approved(), submitting()),
    "export.auditor": (person(Role.AUDITOR), A.EXPORT, TENANT, None),
    "key.enrol": (person(Role.ENROLMENT_OFFICER), A.ENROL_KEY, DELEGATE, None),
    "grant.issue": (person(Role.RISK_REVIEWER), A.GRANT, DELEGATE, GRANTING),
    "policy.approve": (person(Role.POLICY_APPROVER), A.APPROVE_POLICY, BUNDLE, VOTING),
}
"""Each right, by an act that is in order."""
REVIEW: Final = PERMITS["review.research.approve"]


def reviewed(what: Resource = request(), **changes: object) -> Act:  # noqa: B008 - immutable
    return person(), A.APPROVE, what, reviewing(**changes)


def by(who: PersonFacts) -> Act:
    return who, A.APPROVE, request(), reviewing()


def submitted(what: Resource, **changes: object) -> Act:
    return OPERATOR, A.SUBMIT, what, submitting(**changes)


FORBIDS: Final[dict[str, tuple[str, Act]]] = {
    "tenant.isolation": ("OTHER_TENANT", by(person(tenant="other"))),
    "person.active": ("PERSON_DISABLED", by(person(active=False))),
    "role.stage": ("ROLE", by(person(Role.RISK_REVIEWER))),
    "role.strategy": ("STRATEGY_SCOPE", by(person(strategies=("other",)))),
    "role.reviewer": ("ROLE", (OPERATOR, A.REJECT, request(), reviewing())),
    "role.signer": ("ROLE", (OPERATOR, A.REVOKE, RESEARCHED, CLOSING)),
    "role.requester": ("ROLE", (person(), A.WITHDRAW, request(), CLOSING)),
    "role.operator": ("ROLE", (person(), A.SUBMIT, approved(), submitting())),
    "sod.requester_may_not_review": ("REQUESTER_IS_REVIEWER", reviewed(request(requester="rex"))),
    "sod.distinct_reviewers": ("ALREADY_REVIEWED", reviewed(request(reviewed_by=("rex",)))),
    "sod.author_conflict": ("AUTHOR_CONFLICT", reviewed(request(authors=("ada", "rex")))),
    "sod.delegation_conflict": ("DELEGATION_CONFLICT", reviewed(acting_as=("rex", "rita"))),
    "sod.distinct_submitter": ("ALREADY_REVIEWED", submitted(approved(reviewed_by=("rex",)))),
    "sod.own_key": (
        "TWO_OFFICERS_NEEDED",
        (person(Role.ENROLMENT_OFFICER), A.ENROL_KEY, person(Role.ENROLMENT_OFFICER), None),
    ),
    "sod.policy_author": (
        "AUTHOR_CONFLICT",
        (person(Role.POLICY_APPROVER), A.APPROVE_POLICY, BUNDLE.amended(authors=("rex",)), VOTING),
    ),
    "sod.policy_distinct": (
        "ALREADY_REVIEWED",
        (
            person(Role.POLICY_APPROVER),
            A.APPROVE_POLICY,
            BUNDLE.amended(approved_by=("rex",)),
            VOTING,
        ),
    ),
    "order.stage_required": (
        "STAGE_NOT_REQUIRED",
        reviewed(request(stages_required=(Stage.RISK, Stage.COMPLIANCE))),
    ),
    "order.research_first": ("OUT_OF_ORDER", reviewed(stage=Stage.RISK)),
    "order.risk_first": ("OUT_OF_ORDER", reviewed(RESEARCHED, stage=Stage.COMPLIANCE)),
    "quorum.stage_full": ("STAGE_FULL", reviewed(stage_count=1)),
    "quorum.stages_missing": (
        "STAGES_MISSING",
        submitted(approved(stages_done=(Stage.RESEARCH, Stage.COMPLIANCE), stages_required=())),
    ),
    "threshold.compliance_required": (
        "COMPLIANCE_MISSING",
        submitted(approved(stages_done=(Stage.RESEARCH, Stage.RISK), stages_required=())),
    ),
    "limit.notional_authority": ("ABOVE_AUTHORITY", by(person(limit=99_999_999))),
    "bind.payload": ("PAYLOAD_CHANGED", reviewed(payload_hash=OTHER_HASH)),
    "bind.evidence": ("EVIDENCE_CHANGED", reviewed(evidence_hash=OTHER_HASH)),
    "bind.policy": ("POLICY_CHANGED", reviewed(policy_hash=OTHER_HASH)),
    "state.terminal": ("TERMINAL", reviewed(request(state="rejected"))),
    "state.open_only": ("NOT_PENDING", reviewed(request(state="approved_for_paper_simulation"))),
    "state.revocable": (
        "NOT_PENDING",
        (person(Role.COMPLIANCE_REVIEWER), A.REVOKE, request(), CLOSING),
    ),
    "state.ended": ("TERMINAL", submitted(approved(state="revoked"))),
    "state.unused": ("ALREADY_CONSUMED", submitted(approved(state="consumed"))),
    "state.approved_only": ("STAGES_MISSING", submitted(approved(state="pending_review"))),
    "time.review": ("REVIEW_EXPIRED", reviewed(review_open=False)),
    "time.execution": ("EXECUTION_EXPIRED", submitted(approved(), execution_open=False)),
    "stepup.fresh_auth": ("REAUTH_REQUIRED", reviewed(auth_age_s=121)),
    "key.class": ("KEY_CLASS_TOO_LOW", reviewed(key_class_min=2)),
}
"""Each prohibition, by an act that is in order but for one fact."""


def test_every_shipped_rule_stands_in_one_of_the_two_tables() -> None:
    """Governance 8, test 8: a rule that is added here without a test fails."""
    rules = read_rules(shipped())
    assert {r.id for r in rules if r.effect is Effect.PERMIT} == set(PERMITS)
    assert {r.id for r in rules if r.effect is Effect.FORBID} == set(FORBIDS)


@pytest.mark.parametrize("rule", PERMITS)
def test_a_right_is_given_by_its_rule_alone(rule: str) -> None:
    """Governance 4: allowed, and by this rule; without the rule nothing else gives the right."""
    answer = asked(*PERMITS[rule])
    assert (answer.allowed, answer.rule_ids, answer.codes) == (True, (rule,), ())

    taken = asked(*PERMITS[rule], text=without(rule))
    assert (taken.allowed, taken.rule_ids, taken.codes) == (False, (), ("ROLE",))


@pytest.mark.parametrize(
    ("action", "what", "how"),
    [
        (A.EXPORT, TENANT, None),
        (A.ENROL_KEY, DELEGATE, None),
        (A.GRANT, DELEGATE, GRANTING),
        (A.APPROVE_POLICY, BUNDLE, VOTING),
    ],
)
def test_who_lacks_the_role_for_an_office_is_told_so(
    action: RuleAction, what: Resource, how: Context | None
) -> None:
    """Governance 5: no rule gives the right, and that is the reason."""
    answer = asked(OPERATOR, action, what, how)
    assert (answer.allowed, answer.rule_ids, answer.codes) == (False, (), ("ROLE",))


@pytest.mark.parametrize("rule", FORBIDS)
def test_a_prohibition_is_named_by_its_rule_alone(rule: str) -> None:
    """Governance 4, 8 test 8: one wrong fact, one rule id, one reason; without it, neither."""
    code, act = FORBIDS[rule]
    answer = asked(*act)
    assert (answer.allowed, answer.rule_ids, answer.codes) == (False, (rule,), (code,))

    assert rule not in asked(*act, text=without(rule)).rule_ids


GUARDED_BY_PERMITS: Final = {
    *("role.stage", "role.reviewer", "role.signer", "role.requester", "role.operator"),
    "order.stage_required",
}


@pytest.mark.parametrize("rule", sorted(set(FORBIDS) - GUARDED_BY_PERMITS))
def test_without_a_prohibition_its_act_is_allowed(rule: str) -> None:
    """Governance 8, test 8: so that a sweep can see every one of these rules go."""
    assert asked(*FORBIDS[rule][1], text=without(rule)).allowed


@pytest.mark.parametrize("rule", sorted(GUARDED_BY_PERMITS))
def test_a_prohibition_that_a_right_repeats_only_names_the_reason(rule: str) -> None:
    """Governance 4, trap 4: without the forbid it is a denial still, but nobody is told why."""
    answer = asked(*FORBIDS[rule][1], text=without(rule))
    assert (answer.allowed, answer.rule_ids) == (False, ())


@pytest.mark.parametrize(
    ("rule", "inside"),
    [
        ("limit.notional_authority", by(person(limit=100_000_000))),
        ("role.strategy", by(person(strategies=("other", "trend")))),
        ("stepup.fresh_auth", reviewed(auth_age_s=120)),
        ("stepup.fresh_auth", reviewed(auth_age_s=0)),
        ("stepup.fresh_auth", reviewed(acr="mfa", acr_required="mfa")),
        ("key.class", reviewed(key_class=2, key_class_min=2)),
        ("quorum.stage_full", reviewed(stage_count=1, stage_need=2)),
        (
            "threshold.compliance_required",
            submitted(
                approved(
                    notional=99_999_999,
                    stages_done=(Stage.RESEARCH, Stage.RISK),
                    stages_required=(Stage.RESEARCH, Stage.RISK),
                )
            ),
        ),
        (
            "sod.distinct_submitter",
            submitted(approved(reviewed_by=("rex",)), distinct_submitter=False),
        ),
    ],
)
def test_a_boundary_holds_from_the_other_side(rule: str, inside: Act) -> None:
    """Governance 4: the last value that a prohibition lets pass."""
    answer = asked(*inside)
    assert answer.allowed, (rule, answer)


@pytest.mark.parametrize(
    "outside",
    [reviewed(auth_age_s=-1), reviewed(acr="pwd", acr_required="mfa")],
    ids=["ahead of the clock", "too weak"],
)
def test_a_login_from_the_future_or_below_the_level_signs_nothing(outside: Act) -> None:
    """Governance 5 (step-up): freshness has two sides, and a level where the bundle asks."""
    assert asked(*outside).codes == ("REAUTH_REQUIRED",)


def test_without_known_authors_nobody_reviews() -> None:
    """Governance 2.5: unknown authors are a conflict, never an absence of one."""
    assert asked(*reviewed(request(authors=()))).codes == ("AUTHOR_CONFLICT",)
