"""One strategy and another: whose role reaches it, and what it needs beyond its size."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.approvals.authorization import judged, review_question
from counterseal.approvals.decide import ReviewOutcome
from counterseal.approvals.delegation import Delegated
from counterseal.approvals.execution import check_execution
from counterseal.approvals.independence import is_staffable
from counterseal.approvals.model import RequestStatus
from counterseal.approvals.statement import AuthFacts, Reviewer, role_for
from counterseal.identity.people import Person, Role, RoleScope
from counterseal.kernel.model import Refusal
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.question import Question
from counterseal.policy.words import DecisionWord, Stage
from tests.core.approvals import world
from tests.core.approvals.test_delegation import grant
from tests.core.approvals.world import NOW, Desk, person

R, P = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
REJECTED = DecisionWord.REJECTED
REVIEWS = (Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER)
DESK = Desk()
OWN = "trend"


def limited(one: Person, **limits: str) -> Person:
    """Somebody whose roles reach single strategies; `risk="a b"` limits a risk reviewer."""
    scopes = tuple(
        RoleScope(role=Role(f"{role}_reviewer"), strategies=tuple(names.split()))
        for role, names in limits.items()
    )
    return one.amended(scopes=scopes)


def tried(who: Person, word: DecisionWord = R, desk: Desk | None = None) -> tuple[str, ...]:
    """Codes against a review of the desk's case; empty when it counts."""
    asked = desk or Desk()
    outcome = asked.review(who.person_id, word, reviewer_changes={"person": who})
    return outcome.codes if isinstance(outcome, Refusal) else ()


@pytest.mark.parametrize("word", [R, REJECTED, DecisionWord.NEEDS_DATA])
def test_a_role_decides_nothing_on_another_strategy(word: DecisionWord) -> None:
    """Governance part 1, row filters: approve, reject and ask for data, each with its code."""
    rex = person("rex")
    assert tried(limited(rex, research="other"), word)[:1] == ("STRATEGY_SCOPE",)
    assert tried(limited(rex, research=f"other {OWN}"), word) == ()
    assert tried(rex, word) == ()


def test_the_rule_is_named_in_the_refusal() -> None:
    """Governance 2.8: the rule id beside the code, for whoever reads the case."""
    who = limited(person("rex"), research="other")
    refused = Desk().review("rex", R, reviewer_changes={"person": who})
    assert isinstance(refused, Refusal)
    assert "role.strategy" in {d.value for d in refused.details if d.name == "rules"}


def question_of(who: Person, word: DecisionWord = R, desk: Desk = DESK, **more: object) -> Question:
    auth = AuthFacts(iss="counterseal:local", auth_time=NOW, acr="none", amr=())
    asked = Reviewer(person=who, key=world.key_of(who.person_id), auth=auth).amended(**more)
    return review_question(desk.governed(), asked, word, None, NOW)


def rules_said(
    who: Person, word: DecisionWord = R, desk: Desk = DESK, **more: object
) -> tuple[str, ...]:
    """Codes of the rules alone, before anybody signs."""
    return judged(desk.governed(), question_of(who, word, desk, **more), NOW).codes


limits = st.sampled_from(((), (OWN,), ("other",), (OWN, "other")))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(REVIEWS), unique=True, min_size=1),
    st.lists(limits, min_size=3, max_size=3),
    st.sampled_from((R, P, REJECTED)),
)
def test_i3_a_limit_never_opens_what_was_closed(
    roles: list[Role], told: list[tuple[str, ...]], word: DecisionWord
) -> None:
    """Governance part 1, row filters: who may with a limit may without; who may not has a code."""
    free = person("rex").amended(roles=tuple(roles))
    scopes = (RoleScope(role=r, strategies=s) for r, s in zip(REVIEWS, told, strict=True) if s)
    bound = free.amended(scopes=tuple(scopes))
    before, after = set(rules_said(free, word)), set(rules_said(bound, word))
    if not after:
        assert not before
    kept = bound.roles_for(OWN)
    alone = set(rules_said(free.amended(roles=tuple(kept)), word))
    assert (not after) is (not alone)
    assert after - before <= {"STRATEGY_SCOPE", "ROLE", "ABOVE_AUTHORITY"}


def test_i3_of_two_roles_the_one_that_reaches_counts_and_brings_its_own_authority() -> None:
    """Governance part 1, row filters: a role out of reach lends neither seat nor limit."""
    both = person("rex").amended(roles=(Role.RESEARCH_REVIEWER, Role.COMPLIANCE_REVIEWER))
    assert rules_said(limited(both, research="other")) == ()
    assert role_for(limited(both, research="other"), REVIEWS, OWN) is Role.COMPLIANCE_REVIEWER

    large = Desk(notional=Decimal(20_000_001))
    assert tried(limited(both, compliance="other"), desk=large) == ("ABOVE_AUTHORITY",)
    assert rules_said(limited(both, research="other"), desk=large) == ()


def test_who_lacks_the_role_is_told_so_and_not_of_a_limit() -> None:
    """Governance 2.10: the reason that helps."""
    kai = rules_said(limited(person("kai"), risk="other"))
    assert "ROLE" in kai
    assert "STRATEGY_SCOPE" not in kai
    assert rules_said(limited(person("anna"), research="other")) == ("STRATEGY_SCOPE",)


def test_a_signed_role_that_does_not_reach_is_refused_even_where_another_one_does() -> None:
    """Governance 2.9: the role in the statement is the one that counts later."""
    both = person("rex").amended(roles=(Role.RESEARCH_REVIEWER, Role.COMPLIANCE_REVIEWER))
    assert tried(limited(both, research="other")) == ("STRATEGY_SCOPE",)


