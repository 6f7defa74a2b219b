"""Who gets in, for how long, and how often a secret may be guessed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.kernel.errors import PolicyError
from counterseal.policy.access import AccessRules, ClaimedRole, IssuerRule
from counterseal.policy.words import Role
from storage.policy_files import bundle_from, read_policy_files

ROOT = Path(__file__).parents[3]
VERSION = "2026.11.1"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
PATH = f"access/{VERSION}/access.yaml"


def test_the_document_counts_as_written() -> None:
    """Governance 5: limits and life times are settings under policies/."""
    files = read_policy_files(ROOT / "policies", VERSION)
    assert bundle_from(files, VERSION, NOW).access == AccessRules()
    files[PATH] = b"schema_version: 1\nsession_seconds: 60\naccount_attempts: 2\n"
    rules = bundle_from(files, VERSION, NOW).access
    assert (rules.session_seconds, rules.account_attempts) == (60, 2)


def test_a_bundle_without_it_has_the_values_of_the_design() -> None:
    """Bundles that were activated before go on as they were."""
    files = read_policy_files(ROOT / "policies", VERSION)
    del files[PATH]
    assert bundle_from(files, VERSION, NOW).access == AccessRules()


@pytest.mark.parametrize(
    "line",
    [
        "session_seconds: 0",
        "sessions: 60",
        "schema_version: 2",
        "totp_drift_steps: 3",
        "backoff_seconds: 3601",
        "attempts_forgotten_seconds: 3599",
        "password_length_min: 7",
        "issuers: [{issuer: 'http://login.example', client_id: c}]",
        "issuers: [{issuer: 'https://login.example'}]",
        "issuers: [{issuer: 'http://localhost.evil.example', client_id: c}]",
    ],
)
def test_what_is_not_understood_is_refused(line: str) -> None:
    """POLICY_INVALID, POLICY_UNKNOWN_KEY; an issuer is https, or on this machine."""
    files = read_policy_files(ROOT / "policies", VERSION)
    files[PATH] = f"{line}\n".encode()
    with pytest.raises(PolicyError):
        bundle_from(files, VERSION, NOW)


def test_i1_an_issuer_that_is_not_named_is_believed_in_nothing() -> None:
    """Byte by byte: a slash more is another issuer."""
    rule = IssuerRule(issuer="https://login.example", client_id="desk")
    rules = AccessRules(issuers=(rule,))
    assert rules.issuer("https://login.example") == rule
    assert rules.issuer("https://login.example/") is None
    assert AccessRules().issuer("https://login.example") is None
    with pytest.raises(ValidationError):
        AccessRules(issuers=(rule, rule))


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_i2_a_wait_never_shrinks_and_never_exceeds_the_longest(attempts: int, allowed: int) -> None:
    """Back-off."""
    rules = AccessRules()
    wait, next_wait = rules.wait(attempts, allowed), rules.wait(attempts + 1, allowed)
    assert timedelta(0) <= wait <= next_wait <= timedelta(seconds=rules.backoff_seconds_max)
    assert bool(wait) is (attempts >= allowed)


def test_i3_a_claim_value_without_row_stands_for_no_role() -> None:
    """Governance 5: role map, unknown role = none."""
    rule = IssuerRule(
        issuer="https://login.example",
        client_id="desk",
        roles_claim="groups",
        role_map=(ClaimedRole(value="desk-ops", role=Role.OPERATOR),),
    )
    assert rule.roles_of(["desk-ops", "administrator", "operator"]) == (Role.OPERATOR,)
    assert rule.roles_of(["administrator"]) == ()
    assert rule.amended(roles_claim=None).roles_of(["desk-ops"]) is None
