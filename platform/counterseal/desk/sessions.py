"""Use cases: the life of sessions.

Job: keep a session alive at each look, and end it by its person, an administrator or time.

Invariants
  I1  A session that is found expired, idle or without an active person is ended in the registry.
  I2  One's own sessions end at once; another's only by an administrator of the same tenant.

Not here: opening and renewing (desk.access).
Source: governance part 5 (server-side registry, checked at every rerun).
"""

from datetime import datetime
from typing import Final

from counterseal.desk.accounts import STREAM, done
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.identity.people import Person
from counterseal.identity.sessions import (
    LoginSession,
    SessionStatus,
    check_session,
    end_session,
)
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Refusal, refuse
from counterseal.policy.authorize import Action, authorize

DOORKEEPER: Final = "doorkeeper"
"""The platform's own identity that ends what time has ended."""


class Sessions:
    """Keeps and ends sessions."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def resume(
        self, session_id: str, *, key: str, sign_of_life: bool = True
    ) -> LoginSession | Refusal:
        """The session, when it counts now. To be asked at every rerun.

        Args:
            session_id: As registered.
            key: Idempotency key of the record that is made when the session is found ended.
            sign_of_life: Whether its person did something; a page that redraws itself is none.

        Returns:
            Or a refusal of `identity.sessions.check_session`.
        """
        now = self._bench.recorder.now()
        with self._bench.store.reader() as reader:
            session = reader.get(LoginSession, session_id)
            person = None if session is None else reader.get(Person, session.person_id)
        if session is None or person is None:
            return refuse("SESSION_REVOKED", "no such login is registered", session=session_id)
        last = self._bench.credentials.last_seen(session_id) or session.opened_at
        refusal = check_session(session, now, last, person)
        if refusal is None:
            if sign_of_life:
                self._bench.credentials.seen(session_id, now)
            return session
        if session.status == SessionStatus.OPEN:
            self._found_ended(session, refusal, key)
        return refusal

    def resume_token(self, token_digest: str, *, key: str) -> LoginSession | Refusal:
        """The session that a token opened or renewed last, as `resume`."""
        with self._bench.store.reader() as reader:
            found = reader.find(LoginSession, token_digest=token_digest)
            found = found or reader.find(LoginSession, step_up_digest=token_digest)
        if not found:
            return refuse("SESSION_REVOKED", "no login is registered under this token")
        return self.resume(found[0].session_id, key=key)

    def log_out(self, actor: Actor, *, key: str) -> Outcome:
        """End the actor's own session; refusal `SESSION_REVOKED`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            session = reader.get(LoginSession, actor.session)
            if session is None:
                return refuse("SESSION_REVOKED", "no such login is registered")
            ended = end_session(
                session, now, by=actor.id, reason="LOGGED_OUT", status=SessionStatus.CLOSED
            )
            if isinstance(ended, Refusal):
                return ended
            return done("session.closed", "sessions.log_out", ended)

        return self._run("sessions.log_out", actor.session, actor, key, decide)

    def revoke(self, session_id: str, reason: str, actor: Actor, *, key: str) -> Outcome:
        """End one session; refusals `NOT_FOUND`, `ROLE`, `OTHER_TENANT`, `SESSION_REVOKED`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            session = reader.get(LoginSession, session_id)
            if session is None:
                return refuse("NOT_FOUND", "no such session", session=session_id)
            barred = _barred(reader, actor, session.person_id)
            if barred is not None:
                return barred
            ended = end_session(
                session, now, by=actor.id, reason=reason, status=SessionStatus.REVOKED
            )
            if isinstance(ended, Refusal):
                return ended
            return done("session.revoked", "sessions.revoke", ended)

        return self._run("sessions.revoke", session_id, actor, key, decide)

    def revoke_all(self, person_id: str, reason: str, actor: Actor, *, key: str) -> Outcome:
        """End every session of a person; refusals `NOT_FOUND`, `ROLE`, `SESSION_REVOKED`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = _barred(reader, actor, person_id)
            if barred is not None:
                return barred
            found = reader.find(LoginSession, person_id=person_id, status=SessionStatus.OPEN.value)
            ends = [
                end_session(s, now, by=actor.id, reason=reason, status=SessionStatus.REVOKED)
                for s in found
            ]
            ended = [end for end in ends if isinstance(end, LoginSession)]
            if not ended:
                return refuse("SESSION_REVOKED", "no login of this person is open")
            return done("session.revoked", "sessions.revoke_all", *ended)

        return self._run("sessions.revoke_all", person_id, actor, key, decide)

    def _found_ended(self, session: LoginSession, refusal: Refusal, key: str) -> None:
        service = Actor(
            id=DOORKEEPER,
            issuer=SERVICE_ISSUER,
            amr=("service",),
            auth_time=self._bench.recorder.now(),
            session=DOORKEEPER,
        )

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            registered = reader.get(LoginSession, session.session_id) or session
            ended = end_session(
                registered, now, by=DOORKEEPER, reason=refusal.code, status=SessionStatus.CLOSED
            )
            if isinstance(ended, Refusal):
                return ended
            return done("session.closed", "sessions.resume", ended)

        self._run("sessions.resume", session.session_id, service, key, decide)

    def _run(self, name: str, asked: str, actor: Actor, key: str, decide: Decide) -> Outcome:
        command = Command(
            name=name, actor=actor, key=key, stream=STREAM, payload_digest=digest({"asked": asked})
        )
        return self._bench.recorder.run(command, decide)


def _barred(reader: Reader, actor: Actor, person_id: str) -> Refusal | None:
    """Why an actor may not end a person's sessions."""
    acting, person = person_of(reader, actor), reader.get(Person, person_id)
    if isinstance(acting, Refusal):
        return acting
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=person_id)
    if person.person_id == acting.person_id:
        return None
    if person.tenant != acting.tenant:
        return refuse("OTHER_TENANT", "the person belongs to another tenant")
    return authorize(Action.DISABLE_PERSON, acting.held_roles(), active=acting.active)
