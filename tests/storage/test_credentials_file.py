"""The file of secrets: its owner's alone, told by nothing, and counted once among many."""

import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import argon2
import pyotp
import pytest
from pydantic import SecretStr

from counterseal.identity.credentials import FOR_PASSWORD, Guessed
from counterseal.kernel.errors import AdapterError
from counterseal.policy.access import AccessRules
from storage.credentials import SqliteCredentials
from storage.credentials_file import credentials_file

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RULES = AccessRules()
PASSWORD = SecretStr("planted-password-of-ann-5c1d")
RACE = """
import sys
from datetime import datetime
from pathlib import Path
from pydantic import SecretStr
from counterseal.policy.access import AccessRules
from storage.credentials import SqliteCredentials
place, code, at = sys.argv[1:]
sys.stdin.readline()
kept = SqliteCredentials(Path(place))
print(kept.accept_code("ann", SecretStr(code), datetime.fromisoformat(at), AccessRules()))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return credentials_file(tmp_path)


@pytest.fixture
def credentials(place: Path) -> SqliteCredentials:
    return SqliteCredentials(place)


def rows(place: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(place)) as connection:
        return connection.execute(sql).fetchall()


def next_code(credentials: SqliteCredentials) -> tuple[str, datetime]:
    secret = credentials.offer_codes("ann", NOW, RULES).secret.get_secret_value()
    codes = pyotp.TOTP(secret)
    assert credentials.enrol_codes("ann", SecretStr(codes.at(NOW)), NOW, RULES)
    at = NOW + timedelta(minutes=1)
    return codes.at(at), at


def test_only_its_owner_reads_it(credentials: SqliteCredentials, place: Path) -> None:
    """0600 in a folder 0700, with whatever SQLite lays beside it."""
    credentials.set_password("ann", PASSWORD)
    with closing(sqlite3.connect(place)) as held:
        held.execute("BEGIN IMMEDIATE")
        modes = {path.name: path.stat().st_mode & 0o777 for path in place.parent.iterdir()}
        held.rollback()
    assert modes.pop(place.name) == 0o600
    assert set(modes.values()) <= {0o600}
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert rows(place, "PRAGMA journal_mode") == [("wal",)]


def test_no_table_takes_values_of_another_type(credentials: SqliteCredentials, place: Path) -> None:
    """STYLE 4: STRICT."""
    credentials.seen("ses", NOW)
    declared = rows(place, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    kept = [name for name, strict in declared if not str(name).startswith("sqlite_") and strict]
    assert sorted(map(str, kept)) == ["attempts", "codes", "passwords", "peppers", "seen", "tokens"]


def test_it_holds_no_password_no_token_and_nothing_that_was_typed(
    credentials: SqliteCredentials, place: Path
) -> None:
    """Somebody types a password into the field of the name: it is kept nowhere."""
    credentials.set_password("ann", PASSWORD)
    credentials.keep_token("planted-token-77aa", "ann", NOW + timedelta(minutes=1))
    credentials.attempt((Guessed(subject="account:planted-typo-9", allowed=3),), RULES, NOW)
    credentials.spend_token("planted-token-77aa", FOR_PASSWORD, NOW)
    held = b"".join(path.read_bytes() for path in place.parent.iterdir())
    for planted in (PASSWORD.get_secret_value().encode(), b"planted-token-77aa", b"planted-typo"):
        assert planted not in held


def test_the_parameters_are_those_of_the_design(
    credentials: SqliteCredentials, place: Path
) -> None:
    """Governance 5: argon2id, 64 MiB, three passes, four lanes; nobody's hash as well."""
    credentials.set_password("ann", PASSWORD)
    for sql in ("SELECT hash FROM passwords", "SELECT nobody FROM peppers"):
        ((kept,),) = rows(place, sql)
        told = argon2.extract_parameters(str(kept))
        assert (told.type, told.memory_cost, told.time_cost, told.parallelism) == (
            argon2.Type.ID,
            65_536,
            3,
            4,
        )


