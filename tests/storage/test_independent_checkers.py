"""Programs of other people over a real home: its checkpoint, its proofs, its bytes, its votes.

Beside `test_witness_checkers.py`, whose log is made up: here everything is read from the database
of a household, as an auditor reads it.
"""

import base64
import hashlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from counterseal.approvals.model import ApprovalDecision
from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.audit.note import VerifierKey, encode_base64, parse_note
from counterseal.audit.receipt import make_receipt, prove_growth
from counterseal.identity.dsse import pae
from tests.storage.test_witness_checkers import HAS_GO, INSTALLED, by_go, run
from tests.world import World

NODE_BYTES = """
const c = require("node:crypto");
const sorted = (v) => Array.isArray(v) ? v.map(sorted)
  : v !== null && typeof v === "object"
    ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])])) : v;
const out = [];
for (const line of require("node:fs").readFileSync(0, "utf8").split("\\n")) {
  const body = Buffer.from(line, "base64");
  const text = JSON.stringify(sorted(JSON.parse(body.toString("utf8"))));
  const leaf = c.createHash("sha256").update(Buffer.from([0])).update(body).digest("hex");
  out.push(`${Buffer.from(text, "utf8").equals(body)} ${leaf}`);
}
process.stdout.write(out.join("\\n"));
"""
HAS_NODE = shutil.which("node") is not None
CHECKERS = Path(sys.prefix) / "checkers"
"""Where `.ci/checkers` installs packages of others that the lock does not hold."""
CANONICALIZE = CHECKERS / "node/node_modules/canonicalize/lib/canonicalize.js"
PYMERKLE = CHECKERS / "python"
HAS_CANONICALIZE = HAS_NODE and CANONICALIZE.is_file()
HAS_PYMERKLE = (PYMERKLE / "pymerkle").is_dir()
NPM_BYTES = """
const canonicalize = require(process.argv[2]);
const out = [];
for (const line of require("node:fs").readFileSync(0, "utf8").split("\\n")) {
  const body = Buffer.from(line, "base64");
  out.push(Buffer.from(canonicalize(JSON.parse(body.toString("utf8"))), "utf8").equals(body));
}
process.stdout.write(out.join("\\n"));
"""
MERKLE_PATHS = """
import base64, sys
from pymerkle import InmemoryTree
tree = InmemoryTree(algorithm="sha256")
for line in sys.stdin:
    tree.append_entry(base64.b64decode(line))
size = tree.get_size()
print(tree.get_root().hex())
for index in (1, size // 2, size):
    print(*[value.hex() for value in tree.prove_inclusion(index, size).path[1:]])
"""


class Kept(NamedTuple):
    """What an auditor reads from the home."""

    bodies: list[bytes]
    tree: Tree
    note: str
    key: VerifierKey


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "home")
    world.approved()
    return world


@pytest.fixture
def kept(world: World) -> Kept:
    note = world.notes()[-1].note
    bodies = [row.body for row in world.log()][: read_checkpoint(note).size]
    return Kept(bodies, Tree(leaf_hash(body) for body in bodies), note, world.log_key.key)


def missing() -> Iterator[str]:
    for name in () if HAS_NODE else ("node",):
        yield f"{name}: not installed here"
    for name in () if HAS_GO else ("go and its x/mod",):
        yield f"{name}: not installed here"
    for name in () if HAS_CANONICALIZE else ("npm canonicalize",):
        yield f"{name}: not installed here (.ci/checkers)"
    for name in () if HAS_PYMERKLE else ("pymerkle",):
        yield f"{name}: not installed here (.ci/checkers)"


def test_checkers_that_did_not_run_are_named(request: pytest.FixtureRequest) -> None:
    """TX-K7: an absent checker is a notice, never a silent pass."""
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    for told in missing():
        reporter.write_line(f"\nNOT CHECKED by {told}", yellow=True)
    assert "openssl" in INSTALLED


@pytest.mark.parametrize("checker", INSTALLED)
def test_others_verify_the_checkpoint_of_a_home(checker: str, kept: Kept, tmp_path: Path) -> None:
    """TX-K7: over the note's text as stored; not over the text of one record more."""
    note, verify = parse_note(kept.note), INSTALLED[checker]
    size = read_checkpoint(kept.note).size
    longer = note.body.replace(f"\n{size}\n", f"\n{size + 1}\n")
    assert verify(tmp_path, kept.key, note.body.encode(), note.lines[0].payload)
    assert not verify(tmp_path, kept.key, longer.encode(), note.lines[0].payload)
    assert not verify(tmp_path, kept.key, note.body.rstrip("\n").encode(), note.lines[0].payload)


@pytest.mark.parametrize("checker", INSTALLED)
def test_others_verify_a_persons_vote(checker: str, world: World, tmp_path: Path) -> None:
    """Invariant 6: DSSE, the encoding of type and payload, under the person's own key."""
    with world.store.reader() as reader:
        review = next(one for one in reader.find(ApprovalDecision) if one.reviewer_id == "risk")
    signature = review.signature
    payload, raw = (base64.b64decode(text) for text in (signature.payload, signature.signature))
    public = world.private_key("risk").public_key().public_bytes_raw()
    key, verify = VerifierKey("risk", 1, public), INSTALLED[checker]
    assert verify(tmp_path, key, pae(signature.payload_type, payload), raw)
    assert not verify(tmp_path, key, pae(signature.payload_type, payload + b" "), raw)
    assert not verify(tmp_path, key, pae("application/json", payload), raw)
    assert not verify(tmp_path, world.log_key.key, pae(signature.payload_type, payload), raw)


