"""One signature of who is here, on its way to the desk.

Job: hold the exact statement that waits for it, and put a key file's or a passkey's signature under
that statement and no other.

Invariants
  I1  What is signed is the statement that was shown; a passkey's answer is only put into its
      envelope.
  I2  A passphrase is an argument, and nothing else.

Not here: what may be signed (desk), handing it in (whoever asked for it), the form
(ui.web.views.one_signature).
Source: governance part 3; ui invariant W5.
"""

from collections.abc import Mapping

from counterseal.desk.desk import Desk
from counterseal.identity.keys import PersonKey
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.canonical import Json, canonical_bytes, parse_json
from counterseal.kernel.model import DomainModel, Name, Refusal, Signature
from ui.web import house
from ui.web.signing import act_challenge, open_key, passkey_signature


class Unsigned(DomainModel):
    """What waits for one signature.

    Attributes:
        about: The id of what it is about.
        kind: Of the statement.
        text: The statement, as canonical JSON.
        key: That is to sign.
        command_key: Idempotency key of handing it in.
    """

    about: Name
    kind: Name
    text: str
    key: PersonKey
    command_key: Name

    @property
    def statement(self) -> dict[str, Json]:
        """What is signed."""
        told = parse_json(self.text)
        return told if isinstance(told, dict) else {}

    @property
    def challenge(self) -> str:
        """The same as a passkey is asked for it, base64url."""
        return act_challenge(self.kind, self.text.encode())


def unsigned(about: str, kind: str, statement: Mapping[str, Json], key: PersonKey) -> Unsigned:
    """A statement that a key is to sign now."""
    return Unsigned(
        about=about,
        kind=kind,
        text=canonical_bytes({**statement}).decode(),
        key=key,
        command_key=house.command_key(),
    )


def signed_by_passkey(waiting: Unsigned, answer: Mapping[str, object]) -> Signature | Refusal:
    """What an authenticator answered, in its envelope; `SIGNATURE_INVALID`."""
    return passkey_signature(waiting.kind, waiting.statement, waiting.key.key_id, answer)


def signed_by_file(
    desk: Desk, waiting: Unsigned, session: LoginSession, passphrase: str
) -> Signature | Refusal:
    """The signature of the key file; refusals of `ui.web.signing.open_key`."""
    opened = open_key(desk, session.person_id, passphrase)
    return opened if isinstance(opened, Refusal) else opened.sign(waiting.kind, waiting.statement)
