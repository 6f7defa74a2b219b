"""SSHSIG against OpenSSH's own program, in both directions."""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from counterseal.identity.dsse import sign_statement, signed_bytes
from counterseal.identity.exported import exported
from counterseal.identity.keys import PersonKey
from counterseal.identity.sshsig import (
    NAMESPACE,
    allowed_signer,
    armored,
    blob_of,
    read_public_key,
    unarmored,
    verify_blob,
)
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.identity.programs import shell_status, status
from tests.core.identity.signers import ED25519, PRIVATE, SSHSIG, key, sign, sign_bytes, statement

KEYGEN = shutil.which("ssh-keygen")
HERE = [] if KEYGEN is None else [KEYGEN]
MESSAGE = signed_bytes("decision", statement(SSHSIG).json_value())
PUBLIC = PRIVATE.public_key().public_bytes_raw()


class Person(NamedTuple):
    """Somebody with a key of `ssh-keygen -t ed25519`."""

    folder: Path
    raw: bytes

    @property
    def record(self) -> PersonKey:
        return key(SSHSIG, public_key=base64.b64encode(self.raw).decode())

    def sign(self, message: bytes, namespace: str = NAMESPACE) -> bytes:
        path = self.folder / "message"
        path.write_bytes(message)
        (self.folder / "message.sig").unlink(missing_ok=True)
        words = ["-Y", "sign", "-n", namespace, "-f", str(self.folder / "key"), str(path)]
        ran(*words)
        return unarmored((self.folder / "message.sig").read_text("ascii"))


def ran(*words: str, told: bytes = b"") -> int:
    return status([str(KEYGEN), *words], told=told)


def keygen(folder: Path, kind: str = "ed25519") -> Path:
    folder.mkdir(exist_ok=True)
    bits = ["-b", "2048"] if kind == "rsa" else []
    assert ran("-q", "-t", kind, *bits, "-N", "", "-f", str(folder / "key")) == 0
    return folder


def person(folder: Path) -> Person:
    public = (keygen(folder) / "key.pub").read_text("ascii")
    return Person(folder, read_public_key(public))


def accepts(folder: Path, message: bytes, blob: bytes, signers: str, name: str = "olga") -> bool:
    """Whether ssh-keygen -Y verify accepts."""
    (folder / "signers").write_text(signers, "ascii")
    (folder / "blob.sig").write_text(armored(blob), "ascii")
    files = ["-f", str(folder / "signers"), "-s", str(folder / "blob.sig")]
    return ran("-Y", "verify", *files, "-I", name, "-n", NAMESPACE, told=message) == 0


def refused(blob: bytes, message: bytes = MESSAGE, public: bytes = PUBLIC) -> str:
    with pytest.raises(IntegrityError, match="SIGNATURE_INVALID") as caught:
        verify_blob(blob, message, public)
    return caught.value.message


def missing() -> Iterator[str]:
    for name in () if HERE else ("ssh-keygen",):
        yield f"{name}: not installed here"


def test_checkers_that_did_not_run_are_named(request: pytest.FixtureRequest) -> None:
    """TX-F20: an absent checker is a notice, never a silent pass."""
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    for told in missing():
        reporter.write_line(f"\nNOT CHECKED by {told}", yellow=True)
    assert shutil.which("openssl") is not None


def test_what_ssh_keygen_signs_holds_here(tmp_path: Path) -> None:
    """TX-F20, governance test 10: exact bytes only; a newline, namespace or key more is refused."""
    for _ in HERE:
        olga, kai = person(tmp_path / "olga"), person(tmp_path / "kai")
        blob = olga.sign(MESSAGE)
        verify_blob(blob, MESSAGE, olga.raw)
        assert "did not sign these bytes" in refused(blob, MESSAGE + b"\n", olga.raw)
        assert "did not sign these bytes" in refused(olga.sign(MESSAGE + b"\n"), MESSAGE, olga.raw)
        assert "another key" in refused(kai.sign(MESSAGE), MESSAGE, olga.raw)
        for namespace in ("git", "file", f"{NAMESPACE}s"):
            told = refused(olga.sign(MESSAGE, namespace), MESSAGE, olga.raw)
            assert "namespace" in told


def test_what_we_write_holds_for_ssh_keygen(tmp_path: Path) -> None:
    """TX-F20, governance test 10: our blob, armor and allowed_signers line, and nothing near it."""
    line = allowed_signer(key(SSHSIG))
    blob = sign_bytes(SSHSIG, MESSAGE)
    assert line.startswith(f'olga namespaces="{NAMESPACE}" ssh-ed25519 AAAA')
    for _ in HERE:
        assert accepts(tmp_path, MESSAGE, blob, line)
        assert not accepts(tmp_path, MESSAGE + b"\n", blob, line)
        assert not accepts(tmp_path, MESSAGE, blob, line, "kai")
        assert not accepts(tmp_path, MESSAGE, blob, line.replace(NAMESPACE, "git"))
        other = allowed_signer(person(tmp_path / "kai").record)
        assert not accepts(tmp_path, MESSAGE, blob, other)
        assert not accepts(tmp_path, MESSAGE, blob_of(PUBLIC, bytes(64)), line)


