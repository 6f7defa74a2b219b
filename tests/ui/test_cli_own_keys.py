"""Deciding with a key that never enters the desk, and what others verify from an export."""

import base64
import json
import shutil
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from counterseal.approvals.model import ApprovalDecision
from counterseal.identity.acts import EnrolKey, kind_of, statement_of
from counterseal.identity.dsse import signed_bytes
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sshsig import armored, blob_of, bytes_to_sign
from counterseal.policy.words import DecisionWord
from tests.core.identity.programs import shell_status
from tests.ui.sealed_keys import seal_keys
from tests.world import World
from ui.cli.app import run

KEYGEN: Final = shutil.which("ssh-keygen")
REASON = "the evidence holds and I agree"
Ran = tuple[int, dict[str, object]]


class Desk:
    """A world, its command line, and the machine of a reviewer with an SSH key."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self.out = world.home.parent / "own-machine"
        self.out.mkdir()
        self.printed = self.noted = self.err = ""
        self._capsys = capsys

    def __call__(self, *words: str) -> Ran:
        self._capsys.readouterr()
        done = run([*words, "--home", str(self.world.home), "--json"])
        told = self._capsys.readouterr()
        self.err = told.err
        return done, json.loads(told.out)

    def code(self, *words: str) -> str:
        done, value = self(*words)
        assert done != 0, value
        found = value.get("error") or value.get("refusal")
        assert isinstance(found, dict)
        return str(found["code"])

    def statement(self, request_id: str, name: str = "researcher") -> Path:
        """The bytes to sign, as the command wrote them."""
        path = self.out / f"{len(list(self.out.iterdir()))}.message"
        asked = ("--decision", "research_approved", "--reason", REASON, "--out", str(path))
        done, value = self("approvals", "statement", request_id, "--as", name, *asked)
        assert done == 0, value
        self.noted, self.printed = self.err, str(value["command"])
        assert self.printed == f"ssh-keygen -Y sign -n counterseal-decision -f KEY {path}"
        return path

    def key_file(self) -> Path:
        """The researcher's second key as OpenSSH keeps it."""
        path, private = self.out / "key", self.world.private_key("researcher.2")
        kept = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        path.write_bytes(kept)
        path.chmod(0o600)
        return path

    def commands(self, value: dict[str, object]) -> list[str]:
        """The lines that verify an export."""
        found = value["commands"]
        assert isinstance(found, list)
        return [str(command) for command in found]

    def signed(self, message: bytes, name: str = "researcher") -> str:
        """A signature file over a message, as `ssh-keygen -Y sign` writes it."""
        private = self.world.private_key(f"{name}.2")
        raw = private.sign(bytes_to_sign(message))
        path = self.out / "signature"
        blob = blob_of(private.public_key().public_bytes_raw(), raw)
        path.write_text(armored(blob), "ascii")
        return str(path)

    def decide(self, request_id: str, signature: str, name: str = "researcher") -> tuple[str, ...]:
        return ("approvals", "decide", request_id, "--as", name, "--signature", signature)

    def enrol(self, name: str = "researcher") -> None:
        """A second key of the person: by SSH, agreed by both officers and the first key."""
        world = self.world
        key = world.new_key(name, 2, key_class=2, scheme=SignatureScheme.SSHSIG)
        act = EnrolKey(terms=world.terms(), key=key)
        kind, told = kind_of(act), statement_of(act)
        signatures = world.signed_by(kind, told, "officer-1", "officer-2", name)
        proof = Path(self.signed(signed_bytes(kind, told), name)).read_text("ascii")
        blob = "".join(proof.splitlines()[1:-1])
        own = signatures[0].amended(key_id=key.key_id, scheme="sshsig", signature=blob)
        actor = world.actor("officer-1")
        world.done(world.desk.proposals.propose([*signatures, own], actor, key=world.key()))


