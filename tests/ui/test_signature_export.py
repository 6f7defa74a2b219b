"""A case decided by passkey, SSH key and key file, and what others verify of it."""

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalDecision
from counterseal.desk.case_facts import candidates
from counterseal.identity.acts import EnrolKey, kind_of, statement_of
from counterseal.identity.dsse import enveloped, signed_bytes
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import KEY_CLASS, SignatureScheme
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Signature
from counterseal.policy.words import DecisionWord
from evidence.signatures import signature_files
from tests.core.identity.programs import shell_status
from tests.core.identity.signers import (
    ORIGIN,
    PRIVATE,
    RP_ID,
    SSHSIG,
    WEBAUTHN,
    Authenticator,
    public_point,
    sign_bytes,
)
from tests.world import NONE, World

REASON = "checked the evidence and agree with it"
PUBLIC = {
    SSHSIG: PRIVATE.public_key().public_bytes_raw(),
    WEBAUTHN: public_point(),
}
Sign = Callable[[bytes], bytes]


def signed(key: PersonKey, kind: str, said: dict[str, Json], sign: Sign) -> Signature:
    return enveloped(kind, said, key.key_id, key.scheme, sign(signed_bytes(kind, said)))


def enrol(world: World, name: str, scheme: SignatureScheme) -> PersonKey:
    """A second key of a person, agreed by both officers and the first one."""
    told: dict[str, object] = {
        "public_key": base64.b64encode(PUBLIC[scheme]).decode(),
        "key_class": KEY_CLASS[scheme],
        "scheme": scheme,
    }
    if scheme is WEBAUTHN:
        told |= {"rp_id": RP_ID, "web_origin": ORIGIN}
    key = world.new_key(name, 2, **told)
    act = EnrolKey(terms=world.terms(), key=key)
    kind, said = kind_of(act), statement_of(act)
    proof = signed(key, kind, said, lambda message: sign_bytes(scheme, message))
    others = world.signed_by(kind, said, "officer-1", "officer-2", name)
    actor = world.actor("officer-1")
    world.done(world.desk.proposals.propose([*others, proof], actor, key=world.key()))
    return key


def review(world: World, request_id: str, key: PersonKey, word: DecisionWord, sign: Sign) -> str:
    """Decide with a key of a scheme; the codes of the refusal, empty when it was accepted."""
    approvals, actor = world.desk.approvals, world.actor(key.person_id)
    preparation = approvals.prepare(
        request_id, word, REASON, actor, shown_hash=NONE, key=world.key(), scheme=key.scheme
    )
    prepared = preparation.prepared
    assert prepared is not None, preparation.refusal
    review = prepared.signed(signed(key, "decision", prepared.statement.json_value(), sign))
    outcome = approvals.review(request_id, review, actor, key=world.key())
    return "" if outcome.refusal is None else ",".join(outcome.refusal.codes)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_every_scheme_decides_and_is_verified_by_others(world: World, tmp_path: Path) -> None:
    """Issue 4, N1: an export with a passkey's, an SSH key's and a key file's decision."""
    request_id = world.requested(quantity=5)
    passkey, ssh = enrol(world, "researcher", WEBAUTHN), enrol(world, "risk", SSHSIG)
    done = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
    assert review(world, request_id, passkey, done[0], Authenticator()) == ""
    assert review(world, request_id, ssh, done[1], lambda m: sign_bytes(SSHSIG, m)) == ""
    world.done(world.reviewed(request_id, "compliance", done[1]))
    with world.store.reader() as reader:
        decisions = reader.find(ApprovalDecision)
        keys = {key.key_id: key for key in reader.find(PersonKey)}
    ordered = tuple(sorted(decisions, key=lambda d: d.sequence))
    assert [d.key_class for d in ordered] == [3, 2, 1]
    files, commands = signature_files(request_id, ordered, keys)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    runs = [c.replace("python3", f"{sys.executable} -I") for c in commands]
    assert [shell_status(run, tmp_path) for run in runs] == [0, 0, 0]
    for sequence in (1, 2, 3):
        message = tmp_path / f"decision-{sequence}.message"
        message.write_bytes(message.read_bytes().replace(b"paper_only", b"paper_onlx"))
    assert all(shell_status(run, tmp_path) != 0 for run in runs)
    assert world.verdict().exit_status == 0


@pytest.mark.parametrize(
    "device",
    [
        Authenticator(origin="https://evil.example"),
        Authenticator(rp_id="evil.example"),
        Authenticator(flags=0x01),
        Authenticator(cross_origin=True),
    ],
)
def test_a_passkey_that_was_used_elsewhere_decides_nothing(
    world: World, device: Authenticator
) -> None:
    """TX-Z10: refused with its code, recorded, and the case stays open."""
    request_id = world.requested()
    passkey = enrol(world, "researcher", WEBAUTHN)
    word = DecisionWord.RESEARCH_APPROVED
    assert "SIGNATURE_INVALID" in review(world, request_id, passkey, word, device)
    assert review(world, request_id, passkey, word, Authenticator()) == ""


def test_a_person_counts_with_the_highest_class_of_their_keys(world: World) -> None:
    """TX-F3: staffing looks at what a person could sign with, whichever key is newer."""
    enrol(world, "researcher", WEBAUTHN)
    world.after(1)
    with world.store.reader() as reader:
        found = {
            c.person_id: c.key_class
            for c in candidates(reader, "tenant-1", "any", world.clock.now())
        }
    assert (found["researcher"], found["risk"], found["author"]) == (3, 1, 1)


def test_the_files_of_a_decision_are_those_of_its_scheme(world: World) -> None:
    """Governance 3: nothing of the home beside what was signed, how, and by which key."""
    request_id = world.approved()
    with world.store.reader() as reader:
        decisions, keys = reader.find(ApprovalDecision), reader.find(PersonKey)
    files, commands = signature_files(request_id, decisions, {k.key_id: k for k in keys})
    parts = ("message", "pem", "sig")
    wanted = {f"decision-{n}.{part}" for n in (1, 2) for part in parts}
    assert set(files) - {"check_webauthn.py", "check_batch.py"} == {*wanted, "README.txt"}
    assert len(commands) == 2
    payload = files["decision-1.message"]
    assert json.loads(payload[payload.index(b"{") :])["paper_only"] is True
