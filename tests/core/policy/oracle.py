"""The same law in plain Python, written apart from the Cedar text; it decides in tests only."""

from collections.abc import Iterator

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
    Voting,
)
from counterseal.policy.words import Role, Stage

STAGE_ROLES = {
    Stage.RESEARCH: {Role.RESEARCH_REVIEWER, Role.COMPLIANCE_REVIEWER},
    Stage.RISK: {Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER},
    Stage.COMPLIANCE: {Role.COMPLIANCE_REVIEWER},
}
ANY_STAGE = set().union(*STAGE_ROLES.values())
WAITING = {"pending_review", "research_approved"}
GRANTED = "approved_for_paper_simulation"
ORDER = tuple(Stage)
OFFICES = {
    RuleAction.EXPORT: Role.AUDITOR,
    RuleAction.ENROL_KEY: Role.ENROLMENT_OFFICER,
    RuleAction.GRANT: None,
    RuleAction.APPROVE_POLICY: Role.POLICY_APPROVER,
}


def verdict(
    who: PersonFacts, action: RuleAction, what: Resource, how: Context | None
) -> tuple[str, ...]:
    """Every reason against the act, sorted; empty when it is allowed.

    The right to an office is asked for last, when nothing else speaks against the act.
    """
    reasons = set(_reasons(who, action, what, how))
    if not reasons and action in OFFICES:
        reasons |= set(_office(who, action, how))
    return tuple(sorted(reasons))


def _reasons(
    who: PersonFacts, action: RuleAction, what: Resource, how: Context | None
) -> Iterator[str]:
    if not isinstance(what, BundleFacts) and what.tenant != who.tenant:
        yield "OTHER_TENANT"
    if not who.active:
        yield "PERSON_DISABLED"
    if isinstance(what, RequestFacts) and isinstance(how, Reviewing):
        yield from _review(who, action, what, how)
    elif isinstance(what, RequestFacts) and isinstance(how, Submitting):
        yield from _submit(who, what, how)
    elif isinstance(what, RequestFacts) and isinstance(how, Closing):
        yield from _close(who, action, what, how)
    elif isinstance(what, BundleFacts) and isinstance(how, Voting):
        yield from _vote(who, what, how)
    elif action is RuleAction.ENROL_KEY and what == who:
        yield "TWO_OFFICERS_NEEDED"


def _review(
    who: PersonFacts, action: RuleAction, what: RequestFacts, how: Reviewing
) -> Iterator[str]:
    yield from _same_people(who, what, how)
    if who.strategies and what.strategy not in who.strategies:
        yield "STRATEGY_SCOPE"
    if what.state == GRANTED:
        yield "NOT_PENDING"
    elif what.state not in WAITING:
        yield "TERMINAL"
    if not how.review_open:
        yield "REVIEW_EXPIRED"
    yield from _changed(what, how)
    fresh = 0 <= how.auth_age_s <= how.auth_age_max_s
    if not fresh or how.acr_required not in {"none", how.acr}:
        yield "REAUTH_REQUIRED"
    if how.key_class < how.key_class_min:
        yield "KEY_CLASS_TOO_LOW"
    if action is RuleAction.APPROVE:
        yield from _stage(who, what, how)
    elif not ANY_STAGE & {*who.roles}:
        yield "ROLE"


def _same_people(who: PersonFacts, what: RequestFacts, how: Reviewing) -> Iterator[str]:
    me, mine = who.person_id, {*how.acting_as}
    earlier, authors = {*what.reviewed_by}, {*what.authors}
    if me == what.requester:
        yield "REQUESTER_IS_REVIEWER"
    elif what.requester in mine:
        yield "DELEGATION_CONFLICT"
    if me in earlier:
        yield "ALREADY_REVIEWED"
    elif mine & earlier:
        yield "DELEGATION_CONFLICT"
    if not authors or authors & (mine | {me}):
        yield "AUTHOR_CONFLICT"


def _stage(who: PersonFacts, what: RequestFacts, how: Reviewing) -> Iterator[str]:
    stage = next((s for s in ORDER if s == how.stage), None)
    able = {Role.COMPLIANCE_REVIEWER} if stage is None else STAGE_ROLES[stage]
    if how.escalated:
        able = able | {*how.fallback_roles}
    if not able & {*who.roles}:
        yield "ROLE"
    before = {Stage.RESEARCH} if stage is None else {*ORDER[: ORDER.index(stage)]}
    if not before <= {*what.stages_done}:
        yield "OUT_OF_ORDER"
    if stage is None or stage not in what.stages_required:
        yield "STAGE_NOT_REQUIRED"
    if how.stage_count >= how.stage_need or stage in what.stages_done:
        yield "STAGE_FULL"
    if what.notional > who.limit:
        yield "ABOVE_AUTHORITY"


def _submit(who: PersonFacts, what: RequestFacts, how: Submitting) -> Iterator[str]:
    done = {*what.stages_done}
    if Role.OPERATOR not in who.roles:
        yield "ROLE"
    if how.distinct_submitter and {*how.acting_as, who.person_id} & {*what.reviewed_by}:
        yield "ALREADY_REVIEWED"
    if not {Stage.RESEARCH, Stage.RISK} <= done or what.state in WAITING:
        yield "STAGES_MISSING"
    wanted = Stage.COMPLIANCE in what.stages_required or what.notional >= how.compliance_from
    if wanted and Stage.COMPLIANCE not in done:
        yield "COMPLIANCE_MISSING"
    if what.state == "consumed":
        yield "ALREADY_CONSUMED"
    elif what.state not in {*WAITING, GRANTED}:
        yield "TERMINAL"
    if not how.execution_open:
        yield "EXECUTION_EXPIRED"
    yield from _changed(what, how)


def _close(who: PersonFacts, action: RuleAction, what: RequestFacts, how: Closing) -> Iterator[str]:
    revoking = action is RuleAction.REVOKE
    signed = who.person_id in what.reviewed_by or Role.COMPLIANCE_REVIEWER in who.roles
    if not (signed if revoking else who.person_id == what.requester):
        yield "ROLE"
    if what.state not in {*WAITING, GRANTED}:
        yield "TERMINAL"
    if revoking and what.state == "pending_review":
        yield "NOT_PENDING"
    if what.policy_hash != how.policy_hash:
        yield "POLICY_CHANGED"


def _vote(who: PersonFacts, what: BundleFacts, how: Voting) -> Iterator[str]:
    mine = {*how.acting_as, who.person_id}
    authors = {*what.authors}
    if not authors or mine & authors:
        yield "AUTHOR_CONFLICT"
    if mine & {*what.approved_by}:
        yield "ALREADY_REVIEWED"


def _office(who: PersonFacts, action: RuleAction, how: Context | None) -> Iterator[str]:
    needed = how.role if isinstance(how, Granting) else OFFICES[action]
    if needed not in who.roles:
        yield "ROLE"


def _changed(what: RequestFacts, how: Reviewing | Submitting) -> Iterator[str]:
    if how.payload_hash != what.payload_hash:
        yield "PAYLOAD_CHANGED"
    if how.policy_hash != what.policy_hash:
        yield "POLICY_CHANGED"
    if how.evidence_hash != what.evidence_hash:
        yield "EVIDENCE_CHANGED"