def proofs(kept: Kept, seq: int, old: int) -> dict[str, object]:
    """A receipt of a record and a proof of growth, as the program takes them."""
    size = read_checkpoint(kept.note).size
    receipt = make_receipt(kept.tree, seq, leaf_hash(kept.bodies[seq]), kept.note)
    growth = prove_growth(kept.tree, old, kept.note)
    return {
        "Vkey": kept.key.text,
        "Leaf": kept.bodies[seq].decode(),
        "Index": seq,
        "Size": size,
        "Path": [encode_base64(value) for value in receipt.path],
        "Root": encode_base64(read_checkpoint(kept.note).root),
        "Old": old,
        "OldRoot": encode_base64(kept.tree.root(old)),
        "Consistency": [encode_base64(value) for value in growth.proof],
    }


def test_go_follows_every_receipt_and_growth_of_a_home(kept: Kept, tmp_path: Path) -> None:
    """TX-K7: `note.Open`, `tlog.CheckRecord`, `tlog.CheckTree`; altered ones are refused."""
    size = len(kept.bodies)
    for seq, old in ((0, 1), (size // 2, size // 2), (size - 1, size - 1)) if HAS_GO else ():
        told = proofs(kept, seq, old)
        other = {"Leaf": f"{told['Leaf']} ", "OldRoot": encode_base64(bytes(32))}
        path = proofs(kept, (seq + 1) % size, old)["Path"]
        assert by_go(tmp_path, kept.tree, kept.note, **told) == ["true", "true", "true"]
        assert by_go(tmp_path, kept.tree, kept.note, **told | other) == ["true", "false", "false"]
        assert by_go(tmp_path, kept.tree, kept.note, **told | {"Path": path})[1] == "false"
        assert by_go(tmp_path, kept.tree, kept.note, **told | {"Consistency": []})[2] == "false"
        root = {"Root": encode_base64(kept.tree.root(size - 1))}
        assert by_go(tmp_path, kept.tree, kept.note, **told | root)[1:] == ["false", "false"]
    if HAS_GO:
        edited = kept.note.replace(f"\n{size}\n", f"\n{size + 1}\n")
        assert by_go(tmp_path, kept.tree, edited, **proofs(kept, 0, 1))[0] == "false"


def by_node(folder: Path, bodies: list[bytes]) -> list[tuple[bool, str]]:
    """For each body whether it is canonical, and its leaf hash."""
    (folder / "bytes.js").write_text(NODE_BYTES, "utf-8")
    done = run("node", folder / "bytes.js", given=encoded(bodies))
    assert done.returncode == 0, done.stderr
    pairs = [line.split() for line in done.stdout.splitlines()]
    return [(same == "true", leaf) for same, leaf in pairs]


def test_node_writes_the_same_bytes_and_leaf_hashes(kept: Kept, tmp_path: Path) -> None:
    """RFC 8785, RFC 6962: keys sorted and text escaped by another program; its own SHA-256."""
    for check in [by_node] if HAS_NODE else []:
        leaves = [leaf_hash(body).hex() for body in kept.bodies]
        assert check(tmp_path, kept.bodies) == [(True, leaf) for leaf in leaves]
        value = orjson.loads(kept.bodies[0])
        reversed_keys = orjson.dumps(dict(reversed(value.items())))
        spaced = kept.bodies[0].replace(b",", b", ", 1)
        assert [same for same, _ in check(tmp_path, [reversed_keys, spaced])] == [False, False]


def by_npm(folder: Path, bodies: list[bytes]) -> list[bool]:
    """For each body whether npm's canonicalize writes the same bytes."""
    (folder / "npm.js").write_text(NPM_BYTES, "utf-8")
    done = run("node", folder / "npm.js", CANONICALIZE, given=encoded(bodies))
    assert done.returncode == 0, done.stderr
    return [line == "true" for line in done.stdout.splitlines()]


def encoded(bodies: list[bytes]) -> str:
    return "\n".join(base64.b64encode(body).decode() for body in bodies)


def test_npm_canonicalize_writes_the_same_bytes(kept: Kept, tmp_path: Path) -> None:
    """RFC 8785: the package that its authors wrote."""
    for check in [by_npm] if HAS_CANONICALIZE else []:
        assert check(tmp_path, kept.bodies) == [True] * len(kept.bodies)
        spaced = kept.bodies[0].replace(b",", b", ", 1)
        assert check(tmp_path, [spaced]) == [False]


def test_pymerkle_comes_to_the_same_root_and_paths(kept: Kept, tmp_path: Path) -> None:
    """RFC 6962: another tree over the bytes of the home, and its paths of inclusion."""
    size = len(kept.bodies)
    for script in [tmp_path / "tree.py"] if HAS_PYMERKLE else []:
        script.write_text(MERKLE_PATHS, "utf-8")
        place = (
            f"import sys; sys.path.insert(0, {str(PYMERKLE)!r}); exec(open({str(script)!r}).read())"
        )
        done = run(sys.executable, "-c", place, given=encoded(kept.bodies))
        assert done.returncode == 0, done.stderr
        told, *paths = done.stdout.splitlines()
        assert told == read_checkpoint(kept.note).root.hex()
        for line, seq in zip(paths, (0, size // 2 - 1, size - 1), strict=True):
            ours = kept.tree.inclusion_path(seq, size)
            assert [value.hex() for value in ours] == line.split()


def test_a_hash_written_out_gives_the_root_of_the_checkpoint(kept: Kept) -> None:
    """RFC 6962 part 2.1 by hand, over what the database holds."""

    def root(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        split = 1 << ((len(leaves) - 1).bit_length() - 1)
        pair = root(leaves[:split]) + root(leaves[split:])
        return hashlib.sha256(b"\x01" + pair).digest()

    leaves = [hashlib.sha256(b"\x00" + body).digest() for body in kept.bodies]
    assert root(leaves) == read_checkpoint(kept.note).root
