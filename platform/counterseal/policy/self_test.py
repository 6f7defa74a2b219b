"""What a desk tries on its rules before it opens.

Job: ask the loaded rules about acts that must be refused, and stop the start when one is allowed.

Invariants
  I1  Every case differs from an act that is in order by what its name says, and by nothing else.
  I2  Rules that do not load, or that allow a forbidden case, open no desk.
  I3  Without the engine there is nothing to try: everything will be refused.

Not here: the wide search (policy.sweep), the cases that a bundle brings for itself.
Source: governance part 8, test 19; trap 2.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import RuleText
from counterseal.policy.cedar import UNAVAILABLE, evaluate_all, rules_of
from counterseal.policy.lint import lint
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.question import (
    NOTHING,
    BundleFacts,
    Closing,
    Context,
    PersonFacts,
    Question,
    RequestFacts,
    Resource,
    Reviewing,
    RuleAction,
    Submitting,
    TenantFacts,
    Voting,
    question,
)
from counterseal.policy.units import UNLIMITED
from counterseal.policy.words import Role, Stage

_GOOD, _BAD = "hash-a", "hash-b"
_ALL: Final = tuple(Stage)
_PENDING, _APPROVED, _CLOSED = "pending_review", "approved_for_paper_simulation", "rejected"


class ForbiddenCase(NamedTuple):
    """An act that no policy may allow."""

    name: str
    question: Question


def check_rules(text: RuleText, params: ApprovalParameters) -> None:
    """Stop a start under rules that cannot be trusted; nothing happens without the engine.

    Raises:
        PolicyError: `POLICY_INVALID` for a flaw of the text, `POLICY_PERMISSIVE` when a forbidden
            case is allowed.
    """
    try:
        rules_of(text)
    except PolicyError as error:
        if error.code == UNAVAILABLE:
            return
        raise
    flaws = _flaws(text)
    if flaws:
        raise PolicyError("POLICY_INVALID", flaws[0], field="approval.cedar")
    allowed = allowed_cases(text, params)
    if allowed:
        raise PolicyError(
            "POLICY_PERMISSIVE",
            f"the rules allow what must be refused: {allowed[0]}",
            field="approval.cedar",
            got=", ".join(allowed),
        )


@lru_cache(maxsize=16)
def _flaws(text: RuleText) -> tuple[str, ...]:
    return lint(text)


@lru_cache(maxsize=16)
def allowed_cases(text: RuleText, params: ApprovalParameters) -> tuple[str, ...]:
    """Names of the forbidden cases that the rules allow; none in a policy that may be used."""
    cases = tuple(forbidden_cases(params))
    answers = evaluate_all(text, [case.question for case in cases])
    return tuple(c.name for c, answer in zip(cases, answers, strict=True) if answer.allowed)


def forbidden_cases(params: ApprovalParameters) -> Iterator[ForbiddenCase]:
    """Every case, under the stages and roles of these parameters."""
    yield from _reviews()
    yield from _wrong_roles(params)
    yield from _submits()
    yield from _others()


def _reviews() -> Iterator[ForbiddenCase]:
    person, request, context = _person(), _request(), _reviewing()
    second = request.amended(stages_done=(Stage.RESEARCH,), state="research_approved")
    risk = context.amended(stage=Stage.RISK)
    variants: tuple[tuple[str, PersonFacts, RequestFacts, Reviewing], ...] = (
        ("the requester reviews", person, request.amended(requester="p"), context),
        ("a person reviews twice", person, second.amended(reviewed_by=("p",)), risk),
        ("an author reviews", person, request.amended(authors=("p",)), context),
        ("somebody reviews without known authors", person, request.amended(authors=()), context),
        ("the requester's delegate reviews", person, request, _as(context, "requester")),
        ("an author's delegate reviews", person, request, _as(context, "author")),
        ("a second account reviews", person, second.amended(reviewed_by=("x",)), _as(risk, "x")),
        ("another tenant reviews", person.amended(tenant="other"), request, context),
        ("a disabled person reviews", person.amended(active=False), request, context),
        ("risk goes first", person, request, risk),
        ("compliance goes first", person, second, context.amended(stage=Stage.COMPLIANCE)),
        ("a full stage is approved", person, request, context.amended(stage_count=1)),
        ("a needless stage is approved", person, request, context.amended(stage=NOTHING)),
        ("a strategy is out of reach", person.amended(strategies=("x",)), request, context),
        ("authority is exceeded", person.amended(limit=99), request, context),
        ("another payload is approved", person, request, context.amended(payload_hash=_BAD)),
        ("other evidence is approved", person, request, context.amended(evidence_hash=_BAD)),
        ("another policy is in force", person, request, context.amended(policy_hash=_BAD)),
        ("a closed case is approved", person, request.amended(state=_CLOSED), context),
        ("an approved case is approved", person, request.amended(state=_APPROVED), context),
        ("the review is late", person, request, context.amended(review_open=False)),
        ("the login is old", person, request, context.amended(auth_age_s=121)),
        ("the login lies ahead", person, request, context.amended(auth_age_s=-1)),
        ("the login is too weak", person, request, context.amended(acr_required="mfa")),
        ("the key is too weak", person, request, context.amended(key_class=0)),
    )
    for name, who, what, how in variants:
        yield _case(name, who, RuleAction.APPROVE, what, how)
    for action in (RuleAction.REJECT, RuleAction.ASK_DATA):
        yield _case(f"the requester: {action}", person, action, _own(request), context)
        yield _case(f"without a role: {action}", _person(Role.AUDITOR), action, request, context)


def _wrong_roles(params: ApprovalParameters) -> Iterator[ForbiddenCase]:
    for place, stage in enumerate(_ALL):
        rule = params.stage(stage)
        allowed = frozenset() if rule is None else frozenset(rule.roles)
        request = _request().amended(stages_done=_ALL[:place])
        context = _reviewing().amended(stage=stage)
        others = _person(*sorted(set(Role) - allowed))
        yield _case(f"no role of {stage} approves", others, RuleAction.APPROVE, request, context)


def _submits() -> Iterator[ForbiddenCase]:
    person, context = _person(Role.OPERATOR), _submitting()
    request = _request().amended(stages_done=_ALL, state=_APPROVED, reviewed_by=("x",))
    stages = {Stage.RESEARCH, Stage.RISK}
    some = {stage: tuple(sorted(set(_ALL) - {stage})) for stage in _ALL}
    variants: list[tuple[str, PersonFacts, RequestFacts, Submitting]] = [
        ("another role submits", _person(Role.REQUESTER), request, context),
        ("another tenant submits", person.amended(tenant="other"), request, context),
        ("a reviewer submits", person, request.amended(reviewed_by=("p",)), context),
        ("a reviewer's second account submits", person, request, _as_submitter(context, "x")),
        ("another policy is in force", person, request, context.amended(policy_hash=_BAD)),
        ("another payload is submitted", person, request, context.amended(payload_hash=_BAD)),
        ("the approval is late", person, request, context.amended(execution_open=False)),
        (
            "compliance is missing at the threshold",
            person,
            request.amended(stages_done=some[Stage.COMPLIANCE], stages_required=tuple(stages)),
            context.amended(compliance_from=100),
        ),
    ]
    variants += [
        (
            f"{stage} is missing",
            person,
            request.amended(stages_done=some[stage], stages_required=needed),
            context,
        )
        for stage, needed in zip(_ALL, ((), (), _ALL), strict=True)
    ]
    variants += [
        (f"a {state} case is submitted", person, request.amended(state=state), context)
        for state in (_PENDING, "research_approved", _CLOSED, "consumed")
    ]
    for name, who, what, how in variants:
        yield _case(name, who, RuleAction.SUBMIT, what, how)


def _others() -> Iterator[ForbiddenCase]:
    stranger, closing = _person(Role.RISK_REVIEWER), Closing(policy_hash=_GOOD)
    approved = _request().amended(state=_APPROVED, reviewed_by=("x",))
    bundle, voting = BundleFacts(bundle_hash=_GOOD, authors=("author",)), Voting(acting_as=("p",))
    approver = _person(Role.POLICY_APPROVER)
    officer = _person(Role.ENROLMENT_OFFICER)
    yield _case("a stranger revokes", stranger, RuleAction.REVOKE, approved, closing)
    yield _case("a stranger withdraws", stranger, RuleAction.WITHDRAW, approved, closing)
    guardian = _person(Role.COMPLIANCE_REVIEWER)
    yield _case("a pending case is revoked", guardian, RuleAction.REVOKE, _request(), closing)
    ended = approved.amended(state=_CLOSED, requester="p")
    yield _case("a closed case is withdrawn", stranger, RuleAction.WITHDRAW, ended, closing)
    yield _case("no auditor exports", stranger, RuleAction.EXPORT, TenantFacts(tenant="t"), None)
    yield _case("no officer enrols", stranger, RuleAction.ENROL_KEY, _person(who="q"), None)
    yield _case("an officer enrols an own key", officer, RuleAction.ENROL_KEY, officer, None)
    own = bundle.amended(authors=("p",))
    yield _case("an author approves a policy", approver, RuleAction.APPROVE_POLICY, own, voting)
    again = bundle.amended(approved_by=("p",))
    yield _case("one vote counts twice", approver, RuleAction.APPROVE_POLICY, again, voting)
    yield _case("no approver votes", stranger, RuleAction.APPROVE_POLICY, bundle, voting)


def _case(
    name: str, who: PersonFacts, action: RuleAction, what: Resource, how: Context | None
) -> ForbiddenCase:
    return ForbiddenCase(name, question(who, action, what, how))


def _person(*roles: Role, who: str = "p") -> PersonFacts:
    held = roles or (Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER)
    return PersonFacts(person_id=who, tenant="t", roles=held, limit=UNLIMITED)


def _request() -> RequestFacts:
    return RequestFacts(
        request_id="r",
        tenant="t",
        requester="requester",
        strategy="s",
        notional=100,
        state=_PENDING,
        payload_hash=_GOOD,
        policy_hash=_GOOD,
        evidence_hash=_GOOD,
        authors=("author",),
        reviewed_by=(),
        stages_done=(),
        stages_required=_ALL,
    )


def _own(request: RequestFacts) -> RequestFacts:
    return request.amended(requester="p")


def _reviewing() -> Reviewing:
    return Reviewing(
        stage=Stage.RESEARCH,
        stage_count=0,
        stage_need=1,
        acting_as=("p",),
        payload_hash=_GOOD,
        policy_hash=_GOOD,
        evidence_hash=_GOOD,
        auth_age_s=0,
        auth_age_max_s=120,
        acr=NOTHING,
        acr_required=NOTHING,
        key_class=1,
        key_class_min=1,
        review_open=True,
        escalated=False,
        fallback_roles=(),
    )


def _submitting() -> Submitting:
    return Submitting(
        acting_as=("p",),
        payload_hash=_GOOD,
        policy_hash=_GOOD,
        evidence_hash=_GOOD,
        compliance_from=UNLIMITED,
        distinct_submitter=True,
        execution_open=True,
    )


def _as(context: Reviewing, other: str) -> Reviewing:
    return context.amended(acting_as=("p", other))


def _as_submitter(context: Submitting, other: str) -> Submitting:
    return context.amended(acting_as=("p", other))
