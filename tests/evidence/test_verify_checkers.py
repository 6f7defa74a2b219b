"""Programs of other people over a real pack, by the lines of VERIFY.md where they are shell lines.

What is not installed here is named, and skipped. bagit and securesystemslib: test_bags.
"""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from counterseal.audit.note import VerifierKey, parse_note, parse_vkey
from counterseal.audit.receipt import parse_receipt
from counterseal.audit.witness import parse_add_checkpoint
from evidence.verify import Json
from tests.evidence.pack_room import ALL, PackWorld, Read
from tests.storage.test_witness_checkers import HAS_GO, INSTALLED, by_go
from tests.world import ROOT

STATEMENT = "statement.dsse.json"
HAS = {
    "sha256sum": shutil.which("sha256sum") is not None,
    "go and its x/mod": HAS_GO,
}


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Read:
    folder = tmp_path_factory.mktemp("checked")
    world = PackWorld(folder / "home")
    world.audited()
    kept = world.notes()[-1].note
    world.done(world.submitted(world.approved()))
    return world.packed(folder / "pack", ALL, expected=kept)


def copied(pack: Read, folder: Path) -> Path:
    return Path(shutil.copytree(pack.path, folder / "copy"))


def export_key(pack: Read) -> bytes:
    facts: Json = pack.records[-1]["after"]["facts"]
    return bytes.fromhex(facts["export_key"])


def test_checkers_that_did_not_run_are_named(request: pytest.FixtureRequest) -> None:
    """TX-K7: an absent checker is a notice, never a silent pass."""
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    for name in (name for name, there in HAS.items() if not there):
        reporter.write_line(f"\nNOT CHECKED by {name}: not installed here", yellow=True)
    assert "openssl" in INSTALLED


@pytest.mark.parametrize("checker", INSTALLED)
def test_others_verify_checkpoint_and_statement(checker: str, pack: Read, tmp_path: Path) -> None:
    """The note's text under the log's key; the statement's PAE under the sealed export key."""
    verify = INSTALLED[checker]
    note = parse_note(pack.content("data/checkpoint"))
    vkey = parse_vkey(pack.content("data/log.vkey").decode().strip())
    assert verify(tmp_path, vkey, note.body.encode(), note.lines[0].payload)
    envelope = json.loads(pack.content("statement.dsse.json"))
    payload = base64.b64decode(envelope["payload"])
    kind, signature = envelope["payloadType"].encode(), envelope["signatures"][0]["sig"]
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    key = VerifierKey("export", 1, export_key(pack))
    assert verify(tmp_path, key, message, base64.b64decode(signature))
    assert not verify(tmp_path, key, message + b" ", base64.b64decode(signature))
    assert not verify(tmp_path, vkey, message, base64.b64decode(signature))


def lines_of_verify_md() -> list[str]:
    """The shell lines, as they stand there."""
    text = (ROOT / "evidence" / "VERIFY.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block.strip() for block in blocks]


def shell(line: str, folder: Path) -> int:
    """As a reader types it, in the pack, with the system's python."""
    return subprocess.run(  # noqa: S603 - our own documented line over our own pack
        ["/bin/sh", "-ec", line], cwd=folder, capture_output=True, check=False
    ).returncode


def test_the_shell_lines_of_verify_md_hold_for_a_pack_and_fail_for_a_changed_one(
    pack: Read, tmp_path: Path
) -> None:
    """Docs are executed: hashes, checkpoint and statement by sha256sum and openssl."""
    lines = [line for line in lines_of_verify_md() if "bagit" not in line]
    assert len(lines) == 3
    for line in lines if HAS["sha256sum"] else ():
        assert shell(line, copied(pack, tmp_path)) == 0, line
        changed = tmp_path / "copy"
        for name, at in (("data/records.jsonl", 90), ("data/checkpoint", 5), (STATEMENT, 90)):
            content = bytearray((changed / name).read_bytes())
            content[at] ^= 1
            (changed / name).write_bytes(content)
        assert shell(line, changed) != 0, line
        shutil.rmtree(changed)


def test_go_follows_every_receipt_of_a_pack_and_its_growth(pack: Read, tmp_path: Path) -> None:
    """`note.Open`, `tlog.CheckRecord`, `tlog.CheckTree` over data/proofs and data/consistency."""
    note = pack.content("data/checkpoint").decode()
    grown = parse_add_checkpoint(pack.content("data/consistency"))
    old = parse_note(pack.content("data/expected")).body.split("\n")
    _, size, root, _ = parse_note(note).body.split("\n")
    names = [name for name in pack.names() if name.endswith(".tlog-proof")]
    assert names
    for name in names if HAS_GO else ():
        receipt = parse_receipt(pack.content(name).decode())
        body = pack.content("data/records.jsonl").splitlines()[receipt.index].decode()
        told: Json = {
            "Vkey": pack.content("data/log.vkey").decode().strip(),
            "Leaf": body,
            "Index": receipt.index,
            "Size": int(size),
            "Path": [base64.b64encode(one).decode() for one in receipt.path],
            "Root": root,
            "Old": grown.old,
            "OldRoot": old[2],
            "Consistency": [base64.b64encode(one).decode() for one in grown.proof],
        }
        assert receipt.checkpoint == note
        assert by_go(tmp_path, note=note, **told) == ["true", "true", "true"]
        other = {"Leaf": f"{body} ", "OldRoot": root}
        assert by_go(tmp_path, note=note, **told | other) == ["true", "false", "false"]
