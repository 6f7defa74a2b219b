"""Programs of other people agree with what we sign: OpenSSL always, Node and Go where installed."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from counterseal.audit.merkle import Tree
from counterseal.audit.note import VerifierKey, cosigned_message, encode_base64, parse_note
from storage.stamp_authority import UnsafeLocalAuthority
from storage.stamping import StampFolder, read_roots, stamp_checkpoint
from storage.system import MachineClock
from tests.core.audit.outside_cases import LOG_KEY, OTHER, TIME, TREE, WITNESSES, a_note

GO_SOURCES = Path("/usr/share/gocode")
NOTE = a_note(7, w1=0)
BODY = parse_note(NOTE).body
LOG_LINE, WITNESS_LINE = parse_note(NOTE).lines
Verify = Callable[[Path, VerifierKey, bytes, bytes], bool]

NODE = """
const c = require("node:crypto"), fs = require("node:fs");
const [key, text, sig] = process.argv.slice(2).map((p) => fs.readFileSync(p));
process.exit(c.verify(null, text, c.createPublicKey(key), sig) ? 0 : 1);
"""
GO = """
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type asked struct {
	Vkey, Note, Leaf, Root, OldRoot string
	Index, Size, Old                int64
	Path, Consistency               []string
}

func hash(text string) (h tlog.Hash) {
	raw, _ := base64.StdEncoding.DecodeString(text)
	copy(h[:], raw)
	return h
}

func hashes(texts []string) (out []tlog.Hash) {
	for _, text := range texts {
		out = append(out, hash(text))
	}
	return out
}

