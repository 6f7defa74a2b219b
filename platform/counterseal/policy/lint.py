"""What must hold of rules before anybody is judged by them.

Job: list every flaw of a bundle's rules that can be seen without asking a question.

Invariants
  I1  All flaws are listed, not the first one only.
  I2  Rules that the engine cannot read have a flaw; no engine is a flaw, too.

Not here: what the rules decide (policy.self_test and the gate's checks).
Source: governance rule 4, trap 6 and gate step 1.
"""

from typing import Final

from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import RuleText
from counterseal.policy.cedar import Effect, naming_flaws, read_rules, schema_flaws

RULE_CODES: Final = frozenset(
    {
        "ABOVE_AUTHORITY",
        "ALREADY_CONSUMED",
        "ALREADY_REVIEWED",
        "AUTHOR_CONFLICT",
        "COMPLIANCE_MISSING",
        "DELEGATION_CONFLICT",
        "EVIDENCE_CHANGED",
        "EXECUTION_EXPIRED",
        "KEY_CLASS_TOO_LOW",
        "NOT_PENDING",
        "OTHER_TENANT",
        "OUT_OF_ORDER",
        "PAYLOAD_CHANGED",
        "PERSON_DISABLED",
        "POLICY_CHANGED",
        "REAUTH_REQUIRED",
        "REQUESTER_IS_REVIEWER",
        "REVIEW_EXPIRED",
        "ROLE",
        "STAGES_MISSING",
        "STAGE_FULL",
        "STAGE_NOT_REQUIRED",
        "STRATEGY_SCOPE",
        "TERMINAL",
        "TWO_OFFICERS_NEEDED",
    }
)
"""Every reason that a rule may give; each has its heading in policies/reason-codes.md."""


def lint(text: RuleText) -> tuple[str, ...]:
    """Every flaw of rules and schema, one sentence each; empty when they may be used."""
    try:
        rules = read_rules(text)
        outside = schema_flaws(text)
    except PolicyError as error:
        return (str(error),)
    unknown = tuple(
        f"{rule.id or rule.place}: @reason({rule.reason}) is no known code"
        for rule in rules
        if rule.effect is Effect.FORBID and rule.reason and rule.reason not in RULE_CODES
    )
    return (*naming_flaws(rules), *unknown, *outside)
