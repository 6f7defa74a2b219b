"""Accounts and sessions at the command line."""

import re
from collections.abc import Callable
from pathlib import Path

import pyotp
import pytest
from pydantic import SecretStr

from counterseal.desk.access import Secrets
from counterseal.identity.sessions import LoginSession
from tests.ui.kept_house import KeptHouse, kept

__all__ = ["kept"]

PASSWORD = "planted-password-at-the-command-line"


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    """A file with a secret on its first line; gives its path."""

    def written(text: str) -> str:
        path = tmp_path / f"told-{len(text)}-{text[:3]}"
        path.write_text(f"{text}\n", "utf-8")
        return str(path)

    return written


def logged_in(house: KeptHouse, codes: pyotp.TOTP) -> LoginSession:
    world = house.world
    secrets = Secrets(
        password=SecretStr(PASSWORD), code=SecretStr(codes.at(world.clock.now())), source="here"
    )
    login = world.desk.access.log_in("operator", secrets, key=world.key())
    assert login.session is not None, login.refusal
    return login.session


def enrolled(house: KeptHouse, file: Callable[[str], str]) -> pyotp.TOTP:
    """The operator's account, with secrets set by a token."""
    house.done("accounts", "add", "Operator", "--person", "operator", *house.proof("officer-1"))
    issued = house.done("accounts", "issue-token", "operator", *house.proof("officer-1"))
    token = ("--token-file", file(str(issued["token"])))
    new = ("--new-password-file", file(PASSWORD))
    house.done("accounts", "set-password", "operator", *token, *new)
    offered = house.done("accounts", "enrol-totp", "operator", *token)
    secret = re.search(r"secret=(\w+)", str(offered["uri"]))
    assert secret is not None
    codes = pyotp.TOTP(secret.group(1))
    first = codes.at(house.world.clock.now())
    house.done("accounts", "enrol-totp", "operator", "--code-file", file(first))
    house.world.after(30)
    return codes


def test_from_an_officer_s_token_to_a_login_and_its_end(
    kept: KeptHouse, file: Callable[[str], str]
) -> None:
    """Governance 5: account, secrets, session, revocation; every step with a receipt."""
    codes = enrolled(kept, file)
    session = logged_in(kept, codes)
    status, out, _ = kept.text("sessions", "list")
    assert (status, session.session_id in out) == (0, True)
    told = ("--reason", "a lost laptop", *kept.proof("officer-1"))
    ended = kept.done("sessions", "revoke", session.session_id, *told)
    assert str(ended["receipt"]).startswith("c2sp.org/tlog-proof")
    assert kept.done("sessions", "list")["sessions"] == []
    _, every, _ = kept.text("sessions", "list", "--all")
    assert "a lost laptop" in every
    assert kept.code("sessions", "revoke", "--person", "operator", *told) == (1, "SESSION_REVOKED")


def test_the_list_tells_whose_and_when_and_no_secret(
    kept: KeptHouse, file: Callable[[str], str]
) -> None:
    """Leavers and reviews: who can log in."""
    codes = enrolled(kept, file)
    status, out, _ = kept.text("accounts", "list")
    assert status == 0
    assert re.search(r"operator +operator +active +2026", out)
    assert PASSWORD not in out
    assert codes.secret not in out
    kept.done("accounts", "disable", "operator", *kept.proof("officer-1"))
    assert "disabled" in kept.text("accounts", "list")[1]


def test_a_person_sets_the_own_password_by_key(kept: KeptHouse, file: Callable[[str], str]) -> None:
    """Without an officer: the key proves who it is."""
    kept.done("accounts", "add", "operator", "--person", "operator", *kept.proof("officer-1"))
    new = ("--new-password-file", file(PASSWORD))
    kept.done("accounts", "set-password", "operator", *new, *kept.proof("operator"))
    foreign = kept.code("accounts", "set-password", "operator", *new, *kept.proof("compliance"))
    assert foreign == (1, "ACCOUNT_NOT_OWN")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("accounts", "add", "\u043eperator", "--person", "operator"), (1, "ACCOUNT_NAME")),
        (("accounts", "add", "name", "--person", "nobody"), (1, "NOT_FOUND")),
        (("accounts", "issue-token", "nobody"), (1, "NOT_FOUND")),
        (("accounts", "disable", "nobody"), (1, "NOT_FOUND")),
        (("sessions", "revoke", "ses_none", "--reason", "none"), (1, "NOT_FOUND")),
        (("sessions", "revoke", "--reason", "none"), (2, "SESSION_UNCLEAR")),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    kept: KeptHouse, words: tuple[str, ...], expected: tuple[int, str]
) -> None:
    """Exit statuses: 1 refused and recorded, 2 bad input."""
    assert kept.code(*words, *kept.proof("officer-1")) == expected


def test_a_right_is_a_key_or_a_token_and_not_both(
    kept: KeptHouse, file: Callable[[str], str]
) -> None:
    """Bad input."""
    new = ("--new-password-file", file(PASSWORD))
    assert kept.code("accounts", "set-password", "operator", *new) == (2, "RIGHT_UNCLEAR")
    token = ("--token-file", file("no token at all"))
    both = kept.code("accounts", "set-password", "operator", *new, *token, *kept.proof("operator"))
    assert both == (2, "RIGHT_UNCLEAR")
    spent = kept.code("accounts", "set-password", "operator", *new, *token)
    assert spent == (1, "TOKEN_SPENT")
