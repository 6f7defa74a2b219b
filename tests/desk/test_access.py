"""Logging in and proving it again: what lets in, what is told, what is recorded."""

from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest
from pydantic import SecretStr

from counterseal.desk.access import Login, Secrets
from counterseal.desk.step_up import key_statement
from counterseal.identity.dsse import sign_statement
from counterseal.identity.sessions import LoginSession
from counterseal.policy.access import AccessRules
from counterseal.policy.words import Role
from storage.credentials import SqliteCredentials
from storage.credentials_file import credentials_file
from tests.desk.access_room import PASSWORD, Room

WRONG = "planted-wrong-password"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "home")


def code(login: Login) -> str:
    return "" if login.refusal is None else login.refusal.code


def test_a_password_and_a_code_open_a_session_under_which_one_acts(room: Room) -> None:
    """Governance 5: local login, two factors, and its facts in the records of what follows."""
    name = room.named()
    session = room.logged_in(name)
    assert (session.amr, session.acr, session.auth_time) == (
        ("pwd", "otp"),
        "mfa",
        room.clock.now(),
    )
    assert room.told()[0] == ("session.opened", "")
    assert room.kill_switch(session.actor) == "done"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"password": WRONG}, "PASSWORD_WRONG"),
        ({"code": "000000"}, "CODE_WRONG"),
        ({"password": WRONG, "code": "000000"}, "PASSWORD_WRONG"),
    ],
)
def test_one_factor_is_not_enough_and_the_answer_does_not_say_which(
    room: Room, told: dict[str, str], reason: str
) -> None:
    """Governance 5: the record has the reason, the stranger has none."""
    login = room.knock(room.named(), **told)
    assert login.session is None
    assert login.refusal is not None
    assert (login.refusal.code, login.refusal.details) == ("LOGIN_REFUSED", ())
    assert room.told()[0] == ("login.refused", reason)


@pytest.mark.parametrize(
    "name", ["stranger", "\u043eperator", "", "oper ator", "\ud800", "x" * 5000]
)
def test_an_unknown_name_is_answered_like_a_wrong_password(room: Room, name: str) -> None:
    """Test 15, bad input: a look-alike is nobody, and breaks nothing."""
    known = room.named()
    secrets = room.secrets(known, password=WRONG)
    refused = room.desk.access.log_in(name, secrets, key=room.key())
    assert refused.refusal == room.knock(known, password=WRONG).refusal
    assert ("login.refused", "ACCOUNT_UNKNOWN") in room.told()[:2]


def test_a_code_opens_one_session(room: Room) -> None:
    """Test 15: the code twice."""
    name = room.named()
    room.logged_in(name)
    assert room.knock(name).session is None
    assert room.told()[0] == ("login.refused", "CODE_WRONG")
    room.next_step()
    assert room.knock(name).session is not None


def test_a_wrong_password_spends_no_code(room: Room) -> None:
    """A typing error costs no wait for the next code."""
    name = room.named()
    assert room.knock(name, password=WRONG).session is None
    assert room.knock(name).session is not None


def test_wrong_answers_lock_the_name_for_a_while_and_the_lock_answers_alike(room: Room) -> None:
    """Test 15: lockout and back-off, recorded; the right password does not open a lock."""
    name = room.named()
    for _ in range(5):
        assert code(room.knock(name, password=WRONG)) == "LOGIN_REFUSED"
    assert room.told()[:2] == [
        ("login.locked", "ACCOUNT_LOCKED"),
        ("login.refused", "PASSWORD_WRONG"),
    ]
    room.after(29)
    assert code(room.knock(name)) == "LOGIN_REFUSED"
    assert room.told()[0] == ("login.refused", "ACCOUNT_LOCKED")
    room.after(1)
    assert room.knock(name).session is not None
    room.next_step()
    assert code(room.knock(name, password=WRONG)) == "LOGIN_REFUSED"
    assert room.told()[0] == ("login.refused", "PASSWORD_WRONG")


