"""Passkeys: an authenticator in software, the product's check and the one beside it."""

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from counterseal.identity.dsse import signed_bytes
from counterseal.identity.exported import PASSKEY_SCRIPT, exported, public_key_pem
from counterseal.identity.keys import PersonKey
from counterseal.identity.passkeys import read_assertion, unpadded, verify_assertion
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import IntegrityError
from tests.core.identity.programs import shell_status, status
from tests.core.identity.signers import (
    ORIGIN,
    RP_ID,
    WEBAUTHN,
    Authenticator,
    key,
    public_point,
    sign,
    statement,
)

SAID = statement(WEBAUTHN).json_value()
MESSAGE = signed_bytes("decision", SAID)
SCRIPT = Path(__file__).parents[3] / "evidence" / PASSKEY_SCRIPT
EXTENSION = b"\xa1\x61a\x01"


def verify(content: bytes, message: bytes = MESSAGE) -> None:
    verify_assertion(content, message, public_point(), rp_id=RP_ID, web_origin=ORIGIN)


def script(
    folder: Path, content: bytes, message: bytes = MESSAGE, owner: PersonKey | None = None
) -> int:
    """Exit status of the independent check, run as an auditor runs it."""
    files = {"m": message, "a": content, "k": public_key_pem(owner or key(WEBAUTHN))}
    for name, told in files.items():
        (folder / name).write_bytes(told)
    words = [sys.executable, "-I", str(SCRIPT), "m", "a", "k", RP_ID, ORIGIN]
    return status(words, folder)


def test_a_verified_user_s_assertion_holds_for_both_checks(tmp_path: Path) -> None:
    """TX-F20, governance test 12: challenge, origin, relying party, flags, ES256."""
    signed = sign(WEBAUTHN, "decision", SAID)
    assert verify_signed(signed, key(WEBAUTHN), "decision") == SAID
    proof = exported("one", signed, key(WEBAUTHN))
    for name, content in {**proof.files, PASSKEY_SCRIPT: SCRIPT.read_bytes()}.items():
        (tmp_path / name).write_bytes(content)
    python = proof.command.replace("python3", f"{sys.executable} -I", 1)
    assert shell_status(python, tmp_path) == 0
    (tmp_path / "one.message").write_bytes(MESSAGE + b"\n")
    assert shell_status(python, tmp_path) == 1


@pytest.mark.parametrize(
    ("device", "told"),
    [
        (Authenticator(origin="https://evil.example"), "another origin"),
        (Authenticator(origin=f"{ORIGIN}:8443"), "another origin"),
        (Authenticator(origin=ORIGIN.upper()), "another origin"),
        (Authenticator(rp_id="evil.example"), "another relying party"),
        (Authenticator(kind="webauthn.create"), "not asked to sign"),
        (Authenticator(flags=0x01), "did not verify its user"),
        (Authenticator(flags=0x04), "did not verify its user"),
        (Authenticator(flags=0x00), "did not verify its user"),
        (Authenticator(cross_origin=True), "within a page"),
        (Authenticator(cross_origin="false"), "within a page"),
        (Authenticator(private=ec.derive_private_key(5**80, ec.SECP256R1())), "did not sign"),
    ],
)
def test_i2_i3_what_the_authenticator_did_not_do_is_refused(
    device: Authenticator, told: str, tmp_path: Path
) -> None:
    """TX-Z10, governance test 12: wrong origin, nobody verified, other party or key, a frame."""
    with pytest.raises(IntegrityError, match="SIGNATURE_INVALID") as caught:
        verify(device(MESSAGE))
    assert told in caught.value.message
    assert script(tmp_path, device(MESSAGE)) == 1


def test_i1_an_assertion_fits_one_statement(tmp_path: Path) -> None:
    """TX-Z10, governance test 12: a changed payload."""
    content = Authenticator()(MESSAGE)
    verify(content)
    assert script(tmp_path, content) == 0
    with pytest.raises(IntegrityError, match="another statement"):
        verify(content, MESSAGE.replace(b"olga", b"kail"))
    assert script(tmp_path, content, MESSAGE.replace(b"olga", b"kail")) == 1


@pytest.mark.parametrize("flags", [0x05, 0x1D, 0x85])
def test_backup_and_extension_flags_change_nothing(flags: int) -> None:
    """TX-F20: synced passkeys and extensions are signed over like the rest."""
    verify(Authenticator(flags=flags, more=EXTENSION if flags & 0x80 else b"")(MESSAGE))


def test_bytes_behind_the_authenticator_data_are_refused() -> None:
    """TX-Z10: without a flag that announces them."""
    with pytest.raises(IntegrityError, match="left over"):
        verify(Authenticator(more=b"x")(MESSAGE))


def test_i4_nothing_in_the_client_data_is_read_twice() -> None:
    """TX-Z10: a doubled key, a number, a list and a cut object are no client data."""
    parts = read_assertion(Authenticator()(MESSAGE))
    good = '{"type":"webauthn.get","type":"webauthn.get"}'
    for bad in (good, "[]", "1", "{", "\xff", "[" * 2900):
        told = unpadded(bad.encode("latin-1"))
        with pytest.raises(IntegrityError, match="client data is not"):
            verify(parts.amended(client_data_json=told).as_bytes())


@pytest.mark.parametrize("part", ["authenticator_data", "client_data_json", "signature"])
@pytest.mark.parametrize("bad", ["", "A", "AA==", "A+//", "\u00e4", " AAAA", "AAAA\n"])
def test_each_part_is_base64url_without_padding(part: str, bad: str) -> None:
    """TX-Z10: one spelling."""
    parts = read_assertion(Authenticator()(MESSAGE))
    with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
        verify(parts.amended(**{part: bad}).as_bytes())


def test_an_assertion_is_canonical_json_of_three_parts() -> None:
    """TX-Z10: neither blanks nor more nor fewer parts."""
    content = Authenticator()(MESSAGE)
    told = json.loads(content)
    for bad in (
        json.dumps(told).encode(),
        canonical_bytes({**told, "user_handle": ""}),
        canonical_bytes({name: told[name] for name in list(told)[:2]}),
        canonical_bytes([content.decode()]),
        canonical_bytes({**told, "signature": 1}),
    ):
        with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
            verify(bad)


def test_the_independent_check_says_what_it_cannot_read(tmp_path: Path) -> None:
    """TX-K7: exit status 2, never 0 by accident; and it needs none of our code."""
    assert script(tmp_path, b"{}") == 2
    assert script(tmp_path, b"[1") == 2
    assert "counterseal." not in SCRIPT.read_text("utf-8")
    assert status([sys.executable, str(SCRIPT)]) == 2