@pytest.fixture
def desk(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    world = World(workplace / "home")
    for module in ("session", "approvals", "cases", "own_keys", "own_drills"):
        monkeypatch.setattr(f"ui.cli.{module}.CLOCK", world.clock)
    seal_keys(world)
    made = Desk(world, capsys)
    made.enrol()
    return made


def decisions(world: World) -> tuple[ApprovalDecision, ...]:
    with world.store.reader() as reader:
        return reader.find(ApprovalDecision)


def test_a_decision_is_signed_elsewhere_and_committed(desk: Desk) -> None:
    """TX-F20, governance class 2: exact bytes out, signature in; the signature is the login."""
    request_id = desk.world.requested()
    path = desk.statement(request_id)
    message = path.read_bytes()
    assert message.startswith(b"DSSEv1 ")
    assert not message.endswith(b"\n")
    desk.world.after(60)
    done, value = desk(*desk.decide(request_id, desk.signed(message)))
    assert done == 0, value
    (decision,) = decisions(desk.world)
    assert decision.evidence_unopened == ()
    assert (decision.key_class, decision.key_id) == (2, "key-of-researcher.2")
    assert decision.signature.scheme == "sshsig"
    stated = json.loads(base64.b64decode(decision.signature.payload))
    assert (stated["auth"]["iss"], stated["auth"]["amr"]) == ("counterseal:ssh", ["ssh"])
    assert stated["auth"]["auth_time"] <= stated["issued_at"]
    sections = ["request", "changes", "decisions", "comments", "exact_bytes"]
    assert (stated["sections_opened"], stated["seconds_open"]) == (sections, 0)
    assert f"signed      {decision.statement_digest}" in desk.noted
    assert base64.b64decode(decision.signature.payload).decode() in desk.noted
    assert desk("approvals", "verify")[0] == 0


def test_ssh_keygen_signs_a_decision_and_verifies_its_export(desk: Desk, tmp_path: Path) -> None:
    """Governance test 10: the printed commands, run by OpenSSH alone, from bytes to proof."""
    request_id, folder = desk.world.requested(), tmp_path / "export"
    for _ in [] if KEYGEN is None else [KEYGEN]:
        path = desk.statement(request_id)
        assert shell_status(desk.printed.replace("KEY", str(desk.key_file())), desk.out) == 0
        done, value = desk(*desk.decide(request_id, f"{path}.sig"))
        assert done == 0, value
        done, value = desk("approvals", "signatures", request_id, "--out", str(folder))
        assert done == 0, value
        (command,) = desk.commands(value)
        assert shell_status(command, folder) == 0
        (folder / "decision-1.message").write_bytes(b"another message")
        assert shell_status(command, folder) != 0


def test_an_export_says_what_it_is_and_overwrites_nothing(desk: Desk, tmp_path: Path) -> None:
    """Governance 7: simulated execution, and the lines that verify."""
    request_id, folder = desk.world.approved(), tmp_path / "export"
    _, value = desk("approvals", "signatures", request_id, "--out", str(folder))
    told = (folder / "README.txt").read_text("utf-8")
    assert "Simulated execution" in told
    assert all(command in told for command in desk.commands(value))
    assert "enrolled by officer-1, officer-2" in told
    assert desk.code("approvals", "signatures", request_id, "--out", str(folder)) == "FILE_EXISTS"
    assert desk.code("approvals", "signatures", "apr_none", "--out", f"{folder}2") == "NOT_FOUND"


def test_an_export_holds_every_decision_of_a_case(desk: Desk, tmp_path: Path) -> None:
    """TX-F19: each by its own scheme; openssl accepts ours and refuses one byte more."""
    request_id = desk.world.approved()
    done, value = desk("approvals", "signatures", request_id, "--out", str(tmp_path / "all"))
    assert done == 0, value
    commands = desk.commands(value)
    assert len(commands) == len(decisions(desk.world)) == 2
    assert [shell_status(command, tmp_path / "all") for command in commands] == [0, 0]
    message = tmp_path / "all" / "decision-2.message"
    message.write_bytes(message.read_bytes() + b"\n")
    assert shell_status(commands[1], tmp_path / "all") != 0


def test_what_was_not_signed_commits_nothing(desk: Desk) -> None:
    """TX-Z10, TX-Z17: a newline, another person's key, another name, and no signature at all; what
    is no signature of the person is a record (N10).
    """
    request_id = desk.world.requested()
    message = desk.statement(request_id).read_bytes()
    good = desk.signed(message)
    assert desk.code(*desk.decide(request_id, good, "risk")) == "KEY_NOT_ENROLLED"
    assert desk.code(*desk.decide(request_id, good, "nobody")) == "KEY_NOT_ENROLLED"
    assert desk.code(*desk.decide("apr_none", good)) == "NOT_FOUND"
    assert desk.code(*desk.decide(request_id, str(desk.out / "none"))) == "FILE_MISSING"
    for bad in (message + b"\n", message.replace(b"research_approved", b"rejected"), b""):
        assert desk.code(*desk.decide(request_id, desk.signed(bad))) == "SIGNATURE_INVALID"
    stranger = desk.signed(message, "risk")
    assert desk.code(*desk.decide(request_id, stranger)) == "SIGNATURE_INVALID"
    (desk.out / "words").write_text("I agree", "utf-8")
    assert desk.code(*desk.decide(request_id, str(desk.out / "words"))) == "SIGNATURE_INVALID"
    assert decisions(desk.world) == ()
    told = desk.world.rows(
        "SELECT json_extract(body, '$.reason.code'), json_extract(body, '$.subject.id')"
        " FROM audit_records WHERE type = 'key.refused' ORDER BY seq"
    )
    refused = [("KEY_NOT_ENROLLED", "risk"), *[("SIGNATURE_INVALID", "researcher")] * 4]
    assert [one for one in told if one[1] in {"risk", "researcher"}] == refused
    assert len(told) == len(refused) + 1


def test_a_signature_commits_once_and_in_time(desk: Desk) -> None:
    """TX-F18, TX-Z16: a second use is refused and recorded; so is one after two minutes."""
    request_id = desk.world.requested()
    signature = desk.signed(desk.statement(request_id).read_bytes())
    desk.world.after(120)
    assert desk(*desk.decide(request_id, signature))[0] == 0
    done, value = desk(*desk.decide(request_id, signature))
    assert (done, "NONCE_USED" in json.dumps(value)) == (1, True)
    late = desk.world.requested()
    signature = desk.signed(desk.statement(late).read_bytes())
    desk.world.after(121)
    assert desk.code(*desk.decide(late, signature)) == "REAUTH_REQUIRED"
    assert len(decisions(desk.world)) == 1


def test_the_newest_of_several_prepared_statements_is_not_the_only_one(desk: Desk) -> None:
    """TX-F20: what was signed is found by the signature, whatever was prepared since."""
    request_id = desk.world.requested()
    first = desk.signed(desk.statement(request_id).read_bytes())
    signature = Path(first).read_text("ascii")
    desk.world.after(1)
    desk.statement(request_id)
    Path(first).write_text(signature, "ascii")
    assert desk(*desk.decide(request_id, first))[0] == 0


def test_a_statement_for_elsewhere_needs_an_ssh_key_and_a_new_file(desk: Desk) -> None:
    """TX-F20: a person with a key file only signs here; nothing is overwritten."""
    request_id, path = desk.world.requested(), desk.out / "taken"
    path.write_bytes(b"mine")
    asked = ("--decision", "research_approved", "--reason", REASON, "--out", str(path))
    words = ("approvals", "statement", request_id, *asked, "--as")
    assert desk.code(*words, "researcher") == "FILE_EXISTS"
    assert path.read_bytes() == b"mine"
    path.unlink()
    assert desk.code(*words, "risk") == "KEY_NOT_ENROLLED"
    assert not path.exists()


def test_both_keys_of_a_person_sign_for_one_person(desk: Desk) -> None:
    """TX-F20: a key file still counts beside an SSH key, and nobody reviews twice with two keys."""
    request_id = desk.world.requested()
    desk.world.done(desk.world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    asked = ("--decision", "approved_for_paper_simulation", "--reason", REASON)
    done, _ = desk(
        *("approvals", "statement", request_id, "--as", "researcher", *asked),
        *("--out", str(desk.out / "second")),
    )
    assert done == 0
    signature = desk.signed((desk.out / "second").read_bytes())
    done, value = desk(*desk.decide(request_id, signature))
    assert (done, "ALREADY_REVIEWED" in json.dumps(value)) == (1, True)
    with desk.world.store.reader() as reader:
        kinds = sorted(k.scheme for k in reader.find(PersonKey, person_id="researcher"))
    assert kinds == ["ed25519", "sshsig"]


def test_a_drill_is_signed_elsewhere_once_and_by_its_person_alone(desk: Desk) -> None:
    """Governance 1 (liveness), class 2: exact bytes out, signature in; another person's signature,
    another person's drill and a second use are refused.
    """
    path = desk.out / "drill"
    asked = ("people", "drill-statement", "--out", str(path), "--as")
    assert desk.code(*asked, "risk") == "KEY_NOT_ENROLLED"
    assert desk(*asked, "researcher")[0] == 0
    message = path.read_bytes()

    def answer(signature: str, name: str = "researcher") -> tuple[str, ...]:
        said = ("--statement", str(path), "--signature", signature)
        return ("people", "drill-answer", "--as", name, *said)

    assert desk.code(*answer(desk.signed(message, "risk"))) == "SIGNATURE_INVALID"
    assert desk.code(*answer(desk.signed(message), "risk")) == "KEY_NOT_ENROLLED"
    assert desk(*answer(desk.signed(message)))[0] == 0
    done, value = desk(*answer(desk.signed(message)))
    assert (done, "NONCE_USED" in json.dumps(value)) == (1, True)
    drilled = "SELECT json_extract(body, '$.approver_sig.key_id') FROM audit_records"
    assert desk.world.rows(f"{drilled} WHERE type = 'key.drilled'") == [("key-of-researcher.2",)]
