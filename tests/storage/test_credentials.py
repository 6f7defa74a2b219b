"""The place of secrets: one suite for the port, on the fake and on SQLite."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from pydantic import SecretStr

from counterseal.identity.credentials import FOR_CODES, FOR_PASSWORD, Credentials, Guessed
from counterseal.policy.access import AccessRules
from storage.credentials import SqliteCredentials
from storage.credentials_file import credentials_file
from tests.storage.fake_credentials import UnsafeFakeCredentials

NOW = datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)
RULES = AccessRules()
ANN = Guessed(subject="account:ann", allowed=3)
PLACE = Guessed(subject="source:here", allowed=5)
PASSWORD = SecretStr("correct horse battery staple")


@pytest.fixture(params=["fake", "sqlite"])
def credentials(request: pytest.FixtureRequest, tmp_path: Path) -> Credentials:
    if request.param == "fake":
        return UnsafeFakeCredentials()
    return SqliteCredentials(credentials_file(tmp_path))


def later(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def enrolled(credentials: Credentials, at: datetime = NOW) -> pyotp.TOTP:
    secret = credentials.offer_codes("ann", at, RULES).secret.get_secret_value()
    codes = pyotp.TOTP(secret)
    assert credentials.enrol_codes("ann", SecretStr(codes.at(at)), at, RULES)
    return codes


def test_only_the_password_that_was_set_last_is_right(credentials: Credentials) -> None:
    """Governance 5: and never for an account that is nobody's."""
    assert not credentials.verify_password("ann", PASSWORD)
    credentials.set_password("ann", SecretStr("an earlier long password"))
    credentials.set_password("ann", PASSWORD)

    assert credentials.verify_password("ann", PASSWORD)
    assert not credentials.verify_password("ann", SecretStr("an earlier long password"))
    assert not credentials.verify_password("bob", PASSWORD)
    assert not credentials.verify_password(None, PASSWORD)


def test_a_code_counts_once(credentials: Credentials) -> None:
    """Test 15: pyotp alone takes one code twice; the code of the enrolment is spent, too."""
    codes = enrolled(credentials)
    assert not credentials.accept_code("ann", SecretStr(codes.at(NOW)), NOW, RULES)
    fresh = SecretStr(codes.at(later(30)))
    assert credentials.accept_code("ann", fresh, later(30), RULES)
    assert not credentials.accept_code("ann", fresh, later(31), RULES)


def test_a_code_of_an_earlier_step_than_the_last_is_refused(credentials: Credentials) -> None:
    """Test 15: a larger counter, not merely another one."""
    codes = enrolled(credentials)
    assert credentials.accept_code("ann", SecretStr(codes.at(later(90))), later(60), RULES)
    assert not credentials.accept_code("ann", SecretStr(codes.at(later(60))), later(60), RULES)


