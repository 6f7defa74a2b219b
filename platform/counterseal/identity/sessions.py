"""The registry of login sessions.

Job: hold each login with what was proved, and decide whether it still counts.

Invariants
  I1  A session counts in `[opened_at, expires_at)`, while it is open and its person active.
  I2  What a session proves never changes but by a step-up of the same person and issuer.
  I3  An actor of a registered issuer counts only with the facts that the registry holds.
  I4  Roles that an identity provider tells narrow those that two people granted, never widen them.

Not here: who may log in (identity.login), when a session was last seen (identity.credentials).
Source: governance part 5 (`st.login` traps: the registry decides life, not the cookie).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from counterseal.identity.accounts import check_reviewer_roles
from counterseal.identity.people import Person, Role
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Actor, Document, Name, Refusal, Sha256, refuse
from counterseal.policy.access import AccessRules

PASSWORD_ISSUER: Final = "counterseal:password"  # noqa: S105 - the name of an issuer
"""Issuer of sessions that a password and a one-time code opened."""

OWN_PREFIX: Final = "counterseal:"
MULTIPLE: Final = "mfa"
"""Level of a login that proved two factors."""


class SessionStatus(StrEnum):
    """Whether a session counts; closed by its person or by time, revoked by somebody."""

    OPEN = "open"
    CLOSED = "closed"
    REVOKED = "revoked"


class LoginSession(Document):
    """One login.

    Attributes:
        amr, acr, auth_time: What was proved, and when; a step-up renews them.
        token_digest: SHA-256 of the ID token that opened it; None for a local login.
        step_up_digest: The same of the latest step-up's token.
        claimed_roles: Roles that the issuer's role map left; None when the issuer tells none.
        idle_seconds: Time without a sign of life that ends it.
        ended_reason: A reason code, or a person's words; empty while open.
    """

    KIND: ClassVar[str] = "login_sessions"
    KEY: ClassVar[str] = "session_id"

    session_id: Name
    person_id: Name
    account_id: Name
    issuer: Name
    amr: tuple[Name, ...]
    acr: Name
    auth_time: UtcDatetime
    opened_at: UtcDatetime
    expires_at: UtcDatetime
    idle_seconds: int
    token_digest: Sha256 | None = None
    step_up_digest: Sha256 | None = None
    claimed_roles: tuple[Role, ...] | None = None
    status: SessionStatus = SessionStatus.OPEN
    ended_at: UtcDatetime | None = None
    ended_by: Name | None = None
    ended_reason: str = ""

    @property
    def actor(self) -> Actor:
        """Who acts in this session, with what was proved."""
        return Actor(
            id=self.person_id,
            issuer=self.issuer,
            amr=self.amr,
            acr=self.acr,
            auth_time=self.auth_time,
            session=self.session_id,
        )


def is_registered(issuer: str) -> bool:
    """Whether sessions of an issuer stand in the registry: passwords and identity providers.

    A command that a person's key opened is a session of its own and ends with the command; so do
    the platform's own identities.
    """
    return issuer == PASSWORD_ISSUER or not issuer.startswith(OWN_PREFIX)


def narrowed(person: Person, session: LoginSession | None) -> Person:
    """The person with the roles that count in a session."""
    if session is None or session.claimed_roles is None:
        return person
    return person.amended(roles=tuple(r for r in person.roles if r in session.claimed_roles))


def check_actor(actor: Actor, session: LoginSession | None) -> Refusal | None:
    """Whether an actor's session is in the registry as the actor tells it.

    Returns:
        None, also for issuers without registry; or `SESSION_REVOKED`.
    """
    if not is_registered(actor.issuer):
        return None
    if session is None or session.actor != actor:
        return refuse("SESSION_REVOKED", "no such login is registered", session=actor.session)
    return None


def check_session(
    session: LoginSession, now: datetime, last_seen: datetime, person: Person
) -> Refusal | None:
    """Whether a session still counts.

    Args:
        session: As registered.
        now: The instant asked about.
        last_seen: The latest sign of life; the opening counts as one.
        person: Whose session it is.

    Returns:
        None, or `SESSION_REVOKED`, `PERSON_DISABLED`, `SESSION_EXPIRED`, `SESSION_IDLE`,
        `REVIEWER_ROLES` (local accounts).
    """
    told = {"session": session.session_id}
    if session.status != SessionStatus.OPEN or person.person_id != session.person_id:
        return refuse("SESSION_REVOKED", "the login has ended", **told)
    if not person.active:
        return refuse("PERSON_DISABLED", "this person may not act", person=person.person_id)
    if not session.opened_at <= now < session.expires_at:
        return refuse("SESSION_EXPIRED", "log in again", until=session.expires_at, **told)
    seen = max(last_seen, session.opened_at)
    if now >= seen + timedelta(seconds=session.idle_seconds):
        return refuse("SESSION_IDLE", "log in again", seen=seen, **told)
    return check_reviewer_roles(person) if session.issuer == PASSWORD_ISSUER else None


def check_step_up(
    amr: tuple[str, ...], auth_time: datetime, now: datetime, *, age_max: timedelta
) -> Refusal | None:
    """Whether an authentication is fresh enough to sign by it; `REAUTH_REQUIRED`.

    The age is at most `age_max`, both ends included; a future one is none at all.
    """
    if amr and timedelta(0) <= now - auth_time <= age_max:
        return None
    return refuse("REAUTH_REQUIRED", "authenticate again", auth_time=auth_time, amr=",".join(amr))


def open_session(
    session_id: str,
    person: Person,
    account_id: str,
    rules: AccessRules,
    now: datetime,
    *,
    proved: Actor,
    token_digest: str | None = None,
    claimed_roles: tuple[Role, ...] | None = None,
) -> LoginSession:
    """Register a login from now on; `proved` tells issuer, methods, level and time."""
    return LoginSession(
        session_id=session_id,
        person_id=person.person_id,
        account_id=account_id,
        issuer=proved.issuer,
        amr=proved.amr,
        acr=proved.acr,
        auth_time=proved.auth_time,
        opened_at=now,
        expires_at=now + timedelta(seconds=rules.session_seconds),
        idle_seconds=rules.idle_seconds,
        token_digest=token_digest,
        claimed_roles=claimed_roles,
    )


def end_session(
    session: LoginSession, now: datetime, *, by: str, reason: str, status: SessionStatus
) -> LoginSession | Refusal:
    """End a session; `SESSION_REVOKED` when it has ended already."""
    if session.status != SessionStatus.OPEN:
        return refuse("SESSION_REVOKED", "the login has ended", session=session.session_id)
    return session.amended(status=status, ended_at=now, ended_by=by, ended_reason=reason)
