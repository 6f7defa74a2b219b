"""Rules, schema and authority as parts of a bundle."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import Role
from storage.policy_files import bundle_from, read_policy_files
from tests.core.policy.rules_room import parameters, shipped

ROOT = Path(__file__).parents[3]
VERSION = "2026.11.1"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
RULES = f"approval/{VERSION}/approval.cedar"
SCHEMA = f"approval/{VERSION}/approval.cedarschema"


def files() -> dict[str, bytes]:
    return read_policy_files(ROOT / "policies", VERSION)


def built(**changed: bytes | None) -> PolicyBundle:
    told = {"rules": RULES, "schema": SCHEMA}
    merged = files() | {told[n]: content for n, content in changed.items() if content is not None}
    for name, content in changed.items():
        if content is None:
            del merged[told[name]]
    return bundle_from(merged, VERSION, NOW)


def test_rules_and_schema_are_read_with_the_bundle_and_named_by_its_hash() -> None:
    """Governance 4: one comment more in a rule is another policy."""
    bundle = built()
    assert bundle.rules == shipped()
    assert {RULES, SCHEMA} <= {file.path for file in bundle.files}
    commented = built(rules=files()[RULES] + b"// harmless\n")
    assert commented.bundle_hash != bundle.bundle_hash


@pytest.mark.parametrize("name", ["rules", "schema"])
def test_a_bundle_without_rules_or_schema_is_none(name: str) -> None:
    """Governance invariant 5: a missing file is named, never an empty law."""
    with pytest.raises(PolicyError, match="POLICY_MISSING"):
        built(**{name: None})


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"/" * 100_001])
def test_rules_that_are_no_bounded_text_are_refused(content: bytes) -> None:
    """Policy bundle I2: empty, not UTF-8, or too long."""
    with pytest.raises(PolicyError, match="POLICY_INVALID"):
        built(rules=content)


def test_two_rule_files_of_one_name_are_refused() -> None:
    """Policy bundle I2: it must be clear which one counts."""
    twice = files() | {f"risk/{VERSION}/approval.cedar": files()[RULES]}
    with pytest.raises(PolicyError, match="POLICY_MISSING"):
        bundle_from(twice, VERSION, NOW)


@pytest.mark.parametrize(
    "roles",
    [
        (Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER),
        (
            Role.RESEARCH_REVIEWER,
            Role.RISK_REVIEWER,
            Role.COMPLIANCE_REVIEWER,
            Role.COMPLIANCE_REVIEWER,
        ),
    ],
    ids=["one role of a stage has none", "one role has two"],
)
def test_every_role_of_a_stage_has_one_authority(roles: tuple[Role, ...]) -> None:
    """Policy parameters I4, I5: an authority is stated, never assumed."""
    rows = [row for role in roles for row in parameters().authority if row.role == role]
    with pytest.raises(ValidationError, match="authority"):
        parameters().amended(authority=tuple(rows))


def test_an_amount_of_authority_is_never_negative() -> None:
    """Policy parameters: a limit below zero is a slip, not a policy."""
    row = parameters().authority[0]
    with pytest.raises(ValidationError):
        row.amended(notional_max=-1)
