"""A provider that honours prompt and max_age: the form comes back and auth_time moves."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from counterseal.identity.oidc import Claims
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.model import Refusal
from counterseal.policy.access import IssuerRule
from tests.storage.oidc_providers import HAS_PROVIDER, PROVIDER, strict_provider, told_when_absent
from tests.storage.oidc_room import REDIRECT, Browser, OidcRoom, asked, browser


def test_a_provider_that_did_not_run_is_named(request: pytest.FixtureRequest) -> None:
    """Test 14: an absent provider is a notice, never a silent pass."""
    told_when_absent(request)
    assert PROVIDER.is_file()


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with strict_provider(REDIRECT) as running:
        yield running


def entered(
    room: OidcRoom, opened: Browser, subject: str, *, step_up: bool = False
) -> tuple[Claims, str]:
    departure = room.depart(step_up=step_up)
    answer = opened.goes(departure.url, login=subject, password="any")
    return room.arrive(departure, answer), departure.nonce


def stepped_up(room: OidcRoom, session: LoginSession, told: tuple[Claims, str]) -> str:
    login = room.step_up_by_token(session, *told)
    return "" if login.session is not None else str(login.refusal and login.refusal.code)


if HAS_PROVIDER:

    @pytest.fixture
    def room(issuer: str, tmp_path: Path) -> Iterator[OidcRoom]:
        with httpx.Client() as http:
            room = OidcRoom(tmp_path / "home", IssuerRule(issuer=issuer, client_id="desk"), http)
            room.linked("ann")
            yield room

    def test_a_real_flow_with_pkce_opens_a_session(room: OidcRoom) -> None:
        """Test 14: code flow, S256, nonce, signature under the provider's published key."""
        assert room.provider.pkce
        assert "code_challenge" in asked(room.depart())
        with browser() as opened:
            login = room.by_token(*entered(room, opened, "ann"))
        assert login.session is not None
        assert room.kill_switch(login.session.actor) == "done"

    def test_a_step_up_brings_the_form_back_and_moves_the_time(room: OidcRoom) -> None:
        """Test 14: with max_age=0 and prompt=login; without them the old time is told again."""
        with browser() as opened:
            login = room.by_token(*entered(room, opened, "ann"))
            session, forms = login.session, opened.forms
            assert session is not None
            quiet, _ = entered(room, opened, "ann")
            assert opened.forms == forms
            fresh = entered(room, opened, "ann", step_up=True)
        assert opened.forms == forms + 1
        assert fresh[0].auth_time is not None
        assert quiet.auth_time is None or quiet.auth_time <= fresh[0].auth_time
        assert stepped_up(room, session, fresh) == ""
        assert stepped_up(room, session, fresh) == "SESSION_REVOKED"

    def test_another_person_at_the_keyboard_is_noticed(room: OidcRoom) -> None:
        """Test 14: user switch during the step-up; the session stays what it was."""
        room.linked("bob", "risk")
        with browser() as opened:
            session = room.by_token(*entered(room, opened, "ann")).session
            assert session is not None
            told = entered(room, opened, "bob", step_up=True)
        assert stepped_up(room, session, told) == "USER_SWITCHED"
        assert room.kill_switch(session.actor) == "done"

    def test_an_authentication_of_three_minutes_ago_signs_nothing(room: OidcRoom) -> None:
        """Test 14: stale auth_time, although the token is fresh from the provider."""
        with browser() as opened:
            session = room.by_token(*entered(room, opened, "ann")).session
            assert session is not None
            told = entered(room, opened, "ann", step_up=True)
        room.clock.move_to(room.clock.now() + timedelta(seconds=121))
        assert stepped_up(room, session, told) == "REAUTH_REQUIRED"
        assert room.told()[0] == ("step_up.refused", "REAUTH_REQUIRED")
        found = room.desk.sessions.resume(session.session_id, key=room.key())
        assert not isinstance(found, Refusal)