def test_a_place_is_locked_over_all_names(tmp_path: Path) -> None:
    """Limits per account and source: others log in from elsewhere."""
    room = Room(tmp_path / "home", rules=AccessRules(source_attempts=3))
    name = room.named()
    for n in range(3):
        secrets = room.secrets(name, password=WRONG)
        room.desk.access.log_in(f"stranger-{n}", secrets, key=room.key())
    assert code(room.knock(name)) == "LOGIN_REFUSED"
    assert room.told()[0] == ("login.refused", "ACCOUNT_LOCKED")
    assert room.knock(name, at="elsewhere").session is not None


def test_an_unnamed_account_locks_like_a_named_one(room: Room) -> None:
    """Nobody learns by waiting which names exist."""
    secrets = Secrets(password=SecretStr(WRONG), code=SecretStr("000000"))
    for _ in range(5):
        room.desk.access.log_in("stranger", secrets, key=room.key())
    assert ("login.locked", "ACCOUNT_LOCKED") in room.told()[:2]
    assert code(room.desk.access.log_in("stranger", secrets, key=room.key())) == "LOGIN_REFUSED"
    assert room.told()[0] == ("login.refused", "ACCOUNT_LOCKED")


def test_a_repeated_command_is_no_second_login(room: Room) -> None:
    """Somebody who learns a key, and no secret, gets nothing by it."""
    name, key = room.named(), room.key()
    access = room.desk.access
    first = access.log_in(name.account_id, room.secrets(name), key=key)
    assert first.session is not None
    stolen = access.log_in(name.account_id, room.secrets(name, password=WRONG), key=key)
    assert stolen.session is None
    assert code(stolen) == "IDEMPOTENCY_KEY_CONFLICT"


def test_a_step_up_renews_what_a_session_proves(room: Room) -> None:
    """Governance 5: fresh password and fresh code at the moment of signing."""
    name = room.named()
    session = room.logged_in(name)
    room.after(600)
    login = room.desk.access.step_up(session, room.secrets(name), key=room.key())
    assert login.session is not None
    assert login.session.auth_time == room.clock.now()
    assert login.session.expires_at == session.expires_at
    assert room.told()[0] == ("session.stepped_up", "")
    assert room.kill_switch(login.session.actor) == "done"
    assert room.kill_switch(session.actor) == "SESSION_REVOKED"


def test_a_step_up_needs_both_and_counts_like_a_login(room: Room) -> None:
    """A session left open is no way around the limits."""
    name = room.named()
    session = room.logged_in(name)
    room.after(60)
    for told in ({"password": WRONG}, {"code": "000000"}):
        secrets = room.secrets(name, **told)
        assert code(room.desk.access.step_up(session, secrets, key=room.key())) == "LOGIN_REFUSED"
    for _ in range(3):
        room.desk.access.step_up(session, room.secrets(name, password=WRONG), key=room.key())
    assert room.told()[:2] == [
        ("login.locked", "ACCOUNT_LOCKED"),
        ("step_up.refused", "PASSWORD_WRONG"),
    ]
    with room.store.reader() as reader:
        assert reader.get(LoginSession, session.session_id) == session


def signed(room: Room, session: LoginSession, signer: str, changes: dict[str, str]) -> Login:
    statement = key_statement(session, f"key-of-{signer}", room.clock.now()) | changes
    signature = sign_statement(room.private_key(signer), "login", statement, f"key-of-{signer}")
    return room.desk.access.step_up_by_key(session, signature, key=room.key())


