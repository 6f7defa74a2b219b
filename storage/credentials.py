"""Secrets of accounts, in a file of their own.

Job: keep password hashes, one-time secrets, counters and signs of life outside the log's database.

Invariants
  I1  What is kept is neither a password nor a token.
  I2  What is compared and what is changed by it are one transaction, across processes.
  I3  A password is verified for every account, known or not, with the same parameters.

Not here: the file and its transactions (storage.credentials_file), who may ask (desk.access), what
the counters mean (policy.access).
Source: governance part 5; RFC 9106 (argon2id); RFC 6238 and 4226 (one-time codes).
"""

import hashlib
import hmac
import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from pydantic import SecretStr

from counterseal.identity.credentials import (
    FOR_CODES,
    FOR_PASSWORD,
    Attempt,
    CodesOffer,
    Guessed,
)
from counterseal.kernel.clock import parse_utc, utc_text
from counterseal.policy.access import AccessRules
from storage.credentials_file import changing

if TYPE_CHECKING:
    from argon2 import PasswordHasher

ISSUED_BY: Final = "Counterseal"
_CODE_DIGITS: Final = 6
_NEVER: Final = -1
_SEEN_KEPT: Final = timedelta(days=31)
"""Longer than any session lives."""


class SqliteCredentials:
    """The port `identity.credentials.Credentials` on SQLite.

    Opens the file for each call, so that threads and processes share nothing but the file.

    Args:
        path: Made with the first secret.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def attempt(self, guessed: Sequence[Guessed], rules: AccessRules, now: datetime) -> Attempt:
        """Count an attempt against every subject, unless one of them has to wait.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with changing(self._path) as work:
            forgotten = utc_text(now - timedelta(seconds=rules.attempts_forgotten_seconds))
            work.execute("DELETE FROM attempts WHERE last_at < ?", (forgotten,))
            known = [_attempts(work, g.subject) for g in guessed]
            known_as = tuple(_hidden(work, g.subject).hex()[:16] for g in guessed)
            most = max((n for n, _ in known), default=0)
            waits = [until for _, until in known if until is not None and now < until]
            if waits:
                return Attempt(attempts=most, not_before=max(waits), known_as=known_as)
            nexts = [
                _count(work, one, n + 1, rules, now)
                for one, (n, _) in zip(guessed, known, strict=True)
            ]
            later = max((at for at in nexts if at is not None), default=None)
            return Attempt(attempts=most + 1, next_at=later, known_as=known_as)

    def succeeded(self, cleared: Sequence[str], refunded: Sequence[str] = ()) -> None:
        """Forget the wrong answers of some subjects; take one attempt back from others.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with changing(self._path) as work:
            for subject in cleared:
                work.execute("DELETE FROM attempts WHERE subject = ?", (_hidden(work, subject),))
            for subject in refunded:
                work.execute(
                    "UPDATE attempts SET attempts = max(attempts - 1, 0), not_before = NULL"
                    " WHERE subject = ?",
                    (_hidden(work, subject),),
                )

    def set_password(self, account_id: str, password: SecretStr) -> None:
        """Replace the password of an account.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        hashed = _hasher().hash(_plain(password))
        with changing(self._path) as work:
            _nobody(work)
            work.execute(
                "INSERT INTO passwords VALUES (?, ?)"
                " ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash",
                (account_id, hashed),
            )

    def verify_password(self, account_id: str | None, password: SecretStr) -> bool:
        """Whether a password is right; for nobody's account (None) it takes as long to say no.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        from argon2.exceptions import (  # noqa: PLC0415 - only a login needs it
            InvalidHashError,
            VerificationError,
        )

        with changing(self._path) as work:
            found = work.execute(
                "SELECT hash FROM passwords WHERE account_id = ?", (account_id,)
            ).fetchone()
            hashed = _nobody(work) if found is None else found[0]
        hasher = _hasher()
        try:
            hasher.verify(hashed, _plain(password))
        except (VerificationError, InvalidHashError):
            return False
        if found is None or account_id is None:
            return False
        if hasher.check_needs_rehash(hashed):
            self._rehash(account_id, hashed, hasher.hash(_plain(password)))
        return True

    def _rehash(self, account_id: str, old: str, new: str) -> None:
        """Renew a hash, unless the password was replaced meanwhile."""
        with changing(self._path) as work:
            work.execute(
                "UPDATE passwords SET hash = ? WHERE account_id = ? AND hash = ?",
                (new, account_id, old),
            )

    def offer_codes(self, account_id: str, now: datetime, rules: AccessRules) -> CodesOffer:
        """Draw a one-time secret that counts once a code of it is told in time.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        import pyotp  # noqa: PLC0415 - only an enrolment needs it

        secret = pyotp.random_base32()
        until = utc_text(now + timedelta(seconds=rules.enrolment_seconds))
        with changing(self._path) as work:
            work.execute(
                "INSERT INTO codes (account_id, offered, offered_until) VALUES (?, ?, ?)"
                " ON CONFLICT (account_id) DO UPDATE SET offered = excluded.offered,"
                " offered_until = excluded.offered_until",
                (account_id, secret, until),
            )
        totp = pyotp.TOTP(secret, interval=rules.totp_period_seconds)
        uri = totp.provisioning_uri(name=account_id, issuer_name=ISSUED_BY)
        return CodesOffer(secret=SecretStr(secret), uri=SecretStr(uri))

    def enrol_codes(
        self, account_id: str, code: SecretStr, now: datetime, rules: AccessRules
    ) -> bool:
        """Take the offered secret into use, when the code is of it; the code is spent by that.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with changing(self._path) as work:
            found = work.execute(
                "SELECT offered FROM codes WHERE account_id = ? AND offered_until > ?",
                (account_id, utc_text(now)),
            ).fetchone()
            counter = _counter(found[0] if found else None, code, now, rules, after=_NEVER)
            if counter is None:
                return False
            work.execute(
                "UPDATE codes SET secret = offered, last_counter = ?, offered = NULL,"
                " offered_until = NULL WHERE account_id = ?",
                (counter, account_id),
            )
            return True

    def accept_code(
        self, account_id: str, code: SecretStr, now: datetime, rules: AccessRules
    ) -> bool:
        """Whether a code is right and later than any accepted before; at most once for a code.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with changing(self._path) as work:
            found = work.execute(
                "SELECT secret, last_counter FROM codes WHERE account_id = ?", (account_id,)
            ).fetchone()
            secret, last = found or (None, _NEVER)
            counter = _counter(secret, code, now, rules, after=last)
            if counter is None:
                return False
            work.execute(
                "UPDATE codes SET last_counter = ? WHERE account_id = ?", (counter, account_id)
            )
            return True

    def keep_token(self, token: str, account_id: str, expires_at: datetime) -> None:
        """Keep an enrolment token by its digest, once for a password and once for codes.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        rows = [
            (_digest(token), purpose, account_id, utc_text(expires_at))
            for purpose in (FOR_PASSWORD, FOR_CODES)
        ]
        with changing(self._path) as work:
            work.execute("DELETE FROM tokens WHERE account_id = ?", (account_id,))
            work.executemany("INSERT INTO tokens VALUES (?, ?, ?, ?)", rows)

    def spend_token(self, token: str, purpose: str, now: datetime) -> str | None:
        """The account of a token, which is spent for the purpose; None when it is not good.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with changing(self._path) as work:
            found = work.execute(
                "DELETE FROM tokens WHERE token = ? AND purpose = ? RETURNING account_id,"
                " expires_at",
                (_digest(token), purpose),
            ).fetchone()
        return found[0] if found is not None and utc_text(now) < found[1] else None

    def seen(self, session_id: str, now: datetime) -> None:
        """A sign of life; an earlier one than the latest changes nothing.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with changing(self._path) as work:
            forgotten = utc_text(now - _SEEN_KEPT)
            work.execute("DELETE FROM seen WHERE seen_at < ?", (forgotten,))
            work.execute(
                "INSERT INTO seen VALUES (?, ?) ON CONFLICT (session_id) DO UPDATE"
                " SET seen_at = max(seen_at, excluded.seen_at)",
                (session_id, utc_text(now)),
            )

    def last_seen(self, session_id: str) -> datetime | None:
        """The latest sign of life.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with changing(self._path) as work:
            found = work.execute(
                "SELECT seen_at FROM seen WHERE session_id = ?", (session_id,)
            ).fetchone()
        return None if found is None else parse_utc(found[0])

    def forget(self, account_id: str) -> None:
        """Destroy the secrets of an account.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with changing(self._path) as work:
            work.execute("DELETE FROM passwords WHERE account_id = ?", (account_id,))
            work.execute("DELETE FROM codes WHERE account_id = ?", (account_id,))
            work.execute("DELETE FROM tokens WHERE account_id = ?", (account_id,))


def _hasher() -> "PasswordHasher":
    """Argon2id with the library's parameters: 64 MiB, three passes, four lanes (RFC 9106)."""
    from argon2 import PasswordHasher  # noqa: PLC0415 - only a login needs it

    return PasswordHasher()