def test_under_a_grant_the_limits_of_both_count() -> None:
    """Governance 2.6: nobody lends a reach that they lack, and a delegate gains none."""
    made, rex, kai = grant(), person("rex"), person("kai")
    key = world.key_of("rex")

    def under(delegator: Person, delegate: Person) -> tuple[str, ...]:
        lent = Delegated(grant=made, delegator=delegator, key=key)
        return rules_said(delegate, delegated=lent)

    assert under(rex, kai) == ()
    assert under(limited(rex, research="other"), kai) == ("STRATEGY_SCOPE",)
    own = kai.amended(roles=(Role.RESEARCH_REVIEWER,))
    assert under(rex, limited(own, research="other")) == ("STRATEGY_SCOPE",)
    assert under(rex, limited(kai, risk="other")) == ()


def needing(stage: Stage, quorum: int, strategy: str = OWN) -> PolicyBundle:
    row = {"strategy": strategy, "stage": stage.value, "quorum": quorum}
    return world.bundle(strategy_needs=[row])


def test_a_strategy_may_need_two_at_a_stage() -> None:
    """Governance part 1, row quorum: M of N by strategy; the stage stays due until it is full."""
    desk = Desk(needing(Stage.RESEARCH, 2))
    assert desk.request.required_review_count == 3
    assert desk.request.required_decision_sequence == (R, R, P)
    assert isinstance(desk.review("rex", R), ReviewOutcome)
    assert (desk.request.next_stage, desk.request.status) == (
        Stage.RESEARCH,
        RequestStatus.PENDING_REVIEW,
    )
    early = desk.review("kai", P)
    assert isinstance(early, Refusal)
    assert "OUT_OF_ORDER" in early.codes
    assert isinstance(desk.review("anna", R), ReviewOutcome)
    assert isinstance(desk.review("kai", P), ReviewOutcome)
    assert desk.request.status is RequestStatus.APPROVED_FOR_PAPER
    fewer = desk.case(decisions=desk.decisions[:1])
    refused = check_execution(fewer, desk.request.updated_at)
    assert refused is not None
    assert "STAGES_MISSING" in refused.codes
    assert check_execution(desk.case(), desk.request.updated_at) is None


def test_a_strategy_may_need_compliance_whatever_the_size() -> None:
    """Governance part 1, row quorum: an extra stage by strategy, kept at the submit."""
    desk = Desk(needing(Stage.COMPLIANCE, 1)).approved()
    assert desk.request.stages_required == (Stage.RESEARCH, Stage.RISK, Stage.COMPLIANCE)
    assert desk.request.status is RequestStatus.RESEARCH_APPROVED
    refused = check_execution(desk.case(), desk.request.updated_at)
    assert refused is not None
    assert "COMPLIANCE_MISSING" in refused.codes

    assert isinstance(desk.review("cora", P), ReviewOutcome)
    assert check_execution(desk.case(), desk.request.updated_at) is None


def test_another_strategy_needs_what_it_always_needed() -> None:
    """Governance part 1, row quorum: a need is its strategy's own."""
    desk = Desk(needing(Stage.RESEARCH, 2, "other")).approved()
    assert desk.request.stages_required == (Stage.RESEARCH, Stage.RISK)
    assert check_execution(desk.case(), desk.request.updated_at) is None


def test_a_forged_state_does_not_stand_in_for_what_the_strategy_needs() -> None:
    """Governance 2.10: the stored stages approve nothing; the bundle is asked again."""
    desk = Desk(needing(Stage.COMPLIANCE, 1)).approved()
    forged = desk.request.amended(
        stages_required=(Stage.RESEARCH, Stage.RISK), status=RequestStatus.APPROVED_FOR_PAPER
    )
    refused = check_execution(desk.case(request=forged), desk.request.updated_at)
    assert refused is not None
    assert "COMPLIANCE_MISSING" in refused.codes


@pytest.mark.parametrize(("quorum", "codes"), [(2, ()), (3, ("UNSTAFFABLE",))])
def test_there_must_be_people_for_what_the_strategy_needs(
    quorum: int, codes: tuple[str, ...]
) -> None:
    """Governance 2.5: rex and anna review research, and no third who is free for it."""
    staff = [c for c in world.candidates() if c.person_id not in {"both", "cora"}]
    policy = needing(Stage.RESEARCH, quorum)
    outcome = world.asked(policy, world.payload(policy), staff)
    assert (outcome.codes if isinstance(outcome, Refusal) else ()) == codes


@given(st.sets(st.sampled_from(("rex", "kai", "cora", "anna", "both"))))
def test_fewer_roles_never_staff_what_more_did_not(names: set[str]) -> None:
    """Governance 2.5: a limit takes candidates away, and gives none."""
    payload, staff = DESK.request.payload, world.candidates()
    rules = DESK.bundle.approval.required_stages(Decimal(2_000_000), payload.currency, OWN)
    fewer = [c.amended(roles=()) if c.person_id in names else c for c in staff]
    if is_staffable(rules, fewer, {"rita"}, ()):
        assert is_staffable(rules, staff, {"rita"}, ())


def test_a_question_has_the_quorum_of_its_strategy() -> None:
    """Governance 4, review context: `stage_need` is what the strategy needs."""
    asked = question_of(person("rex"), R, Desk(needing(Stage.RESEARCH, 2)))
    assert '"stage_need":2' in asked.context
    assert '"stage_need":1' in question_of(person("rex")).context
