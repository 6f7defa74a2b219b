"""From a choice on the page to a signed review.

Job: have the desk prepare what is signed, sign it by a key file or hand it to a passkey, commit.

Invariants
  I1  A passphrase is an argument, and nothing else: it reaches no state, no log and no error.
  I2  A wrong passphrase counts and waits as it does on the command line, and is a record.
  I3  What a passkey signs is what the desk prepared; the answer is only put into its envelope.

Not here: what may be decided (desk), the form (ui.web.views.request).
Source: governance parts 3 and 5.
"""

from collections.abc import Mapping

from pydantic import ValidationError

from counterseal.approvals.statement import Opened
from counterseal.desk.commands import Outcome
from counterseal.desk.comments import PreparedReview
from counterseal.desk.desk import Desk
from counterseal.desk.people import active_keys, key_of, newest_key
from counterseal.desk.ports import Reader
from counterseal.identity.credentials import Guessed
from counterseal.identity.dsse import enveloped, pae, payload_type, signed_bytes
from counterseal.identity.keys import PersonKey
from counterseal.identity.passkeys import Assertion, challenge_of, unpadded
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name, Refusal, Sha256, Signature, Text, refuse
from counterseal.policy.words import DecisionWord
from storage.home_keys import keys_folder, settle_person_key
from storage.keyring import Keyring, OpenedKey
from ui.web import house

PREFIX = "passkey."
"""Begins the key id of a passkey that was enrolled here; the credential's own id follows."""
CREDENTIAL = "credential_id"
"""In the answer of a passkey: which one it was."""
_WRONG = "PASSPHRASE_WRONG"


class Choice(DomainModel):
    """What a reviewer chose on a page that showed exactly this.

    Attributes:
        shown_hash: Digest of what the page showed.
        opened: Which sections of it the reviewer saw, and for how long.
        key: Idempotency key of the rendered form.
    """

    request_id: Name
    decision: DecisionWord
    reason: Text
    shown_hash: Sha256
    opened: Opened
    key: Name


class Ceremony(DomainModel):
    """A prepared statement that waits for its passkey."""

    choice: Choice
    prepared: PreparedReview


def keys_for(reader: Reader, person_id: str) -> tuple[PersonKey, ...]:
    """The keys with which a person can sign on these pages: the newest passkey first."""
    mine = active_keys(reader, person_id)
    held = newest_key(mine, SignatureScheme.ED25519)
    here = [key for key in mine if key.web_origin == house.origin()]
    passkeys = sorted(here, key=lambda key: key.effective_at, reverse=True)
    return (*passkeys, *(() if held is None else (held,)))


def prepared_for(
    desk: Desk,
    choice: Choice,
    session: LoginSession,
    scheme: SignatureScheme,
    key_id: str | None = None,
) -> PreparedReview | Refusal:
    """What is to be signed, by a key of a scheme; refusals of `desk.approvals.prepare`."""
    preparation = desk.approvals.prepare(
        choice.request_id,
        choice.decision,
        choice.reason,
        session.actor,
        shown_hash=choice.shown_hash,
        opened=choice.opened,
        key=f"{choice.key}:prepare",
        scheme=scheme,
        key_id=key_id,
    )
    return preparation.prepared or preparation.refusal or refuse("NOT_FOUND", "nothing to sign")


def sign_by_file(
    desk: Desk, choice: Choice, session: LoginSession, passphrase: str
) -> Outcome | Refusal:
    """Sign with the sealed key file, opened for this one signature, and commit."""
    prepared = prepared_for(desk, choice, session, SignatureScheme.ED25519)
    if isinstance(prepared, Refusal):
        return prepared
    opened = open_key(desk, session.person_id, passphrase)
    if isinstance(opened, Refusal):
        return opened
    signature = opened.sign("decision", prepared.statement.json_value())
    return committed(desk, Ceremony(choice=choice, prepared=prepared), session, signature)


def committed(
    desk: Desk, ceremony: Ceremony, session: LoginSession, signature: Signature
) -> Outcome | Refusal:
    """Commit a signed review; its refusals are those of `desk.approvals.review`."""
    choice, signed = ceremony.choice, ceremony.prepared.signed(signature)
    return desk.approvals.review(choice.request_id, signed, session.actor, key=choice.key)


def passkey_signature(
    kind: str, statement: Mapping[str, Json], key_id: str, answer: Mapping[str, object]
) -> Signature | Refusal:
    """The envelope around what an authenticator answered, unjudged; `SIGNATURE_INVALID`."""
    told = {name: value for name, value in answer.items() if name != CREDENTIAL}
    try:
        content = Assertion.model_validate(told).as_bytes()
        return enveloped(kind, statement, key_id, SignatureScheme.WEBAUTHN, content)
    except ValidationError:
        return refuse("SIGNATURE_INVALID", "this is no assertion of a passkey")


def decision_challenge(prepared: PreparedReview) -> str:
    """What the authenticator is asked to sign, base64url."""
    return unpadded(challenge_of(signed_bytes("decision", prepared.statement.json_value())))


def act_challenge(kind: str, statement: bytes) -> str:
    """The same for an act about a key or a role, given in its canonical bytes."""
    return unpadded(challenge_of(pae(payload_type(kind), statement)))


def credential_of(key: PersonKey) -> str | None:
    """The credential id that a passkey's key id carries; None lets the authenticator offer some."""
    return key.key_id.removeprefix(PREFIX) if key.key_id.startswith(PREFIX) else None


def open_key(desk: Desk, person_id: str, passphrase: str) -> OpenedKey | Refusal:
    """Open a person's enrolled key for one signature.

    Returns:
        Or `KEY_LOCKED`, `PASSPHRASE_WRONG`, `KEY_FILE_MISSING`, `KEY_NOT_ENROLLED`, ...
    """
    rules, now = desk.bench.bundle.access, house.CLOCK.now()
    guessed = Guessed(subject=f"key:{person_id}", allowed=rules.account_attempts)
    attempt = desk.bench.credentials.attempt((guessed,), rules, now)
    if attempt.not_before is not None:
        reason = refuse(
            "KEY_LOCKED", "too many wrong passphrases", until=utc_text(attempt.not_before)
        )
        desk.access.key_refused(person_id, reason, attempt, key=house.command_key())
        return reason
    try:
        settle_person_key(house.settings(), person_id)
        opened = Keyring(keys_folder(house.settings())).open(person_id, passphrase)
    except InputError as error:
        reason = refuse(error.code, error.message)
        if error.code == _WRONG:
            desk.access.key_refused(person_id, reason, attempt, key=house.command_key())
        else:
            desk.bench.credentials.succeeded((), (guessed.subject,))
        return reason
    desk.bench.credentials.succeeded((guessed.subject,))
    return _enrolled(desk, opened)


def _enrolled(desk: Desk, opened: OpenedKey) -> OpenedKey | Refusal:
    with desk.bench.store.reader() as reader:
        key = key_of(reader, opened.person_id, SignatureScheme.ED25519)
    if key is None or key.public_key != opened.public_key:
        return refuse("KEY_NOT_ENROLLED", "this key file is not enrolled")
    return opened
