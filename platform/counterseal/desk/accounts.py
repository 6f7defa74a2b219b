"""Use cases: accounts and their secrets.

Job: open and close accounts, and let people set the secrets of their own.

Invariants
  I1  An enrolment officer opens accounts and hands out single-use tokens, for others only.
  I2  A secret is set by who holds an unspent token, or by its person, freshly authenticated.
  I3  A record tells that a secret changed, never anything that follows from it.
  I4  A replaced secret ends the sessions that the old one opened.

Not here: logging in (desk.access), hashing (storage.credentials). What a password opens is a
session: a signature still needs the person's own key, which two officers enrolled.
Source: governance part 5.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.identity.accounts import (
    Account,
    AccountStatus,
    FederatedAccount,
    LocalAccount,
    decide_account,
    decide_federated,
    subject_key,
)
from counterseal.identity.credentials import (
    FOR_CODES,
    FOR_PASSWORD,
    CodesOffer,
    Guessed,
    check_new_password,
)
from counterseal.identity.login import check_usable
from counterseal.identity.people import Person
from counterseal.identity.sessions import (
    LoginSession,
    SessionStatus,
    check_step_up,
    end_session,
)
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import (
    Actor,
    Document,
    DomainModel,
    Event,
    Refusal,
    Subject,
    refuse,
)
from counterseal.policy.authorize import Action, authorize

STREAM: Final = "access"
TOKEN_SIZE: Final = 32
ENROLMENT_ISSUER: Final = "counterseal:enrolment"
"""Issuer of who acts by an enrolment token, or by the first code of an offered secret."""

UNNAMED: Final = "unidentified"
"""Who acts before anybody proved anything."""

_NAME_KEPT: Final = 200
Right = SecretStr | Actor
"""An enrolment token, or the account's person."""


class IssuedToken(DomainModel):
    """An enrolment token, told once; None when it was refused or issued before."""

    outcome: Outcome
    token: SecretStr | None = None


