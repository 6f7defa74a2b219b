"""A login through oidc-provider-mock: a real authorization-code flow, judged and registered."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from counterseal.identity.oidc import NOT_STATED, Claims
from counterseal.identity.people import Person
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from counterseal.kernel.model import Refusal
from counterseal.policy.access import ClaimedRole, IssuerRule
from counterseal.policy.words import Role
from storage.oidc import Relying
from tests.storage.oidc_providers import mock_provider
from tests.storage.oidc_room import REDIRECT, SECRET, OidcRoom, answered, asked


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with mock_provider() as running:
        yield running


@pytest.fixture
def room(issuer: str, tmp_path: Path) -> Iterator[OidcRoom]:
    with httpx.Client() as http:
        yield OidcRoom(tmp_path / "home", IssuerRule(issuer=issuer, client_id="desk"), http)


def consent(url: str, subject: str) -> dict[str, str]:
    return answered(httpx.post(url, data={"sub": subject}).headers["location"])


def claims_of(room: OidcRoom, subject: str = "4711") -> tuple[Claims, str]:
    departure = room.depart()
    return room.arrive(departure, consent(departure.url, subject)), departure.nonce


def logged_in(room: OidcRoom) -> LoginSession:
    login = room.by_token(*claims_of(room))
    assert login.session is not None, login.refusal
    return login.session


def code(found: object) -> str:
    return found.code if isinstance(found, Refusal) else ""


def test_who_comes_back_from_the_provider_acts_under_a_registered_session(room: OidcRoom) -> None:
    """Test 14: login and claims; the registry decides life, keyed by the token's digest."""
    room.linked("4711")
    session = logged_in(room)
    assert (session.person_id, session.issuer) == ("operator", room.provider.issuer)
    assert session.expires_at - session.opened_at == timedelta(hours=8)
    assert room.kill_switch(session.actor) == "done"
    assert session.token_digest is not None
    found = room.desk.sessions.resume_token(session.token_digest, key=room.key())
    assert found == session


def test_a_log_out_in_one_tab_stops_the_other_and_its_token_opens_nothing_again(
    room: OidcRoom,
) -> None:
    """Test 14: `st.logout` leaves the cookie of another tab usable; here it is worth nothing."""
    room.linked("4711")
    claims, nonce = claims_of(room)
    session = room.by_token(claims, nonce).session
    assert session is not None
    assert code(room.by_token(claims, nonce).refusal) == "SESSION_REVOKED"
    room.done(room.desk.sessions.log_out(session.actor, key=room.key()))
    found = room.desk.sessions.resume_token(claims.token_digest, key=room.key())
    assert code(found) == "SESSION_REVOKED"
    assert code(room.by_token(claims, nonce).refusal) == "SESSION_REVOKED"
    assert room.kill_switch(session.actor) == "SESSION_REVOKED"


def test_a_subject_that_nobody_linked_is_nobody_and_is_not_told(room: OidcRoom) -> None:
    """Governance 5: subjects are linked by an officer; claims grant no identity here."""
    login = room.by_token(*claims_of(room, "a-stranger@example.com"))
    assert code(login.refusal) == "ACCOUNT_UNKNOWN"
    assert room.told()[0] == ("login.refused", "ACCOUNT_UNKNOWN")
    assert not any(b"a-stranger" in row.body for row in room.log())


def test_another_nonce_or_another_state_is_another_login(room: OidcRoom) -> None:
    """Bad input: answers mixed up or made up."""
    room.linked("4711")
    claims, _ = claims_of(room)
    assert code(room.by_token(claims, "another").refusal) == "NONCE_WRONG"
    departure = room.depart()
    answer = consent(departure.url, "4711")
    for wrong in ({"state": "another"}, {"iss": "https://evil.example"}, {"code": ""}):
        with pytest.raises(InputError) as refused:
            room.arrive(departure, answer | wrong)
        assert refused.value.code == "LOGIN_CALLBACK"
    room.arrive(departure, answer)
    with pytest.raises(AdapterError) as used:
        room.arrive(departure, answer)
    assert used.value.code == "PROVIDER_FAILED"


