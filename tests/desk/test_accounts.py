"""Accounts: opened by officers, their secrets set by their people."""

from pathlib import Path

import pyotp
import pytest
from pydantic import SecretStr

from counterseal.desk.commands import Outcome
from counterseal.identity.accounts import LocalAccount
from counterseal.identity.credentials import CodesOffer
from counterseal.kernel.model import Refusal
from counterseal.policy.access import AccessRules, IssuerRule
from counterseal.policy.words import Role
from tests.desk.access_room import PASSWORD, Room


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "home")


def code(outcome: Outcome) -> str:
    return "" if outcome.refusal is None else outcome.refusal.code


def test_a_name_is_folded_and_serves_its_person(room: Room) -> None:
    """Governance 5: person -> account."""
    account_id = room.opened("operator", "Operator.One")
    with room.store.reader() as reader:
        account = reader.get(LocalAccount, account_id)
    assert account is not None
    assert (account.account_id, account.person_id) == ("operator.one", "operator")
    assert (account.password_set_at, account.totp_enrolled_at) == (None, None)


@pytest.mark.parametrize(
    "name",
    [
        "\u043eperator",
        "operator\u200b",
        "\uff4fperator",
        "oper ator",
        "",
        "1st",
        "x" * 65,
        "o/../p",
    ],
)
def test_a_look_alike_is_no_name(room: Room, name: str) -> None:
    """Bad input: Unicode look-alike names; refused and recorded."""
    outcome = room.desk.accounts.open(name, "operator", room.actor("officer-1"), key=room.key())
    assert code(outcome) == "ACCOUNT_NAME"
    assert room.told()[0] == ("command.refused", "ACCOUNT_NAME")


def test_nobody_shares_a_name_and_nobody_has_two(room: Room) -> None:
    """Governance 5: no shared accounts; a closed name is not given again."""
    officer = room.actor("officer-1")
    room.opened("operator")
    accounts = room.desk.accounts
    assert code(accounts.open("OPERATOR", "risk", officer, key=room.key())) == "ACCOUNT_EXISTS"
    assert code(accounts.open("second", "operator", officer, key=room.key())) == "ACCOUNT_EXISTS"
    room.done(accounts.disable("operator", officer, key=room.key()))
    assert code(accounts.open("operator", "risk", officer, key=room.key())) == "ACCOUNT_EXISTS"
    assert accounts.open("second", "operator", officer, key=room.key()).accepted


@pytest.mark.parametrize(
    ("actor", "person", "refused"),
    [
        ("operator", "risk", "ROLE"),
        ("officer-1", "nobody", "NOT_FOUND"),
        ("officer-1", "officer-1", "ACCOUNT_NOT_OWN"),
        ("nobody", "risk", "NOT_FOUND"),
    ],
)
def test_officers_open_accounts_of_others(
    room: Room, actor: str, person: str, refused: str
) -> None:
    """Governance 5: an enrolment officer, and for others."""
    outcome = room.desk.accounts.open("name", person, room.actor(actor), key=room.key())
    assert code(outcome) == refused


def test_no_account_serves_two_reviewer_roles(room: Room) -> None:
    """Governance 5, limits."""
    room.done(room.granted("risk", Role.RESEARCH_REVIEWER))
    outcome = room.desk.accounts.open("risk", "risk", room.actor("officer-1"), key=room.key())
    assert code(outcome) == "REVIEWER_ROLES"


def test_a_token_sets_each_secret_once(room: Room) -> None:
    """Single use: whoever finds it later sets nothing."""
    account_id = room.opened()
    token, accounts = room.token(account_id), room.desk.accounts
    room.done(accounts.set_password(account_id, SecretStr(PASSWORD), token, key=room.key()))
    again = accounts.set_password(account_id, SecretStr("another long one"), token, key=room.key())
    assert code(again) == "TOKEN_SPENT"
    assert isinstance(accounts.offer_codes(account_id, token), CodesOffer)
    refused = accounts.offer_codes(account_id, token)
    assert isinstance(refused, Refusal)
    assert refused.code == "TOKEN_SPENT"
    assert room.credentials.verify_password(account_id, SecretStr(PASSWORD))


def test_a_token_ends_in_time_and_is_of_one_account(room: Room) -> None:
    """Short life, half-open."""
    account_id, other = room.opened("operator"), room.opened("risk")
    token, accounts = room.token(account_id), room.desk.accounts
    told = accounts.set_password(other, SecretStr(PASSWORD), token, key=room.key())
    assert code(told) == "TOKEN_SPENT"
    token = room.token(account_id)
    room.after(room.desk.bench.bundle.access.enrolment_seconds)
    late = accounts.set_password(account_id, SecretStr(PASSWORD), token, key=room.key())
    assert code(late) == "TOKEN_SPENT"


def test_nobody_issues_a_token_for_the_own_account_and_only_once_for_a_key(room: Room) -> None:
    """A repeated command tells no token again."""
    accounts, key = room.desk.accounts, room.key()
    officer, second = room.actor("officer-1"), room.actor("officer-2")
    own = room.done(accounts.open("officer", "officer-1", second, key=room.key()))
    assert code(accounts.issue(own, officer, key=room.key()).outcome) == "ACCOUNT_NOT_OWN"
    assert accounts.issue(own, second, key=key).token is not None
    assert accounts.issue(own, second, key=key).token is None
    assert code(accounts.issue("none", second, key=room.key()).outcome) == "NOT_FOUND"