class Accounts:
    """Opens and closes accounts, sets their secrets."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._rules = bench.bundle.access

    def open(self, name: str, person_id: str, actor: Actor, *, key: str) -> Outcome:
        """Open a local account for a person, by an enrolment officer.

        Refusals: `NOT_FOUND`, `ROLE`, and those of `identity.accounts.decide_account`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            people = _officer_and(reader, actor, person_id)
            if isinstance(people, Refusal):
                return people
            account = decide_account(name, people[1], people[0], reader.find(LocalAccount), now)
            if isinstance(account, Refusal):
                return account
            return done("login_account.opened", "accounts.open", account)

        return self._run("accounts.open", {"person": person_id}, actor, key, decide)

    def link(self, issuer: str, subject: str, person_id: str, actor: Actor, *, key: str) -> Outcome:
        """Say whom an identity provider's subject is, by an enrolment officer.

        Refusals: `NOT_FOUND`, `ROLE`, `ISSUER_UNKNOWN`, and those of
        `identity.accounts.decide_federated`.
        """
        account_id = subject_key(issuer, subject)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            people = _officer_and(reader, actor, person_id)
            if isinstance(people, Refusal):
                return people
            if self._rules.issuer(issuer) is None:
                return refuse("ISSUER_UNKNOWN", "the policy names no such issuer", issuer=issuer)
            known = reader.get(FederatedAccount, account_id)
            account = decide_federated(issuer, subject, people[1], people[0], known, now)
            if isinstance(account, Refusal):
                return account
            return done("login_account.linked", "accounts.link", account)

        asked = {"account": account_id, "person": person_id}
        return self._run("accounts.link", asked, actor, key, decide)

    def disable(self, account_id: str, actor: Actor, *, key: str) -> Outcome:
        """Close an account for ever, with its sessions and secrets, by officer or administrator.

        Refusals: `NOT_FOUND`, `ROLE`, `OTHER_TENANT`, `ACCOUNT_DISABLED`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            account = account_of(reader, account_id)
            if isinstance(person, Refusal):
                return person
            if account is None:
                return refuse("NOT_FOUND", "no such account", account=account_id)
            if account.tenant != person.tenant:
                return refuse("OTHER_TENANT", "the account belongs to another tenant")
            roles = person.held_roles()
            barred = authorize(Action.ENROL_KEY, roles) and authorize(Action.DISABLE_PERSON, roles)
            if barred is not None:
                return barred
            if not account.active:
                return refuse("ACCOUNT_DISABLED", "the account is closed", account=account_id)
            closed = account.amended(status=AccountStatus.DISABLED)
            ended = _ended(reader, account_id, now, actor.id, "ACCOUNT_DISABLED")
            return done("login_account.disabled", "accounts.disable", closed, *ended)

        outcome = self._run("accounts.disable", {"account": account_id}, actor, key, decide)
        if outcome.accepted:
            self._bench.credentials.forget(account_id)
        return outcome

    def issue(self, account_id: str, actor: Actor, *, key: str) -> IssuedToken:
        """Hand out a token with which the person sets password and codes, each once.

        An earlier token of the account is void. Refusals: `NOT_FOUND`, `ROLE`, `OTHER_TENANT`,
        `ACCOUNT_NOT_OWN`, `ACCOUNT_DISABLED`, `PERSON_DISABLED`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            del now
            account = reader.get(LocalAccount, account_id)
            if account is None:
                return refuse("NOT_FOUND", "no such account", account=account_id)
            people = _officer_and(reader, actor, account.person_id)
            if isinstance(people, Refusal):
                return people
            officer, owner = people
            if officer.tenant != owner.tenant:
                return refuse("OTHER_TENANT", "officer and person belong to different tenants")
            if officer.person_id == owner.person_id:
                return refuse("ACCOUNT_NOT_OWN", "nobody issues a token for the own account")
            return check_usable(account, owner) or done(
                "login_account.token_issued", "accounts.issue", account
            )

        outcome = self._run("accounts.issue", {"account": account_id}, actor, key, decide)
        if not outcome.accepted or outcome.replayed:
            return IssuedToken(outcome=outcome)
        token = self._bench.ids.secret(f"enrolment:{key}", TOKEN_SIZE).hex()
        until = self._bench.recorder.now() + timedelta(seconds=self._rules.enrolment_seconds)
        self._bench.credentials.keep_token(token, account_id, until)
        return IssuedToken(outcome=outcome, token=SecretStr(token))

    def set_password(
        self, account_id: str, password: SecretStr, right: Right, *, key: str
    ) -> Outcome:
        """Replace the password; sessions of the account end.

        Refusals: `NOT_FOUND`, `TOKEN_SPENT`, `ACCOUNT_NOT_OWN`, `REAUTH_REQUIRED`,
        `ACCOUNT_DISABLED`, `PERSON_DISABLED`, `PASSWORD_WEAK` (a token stays good then).
        """
        weak = check_new_password(password, account_id, self._rules)
        spent = self._spent(account_id, right, FOR_PASSWORD) if weak is None else None

        def changed(account: LocalAccount, now: datetime) -> LocalAccount:
            return account.amended(password_set_at=now)

        outcome = self._changed(
            "accounts.set_password",
            "login_account.password_set",
            account_id,
            right,
            key,
            changed,
            barred=weak or spent,
        )
        if outcome.accepted and not outcome.replayed:
            self._bench.credentials.set_password(account_id, password)
        return outcome

    def offer_codes(self, account_id: str, right: Right) -> CodesOffer | Refusal:
        """A fresh one-time secret, to be confirmed by its first code; nothing counts before.

        Refusals: `TOKEN_SPENT`, or those of an actor who may not: `ACCOUNT_NOT_OWN`,
        `REAUTH_REQUIRED`, `NOT_FOUND`, ...
        """
        now = self._bench.recorder.now()
        refusal = self._spent(account_id, right, FOR_CODES)
        if refusal is None:
            with self._bench.store.reader() as reader:
                refusal = self._not_own(reader, account_id, right, now)
        return refusal or self._bench.credentials.offer_codes(account_id, now, self._rules)

    def confirm_codes(self, account_id: str, code: SecretStr, *, key: str) -> Outcome:
        """Take the offered secret into use by its first code, which only its holder can tell.

        Refusals: `CODE_WRONG`, `ACCOUNT_LOCKED`, `NOT_FOUND`, `ACCOUNT_DISABLED`,
        `PERSON_DISABLED`.
        """
        now = self._bench.recorder.now()
        guessed = account_guessed(account_id, self._rules.account_attempts)
        attempt = self._bench.credentials.attempt((guessed,), self._rules, now)
        barred: Refusal | None = None
        if attempt.not_before is not None:
            until = attempt.not_before
            barred = refuse("ACCOUNT_LOCKED", "too many wrong answers", until=until)
        elif self._bench.credentials.enrol_codes(account_id, code, now, self._rules):
            self._bench.credentials.succeeded((guessed.subject,))
        else:
            barred = refuse("CODE_WRONG", "this code is not of the offered secret")

        def changed(account: LocalAccount, now: datetime) -> LocalAccount:
            return account.amended(totp_enrolled_at=now)

        return self._changed(
            "accounts.enrol_codes",
            "login_account.codes_enrolled",
            account_id,
            None,
            key,
            changed,
            barred=barred,
        )

    def _spent(self, account_id: str, right: Right, purpose: str) -> Refusal | None:
        """Spend a token; None also for an actor, who is judged with the account at hand."""
        if isinstance(right, Actor):
            return None
        told = right.get_secret_value()
        now = self._bench.recorder.now()
        owner = self._bench.credentials.spend_token(told, purpose, now)
        if owner == account_id:
            return None
        return refuse("TOKEN_SPENT", "the enrolment token is used, expired or another account's")

    def _not_own(
        self, reader: Reader, account_id: str, right: Right | None, now: datetime
    ) -> Refusal | None:
        """Why who acts may not change the secrets of an account."""
        account = reader.get(LocalAccount, account_id)
        owner = None if account is None else reader.get(Person, account.person_id)
        if account is None or owner is None:
            return refuse("NOT_FOUND", "no such account", account=account_id)
        if isinstance(right, Actor):
            person = person_of(reader, right)
            if isinstance(person, Refusal):
                return person
            if person.person_id != account.person_id:
                return refuse("ACCOUNT_NOT_OWN", "only its person sets the secrets of an account")
            age_max = timedelta(seconds=self._bench.bundle.approval.auth_age_max_seconds)
            stale = check_step_up(right.amr, right.auth_time, now, age_max=age_max)
            if stale is not None:
                return stale
        return check_usable(account, owner)

    def _changed(
        self,
        name: str,
        kind: str,
        account_id: str,
        right: Right | None,
        key: str,
        changed: Callable[[LocalAccount, datetime], LocalAccount],
        *,
        barred: Refusal | None,
    ) -> Outcome:
        actor = right if isinstance(right, Actor) else self._by_token(account_id, barred)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            refusal = barred or self._not_own(reader, account_id, right, now)
            account = reader.get(LocalAccount, account_id)
            if refusal is not None or account is None:
                return refusal or refuse("NOT_FOUND", "no such account", account=account_id)
            ended = _ended(reader, account_id, now, actor.id, "SECRET_REPLACED")
            return done(kind, name, changed(account, now), *ended)

        return self._run(name, {"account": account_id}, actor, key, decide)

    def _by_token(self, account_id: str, barred: Refusal | None) -> Actor:
        """Who acts by a token or a first code: the account's person, unless it was no good."""
        with self._bench.store.reader() as reader:
            account = reader.get(LocalAccount, account_id)
        known = account is not None and barred is None
        return Actor(
            id=account.person_id if account is not None and known else UNNAMED,
            issuer=ENROLMENT_ISSUER,
            amr=("token",) if known else ("none",),
            auth_time=self._bench.recorder.now(),
            session="none",
        )

    def _run(
        self, name: str, asked: dict[str, str], actor: Actor, key: str, decide: Decide
    ) -> Outcome:
        command = Command(
            name=name, actor=actor, key=key, stream=STREAM, payload_digest=digest({**asked})
        )
        return self._bench.recorder.run(command, decide)


