"""The shipped rules, and an act that is in order: tests change one fact of it."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from counterseal.policy.bundle import RuleText, read_document
from counterseal.policy.cedar import Evaluation, evaluate
from counterseal.policy.params import ApprovalParameters
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
from counterseal.policy.units import UNLIMITED
from counterseal.policy.words import Role, Stage

FOLDER: Final = Path(__file__).parents[3] / "policies" / "approval" / "2026.11.1"
HASH, OTHER_HASH = "sha256:" + "a" * 64, "sha256:" + "b" * 64
REVIEWERS: Final = (Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER)


@cache
def shipped() -> RuleText:
    rules = (FOLDER / "approval.cedar").read_text("utf-8")
    return RuleText(rules=rules, entity_schema=(FOLDER / "approval.cedarschema").read_text("utf-8"))


@cache
def parameters() -> ApprovalParameters:
    value = yaml.safe_load((FOLDER / "params.yaml").read_text("utf-8"))
    return read_document(ApprovalParameters, value, "params.yaml")


def without(*rule_ids: str) -> RuleText:
    """The shipped rules with some taken out."""
    parts = re.split(r"(?=^@id\()", shipped().rules, flags=re.MULTILINE)
    kept = [part for part in parts if not any(f'@id("{name}")' in part for name in rule_ids)]
    assert len(parts) - len(kept) == len(rule_ids)
    return shipped().amended(rules="".join(kept))


def person(*roles: Role, **changes: object) -> PersonFacts:
    held = roles or REVIEWERS
    return PersonFacts(person_id="rex", tenant="acme", roles=held, limit=UNLIMITED).amended(
        **changes
    )


def request(**changes: object) -> RequestFacts:
    return RequestFacts(
        request_id="apr_1",
        tenant="acme",
        requester="rita",
        strategy="trend",
        notional=100_000_000,
        state="pending_review",
        payload_hash=HASH,
        policy_hash=HASH,
        evidence_hash=HASH,
        authors=("adam",),
        reviewed_by=(),
        stages_done=(),
        stages_required=tuple(Stage),
    ).amended(**changes)


def approved(**changes: object) -> RequestFacts:
    done = {"state": "approved_for_paper_simulation", "stages_done": tuple(Stage)}
    return request(**({**done, "reviewed_by": ("kai", "cora")} | changes))


def reviewing(**changes: object) -> Reviewing:
    return Reviewing(
        stage=Stage.RESEARCH,
        stage_count=0,
        stage_need=1,
        acting_as=("rex",),
        payload_hash=HASH,
        policy_hash=HASH,
        evidence_hash=HASH,
        auth_age_s=5,
        auth_age_max_s=120,
        acr="pwd",
        acr_required="none",
        key_class=1,
        key_class_min=1,
        review_open=True,
        escalated=False,
        fallback_roles=(),
    ).amended(**changes)


def submitting(**changes: object) -> Submitting:
    return Submitting(
        acting_as=("rex",),
        payload_hash=HASH,
        policy_hash=HASH,
        evidence_hash=HASH,
        compliance_from=100_000_000,
        distinct_submitter=True,
        execution_open=True,
    ).amended(**changes)


CLOSING: Final = Closing(policy_hash=HASH)
TENANT: Final = TenantFacts(tenant="acme")
BUNDLE: Final = BundleFacts(bundle_hash=HASH, authors=("adam",))
VOTING: Final = Voting(acting_as=("rex",))
GRANTING: Final = Granting(role=Role.RISK_REVIEWER)


def asked(
    who: PersonFacts,
    action: RuleAction,
    what: Resource,
    how: Context | None = None,
    text: RuleText | None = None,
) -> Evaluation:
    return evaluate(text or shipped(), question(who, action, what, how))
