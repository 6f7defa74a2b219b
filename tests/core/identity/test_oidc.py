"""What an identity provider's claims prove."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from counterseal.identity.accounts import subject_key
from counterseal.identity.oidc import NOT_STATED, Claims, Judged, judge_claims
from counterseal.identity.people import Person
from counterseal.identity.sessions import LoginSession, open_session
from counterseal.kernel.model import Refusal
from counterseal.policy.access import AccessRules, IssuerRule

NOW: Final = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ISSUER: Final = "https://login.example"
RULE: Final = IssuerRule(issuer=ISSUER, client_id="desk")
RULES: Final = AccessRules(issuers=(RULE,))
FRESH: Final = timedelta(seconds=120)
TOLD: Final = Claims(
    issuer=ISSUER,
    subject="4711",
    audience=("desk",),
    issued_at=NOW,
    expires_at=NOW + timedelta(seconds=600),
    auth_time=NOW - timedelta(seconds=10),
    nonce="n",
    acr="mfa",
    amr=("pwd", "otp"),
    told=(("groups", "desk-ops"),),
    verified=True,
    token_digest=f"sha256:{'0' * 64}",
)


def judged(changes: dict[str, object], *, at: datetime = NOW, rules: AccessRules = RULES) -> str:
    found = judge_claims(TOLD.amended(**changes), rules, at, nonce="n")
    return found.code if isinstance(found, Refusal) else ""


def session(subject: str = "4711", issuer: str = ISSUER) -> LoginSession:
    person = Person(person_id="ann", tenant="t", handle="ann", created_at=NOW)
    first = judge_claims(TOLD, RULES, NOW, nonce=None)
    assert isinstance(first, Judged)
    account = subject_key(issuer, subject)
    proved = first.proved.amended(issuer=issuer)
    return open_session("ses", person, account, RULES, NOW, proved=proved)


def test_i1_claims_that_nobody_verified_count_for_nothing() -> None:
    """What `st.user` hands on is not judged by that."""
    assert judged({"verified": False}) == "TOKEN_INVALID"


@pytest.mark.parametrize("issuer", ["https://evil.example", f"{ISSUER}/", "HTTPS://login.example"])
def test_i2_an_issuer_that_is_not_named_proves_nothing(issuer: str) -> None:
    """Governance 5: issuer allow-list, byte by byte."""
    assert judged({"issuer": issuer}) == "ISSUER_UNKNOWN"


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, ""),
        ({"audience": ("another",)}, "AUDIENCE_WRONG"),
        ({"audience": ("desk", "another")}, "AUDIENCE_WRONG"),
        ({"audience": ("desk", "another"), "authorized_party": "desk"}, ""),
        ({"authorized_party": "another"}, "AUDIENCE_WRONG"),
        ({"nonce": "another"}, "NONCE_WRONG"),
        ({"nonce": None}, "NONCE_WRONG"),
    ],
)
def test_a_token_is_for_us_and_answers_this_request(
    changes: dict[str, object], refused: str
) -> None:
    """OpenID Connect Core 3.1.3.7, 3 to 5 and 11."""
    assert judged(changes) == refused


@pytest.mark.parametrize(
    ("seconds", "changes", "refused"),
    [
        (599, {}, ""),
        (600, {}, "TOKEN_EXPIRED"),
        (-60, {}, ""),
        (-61, {}, "TOKEN_FROM_FUTURE"),
        (0, {"not_before": NOW + timedelta(seconds=60)}, ""),
        (0, {"not_before": NOW + timedelta(seconds=61)}, "TOKEN_FROM_FUTURE"),
        (0, {"auth_time": NOW + timedelta(seconds=61)}, "TOKEN_FROM_FUTURE"),
    ],
)
def test_a_token_counts_half_open_and_within_the_clock_skew(
    seconds: int, changes: dict[str, object], refused: str
) -> None:
    """OpenID Connect Core 3.1.3.7, 9 and 10."""
    assert judged(changes, at=NOW + timedelta(seconds=seconds)) == refused


@pytest.mark.parametrize(
    ("needs", "changes", "refused"),
    [
        ({"acr_values": ("mfa", "phr")}, {}, ""),
        ({"acr_values": ("phr",)}, {}, "ASSURANCE_TOO_LOW"),
        ({"acr_values": ("mfa",)}, {"acr": "none"}, "ASSURANCE_TOO_LOW"),
        ({"amr_values": ("otp",)}, {}, ""),
        ({"amr_values": ("otp", "hwk")}, {}, "ASSURANCE_TOO_LOW"),
        ({"amr_values": ("otp",)}, {"amr": ()}, "ASSURANCE_TOO_LOW"),
    ],
)
def test_level_and_methods_are_those_of_the_policy(
    needs: dict[str, object], changes: dict[str, object], refused: str
) -> None:
    """Governance 5: acr/amr reach us unjudged."""
    rules = AccessRules(issuers=(RULE.amended(**needs),))
    assert judged(changes, rules=rules) == refused


def test_i3_a_step_up_is_of_the_same_subject_of_the_same_issuer() -> None:
    """Test 14: user switch."""
    for same_as, refused in (
        (session(), ""),
        (session(subject="4712"), "USER_SWITCHED"),
        (session(issuer="https://other.example"), "USER_SWITCHED"),
    ):
        found = judge_claims(TOLD, RULES, NOW, nonce="n", fresh_within=FRESH, same_as=same_as)
        assert (found.code if isinstance(found, Refusal) else "") == refused


@pytest.mark.parametrize(("age", "refused"), [(0, ""), (120, ""), (121, "REAUTH_REQUIRED")])
def test_i3_a_step_up_is_two_minutes_old_at_most(age: int, refused: str) -> None:
    """Test 14: stale auth_time."""
    told = TOLD.amended(auth_time=NOW - timedelta(seconds=age))
    found = judge_claims(told, RULES, NOW, nonce="n", fresh_within=FRESH)
    assert (found.code if isinstance(found, Refusal) else "") == refused


def test_i4_without_a_time_of_authentication_nothing_is_fresh() -> None:
    """A provider's session may be hours old: the token's own time says nothing about it."""
    told = TOLD.amended(auth_time=None)
    found = judge_claims(told, RULES, NOW, nonce="n")
    assert isinstance(found, Judged)
    assert found.proved.auth_time == NOT_STATED
    refused = judge_claims(told, RULES, NOW, nonce="n", fresh_within=FRESH)
    assert isinstance(refused, Refusal)
    assert refused.code == "REAUTH_REQUIRED"


def test_a_clock_ahead_within_the_skew_is_no_authentication_in_the_future() -> None:
    """What is recorded never lies after the record."""
    ahead = TOLD.amended(auth_time=NOW + timedelta(seconds=30))
    found = judge_claims(ahead, RULES, NOW, nonce="n")
    assert isinstance(found, Judged)
    assert found.proved.auth_time == NOW