def account_guessed(account_id: str, allowed: int) -> Guessed:
    """Whose wrong answers a name's are; any text is a name that somebody may try."""
    told = account_id.encode("utf-8", "backslashreplace").decode()[:_NAME_KEPT]
    return Guessed(subject=f"account:{told}", allowed=allowed)


def account_of(reader: Reader, account_id: str) -> Account | None:
    """An account of either kind."""
    return reader.get(LocalAccount, account_id) or reader.get(FederatedAccount, account_id)


def done(kind: str, action: str, *documents: Document) -> Done:
    """One event about the first document, in the stream of logins."""
    subject = documents[0]
    event = Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type=subject.KIND, id=subject.key),
        action=action,
        documents=documents,
    )
    return Done(subject_id=subject.key, events=(event,))


def _ended(
    reader: Reader, account_id: str, now: datetime, by: str, reason: str
) -> tuple[LoginSession, ...]:
    """The open sessions of an account, revoked."""
    found = reader.find(LoginSession, account_id=account_id, status=SessionStatus.OPEN.value)
    ends = [end_session(s, now, by=by, reason=reason, status=SessionStatus.REVOKED) for s in found]
    return tuple(end for end in ends if isinstance(end, LoginSession))


def _officer_and(reader: Reader, actor: Actor, person_id: str) -> tuple[Person, Person] | Refusal:
    officer, person = person_of(reader, actor), reader.get(Person, person_id)
    if isinstance(officer, Refusal):
        return officer
    barred = authorize(Action.ENROL_KEY, officer.held_roles(), active=officer.active)
    if barred is not None:
        return barred
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=person_id)
    return officer, person