def test_the_own_key_renews_a_session_once(room: Room) -> None:
    """Governance 5: step-up by key; the statement names the authentication that it follows."""
    session = room.logged_in(room.named())
    room.after(300)
    statement = key_statement(session, "key-of-operator", room.clock.now())
    signature = sign_statement(room.private_key("operator"), "login", statement, "key-of-operator")
    first = room.desk.access.step_up_by_key(session, signature, key=room.key())
    assert first.session is not None
    assert (first.session.amr, first.session.auth_time) == (("key",), room.clock.now())
    again = room.desk.access.step_up_by_key(first.session, signature, key=room.key())
    assert code(again) == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("signer", "changes", "refused"),
    [
        ("risk", {}, "KEY_NOT_ENROLLED"),
        ("operator", {"session": "another"}, "SIGNATURE_INVALID"),
        ("operator", {"person": "risk"}, "SIGNATURE_INVALID"),
        ("operator", {"issued_at": "never"}, "SIGNATURE_INVALID"),
        ("operator", {"issued_at": "2026-01-05T00:40:00.000000Z"}, "REAUTH_REQUIRED"),
    ],
)
def test_another_key_or_another_statement_renews_nothing(
    room: Room, signer: str, changes: dict[str, str], refused: str
) -> None:
    """Bad input: key of another person, one field changed, an old signature."""
    session = room.logged_in(room.named())
    room.after(300)
    assert code(signed(room, session, signer, changes)) == refused
    assert room.told()[0] == ("step_up.refused", refused)


def test_no_secret_reaches_log_database_or_an_error(tmp_path: Path) -> None:
    """Bad input: planted secrets are looked for in every file of the home but their own."""
    home = tmp_path / "home"
    kept = SqliteCredentials(credentials_file(home))
    room = Room(home, credentials=kept)
    name = room.named()
    token = room.token(name.account_id).get_secret_value()
    session = room.logged_in(name)
    room.next_step()
    room.desk.access.step_up(session, room.secrets(name), key=room.key())
    told = room.secrets(name, password=WRONG, code="918273", at="203.0.113.77")
    room.desk.access.log_in("planted-typo-of-a-secret", told, key=room.key())
    room.desk.access.log_in(name.account_id, told, key=room.key())

    planted = [PASSWORD, WRONG, token, name.codes.secret, "918273", "203.0.113.77", "planted-typo"]
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    outside = [p for p in files if p.parent.name != "credentials"]
    assert len(outside) < len(files)
    for path in outside:
        held = path.read_bytes()
        assert [word for word in planted if word.encode() in held] == [], path.name
    assert PASSWORD not in repr(room.secrets(name))
    assert not any(PASSWORD.encode() in path.read_bytes() for path in files)


def test_who_may_not_act_is_not_let_in_however_right_the_answers(room: Room) -> None:
    """Leavers; a second reviewer role after the account was opened."""
    name = room.named("risk")
    room.done(room.granted("risk", Role.RESEARCH_REVIEWER))
    assert room.knock(name).session is None
    assert room.told()[0] == ("login.refused", "REVIEWER_ROLES")


def test_an_earlier_session_of_the_same_person_goes_on(room: Room) -> None:
    """Two windows, two sessions; a code each."""
    name = room.named()
    first = room.logged_in(name)
    room.next_step()
    second = room.logged_in(name)
    assert first.session_id != second.session_id
    assert room.kill_switch(first.actor) == room.kill_switch(second.actor) == "done"
    assert second.opened_at - first.opened_at == timedelta(seconds=30)


def test_unknown_wrong_and_locked_take_about_as_long(tmp_path: Path) -> None:
    """Test 15: the whole answer, hashing included; without it an answer is 20 times as quick."""
    home = tmp_path / "home"
    room = Room(home, credentials=SqliteCredentials(credentials_file(home)))
    name = room.named()
    secrets = room.secrets(name, password=WRONG)
    took: dict[str, list[float]] = {"known": [], "stranger": []}
    for _ in range(4):
        for told, account in (("known", name.account_id), ("stranger", "stranger")):
            begun = perf_counter()
            assert code(room.desk.access.log_in(account, secrets, key=room.key())) != ""
            took[told].append(perf_counter() - begun)
    room.knock(name, password=WRONG)
    begun = perf_counter()
    room.knock(name, password=WRONG)
    locked = perf_counter() - begun
    assert room.told()[0] == ("login.refused", "ACCOUNT_LOCKED")
    known, stranger = median(took["known"]), median(took["stranger"])
    assert 0.3 < stranger / known < 3
    assert 0.2 < locked / known < 5
