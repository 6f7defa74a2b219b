"""The registry of logins: what a session counts for, and until when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.identity.people import Person, PersonStatus
from counterseal.identity.sessions import (
    PASSWORD_ISSUER,
    LoginSession,
    SessionStatus,
    check_actor,
    check_session,
    check_step_up,
    end_session,
    is_registered,
    narrowed,
    open_session,
)
from counterseal.kernel.model import Actor, Refusal
from counterseal.policy.access import AccessRules
from counterseal.policy.words import Role

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RULES = AccessRules()
ANN = Person(person_id="ann", tenant="t", handle="ann", created_at=NOW, roles=(Role.OPERATOR,))
PROVED = Actor(
    id="ann", issuer=PASSWORD_ISSUER, amr=("pwd", "otp"), acr="mfa", auth_time=NOW, session="ses"
)
SESSION = open_session("ses", ANN, "ann", RULES, NOW, proved=PROVED)


def later(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def code(refusal: Refusal | LoginSession | None) -> str:
    return refusal.code if isinstance(refusal, Refusal) else ""


def judged(at: datetime, seen: datetime, person: Person = ANN, **changes: object) -> str:
    return code(check_session(SESSION.amended(**changes), at, seen, person))


@pytest.mark.parametrize(
    ("seconds", "refused"),
    [(-1, "SESSION_EXPIRED"), (0, ""), (28_799, ""), (28_800, "SESSION_EXPIRED")],
)
def test_i1_a_session_counts_half_open(seconds: int, refused: str) -> None:
    """Governance 2.4, 5: whatever the cookie says."""
    assert judged(later(seconds), later(seconds)) == refused


@pytest.mark.parametrize(("seconds", "refused"), [(899, ""), (900, "SESSION_IDLE")])
def test_i1_a_session_without_sign_of_life_ends_half_open(seconds: int, refused: str) -> None:
    """Idle, counted from the latest sign; the opening is one."""
    assert judged(later(seconds), NOW) == refused
    assert judged(later(seconds), later(-5)) == refused
    assert judged(later(seconds), later(1)) == ""


def test_i1_what_ended_and_who_may_not_act() -> None:
    """Revoked, disabled, somebody else's."""
    disabled = ANN.amended(status=PersonStatus.DISABLED)
    assert judged(NOW, NOW, status=SessionStatus.REVOKED) == "SESSION_REVOKED"
    assert judged(NOW, NOW, status=SessionStatus.CLOSED) == "SESSION_REVOKED"
    assert judged(NOW, NOW, disabled) == "PERSON_DISABLED"
    assert judged(NOW, NOW, ANN.amended(person_id="bob")) == "SESSION_REVOKED"


def test_i1_a_second_reviewer_role_ends_a_local_login_only() -> None:
    """Governance 5, limits: also when the role came after the login."""
    both = ANN.amended(roles=(Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER))
    assert judged(NOW, NOW, both) == "REVIEWER_ROLES"
    assert judged(NOW, NOW, both, issuer="https://login.example") == ""


def test_i2_ending_changes_nothing_that_was_proved() -> None:
    """And happens once."""
    ended = end_session(SESSION, later(9), by="ann", reason="R", status=SessionStatus.CLOSED)
    assert isinstance(ended, LoginSession)
    assert ended.actor == SESSION.actor
    assert (ended.ended_at, ended.ended_by, ended.ended_reason) == (later(9), "ann", "R")
    again = end_session(ended, later(9), by="ann", reason="R", status=SessionStatus.CLOSED)
    assert code(again) == "SESSION_REVOKED"


@pytest.mark.parametrize(
    "change",
    [
        {"id": "bob"},
        {"amr": ("pwd",)},
        {"acr": "more"},
        {"auth_time": later(1)},
        {"session": "other"},
        {"issuer": "https://login.example"},
    ],
)
def test_i3_an_actor_with_other_facts_than_the_registry_is_refused(
    change: dict[str, object],
) -> None:
    """Invariant 10: nobody makes up how or when they authenticated."""
    assert check_actor(SESSION.actor, SESSION) is None
    assert code(check_actor(SESSION.actor.amended(**change), SESSION)) == "SESSION_REVOKED"


@pytest.mark.parametrize(
    ("issuer", "registered"),
    [
        (PASSWORD_ISSUER, True),
        ("https://login.example", True),
        ("counterseal:local", False),
        ("counterseal:service", False),
    ],
)
def test_i3_passwords_and_providers_stand_in_the_registry(issuer: str, registered: bool) -> None:
    """A key opens one command; a login without record opens nothing."""
    assert is_registered(issuer) is registered
    refused = "SESSION_REVOKED" if registered else ""
    assert code(check_actor(SESSION.actor.amended(issuer=issuer), None)) == refused


@given(st.sets(st.sampled_from(sorted(Role))), st.none() | st.sets(st.sampled_from(sorted(Role))))
def test_i4_told_roles_narrow_and_never_widen(held: set[Role], told: set[Role] | None) -> None:
    """Governance 5: roles come from two people's grants."""
    person = ANN.amended(roles=tuple(sorted(held)))
    claimed = None if told is None else tuple(sorted(told))
    counted = set(narrowed(person, SESSION.amended(claimed_roles=claimed)).roles)
    assert counted == (held if told is None else held & told)
    assert narrowed(person, None) == person


@pytest.mark.parametrize(
    ("seconds", "refused"), [(0, ""), (120, ""), (121, "REAUTH_REQUIRED"), (-1, "REAUTH_REQUIRED")]
)
def test_a_step_up_is_fresh_for_two_minutes(seconds: int, refused: str) -> None:
    """Governance 5, step-up check: bounds as those of a review."""
    assert (
        code(check_step_up(("pwd", "otp"), NOW, later(seconds), age_max=timedelta(seconds=120)))
        == refused
    )
    assert code(check_step_up((), NOW, NOW, age_max=timedelta(seconds=120))) == "REAUTH_REQUIRED"
