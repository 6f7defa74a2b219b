"""A login rehearsed on a scratch desk: with the real secrets, and with guards that look away."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from counterseal.desk import gate, sessions
from counterseal.desk.rehearsed_login import LOGINS, rehearse_login
from counterseal.desk.scratch import ScratchHouse
from counterseal.kernel.errors import AdapterError
from counterseal.readiness.model import Exercise
from storage import scratch
from storage.credentials import SqliteCredentials
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import create_state
from storage.store import create_database
from tests.household import ROOT


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ScratchHouse]:
    settings = Settings(counterseal_policies=ROOT / "policies")
    placed = scratch._settings(settings, tmp_path)
    create_database(placed.database_file, scratch._ORIGIN)
    create_state(placed.counterseal_signer_state, scratch._ORIGIN)
    files = read_policy_files(settings.counterseal_policies, POLICY_VERSION)
    with scratch._desk(placed) as desk:
        founded = ScratchHouse(desk, files, scratch.AT)
        founded.found()
        yield founded


def _told(house: ScratchHouse) -> dict[Exercise, bool | None]:
    return {e.name: e.passed for e in rehearse_login(house, scratch._one_time_code)}


def _yes(*_: object, **__: object) -> bool:
    return True


def _nothing(*_: object, **__: object) -> None:
    return None


def _failed(*_: object, **__: object) -> None:
    raise AdapterError("CREDENTIALS_FAILED", "a test broke the file")


def test_a_login_that_asks_for_everything_passes(house: ScratchHouse) -> None:
    """TX-L7:real_login_enabled, mfa_enabled, session_validation_enabled: the true side."""
    assert _told(house) == dict.fromkeys(LOGINS, True)


@pytest.mark.parametrize(
    ("owner", "name", "looking_away", "told"),
    [
        (SqliteCredentials, "verify_password", _yes, Exercise.LOGGED_IN),
        (SqliteCredentials, "accept_code", _yes, Exercise.SECOND_FACTOR_ASKED),
        (sessions, "check_session", _nothing, Exercise.SESSION_ENDED),
        (gate, "check_session", _nothing, Exercise.SESSION_ENDED),
    ],
)
def test_a_guard_that_looks_away_is_seen(
    house: ScratchHouse,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    looking_away: object,
    told: Exercise,
) -> None:
    """TX-L7: the false side of each; the exercise is of the real login."""
    monkeypatch.setattr(owner, name, looking_away)

    assert _told(house)[told] is False


def test_what_could_not_be_tried_is_told_as_such(
    house: ScratchHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L8: unknown is neither true nor false, and says why."""
    monkeypatch.setattr(SqliteCredentials, "attempt", _failed)
    told = rehearse_login(house, scratch._one_time_code)

    assert {e.name: e.passed for e in told} == dict.fromkeys(LOGINS)
    assert all("CREDENTIALS_FAILED" in e.evidence for e in told)


def test_codes_of_another_authenticator_let_nobody_in(house: ScratchHouse) -> None:
    """TX-L7:mfa_enabled: an account whose codes nobody can tell comes to no session."""

    def other(_: SecretStr, at: datetime) -> SecretStr:
        return scratch._one_time_code(SecretStr("JBSWY3DPEHPK3PXP" * 2), at)

    told = rehearse_login(house, other)

    assert {e.name: e.passed for e in told} == dict.fromkeys(LOGINS)
    assert all("CODE_WRONG" in e.evidence for e in told)
