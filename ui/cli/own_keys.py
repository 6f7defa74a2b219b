"""Keys that never enter the desk: sign on your own machine with `ssh-keygen -Y sign`.

`approvals statement` and `approvals decide` for a decision; `people statement` and `people approve
--signature` for a key or a role. The desk writes the exact bytes to sign and takes the signature;
the signature is the login.
"""

import hashlib
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import CountersealError, InputError, IntegrityError
from counterseal.policy.words import DecisionWord
from storage.home_reader import read_home
from ui.cli.acknowledged import settled
from ui.cli.options import AsJson, Home, Key
from ui.cli.render import answer, notice, reject
from ui.cli.session import (
    CLOCK,
    IDS,
    command_key,
    content_of,
    desk_at,
    settings_for,
    text_of,
)

if TYPE_CHECKING:
    from counterseal.identity.keys import PersonKey
    from counterseal.identity.proposals import PeopleProposal
    from counterseal.kernel.canonical import Json
    from counterseal.kernel.model import Signature
    from storage.settings import Settings

_FOREIGN = frozenset({"SIGNATURE_INVALID", "KEY_NOT_ENROLLED"})

Claimed = Annotated[str, typer.Option("--as", help="Who signs; proved by the signature alone.")]
Out = Annotated[Path, typer.Option("--out", help="New file for the exact bytes to sign.")]


