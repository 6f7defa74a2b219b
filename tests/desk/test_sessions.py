"""The life of sessions: kept at each look, ended by people and by time."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from counterseal.identity.sessions import LoginSession, SessionStatus
from counterseal.kernel.model import Refusal
from tests.desk.access_room import PASSWORD, Room


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "home")


@pytest.fixture
def session(room: Room) -> LoginSession:
    return room.logged_in(room.named())


def resumed(room: Room, session: LoginSession) -> str:
    found = room.desk.sessions.resume(session.session_id, key=room.key())
    return found.code if isinstance(found, Refusal) else "open"


def kept(room: Room, session: LoginSession) -> LoginSession:
    with room.store.reader() as reader:
        found = reader.get(LoginSession, session.session_id)
    assert found is not None
    return found


def test_each_look_is_a_sign_of_life(room: Room, session: LoginSession) -> None:
    """Governance 5: idle, half-open; the registry ends what it finds idle."""
    for _ in range(3):
        room.after(899)
        assert resumed(room, session) == "open"
    room.after(900)
    assert resumed(room, session) == "SESSION_IDLE"
    ended = kept(room, session)
    assert (ended.status, ended.ended_by, ended.ended_reason) == (
        SessionStatus.CLOSED,
        "doorkeeper",
        "SESSION_IDLE",
    )
    assert room.told()[0] == ("session.closed", "")
    assert resumed(room, session) == "SESSION_REVOKED"
    assert room.kill_switch(session.actor) == "SESSION_REVOKED"


def test_a_session_ends_in_time_however_lively(room: Room, session: LoginSession) -> None:
    """Governance 5: whatever the token says; acting is refused also before anybody looked."""
    while room.clock.now() + timedelta(seconds=800) < session.expires_at:
        room.after(800)
        assert resumed(room, session) == "open"
    room.clock.move_to(session.expires_at - timedelta(microseconds=1))
    assert room.kill_switch(session.actor) == "done"
    room.clock.move_to(session.expires_at)
    assert room.kill_switch(session.actor) == "SESSION_EXPIRED"
    assert room.told()[0] == ("command.refused", "SESSION_EXPIRED")
    assert resumed(room, session) == "SESSION_EXPIRED"
    assert kept(room, session).status is SessionStatus.CLOSED


def test_a_log_out_in_one_window_stops_the_other(room: Room, session: LoginSession) -> None:
    """Test 14: server-side; both windows hold the same session."""
    room.done(room.desk.sessions.log_out(session.actor, key=room.key()))
    assert resumed(room, session) == "SESSION_REVOKED"
    assert room.kill_switch(session.actor) == "SESSION_REVOKED"
    again = room.desk.sessions.log_out(session.actor, key=room.key())
    assert again.refusal is not None


def test_an_administrator_ends_another_s_sessions_and_nobody_else_does(
    room: Room, session: LoginSession
) -> None:
    """Governance 5: revocation counts at once, in the middle of work."""
    sessions, target = room.desk.sessions, session.session_id
    barred = sessions.revoke(target, "no reason", room.actor("risk"), key=room.key())
    assert barred.refusal is not None
    assert barred.refusal.code == "ROLE"
    room.done(sessions.revoke(target, "a lost laptop", room.actor("officer-1"), key=room.key()))
    assert kept(room, session).ended_reason == "a lost laptop"
    assert room.kill_switch(session.actor) == "SESSION_REVOKED"
    twice = sessions.revoke(target, "again", room.actor("officer-1"), key=room.key())
    assert twice.refusal is not None
    assert twice.refusal.code == "SESSION_REVOKED"


def test_one_ends_all_own_sessions_at_once(room: Room) -> None:
    """Also from outside of them, by key."""
    name = room.named()
    first = room.logged_in(name)
    room.next_step()
    second = room.logged_in(name)
    own = room.actor("operator")
    room.done(room.desk.sessions.revoke_all("operator", "everywhere", own, key=room.key()))
    assert [resumed(room, s) for s in (first, second)] == ["SESSION_REVOKED"] * 2
    nothing = room.desk.sessions.revoke_all("operator", "again", own, key=room.key())
    assert nothing.refusal is not None


@pytest.mark.parametrize("unknown", ["ses_none", "none"])
def test_a_session_that_nobody_registered_is_none(room: Room, unknown: str) -> None:
    """Invariant 10: made up by a caller."""
    found = room.desk.sessions.resume(unknown, key=room.key())
    assert isinstance(found, Refusal)
    made_up = room.actor("operator").amended(issuer="counterseal:password", session=unknown)
    assert room.kill_switch(made_up) == "SESSION_REVOKED"
    assert room.kill_switch(made_up.amended(issuer="https://login.example")) == "SESSION_REVOKED"


def test_a_leaver_is_out_in_the_middle_of_a_session(room: Room, session: LoginSession) -> None:
    """Governance 5: leavers closed at once."""
    room.done(room.desk.leaving.disable("operator", room.actor("officer-1"), key=room.key()))
    assert not room.credentials.verify_password("operator", SecretStr(PASSWORD))
    assert room.kill_switch(session.actor) == "SESSION_REVOKED"
    assert resumed(room, session) == "SESSION_REVOKED"


def test_a_lost_place_of_secrets_leaves_the_opening_as_last_sign(
    room: Room, session: LoginSession
) -> None:
    """Fail closed: without a sign of life the session ends sooner, not later."""
    room.after(600)
    assert resumed(room, session) == "open"
    vars(room.credentials)["_seen"].clear()
    room.after(300)
    assert resumed(room, session) == "SESSION_IDLE"