def _plain(password: SecretStr) -> bytes:
    return _bytes(normalize("NFKC", password.get_secret_value()))


def _bytes(text: str) -> bytes:
    """Any text that a window may hand on, lone surrogates included."""
    return text.encode("utf-8", "surrogatepass")


def _nobody(work: sqlite3.Connection) -> str:
    """A hash that no password has, made with the first password: who is unknown costs as much."""
    kept: str | None = work.execute("SELECT nobody FROM peppers").fetchone()[0]
    if kept is None or _hasher().check_needs_rehash(kept):
        kept = _hasher().hash(os.urandom(32))
        work.execute("UPDATE peppers SET nobody = ?", (kept,))
    return kept


def _digest(token: str) -> bytes:
    return hashlib.sha256(_bytes(token)).digest()


def _hidden(work: sqlite3.Connection, subject: str) -> bytes:
    """A subject as it is kept: what people type into a name field may be their password."""
    pepper: bytes = work.execute("SELECT pepper FROM peppers").fetchone()[0]
    return hmac.digest(pepper, _bytes(subject), "sha256")


def _attempts(work: sqlite3.Connection, subject: str) -> tuple[int, datetime | None]:
    found = work.execute(
        "SELECT attempts, not_before FROM attempts WHERE subject = ?", (_hidden(work, subject),)
    ).fetchone()
    if found is None:
        return 0, None
    return found[0], None if found[1] is None else parse_utc(found[1])


