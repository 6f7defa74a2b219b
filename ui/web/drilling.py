"""A signing drill on its way to the desk.

Job: have a drill of this log made, and hand in what a key file or a passkey signed of it.

Invariants
  I1  What a passkey signs is this drill; its answer is only put into its envelope.

Not here: what a drill is (identity.drills), when it is due (desk.views.drills), the form
(ui.web.views.drill).
Source: governance part 1 (liveness).
"""

from collections.abc import Mapping

from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.identity.acts import ATTEST, ActTerms
from counterseal.identity.drills import drill_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.model import DomainModel, Name, Refusal, Signature
from ui.web import house
from ui.web.signing import act_challenge, open_key, passkey_signature


class Drill(DomainModel):
    """A drill that waits for its signature.

    Attributes:
        command_key: Idempotency key of handing it in.
    """

    terms: ActTerms
    key: PersonKey
    command_key: Name

    @property
    def statement(self) -> dict[str, Json]:
        """What is signed."""
        return drill_statement(self.terms, self.key.person_id, self.key.key_id)

    @property
    def challenge(self) -> str:
        """The same as a passkey is asked for it, base64url."""
        return act_challenge(ATTEST, canonical_bytes(self.statement))


def begun(desk: Desk, person: Person, key: PersonKey) -> Drill:
    """A fresh drill for a key of the person."""
    command_key = house.command_key()
    terms = desk.people.terms(person.tenant, house.CLOCK.now(), key=command_key)
    return Drill(terms=terms, key=key, command_key=command_key)


def done_by_passkey(
    desk: Desk, drill: Drill, session: LoginSession, answer: Mapping[str, object]
) -> Outcome | Refusal:
    """Hand in what an authenticator answered; `SIGNATURE_INVALID`, refusals of `Drills.drill`."""
    signed = passkey_signature(ATTEST, drill.statement, drill.key.key_id, answer)
    return _done(desk, drill, session, signed)


def done_by_file(
    desk: Desk, drill: Drill, session: LoginSession, passphrase: str
) -> Outcome | Refusal:
    """Sign with the key file and hand it in; refusals of `open_key` and `Drills.drill`."""
    opened = open_key(desk, session.person_id, passphrase)
    signed = opened if isinstance(opened, Refusal) else opened.sign(ATTEST, drill.statement)
    return _done(desk, drill, session, signed)


def _done(
    desk: Desk, drill: Drill, session: LoginSession, signed: Signature | Refusal
) -> Outcome | Refusal:
    if isinstance(signed, Refusal):
        return signed
    return desk.drills.drill(drill.terms, signed, session.actor, key=drill.command_key)