@pytest.mark.parametrize(
    ("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_may_be_one_step_early_or_late(
    credentials: Credentials, steps: int, right: bool
) -> None:
    """Governance 5: drift is the policy's."""
    codes = enrolled(credentials)
    at = later(600)
    told = SecretStr(codes.at(at + timedelta(seconds=30 * steps)))
    assert credentials.accept_code("ann", told, at, RULES) is right


@pytest.mark.parametrize(
    "told", ["", "12345", "1234567", "12 456", "\u0661\u0662\u0663\u0664\u0665\u0666", "abcdef"]
)
def test_what_is_no_code_is_refused(credentials: Credentials, told: str) -> None:
    """Bad input: also digits of another script."""
    enrolled(credentials)
    assert not credentials.accept_code("ann", SecretStr(told), later(300), RULES)


def test_an_offered_secret_counts_only_after_its_first_code_in_time(
    credentials: Credentials,
) -> None:
    """Proof by a first code; half-open."""
    secret = credentials.offer_codes("ann", NOW, RULES).secret.get_secret_value()
    codes = pyotp.TOTP(secret)
    assert not credentials.accept_code("ann", SecretStr(codes.at(NOW)), NOW, RULES)
    at = later(RULES.enrolment_seconds)
    assert not credentials.enrol_codes("ann", SecretStr(codes.at(at)), at, RULES)
    before = later(RULES.enrolment_seconds - 1)
    assert credentials.enrol_codes("ann", SecretStr(codes.at(before)), before, RULES)
    assert not credentials.enrol_codes("ann", SecretStr(codes.at(before)), before, RULES)


def test_wrong_answers_lead_to_waits_that_double(credentials: Credentials) -> None:
    """Test 15: back-off, half-open; what is asked while waiting does not lengthen it."""
    for expected in (1, 2):
        attempt = credentials.attempt((ANN, PLACE), RULES, NOW)
        assert (attempt.attempts, attempt.not_before, attempt.next_at) == (expected, None, None)
    third = credentials.attempt((ANN, PLACE), RULES, NOW)
    assert (third.not_before, third.next_at) == (None, later(30))

    assert credentials.attempt((ANN, PLACE), RULES, later(29)).not_before == later(30)
    fourth = credentials.attempt((ANN, PLACE), RULES, later(30))
    assert (fourth.not_before, fourth.next_at) == (None, later(30 + 60))


def test_the_longest_wait_bounds_them_all(credentials: Credentials) -> None:
    """A victim gets in again, however often others guess."""
    rules = RULES.amended(backoff_seconds_max=45)
    at = NOW
    for _ in range(6):
        attempt = credentials.attempt((ANN,), rules, at)
        at = attempt.next_at or at
    assert attempt.next_at is not None
    assert credentials.attempt((ANN,), rules, at).next_at == at + timedelta(seconds=45)


def test_a_place_waits_whatever_names_it_tries(credentials: Credentials) -> None:
    """Limits per account and source: others are heard from elsewhere."""
    for n in range(PLACE.allowed):
        name = Guessed(subject=f"account:{n}", allowed=3)
        assert credentials.attempt((name, PLACE), RULES, NOW).not_before is None
    assert credentials.attempt((ANN, PLACE), RULES, NOW).not_before == later(30)
    elsewhere = Guessed(subject="source:elsewhere", allowed=5)
    assert credentials.attempt((ANN, elsewhere), RULES, NOW).not_before is None


def test_a_right_answer_clears_the_name_and_gives_the_place_one_back(
    credentials: Credentials,
) -> None:
    """Who has one account cannot clear the place's count to guess at another."""
    for _ in range(2):
        credentials.attempt((ANN, PLACE), RULES, NOW)
    credentials.attempt((ANN, PLACE), RULES, NOW)
    credentials.succeeded((ANN.subject,), (PLACE.subject,))
    assert credentials.attempt((ANN,), RULES, NOW).attempts == 1
    assert credentials.attempt((PLACE,), RULES, NOW).attempts == 3


def test_wrong_answers_are_forgotten_after_a_quiet_time(credentials: Credentials) -> None:
    """Policy: attempts_forgotten_seconds."""
    credentials.attempt((ANN,), RULES, NOW)
    kept = later(RULES.attempts_forgotten_seconds)
    assert credentials.attempt((ANN,), RULES, kept).attempts == 2
    gone = kept + timedelta(seconds=RULES.attempts_forgotten_seconds + 1)
    assert credentials.attempt((ANN,), RULES, gone).attempts == 1


def test_a_token_is_good_once_for_each_purpose_and_in_time(credentials: Credentials) -> None:
    """Single use, half-open, and void when a later one is issued."""
    credentials.keep_token("first", "ann", later(60))
    credentials.keep_token("second", "ann", later(60))
    assert credentials.spend_token("first", FOR_PASSWORD, NOW) is None
    assert credentials.spend_token("second", FOR_PASSWORD, later(59)) == "ann"
    assert credentials.spend_token("second", FOR_PASSWORD, later(59)) is None
    assert credentials.spend_token("second", FOR_CODES, later(60)) is None


def test_the_latest_sign_of_life_stays(credentials: Credentials) -> None:
    """A late rerun does not make a session older."""
    assert credentials.last_seen("ses") is None
    credentials.seen("ses", later(5))
    credentials.seen("ses", NOW)
    assert credentials.last_seen("ses") == later(5)


def test_a_forgotten_account_has_no_secret_left(credentials: Credentials) -> None:
    """Leavers are closed at once."""
    codes = enrolled(credentials)
    credentials.set_password("ann", PASSWORD)
    credentials.keep_token("token", "ann", later(60))
    credentials.forget("ann")
    assert not credentials.verify_password("ann", PASSWORD)
    assert not credentials.accept_code("ann", SecretStr(codes.at(later(60))), later(60), RULES)
    assert credentials.spend_token("token", FOR_CODES, NOW) is None