def _count(
    work: sqlite3.Connection, one: Guessed, attempts: int, rules: AccessRules, now: datetime
) -> datetime | None:
    """Keep a count; gives until when nobody is heard then, or None."""
    wait = rules.wait(attempts, one.allowed)
    until = now + wait if wait else None
    work.execute(
        "INSERT INTO attempts VALUES (?, ?, ?, ?) ON CONFLICT (subject) DO UPDATE SET"
        " attempts = excluded.attempts, not_before = excluded.not_before,"
        " last_at = excluded.last_at",
        (
            _hidden(work, one.subject),
            attempts,
            None if until is None else utc_text(until),
            utc_text(now),
        ),
    )
    return until


def _counter(
    secret: str | None, code: SecretStr, now: datetime, rules: AccessRules, *, after: int
) -> int | None:
    """The step that a code is of, later than `after` and within the drift; None without one."""
    import pyotp  # noqa: PLC0415 - only a login needs it

    told = code.get_secret_value()
    if secret is None or len(told) != _CODE_DIGITS or not (told.isascii() and told.isdigit()):
        return None
    step = int(now.astimezone(UTC).timestamp()) // rules.totp_period_seconds
    drift = rules.totp_drift_steps
    codes = pyotp.HOTP(secret)
    steps = [n for n in range(step - drift, step + drift + 1) if n > max(after, _NEVER)]
    return next((n for n in steps if hmac.compare_digest(codes.at(n), told)), None)