def test_a_hash_of_older_parameters_is_renewed_by_a_right_password_only(
    credentials: SqliteCredentials, place: Path
) -> None:
    """Governance 5: rehash on check_needs_rehash."""
    credentials.set_password("ann", PASSWORD)
    old = argon2.PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD.get_secret_value())
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("UPDATE passwords SET hash = ?", (old,))
    assert not credentials.verify_password("ann", SecretStr("wrong"))
    assert rows(place, "SELECT hash FROM passwords") == [(old,)]
    assert credentials.verify_password("ann", PASSWORD)
    ((fresh,),) = rows(place, "SELECT hash FROM passwords")
    assert argon2.extract_parameters(str(fresh)).memory_cost == 65_536
    assert credentials.verify_password("ann", PASSWORD)


def test_a_hash_that_somebody_broke_lets_nobody_in(
    credentials: SqliteCredentials, place: Path
) -> None:
    """Fail closed."""
    credentials.set_password("ann", PASSWORD)
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("UPDATE passwords SET hash = 'no hash'")
    assert not credentials.verify_password("ann", PASSWORD)


def test_the_same_letters_are_the_same_password_however_they_were_typed(
    credentials: SqliteCredentials,
) -> None:
    """One keyboard composes an accent, another does not; a lone surrogate breaks nothing."""
    credentials.set_password("ann", SecretStr("cafe\u0301 au lait, sans sucre"))
    assert credentials.verify_password("ann", SecretStr("caf\u00e9 au lait, sans sucre"))
    assert not credentials.verify_password("ann", SecretStr("caf\u00e9 \ud800"))


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def test_an_unknown_account_takes_as_long_as_a_wrong_password(
    credentials: SqliteCredentials,
) -> None:
    """Test 15: nearly the same time; the bound is generous, a missing hash would be 100 times."""
    credentials.set_password("ann", PASSWORD)
    wrong = SecretStr("wrong")
    told: dict[str | None, list[float]] = {"ann": [], "stranger": [], None: []}
    for _ in range(5):
        for name, took in told.items():
            took.append(_seconds(partial(credentials.verify_password, name, wrong)))
    known, stranger, nobody = (statistics.median(took) for took in told.values())
    assert 0.4 < stranger / known < 2.5
    assert 0.4 < nobody / known < 2.5


def test_one_thread_of_many_gets_in_with_a_code(credentials: SqliteCredentials) -> None:
    """Test 15: the counter race."""
    code, at = next_code(credentials)
    with ThreadPoolExecutor(16) as pool:
        told = [
            pool.submit(credentials.accept_code, "ann", SecretStr(code), at, RULES)
            for _ in range(32)
        ]
        assert sum(one.result() for one in told) == 1


def test_one_process_of_many_gets_in_with_a_code(
    credentials: SqliteCredentials, place: Path
) -> None:
    """Test 15: the same between processes."""
    code, at = next_code(credentials)
    command = [sys.executable, "-c", RACE, str(place), code, at.isoformat()]
    running = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and a fixed text
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(4)
    ]
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    told = [one.communicate(timeout=60)[0].strip() for one in running]
    assert sorted(told) == ["False", "False", "False", "True"]


def test_attempts_at_once_are_all_counted(credentials: SqliteCredentials) -> None:
    """A hundred guesses at the same moment are no way around the limit."""
    ann = Guessed(subject="account:ann", allowed=3)
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda _: credentials.attempt((ann,), RULES, NOW), range(64)))
    assert sum(one.not_before is None for one in told) == 3


def test_many_make_one_file(place: Path) -> None:
    """The first secrets of a home may be kept by several at once."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: SqliteCredentials(place).seen(f"ses-{n}", NOW), range(8)))
    assert rows(place, "SELECT count(*) FROM seen") == [(8,)]
    assert [path.name for path in place.parent.iterdir() if path.suffix != ".sqlite3"] == []


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """An adapter's failure, retriable; never a yes."""
    (tmp_path / "credentials").write_text("a file where the folder should be")
    with pytest.raises(AdapterError) as failed:
        SqliteCredentials(credentials_file(tmp_path)).verify_password("ann", PASSWORD)
    assert failed.value.code == "CREDENTIALS_FAILED"
    assert PASSWORD.get_secret_value() not in str(failed.value)
