"""A place of secrets in memory: what `storage.credentials` does, without hashes and files."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock

import pyotp
from pydantic import SecretStr

from counterseal.identity.credentials import (
    FOR_CODES,
    FOR_PASSWORD,
    Attempt,
    CodesOffer,
    Guessed,
)
from counterseal.policy.access import AccessRules

Count = tuple[int, datetime | None, datetime]


class UnsafeFakeCredentials:
    """The port in memory; it keeps passwords as they are."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[str, Count] = {}
        self._passwords: dict[str, str] = {}
        self._codes: dict[str, tuple[str, int]] = {}
        self._offered: dict[str, tuple[str, datetime]] = {}
        self._tokens: dict[tuple[str, str], tuple[str, datetime]] = {}
        self._seen: dict[str, datetime] = {}

    def attempt(self, guessed: Sequence[Guessed], rules: AccessRules, now: datetime) -> Attempt:
        with self._lock:
            old = now - timedelta(seconds=rules.attempts_forgotten_seconds)
            self._counts = {s: c for s, c in self._counts.items() if c[2] >= old}
            known = [self._counts.get(g.subject, (0, None, now)) for g in guessed]
            most = max(count[0] for count in known)
            names = tuple(f"known-{len(g.subject)}" for g in guessed)
            waits = [until for _, until, _ in known if until is not None and now < until]
            if waits:
                return Attempt(attempts=most, not_before=max(waits), known_as=names)
            nexts = []
            for one, (count, _, _) in zip(guessed, known, strict=True):
                wait = rules.wait(count + 1, one.allowed)
                until = now + wait if wait else None
                self._counts[one.subject] = (count + 1, until, now)
                nexts += [until] if until else []
            return Attempt(attempts=most + 1, next_at=max(nexts, default=None), known_as=names)

    def succeeded(self, cleared: Sequence[str], refunded: Sequence[str] = ()) -> None:
        with self._lock:
            for subject in cleared:
                self._counts.pop(subject, None)
            for subject in refunded:
                count, _, at = self._counts[subject]
                self._counts[subject] = (max(count - 1, 0), None, at)

    def set_password(self, account_id: str, password: SecretStr) -> None:
        self._passwords[account_id] = password.get_secret_value()

    def verify_password(self, account_id: str | None, password: SecretStr) -> bool:
        kept = None if account_id is None else self._passwords.get(account_id)
        return kept == password.get_secret_value()

    def offer_codes(self, account_id: str, now: datetime, rules: AccessRules) -> CodesOffer:
        secret = pyotp.random_base32()
        until = now + timedelta(seconds=rules.enrolment_seconds)
        self._offered[account_id] = (secret, until)
        uri = pyotp.TOTP(secret, interval=rules.totp_period_seconds).provisioning_uri(
            name=account_id
        )
        return CodesOffer(secret=SecretStr(secret), uri=SecretStr(uri))

    def enrol_codes(
        self, account_id: str, code: SecretStr, now: datetime, rules: AccessRules
    ) -> bool:
        with self._lock:
            secret, until = self._offered.get(account_id, ("", now))
            counter = _counter(secret, code, now, rules, after=-1) if now < until else None
            if counter is None:
                return False
            self._codes[account_id] = (secret, counter)
            del self._offered[account_id]
            return True

    def accept_code(
        self, account_id: str, code: SecretStr, now: datetime, rules: AccessRules
    ) -> bool:
        with self._lock:
            secret, last = self._codes.get(account_id, ("", -1))
            counter = _counter(secret, code, now, rules, after=last)
            if counter is None:
                return False
            self._codes[account_id] = (secret, counter)
            return True

    def keep_token(self, token: str, account_id: str, expires_at: datetime) -> None:
        kept = {k: v for k, v in self._tokens.items() if v[0] != account_id}
        fresh = {
            (token, purpose): (account_id, expires_at) for purpose in (FOR_PASSWORD, FOR_CODES)
        }
        self._tokens = kept | fresh

    def spend_token(self, token: str, purpose: str, now: datetime) -> str | None:
        with self._lock:
            account_id, until = self._tokens.pop((token, purpose), (None, now))
        return account_id if now < until else None

    def seen(self, session_id: str, now: datetime) -> None:
        self._seen[session_id] = max(now, self._seen.get(session_id, now))

    def last_seen(self, session_id: str) -> datetime | None:
        return self._seen.get(session_id)

    def forget(self, account_id: str) -> None:
        self._passwords.pop(account_id, None)
        self._codes.pop(account_id, None)
        self._tokens = {k: v for k, v in self._tokens.items() if v[0] != account_id}


def _counter(
    secret: str, code: SecretStr, now: datetime, rules: AccessRules, *, after: int
) -> int | None:
    step = int(now.timestamp()) // rules.totp_period_seconds
    reach = range(step - rules.totp_drift_steps, step + rules.totp_drift_steps + 1)
    fits = [n for n in reach if secret and pyotp.HOTP(secret).at(n) == code.get_secret_value()]
    return next((n for n in fits if n > after), None)
