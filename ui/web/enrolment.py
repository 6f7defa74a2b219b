"""A passkey on its way to be enrolled.

Job: turn what a browser made into a proposal that its owner signed and two officers may sign.

Invariants
  I1  A passkey proves possession before anything is proposed; nobody's key is enrolled here.
  I2  It belongs to the one origin of these pages.

Not here: the officers' signatures (desk.proposals, the command line), the browser's part
(ui.web.component.passkey).
Source: governance part 3 (enrolment); WebAuthn level 2, part 5.2.1.1.
"""

import base64
from collections.abc import Mapping, Sequence

from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.identity.acts import EnrolKey, kind_of, statement_of
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.schemes import POINT_SIZE, SignatureScheme
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.model import DomainModel, Refusal, Signature, refuse
from ui.web import house
from ui.web.place import rp_id
from ui.web.signing import CREDENTIAL, PREFIX, act_challenge, open_key, passkey_signature

_ES256 = -7
_KEY_ID_MAX = 120


class Enrolment(DomainModel):
    """An act that waits for the proof of its passkey."""

    act: EnrolKey
    key: str

    @property
    def challenge(self) -> str:
        """What the new passkey is asked to sign, base64url."""
        return act_challenge(kind_of(self.act), canonical_bytes(statement_of(self.act)))

    @property
    def credential(self) -> str:
        """The new passkey's id at its authenticator."""
        return self.act.key.key_id.removeprefix(PREFIX)


def begun(desk: Desk, session: LoginSession, answer: dict[str, object]) -> Enrolment | Refusal:
    """The act that would enrol what the browser made.

    Returns:
        Or `SIGNATURE_INVALID` when it made no ES256 key, `NOT_FOUND`.
    """
    key, now = house.command_key(), house.CLOCK.now()
    with desk.bench.store.reader() as reader:
        person = reader.get(Person, session.person_id)
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=session.person_id)
    key_id, told = f"{PREFIX}{answer.get('credential_id')}", str(answer.get("public_key"))
    try:
        point = base64.urlsafe_b64decode(told + "=" * (-len(told) % 4))[-POINT_SIZE:]
        made = PersonKey(
            key_id=key_id,
            person_id=person.person_id,
            public_key=base64.b64encode(point).decode(),
            key_class=3,
            scheme=SignatureScheme.WEBAUTHN,
            rp_id=rp_id(house.origin()),
            web_origin=house.origin(),
            enrolled_by=(),
            effective_at=now,
        )
    except ValueError:
        made = None
    if made is None or answer.get("algorithm") != _ES256 or len(key_id) > _KEY_ID_MAX:
        return refuse("SIGNATURE_INVALID", "this authenticator makes no key that counts here")
    terms = desk.people.terms(person.tenant, now, key=key)
    return Enrolment(act=EnrolKey(terms=terms, key=made), key=key)


def proposed(
    desk: Desk,
    enrolment: Enrolment,
    session: LoginSession,
    answer: Mapping[str, object],
    agreement: Sequence[Signature],
) -> Outcome | Refusal:
    """Propose the enrolment, signed by the new passkey.

    Args:
        desk: Where it is proposed.
        enrolment: The act.
        session: The owner's.
        answer: Of the new passkey.
        agreement: By a present key of the owner; nothing from an owner without one.

    Returns:
        Or refusals of `desk.proposals.propose`, `SIGNATURE_INVALID`.
    """
    proof = _signed(enrolment, enrolment.act.key.key_id, answer)
    if isinstance(proof, Refusal):
        return proof
    return desk.proposals.propose([*agreement, proof], session.actor, key=enrolment.key)


def agreed_by_file(
    desk: Desk, enrolment: Enrolment, session: LoginSession, passphrase: str
) -> Signature | Refusal:
    """The agreement of the owner's key file; refusals of `ui.web.signing.open_key`."""
    opened = open_key(desk, session.person_id, passphrase)
    if isinstance(opened, Refusal):
        return opened
    return opened.sign(kind_of(enrolment.act), statement_of(enrolment.act))


def agreed_by_passkey(enrolment: Enrolment, answer: Mapping[str, object]) -> Signature | Refusal:
    """The agreement of a passkey that the owner has; the desk verifies it. `SIGNATURE_INVALID`."""
    return _signed(enrolment, f"{PREFIX}{answer.get(CREDENTIAL)}", answer)


def _signed(enrolment: Enrolment, key_id: str, answer: Mapping[str, object]) -> Signature | Refusal:
    return passkey_signature(kind_of(enrolment.act), statement_of(enrolment.act), key_id, answer)