def statement(
    request: str,
    acting_as: Claimed,
    decision: Annotated[DecisionWord, typer.Option()],
    reason: Annotated[str, typer.Option()],
    out: Out,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Prepare a decision to be signed on your own machine: see the case, take the bytes along."""
    from counterseal.desk.elsewhere import claimed_actor, ssh_key_of  # noqa: PLC0415 - only here
    from ui.cli import cases  # noqa: PLC0415 - the same

    settings = settings_for(home)
    _check_new(out)
    with read_home(settings) as reader:
        scheme = ssh_key_of(reader, acting_as).scheme
    detail = cases.show_case(settings, request, as_json=as_json)
    desk, base, now = desk_at(settings), command_key(key), CLOCK.now()
    preparation = desk.approvals.prepare(
        request,
        decision,
        reason,
        claimed_actor(acting_as, IDS.new("ses", acting_as, now), now),
        shown_hash=detail.shown_hash,
        opened=cases.SHOWN_EXACTLY,
        key=base,
        scheme=scheme,
    )
    prepared = preparation.prepared
    if prepared is None:
        cases.not_prepared(request, preparation.refusal, as_json=as_json)
    cases.show_bytes(prepared)
    mark, meaning = cases.shown_mark(detail.shown_hash), prepared.statement.meaning.value
    notice(f"to sign: {meaning} as {acting_as}, shown {mark}")
    law = desk.bench.bundle.approval
    seconds = min(law.nonce_ttl_seconds, law.auth_age_max_seconds)
    until = utc_text(prepared.statement.auth.auth_time + timedelta(seconds=seconds))
    facts: dict[str, Json] = {"sign_before": until, "nonce": prepared.statement.nonce}
    to_sign(out, prepared.message, facts, as_json=as_json)


def decide(
    request: str,
    acting_as: Claimed,
    signature: Annotated[str, typer.Option(help="File that ssh-keygen -Y sign wrote.")],
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Commit a decision that you signed on your own machine; the signature is the login.

    A signature that your key did not make is refused, and recorded.
    """
    from counterseal.desk.elsewhere import recognise  # noqa: PLC0415 - only here
    from counterseal.identity.sshsig import unarmored  # noqa: PLC0415 - the same

    settings = settings_for(home)
    blob = unarmored(text_of(content_of(signature, "--signature"), signature, "--signature"))
    session, base = IDS.new("ses", acting_as, CLOCK.now()), command_key(key)
    with recording_refusals(settings, acting_as), read_home(settings) as reader:
        found = recognise(reader, request, acting_as, blob, session)
    outcome = desk_at(settings).approvals.review(request, found.signed, found.actor, key=base)
    settled(settings, outcome, as_json=as_json, what=found.signed.decision.value)


@contextmanager
def recording_refusals(settings: "Settings", person: str) -> Iterator[None]:
    """What proves to be no signature of the person is a record before the answer is given.

    Raises:
        CountersealError: what was raised inside.
    """
    try:
        yield
    except CountersealError as error:
        from counterseal.identity.credentials import Attempt  # noqa: PLC0415 - only who is refused
        from ui.cli.key_limits import record_refused  # noqa: PLC0415 - the same

        if error.code in _FOREIGN:
            record_refused(settings, person, error, Attempt(attempts=1))
        raise


def proposal_statement(proposal: str, out: Out, home: Home = None, as_json: AsJson = False) -> None:
    """Write what a proposal's owner or officer signs on their own machine."""
    from counterseal.identity.dsse import pae, payload_type  # noqa: PLC0415 - only here
    from counterseal.identity.proposals import PeopleProposal  # noqa: PLC0415 - the same

    with read_home(settings_for(home)) as reader:
        found = reader.get(PeopleProposal, proposal)
    if found is None:
        reject("NOT_FOUND", "no such proposal", field="PROPOSAL", got=proposal)
    notice(found.statement)
    message = pae(payload_type(found.kind), found.statement.encode())
    to_sign(out, message, {"proposal": proposal}, as_json=as_json)


def signed_elsewhere(
    found: "PeopleProposal", keys: "Sequence[PersonKey]", source: str
) -> "Signature":
    """A detached SSH signature over a proposal, from its file, by one of these keys.

    Raises:
        InputError: `KEY_NOT_ENROLLED` when none of them is an SSH key; those of `content_of`.
        IntegrityError: `SIGNATURE_INVALID` for any other text, and when none of the keys signed.
    """
    from counterseal.identity.acts import statement_of  # noqa: PLC0415 - only here
    from counterseal.identity.dsse import enveloped  # noqa: PLC0415 - the same
    from counterseal.identity.proposals import proposed_act  # noqa: PLC0415 - the same
    from counterseal.identity.schemes import SignatureScheme  # noqa: PLC0415 - the same
    from counterseal.identity.signatures import verify_signed  # noqa: PLC0415 - the same
    from counterseal.identity.sshsig import unarmored  # noqa: PLC0415 - the same

    blob = unarmored(text_of(content_of(source, "--signature"), source, "--signature"))
    stated, problem = statement_of(proposed_act(found)), None
    for key in keys:
        if key.scheme is not SignatureScheme.SSHSIG:
            continue
        signature = enveloped(found.kind, stated, key.key_id, key.scheme, blob)
        try:
            verify_signed(signature, key, found.kind)
        except IntegrityError as error:
            problem = error
        else:
            return signature
    raise problem or InputError("KEY_NOT_ENROLLED", "no SSH key of this person is concerned")


def ssh_person_key(person: str, source: str) -> "PersonKey":
    """The record of an SSH key; its id follows from the key, so that it is the same each time.

    Raises:
        InputError: `SSH_KEY_INVALID`, `PERSON_ID_UNSAFE`; those of `content_of` and `text_of`.
    """
    from counterseal.audit.note import encode_base64  # noqa: PLC0415 - only with SSH keys
    from counterseal.identity.keys import PersonKey  # noqa: PLC0415 - the same
    from counterseal.identity.schemes import SignatureScheme  # noqa: PLC0415 - the same
    from counterseal.identity.sshsig import allowed_signer, read_public_key  # noqa: PLC0415 - same

    raw = read_public_key(text_of(content_of(source, "--ssh-public-key"), source))
    made = PersonKey(
        key_id=f"key_ssh_{hashlib.sha256(raw).hexdigest()[:32]}",
        person_id=person,
        public_key=encode_base64(raw),
        key_class=2,
        scheme=SignatureScheme.SSHSIG,
        enrolled_by=(),
        effective_at=CLOCK.now(),
    )
    allowed_signer(made)
    return made


def _check_new(path: Path) -> None:
    """Refuse a file that is there, before anything is done for it.

    Raises:
        InputError: `FILE_EXISTS`.
    """
    if path.exists():
        raise InputError("FILE_EXISTS", "no file is overwritten", field="--out", got=path)


def to_sign(out: Path, message: bytes, facts: "dict[str, Json]", *, as_json: bool) -> None:
    """Write the exact bytes to sign into a new file, and say which program signs them.

    Raises:
        InputError: `FILE_EXISTS`.
    """
    from counterseal.identity.sshsig import NAMESPACE  # noqa: PLC0415 - only with SSH keys

    _check_new(out)
    with out.open("xb") as file:
        file.write(message)
    command = shlex.join(["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", "KEY", str(out)])
    lines = [*(f"{name}: {value}" for name, value in facts.items()), command]
    answer({"ok": True, "file": str(out), "command": command, **facts}, lines, as_json=as_json)