def test_both_refuse_every_flipped_byte_of_a_blob(tmp_path: Path) -> None:
    """TX-Z10: where OpenSSH refuses, so do we; where it is silent about a field, we are not."""
    line, blob = allowed_signer(key(SSHSIG)), sign_bytes(SSHSIG, MESSAGE)
    for place in range(len(blob)):
        flipped = bytearray(blob)
        flipped[place] ^= 0x01
        refused(bytes(flipped))
    for place in range(0, len(blob), 7) if HERE else ():
        flipped = bytearray(blob)
        flipped[place] ^= 0x01
        assert not accepts(tmp_path, MESSAGE, bytes(flipped), line)


def test_the_armor_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    """TX-F20: the same text, read with any line ends, and nothing else."""
    for _ in HERE:
        olga = person(tmp_path / "olga")
        blob = olga.sign(MESSAGE)
        assert armored(blob) == (olga.folder / "message.sig").read_text("ascii")
    text = armored(sign_bytes(SSHSIG, MESSAGE))
    assert unarmored(text.replace("\n", "\r\n")) == unarmored(text)
    begin, *lines, end, _ = text.split("\n")
    for bad in (
        "",
        "\n".join([*lines, end]),
        "\n".join([begin, *lines]),
        f"{begin}\n{end}",
        "\n".join([begin, lines[0] + "!", *lines[1:], end]),
        f"{begin}\n{'A' * 9_000}\n{end}",
        text + text,
    ):
        with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
            unarmored(bad)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"SSHSIG\0\0\0\1", b"SSHSIG\0\0\0\2", "version 1"),
        (b"SSHSIG", b"SSHsig", "version 1"),
        (b"\0\0\0\x14counterseal-decision", b"\0\0\0\x03git", "namespace"),
        (b"\0\0\0\0\0\0\0\x06sha512", b"\0\0\0\x01x\0\0\0\x06sha512", "reserved"),
        (b"sha512", b"sha256", "sha512"),
        (b"\0\0\0\x0bssh-ed25519\0\0\0\x40", b"\0\0\0\x0bssh-ed25518\0\0\0\x40", "of Ed25519"),
        (b"\0\0\0\x0bssh-ed25519\0\0\0\x20", b"\0\0\0\x0bssh-ed25518\0\0\0\x20", "another key"),
        (b"\0\0\0\x40", b"\xff\xff\xff\xff", "cut off"),
    ],
)
def test_i1_each_field_of_a_blob_has_its_own_refusal(old: bytes, new: bytes, told: str) -> None:
    """TX-Z10: the sentence says which check failed."""
    blob = sign_bytes(SSHSIG, MESSAGE)
    assert blob.count(old) == 1
    assert told in refused(blob.replace(old, new))


def test_i2_a_key_inside_the_blob_is_not_believed() -> None:
    """TX-F20: a good signature under a key that is not registered."""
    stranger = b"k" * 32
    assert "another key" in refused(blob_of(stranger, PRIVATE.sign(MESSAGE)))
    assert "did not sign" in refused(blob_of(PUBLIC, PRIVATE.sign(MESSAGE)))


def test_i3_only_plain_ed25519_keys_are_read(tmp_path: Path) -> None:
    """TX-F20: neither RSA nor ECDSA nor a cut line; comments and blanks are no part of a key."""
    for _ in HERE:
        for kind in ("rsa", "ecdsa"):
            line = (keygen(tmp_path / kind, kind) / "key.pub").read_text("ascii")
            with pytest.raises(InputError, match="SSH_KEY_INVALID"):
                read_public_key(line)
    line = allowed_signer(key(SSHSIG)).partition('" ')[2]
    assert read_public_key(f"  {line.strip()} olga@desk\n") == PUBLIC
    for bad in (line[:40], line.replace("ssh-ed25519", "ssh-rsa"), "ssh-ed25519", "", f"x {line}"):
        with pytest.raises(InputError, match="SSH_KEY_INVALID"):
            read_public_key(bad)


@pytest.mark.parametrize("name", ["*", "a,b", "!olga", "#olga", '"olga"', "o?ga", "-olga"])
def test_no_person_becomes_a_pattern(name: str) -> None:
    """TX-F20: an allowed_signers file reads names as patterns; one such would stand for all."""
    with pytest.raises(InputError, match="PERSON_ID_UNSAFE"):
        allowed_signer(key(SSHSIG, person_id=name))


def test_an_exported_key_file_signature_holds_for_openssl(tmp_path: Path) -> None:
    """Governance 3: raw signature and PEM key; the exported line exits with 0, then no more."""
    told = statement(ED25519).json_value()
    proof = exported("one", sign_statement(PRIVATE, "decision", told, "key_1"), key(ED25519))
    for name, content in proof.files.items():
        (tmp_path / name).write_bytes(content)
    assert proof.files["one.message"] == signed_bytes("decision", told)
    assert shell_status(proof.command, tmp_path) == 0
    (tmp_path / "one.message").write_bytes(proof.files["one.message"] + b"\n")
    assert shell_status(proof.command, tmp_path) != 0


def test_an_exported_ssh_signature_holds_for_ssh_keygen(tmp_path: Path) -> None:
    """Governance 3: armor and allowed_signers; the exported line exits with 0, then no more."""
    told = statement(SSHSIG).json_value()
    proof = exported("one", sign(SSHSIG, "decision", told), key(SSHSIG))
    for name, content in proof.files.items():
        (tmp_path / name).write_bytes(content)
    for _ in HERE:
        assert shell_status(proof.command, tmp_path) == 0
        (tmp_path / "one.message").write_bytes(proof.files["one.message"] + b"\n")
        assert shell_status(proof.command, tmp_path) != 0
