"""The gate before every command: the login that it is asked under still counts.

Job: look an actor's session up in the registry, and refuse what has ended.

Invariants
  I1  An actor of a registered issuer is refused unless the registry holds the very session, open,
      in time, and its person is active.

Not here: signs of life (desk.access, at each look), what the person may do (the use cases).
Source: governance part 5; invariant 10 (authentication facts come from the verified login).
"""

from datetime import datetime

from counterseal.desk.ports import Reader
from counterseal.identity.people import Person
from counterseal.identity.sessions import (
    LoginSession,
    check_actor,
    check_session,
    is_registered,
    narrowed,
)
from counterseal.kernel.model import Actor, Refusal, refuse


def session_of(reader: Reader, actor: Actor) -> LoginSession | None:
    """The registered session of an actor; None for issuers without registry."""
    return reader.get(LoginSession, actor.session) if is_registered(actor.issuer) else None


def check_gate(reader: Reader, actor: Actor, now: datetime) -> Refusal | None:
    """Whether an actor may ask for anything now.

    Returns:
        None, or `SESSION_REVOKED`, `NOT_FOUND`, `PERSON_DISABLED`, `SESSION_EXPIRED`,
        `REVIEWER_ROLES`.
    """
    session = session_of(reader, actor)
    refusal = check_actor(actor, session)
    if refusal is not None or session is None:
        return refusal
    person = reader.get(Person, session.person_id)
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=session.person_id)
    return check_session(session, now, now, person)


def acting_person(reader: Reader, actor: Actor, person: Person) -> Person | Refusal:
    """The person with the roles that count in the actor's session; `SESSION_REVOKED`."""
    session = session_of(reader, actor)
    return check_actor(actor, session) or narrowed(person, session)
