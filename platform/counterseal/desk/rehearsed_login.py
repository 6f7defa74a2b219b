"""A rehearsal of a login: an account on a scratch desk, the right secrets and wrong ones.

Job: try out on a throw-away store what flags about logins claim.

Invariants
  I1  Every refusal stands beside the same knock with the right secrets, which is let in.
  I2  What could not be tried is told as such.

Not here: the governed case (desk.readiness), identity providers (readiness.law_exercises).
Source: TX-L7 (identity-readiness, identity-access-contract); governance part 5.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

from counterseal.desk.access import Login, Secrets
from counterseal.desk.readiness import completed
from counterseal.desk.scratch import ACCOUNT, OFFICERS, REVIEWER, ScratchHouse, scratch_actor
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.errors import CountersealError, InputError
from counterseal.kernel.model import Refusal
from counterseal.readiness.model import Exercise, Exercised

LOGINS: Final = (Exercise.LOGGED_IN, Exercise.SECOND_FACTOR_ASKED, Exercise.SESSION_ENDED)
"""What a whole rehearsal of a login tells."""

Codes = Callable[[SecretStr, datetime], SecretStr]
"""The one-time code of a base32 secret at an instant, as an authenticator shows it."""

_PASSWORD: Final = SecretStr("a password of the rehearsal")
_OTHER: Final = SecretStr("another password")
_LET_IN: Final = "let in"


def rehearse_login(house: ScratchHouse, codes: Codes) -> tuple[Exercised, ...]:
    """Give a founded house's reviewer an account, log in by it, and end the session."""
    told: list[Exercised] = []
    stopped = "not reached"
    try:
        _LoginRehearsal(house, codes).run(told)
    except CountersealError as error:
        stopped = f"the rehearsal stopped: {error.code} {error.got or ''}".strip()
    return completed(told, LOGINS, stopped)


class _LoginRehearsal:
    def __init__(self, house: ScratchHouse, codes: Codes) -> None:
        self._house = house
        self._codes = codes
        self._officer = scratch_actor(OFFICERS[0], house.now)

    def run(self, told: list[Exercised]) -> None:
        secret = self._account()
        spent, fresh = self._code(secret, 0), self._code(secret, 1)
        guessed = self._knock(_OTHER, fresh)
        replayed = self._knock(_PASSWORD, spent)
        right = self._knock(_PASSWORD, fresh)
        knocks = (
            ("the right secrets", right),
            ("another password", guessed),
            ("a spent code", replayed),
        )
        words = "; ".join(f"{what}: {_answer(knock.refusal)}" for what, knock in knocks)
        opened = right.session is not None
        passed = opened and guessed.session is None
        told.append(Exercised(name=Exercise.LOGGED_IN, passed=passed, evidence=words))
        passed = opened and replayed.session is None
        told.append(Exercised(name=Exercise.SECOND_FACTOR_ASKED, passed=passed, evidence=words))
        if right.session is not None:
            told.append(self._ended(right.session))

    def _account(self) -> SecretStr:
        """An account with a password and one-time codes in use; gives their secret.

        Raises:
            InputError: `REHEARSAL_STOPPED`.
        """
        house, accounts = self._house, self._house.desk.accounts
        account = house.done(accounts.open(REVIEWER, REVIEWER, self._officer, key=house.key()))
        issued = accounts.issue(account, self._officer, key=house.key())
        token = issued.token
        if token is None:
            raise InputError("REHEARSAL_STOPPED", "no enrolment token", got=account)
        house.done(accounts.set_password(account, _PASSWORD, token, key=house.key()))
        offer = accounts.offer_codes(account, token)
        if isinstance(offer, Refusal):
            raise InputError("REHEARSAL_STOPPED", "no one-time codes", got=offer.code)
        first = self._code(offer.secret, 0)
        house.done(accounts.confirm_codes(account, first, key=house.key()))
        return offer.secret

    def _code(self, secret: SecretStr, later: int) -> SecretStr:
        """The code some steps after now; one step early is within the drift of the policy."""
        period = self._house.desk.bench.bundle.access.totp_period_seconds
        return self._codes(secret, self._house.now + timedelta(seconds=period * later))

    def _knock(self, password: SecretStr, code: SecretStr) -> Login:
        secrets = Secrets(password=password, code=code)
        return self._house.desk.access.log_in(REVIEWER, secrets, key=self._house.key())

    def _ended(self, session: LoginSession) -> Exercised:
        """The session counts, an administrator ends it, and it counts no more, at once."""
        house, sessions = self._house, self._house.desk.sessions
        before = self._used(session)
        ended = sessions.revoke(session.session_id, "a rehearsal", self._officer, key=house.key())
        house.done(ended)
        after = self._used(session)
        told = f"resumed and acted in: {', '.join(before)}; once revoked: {', '.join(after)}"
        passed = (before, after) == ((_LET_IN,) * 2, ("SESSION_REVOKED",) * 2)
        return Exercised(name=Exercise.SESSION_ENDED, passed=passed, evidence=told)

    def _used(self, session: LoginSession) -> tuple[str, str]:
        """What looking at a session comes to, and an act in it that its person may ask for."""
        house, desk = self._house, self._house.desk
        seen = desk.sessions.resume(session.session_id, key=house.key())
        acted = desk.setup.switch(
            ACCOUNT, session.actor, active=False, reason="a rehearsal", key=house.key()
        )
        return _answer(seen if isinstance(seen, Refusal) else None), _answer(acted.refusal)


def _answer(refusal: Refusal | None) -> str:
    return _LET_IN if refusal is None else refusal.code