func main() {
	var a asked
	if err := json.NewDecoder(os.Stdin).Decode(&a); err != nil {
		panic(err)
	}
	verifier, err := note.NewVerifier(a.Vkey)
	if err == nil {
		_, err = note.Open([]byte(a.Note), note.VerifierList(verifier))
	}
	fmt.Println(err == nil)
	leaf := tlog.RecordHash([]byte(a.Leaf))
	fmt.Println(tlog.CheckRecord(hashes(a.Path), a.Size, hash(a.Root), a.Index, leaf) == nil)
	path := hashes(a.Consistency)
	fmt.Println(tlog.CheckTree(path, a.Size, hash(a.Root), a.Old, hash(a.OldRoot)) == nil)
}
"""


def run(*words: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a checker that the test chose, over its own files
        [str(word) for word in words], capture_output=True, text=True, check=False, input=given
    )


def written(folder: Path, key: VerifierKey, message: bytes, signature: bytes) -> tuple[Path, ...]:
    public = Ed25519PublicKey.from_public_bytes(key.public_key)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    paths = tuple(folder / name for name in ("key.pem", "message", "signature"))
    for path, content in zip(paths, (pem, message, signature), strict=True):
        path.write_bytes(content)
    return paths


def by_openssl(folder: Path, key: VerifierKey, message: bytes, signature: bytes) -> bool:
    pem, text, sig = written(folder, key, message, signature)
    told = ("-inkey", pem, "-in", text, "-sigfile", sig)
    return run("openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *told).returncode == 0


def by_node(folder: Path, key: VerifierKey, message: bytes, signature: bytes) -> bool:
    (folder / "verify.js").write_text(NODE, "utf-8")
    paths = written(folder, key, message, signature)
    return run("node", folder / "verify.js", *paths).returncode == 0


ALL: Mapping[str, Verify] = {"openssl": by_openssl, "node": by_node}
INSTALLED = {name: verify for name, verify in ALL.items() if shutil.which(name)}
HAS_GO = shutil.which("go") is not None and (GO_SOURCES / "src/golang.org/x/mod").is_dir()


def test_openssl_is_there_and_absent_checkers_are_named(request: pytest.FixtureRequest) -> None:
    """TX-K7: at least one program that shares nothing with us; a notice for each missing."""
    absent = sorted(ALL.keys() - INSTALLED.keys()) + ([] if HAS_GO else ["go and its x/mod"])
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    for name in absent:
        reporter.write_line(f"\nNOT CHECKED by {name}: not installed here", yellow=True)
    assert "openssl" in INSTALLED


@pytest.mark.parametrize("checker", INSTALLED)
def test_others_verify_the_logs_signature(checker: str, tmp_path: Path) -> None:
    """TX-K7: over the text with its final newline, behind the four bytes of the key id."""
    verify = INSTALLED[checker]
    assert verify(tmp_path, LOG_KEY, BODY.encode(), LOG_LINE.payload)
    assert not verify(tmp_path, LOG_KEY, BODY.replace("7", "8").encode(), LOG_LINE.payload)
    assert not verify(tmp_path, WITNESSES[0].key, BODY.encode(), LOG_LINE.payload)


@pytest.mark.parametrize("checker", INSTALLED)
def test_others_verify_a_cosignature_and_its_time(checker: str, tmp_path: Path) -> None:
    """TX-K7: cosignature/v1, the header, the time and the whole note text."""
    verify = INSTALLED[checker]
    stated, signature = WITNESS_LINE.payload[:8], WITNESS_LINE.payload[8:]
    key = WITNESSES[0].key
    assert int.from_bytes(stated, "big") == TIME
    assert verify(tmp_path, key, cosigned_message(BODY, TIME), signature)
    assert not verify(tmp_path, key, cosigned_message(BODY, TIME + 1), signature)
    assert not verify(tmp_path, key, BODY.encode(), signature)


def test_openssl_verifies_a_stamp_by_the_files_alone(tmp_path: Path) -> None:
    """A7: `openssl ts -verify` over what the folder of stamps holds."""
    (tmp_path / "tsa").mkdir()
    (tmp_path / "other").mkdir()
    authority = UnsafeLocalAuthority.create(tmp_path / "tsa", MachineClock().now())
    stranger = UnsafeLocalAuthority.create(tmp_path / "other", MachineClock().now())
    roots = read_roots(authority.roots.read_bytes())
    stamp_checkpoint(authority, NOTE, roots, StampFolder(tmp_path / "stamps"))
    token = next((tmp_path / "stamps").glob("*.tsr"))
    stamped = next((tmp_path / "stamps").glob("*.checkpoint"))
    changed = tmp_path / "changed"
    changed.write_text(a_note(7, OTHER), "utf-8")
    asked = ("openssl", "ts", "-verify", "-in", token)
    assert stamped.read_text("utf-8") == NOTE
    assert "Verification: OK" in run(*asked, "-data", stamped, "-CAfile", authority.roots).stdout
    for data, root in ((changed, authority.roots), (stamped, stranger.roots)):
        assert run(*asked, "-data", data, "-CAfile", root).returncode != 0


@cache
def go_program(folder: Path) -> Path:
    (folder / "check.go").write_text(GO, "utf-8")
    words = ("env", "GO111MODULE=off", f"GOPATH={GO_SOURCES}", "go", "build", "-o")
    built = run(*words, folder / "check", folder / "check.go")
    assert built.returncode == 0, built.stderr
    return folder / "check"


def by_go(folder: Path, tree: Tree = TREE, note: str = NOTE, **changes: object) -> list[str]:
    asked = {
        "Vkey": LOG_KEY.text,
        "Note": note,
        "Leaf": "record-4",
        "Index": 4,
        "Size": 7,
        "Root": encode_base64(tree.root(7)),
        "Path": [encode_base64(value) for value in TREE.inclusion_path(4, 7)],
        "Old": 3,
        "OldRoot": encode_base64(TREE.root(3)),
        "Consistency": [encode_base64(value) for value in TREE.consistency_path(3, 7)],
    }
    return run(go_program(folder), given=orjson.dumps(asked | changes).decode()).stdout.split()


def test_go_opens_our_note_and_follows_our_proofs(tmp_path: Path) -> None:
    """TX-K7: `sumdb/note` (passes the cosignature over), `tlog.CheckRecord`, `tlog.CheckTree`."""
    for follows in [by_go] if HAS_GO else []:
        assert follows(tmp_path) == ["true", "true", "true"]
        assert follows(tmp_path, OTHER) == ["true", "false", "false"]
        assert follows(tmp_path, note=NOTE.replace("\n7\n", "\n8\n"))[0] == "false"
        assert follows(tmp_path, Index=3, Old=2) == ["true", "false", "false"]