@pytest.mark.parametrize("password", ["short", "operator", "a" * 20, "x" * 257])
def test_a_weak_password_is_refused_and_the_token_stays_good(room: Room, password: str) -> None:
    """Policy: the least length; never the name, never one character."""
    account_id = room.opened()
    token, accounts = room.token(account_id), room.desk.accounts
    weak = accounts.set_password(account_id, SecretStr(password), token, key=room.key())
    assert code(weak) == "PASSWORD_WEAK"
    assert accounts.set_password(account_id, SecretStr(PASSWORD), token, key=room.key()).accepted


def test_a_person_sets_the_own_secrets_when_freshly_authenticated(room: Room) -> None:
    """By the person's key; at 120 seconds yes, a second later no, and for nobody else."""
    account_id, accounts = room.opened(), room.desk.accounts
    own, other = room.actor("operator"), room.actor("risk")
    room.after(120)
    room.done(accounts.set_password(account_id, SecretStr(PASSWORD), own, key=room.key()))
    room.after(1)
    stale = accounts.set_password(account_id, SecretStr(PASSWORD), own, key=room.key())
    assert code(stale) == "REAUTH_REQUIRED"
    foreign = accounts.set_password(account_id, SecretStr(PASSWORD), other, key=room.key())
    assert code(foreign) == "ACCOUNT_NOT_OWN"
    refused = accounts.offer_codes(account_id, room.actor("risk"))
    assert isinstance(refused, Refusal)


def test_codes_count_after_a_first_one_and_guessing_it_leads_to_a_wait(room: Room) -> None:
    """Proof by a first code, rate-limited like a login."""
    account_id = room.opened()
    offer = room.desk.accounts.offer_codes(account_id, room.token(account_id))
    assert isinstance(offer, CodesOffer)
    confirm, wrong = room.desk.accounts.confirm_codes, SecretStr("000000")
    for _ in range(5):
        assert code(confirm(account_id, wrong, key=room.key())) == "CODE_WRONG"
    assert code(confirm(account_id, wrong, key=room.key())) == "ACCOUNT_LOCKED"
    room.after(30)
    right = pyotp.TOTP(offer.secret.get_secret_value()).at(room.clock.now())
    room.done(confirm(account_id, SecretStr(right), key=room.key()))
    assert room.told()[0] == ("login_account.codes_enrolled", "")


def test_a_replaced_secret_ends_what_the_old_one_opened(room: Room) -> None:
    """A stolen session does not outlive the change."""
    name = room.named()
    session = room.logged_in(name)
    room.done(
        room.desk.accounts.set_password(
            name.account_id,
            SecretStr("another long password"),
            room.actor("operator"),
            key=room.key(),
        )
    )
    assert room.kill_switch(session.actor) == "SESSION_REVOKED"


def test_a_closed_account_opens_nothing_and_its_secrets_are_gone(room: Room) -> None:
    """Leavers closed at once; closed for ever."""
    name = room.named()
    session = room.logged_in(name)
    officer, accounts = room.actor("officer-1"), room.desk.accounts
    assert code(accounts.disable(name.account_id, room.actor("risk"), key=room.key())) == "ROLE"
    room.done(accounts.disable(name.account_id, officer, key=room.key()))
    room.next_step()
    assert room.knock(name).session is None
    assert room.kill_switch(session.actor) == "SESSION_REVOKED"
    assert not room.credentials.verify_password(name.account_id, SecretStr(PASSWORD))
    again = accounts.disable(name.account_id, officer, key=room.key())
    assert code(again) == "ACCOUNT_DISABLED"
    assert code(accounts.issue(name.account_id, officer, key=room.key()).outcome) == (
        "ACCOUNT_DISABLED"
    )


def test_a_subject_is_linked_once_and_only_of_an_issuer_that_is_named(tmp_path: Path) -> None:
    """Governance 5: iss + sub -> person, never reassigned; the subject itself is not kept."""
    named = "https://login.example"
    rule = IssuerRule(issuer=named, client_id="desk")
    room = Room(tmp_path / "home", rules=AccessRules(issuers=(rule,)))
    link, officer = room.desk.accounts.link, room.actor("officer-1")
    subject = "planted-subject@example.com"
    account_id = room.done(link(named, subject, "operator", officer, key=room.key()))
    assert code(link(named, subject, "risk", officer, key=room.key())) == "ACCOUNT_EXISTS"
    other = "https://other.example"
    assert code(link(other, subject, "operator", officer, key=room.key())) == "ISSUER_UNKNOWN"
    own = link(named, "another", "officer-1", officer, key=room.key())
    assert code(own) == "ACCOUNT_NOT_OWN"
    barred = link(named, "another", "risk", room.actor("operator"), key=room.key())
    assert code(barred) == "ROLE"
    room.done(room.desk.accounts.disable(account_id, officer, key=room.key()))
    assert code(link(named, subject, "operator", officer, key=room.key())) == "ACCOUNT_EXISTS"
    assert not any(b"planted-subject" in row.body for row in room.log())