def test_roles_of_a_token_narrow_and_never_grant(room: OidcRoom, issuer: str) -> None:
    """Governance 5: role map, unknown role = none; our roles come from two people."""
    rule = IssuerRule(
        issuer=issuer,
        client_id="desk",
        roles_claim="groups",
        role_map=(
            ClaimedRole(value="desk-ops", role=Role.RISK_REVIEWER),
            ClaimedRole(value="desk-ops", role=Role.AUDITOR),
        ),
    )
    with httpx.Client() as http:
        mapped = OidcRoom(room.home.parent / "mapped", rule, http)
        mapped.linked("4711")
        session = logged_in(mapped)
        assert session.claimed_roles == (Role.AUDITOR, Role.RISK_REVIEWER)
        assert mapped.kill_switch(session.actor) == "ROLE"
        with mapped.store.reader() as reader:
            person = reader.get(Person, "operator")
        assert person is not None
        assert person.roles == (Role.OPERATOR,)


def test_a_provider_that_tells_no_time_of_authentication_is_never_fresh(room: OidcRoom) -> None:
    """Governance 5: the mock ignores max_age; so nothing can be signed under its login."""
    room.linked("4711")
    session = logged_in(room)
    departure = room.depart(step_up=True)
    claims = room.arrive(departure, consent(departure.url, "4711"))
    if claims.auth_time is None:
        assert session.auth_time == NOT_STATED
        refused = room.step_up_by_token(session, claims, departure.nonce)
        assert code(refused.refusal) == "REAUTH_REQUIRED"


def test_the_address_asks_for_a_fresh_authentication(room: OidcRoom, issuer: str) -> None:
    """Test 14: `client_kwargs` drops these silently, so they are looked for in the address."""
    rule = IssuerRule(issuer=issuer, client_id="desk", acr_values=("mfa", "phr"))
    with httpx.Client() as http:
        relying = Relying(rule, SECRET, http)
        provider = relying.discover().amended(pkce=True)
        told = asked(relying.depart(provider, REDIRECT, room.ids, key="k", step_up=True))
    assert (told["max_age"], told["prompt"], told["acr_values"]) == ("0", "login", "mfa phr")
    assert (told["code_challenge_method"], told["scope"]) == ("S256", "openid")
    assert len(told["code_challenge"]) == 43
    plain = asked(room.depart())
    assert {"max_age", "prompt", "code_challenge"} & set(plain) == set()
    assert plain["state"] != plain["nonce"]


def test_a_token_changed_by_one_claim_is_no_token(room: OidcRoom) -> None:
    """Unverified claims count for nothing."""
    departure = room.depart()
    _, token = room.relying.arrive(room.provider, departure, consent(departure.url, "4711"))
    head, body, signature = token.get_secret_value().split(".")
    told = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(told | {"sub": "admin"}).encode()).rstrip(b"=")
    with pytest.raises(IntegrityError) as refused:
        room.relying.verified(room.provider, SecretStr(f"{head}.{forged.decode()}.{signature}"))
    assert refused.value.code == "TOKEN_INVALID"


def test_a_provider_that_calls_itself_otherwise_is_refused(issuer: str) -> None:
    """OpenID Discovery 4.3: 127.0.0.1 is not localhost."""
    rule = IssuerRule(issuer=issuer.replace("localhost", "127.0.0.1") + "/", client_id="desk")
    with httpx.Client() as http, pytest.raises(IntegrityError) as refused:
        Relying(rule, SECRET, http).discover()
    assert refused.value.code == "ISSUER_DIFFERS"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(302, headers={"location": "https://evil.example"}),
        httpx.Response(200, content=b"[]"),
        httpx.Response(200, content=b"x" * 200_001),
        httpx.Response(200, json={"issuer": "https://login.example", "jwks_uri": "ftp://x"}),
    ],
)
def test_a_provider_that_answers_nonsense_is_a_failure_with_a_name(answer: httpx.Response) -> None:
    """Never a yes, never a traceback."""
    http = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    rule = IssuerRule(issuer="https://login.example", client_id="desk")
    with http, pytest.raises(AdapterError) as failed:
        Relying(rule, SECRET, http).discover()
    assert failed.value.code == "PROVIDER_FAILED"
