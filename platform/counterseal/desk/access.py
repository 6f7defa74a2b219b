"""Use cases: logging in, proving it again, and ending it.

Job: turn a proof into a registered session, keep it alive while it counts, and end it.

Invariants
  I1  A session is opened by a password and a one-time code together, or by a judged token.
  I2  Every knock is a record: let in, turned away with the true reason, or locked out.
  I3  A record names an account that exists; what else was typed, and from where, stands there as
      a keyed pseudonym.
  I4  A token opens one session, ever: after a log-out it opens none.
  I5  A step-up renews what a session proves, by the same account only.

Not here: setting secrets (desk.accounts), what a session counts for (identity.sessions, desk.gate).
Source: governance part 5; TX rows on authentication (AS).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

from counterseal.desk.accounts import STREAM, UNNAMED, account_guessed, done
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.desk.step_up import key_proof
from counterseal.identity.accounts import FederatedAccount, LocalAccount, account_name
from counterseal.identity.credentials import Attempt, Guessed
from counterseal.identity.login import ANSWER, Checked, check_usable, decide_login
from counterseal.identity.oidc import Claims, Judged, judge_claims
from counterseal.identity.people import Person
from counterseal.identity.sessions import MULTIPLE, PASSWORD_ISSUER, LoginSession, open_session
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import (
    Actor,
    DomainModel,
    Event,
    Refusal,
    Signature,
    Subject,
    details,
    refuse,
)

KNOCK_ISSUER: Final = "counterseal:login"
"""Issuer of who knocks: nothing is vouched for yet."""

NOBODY: Final = "none"
Proof = tuple[LoginSession | None, Refusal | None, Attempt]
"""What a knock comes to: a session as it will be, or why not; and how often it was tried."""


class Secrets(DomainModel):
    """What somebody typed.

    Attributes:
        source: Where from, such as an address; it reaches no record.
    """

    password: SecretStr
    code: SecretStr
    source: str = "unknown"


class Login(DomainModel):
    """The answer to a knock: the session, or the refusal; the true reason is in the record."""

    outcome: Outcome
    session: LoginSession | None = None
    refusal: Refusal | None = None


class Access:
    """Opens and renews sessions."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._rules = bench.bundle.access

    def log_in(self, name: str, secrets: Secrets, *, key: str) -> Login:
        """Log in with a local account.

        Refusal: `LOGIN_REFUSED`, whatever the reason; `identity.login.decide_login` has those of
        the record.
        """
        folded = account_name(name)
        with self._bench.store.reader() as reader:
            account = None if folded is None else reader.get(LocalAccount, folded)
        checked = self._checked(folded or name, account, secrets)
        person_id = NOBODY if account is None else account.person_id

        def prove(reader: Reader, now: datetime) -> Proof:
            account = None if folded is None else reader.get(LocalAccount, folded)
            person = None if account is None else reader.get(Person, account.person_id)
            refusal = decide_login(account, person, checked)
            if refusal is not None or account is None or person is None:
                return None, refusal, checked.attempt
            session_id = self._bench.ids.new("ses", key, now)
            proved = _proved(person.person_id, session_id, now)
            opened = open_session(
                session_id, person, account.account_id, self._rules, now, proved=proved
            )
            return opened, None, checked.attempt

        right = checked.password_right and checked.code_right
        actor = self._knocking(person_id if right else UNNAMED, "pwd" if right else NOBODY)
        told = None if account is None else account.account_id
        return self._knock("login", "session.opened", told, actor, key, prove, answer=ANSWER)

    def log_in_by_token(self, claims: Claims, *, nonce: str | None, key: str) -> Login:
        """Log in with an identity provider's verified token.

        Refusals: those of `identity.oidc.judge_claims`, `ACCOUNT_UNKNOWN`, `ACCOUNT_DISABLED`,
        `PERSON_DISABLED`, `SESSION_REVOKED` for a token that opened a session before.
        """
        judged = judge_claims(claims, self._rules, self._bench.recorder.now(), nonce=nonce)

        def prove(reader: Reader, now: datetime) -> Proof:
            if isinstance(judged, Refusal):
                return None, judged, Attempt(attempts=0)
            found = _federated(reader, judged, claims.token_digest)
            if isinstance(found, Refusal):
                return None, found, Attempt(attempts=0)
            opened = open_session(
                self._bench.ids.new("ses", key, now),
                found[1],
                found[0].account_id,
                self._rules,
                now,
                proved=judged.proved,
                token_digest=claims.token_digest,
                claimed_roles=judged.claimed_roles,
            )
            return opened, None, Attempt(attempts=0)

        account_id = judged.account_id if isinstance(judged, Judged) else NOBODY
        with self._bench.store.reader() as reader:
            account = reader.get(FederatedAccount, account_id)
        person_id = UNNAMED if account is None else account.person_id
        told = None if account is None else account_id
        actor = self._knocking(person_id, "token" if account is not None else NOBODY)
        return self._knock("login", "session.opened", told, actor, key, prove)

    def step_up(self, session: LoginSession, secrets: Secrets, *, key: str) -> Login:
        """Prove a local login again, with the password and a fresh code.

        Refusal: `LOGIN_REFUSED`; those of `desk.gate` when the session has ended.
        """
        with self._bench.store.reader() as reader:
            account = reader.get(LocalAccount, session.account_id)
        checked = self._checked(session.account_id, account, secrets)

        def prove(reader: Reader, now: datetime) -> Proof:
            account = reader.get(LocalAccount, session.account_id)
            person = reader.get(Person, session.person_id)
            refusal = decide_login(account, person, checked)
            proved = _proved(session.person_id, session.session_id, now)
            return _renewed(reader, session, refusal, proved), refusal, checked.attempt

        told = session.account_id
        return self._knock(
            "step_up", "session.stepped_up", told, session.actor, key, prove, answer=ANSWER
        )

    def step_up_by_token(
        self, session: LoginSession, claims: Claims, *, nonce: str | None, key: str
    ) -> Login:
        """Prove an identity provider's login again, by a token of a fresh authentication.

        Refusals: those of `identity.oidc.judge_claims`, `SESSION_REVOKED` for a token seen before.
        """
        age = timedelta(seconds=self._bench.bundle.approval.auth_age_max_seconds)

        def prove(reader: Reader, now: datetime) -> Proof:
            judged = judge_claims(
                claims, self._rules, now, nonce=nonce, fresh_within=age, same_as=session
            )
            found: Refusal | None = judged if isinstance(judged, Refusal) else None
            if isinstance(judged, Refusal) or _is_known(reader, claims.token_digest):
                found = found or refuse("SESSION_REVOKED", "this token was used before")
                return None, found, Attempt(attempts=0)
            renewed = _renewed(reader, session, None, judged.proved, claims.token_digest)
            return renewed, None, Attempt(attempts=0)

        told = session.account_id
        return self._knock("step_up", "session.stepped_up", told, session.actor, key, prove)

    def step_up_by_key(self, session: LoginSession, signature: Signature, *, key: str) -> Login:
        """Prove a login again, by the person's own key over `desk.step_up.key_statement`.

        Refusals: those of `desk.step_up.key_proof`.
        """
        age = timedelta(seconds=self._bench.bundle.approval.auth_age_max_seconds)

        def prove(reader: Reader, now: datetime) -> Proof:
            proved = key_proof(reader, session, signature, now, age)
            if isinstance(proved, Refusal):
                return None, proved, Attempt(attempts=0)
            return _renewed(reader, session, None, proved), None, Attempt(attempts=0)

        told = session.account_id
        return self._knock("step_up", "session.stepped_up", told, session.actor, key, prove)

    def key_refused(
        self, person_id: str, reason: Refusal, attempt: Attempt, *, key: str
    ) -> Outcome:
        """Record that a key did not let its person in: a wrong passphrase or signature, a wait."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            del now
            known = reader.get(Person, person_id) is not None
            subject = Subject(type="person", id=person_id) if known else _about(None, key)
            return _turned_away("key", subject, reason, attempt)

        actor = self._knocking(UNNAMED, NOBODY)
        return self._run("access.open_key", {"account": None}, actor, key, decide)

    def _checked(self, name: str, account: LocalAccount | None, secrets: Secrets) -> Checked:
        """Look at what was typed; each look takes as long, whoever is asked about."""
        credentials, rules = self._bench.credentials, self._rules
        now = self._bench.recorder.now()
        by_name = account_guessed(name, rules.account_attempts)
        by_place = Guessed(subject=f"source:{secrets.source[:200]}", allowed=rules.source_attempts)
        attempt = credentials.attempt((by_name, by_place), rules, now)
        heard = account is not None and attempt.not_before is None
        account_id = account.account_id if account is not None and heard else None
        password = credentials.verify_password(account_id, secrets.password)
        if account_id is None or not password:
            return Checked(attempt=attempt)
        code = credentials.accept_code(account_id, secrets.code, now, rules)
        if code:
            credentials.succeeded((by_name.subject,), (by_place.subject,))
        return Checked(attempt=attempt, password_right=True, code_right=code)

    def _knocking(self, person_id: str, method: str) -> Actor:
        return Actor(
            id=person_id,
            issuer=KNOCK_ISSUER,
            amr=(method,),
            auth_time=self._bench.recorder.now(),
            session=NOBODY,
        )

    def _knock(
        self,
        action: str,
        kind: str,
        account_id: str | None,
        actor: Actor,
        key: str,
        prove: Callable[[Reader, datetime], Proof],
        *,
        answer: Refusal | None = None,
    ) -> Login:
        """Record what a knock comes to, and answer it."""
        reasons: list[Refusal] = []

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            session, refusal, attempt = prove(reader, now)
            if refusal is None and session is not None:
                return done(kind, f"access.{action}", session)
            reasons.append(refusal or ANSWER)
            return _turned_away(action, _about(account_id, key), reasons[0], attempt)

        outcome = self._run(f"access.{action}", {"account": account_id}, actor, key, decide)
        if outcome.refusal is not None:
            return Login(outcome=outcome, refusal=outcome.refusal)
        with self._bench.store.reader() as reader:
            session = reader.get(LoginSession, outcome.subject_id)
        if session is None:
            told = answer or (reasons[0] if reasons else ANSWER)
            return Login(outcome=outcome, refusal=told)
        self._bench.credentials.seen(session.session_id, self._bench.recorder.now())
        return Login(outcome=outcome, session=session)

    def _run(
        self, name: str, asked: dict[str, str | None], actor: Actor, key: str, decide: Decide
    ) -> Outcome:
        command = Command(
            name=name, actor=actor, key=key, stream=STREAM, payload_digest=digest({**asked})
        )
        return self._bench.recorder.run(command, decide)


def _about(account_id: str | None, key: str) -> Subject:
    """An account that exists, or nothing but the knock itself."""
    if account_id is None:
        return Subject(type="login", id=key)
    return Subject(type="login_account", id=account_id)


def _proved(person_id: str, session_id: str, now: datetime) -> Actor:
    """What a password and a one-time code prove."""
    return Actor(
        id=person_id,
        issuer=PASSWORD_ISSUER,
        amr=("pwd", "otp"),
        acr=MULTIPLE,
        auth_time=now,
        session=session_id,
    )


def _renewed(
    reader: Reader,
    session: LoginSession,
    refusal: Refusal | None,
    proved: Actor,
    token_digest: str | None = None,
) -> LoginSession | None:
    """The session as registered now, with what was proved again."""
    registered = reader.get(LoginSession, session.session_id)
    if refusal is not None or registered is None:
        return None
    return registered.amended(
        amr=proved.amr,
        acr=proved.acr,
        auth_time=proved.auth_time,
        step_up_digest=token_digest or registered.step_up_digest,
    )


def _federated(
    reader: Reader, judged: Judged, token_digest: str
) -> tuple[FederatedAccount, Person] | Refusal:
    if _is_known(reader, token_digest):
        return refuse("SESSION_REVOKED", "this token opened a session before")
    account = reader.get(FederatedAccount, judged.account_id)
    person = None if account is None else reader.get(Person, account.person_id)
    if account is None or person is None:
        return refuse("ACCOUNT_UNKNOWN", "nobody here is this subject")
    return check_usable(account, person) or (account, person)


def _is_known(reader: Reader, token_digest: str) -> bool:
    return bool(
        reader.count(LoginSession, token_digest=token_digest)
        or reader.count(LoginSession, step_up_digest=token_digest)
    )


def _turned_away(action: str, subject: Subject, refusal: Refusal, attempt: Attempt) -> Done:
    """The record of a refused knock, and of the wait that begins with it."""
    places = dict(zip(("name", "place"), attempt.known_as, strict=False))
    refused = Event(
        type=f"{action}.refused",
        stream=STREAM,
        subject=subject,
        action=f"access.{action}",
        reason_code=refusal.code,
        reason_text=refusal.message,
        facts=(*refusal.details, *details(**places)),
    )
    if attempt.next_at is None:
        return Done(subject_id=NOBODY, events=(refused,))
    locked = Event(
        type="login.locked",
        stream=STREAM,
        subject=subject,
        action=f"access.{action}",
        reason_code="ACCOUNT_LOCKED",
        facts=details(until=attempt.next_at, attempts=attempt.attempts, **places),
    )
    return Done(subject_id=NOBODY, events=(refused, locked))
