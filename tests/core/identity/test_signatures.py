"""Statements under a person's key record, whatever the scheme."""

import base64
import string
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.approvals.statement import read_statement
from counterseal.identity.dsse import KINDS, pae, payload_type, verify_ed25519
from counterseal.identity.passkeys import read_assertion, verify_assertion
from counterseal.identity.schemes import ED25519_SIZE, SignatureScheme
from counterseal.identity.signatures import verify_message, verify_signed
from counterseal.identity.sshsig import read_public_key, unarmored, verify_blob
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Signature
from tests.core.identity.signers import (
    ED25519,
    NOW,
    ORIGIN,
    PRIVATE,
    RP_ID,
    SSHSIG,
    WEBAUTHN,
    key,
    public_point,
    sign,
    sign_bytes,
    statement,
)

SCHEMES = list(SignatureScheme)
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
PUBLIC = PRIVATE.public_key().public_bytes_raw()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def refused(signature: Signature, scheme: SignatureScheme, kind: str = "decision") -> str:
    with pytest.raises(IntegrityError) as caught:
        verify_signed(signature, key(scheme), kind)
    assert caught.value.code == "SIGNATURE_INVALID"
    return caught.value.message


@pytest.mark.parametrize("scheme", SCHEMES)
def test_i1_the_key_record_alone_says_scheme_and_key(scheme: SignatureScheme) -> None:
    """TX-F20: what the envelope says of itself is not believed."""
    signed = sign(scheme, "decision", {"a": 1})
    assert verify_signed(signed, key(scheme), "decision") == {"a": 1}
    assert verify_signed(signed.amended(key_id="key_of_another"), key(scheme), "decision")
    for other in SCHEMES:
        if other is not scheme:
            assert f"by {other.value}" in refused(signed, other)
            refused(signed.amended(scheme=other.value), other)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_i2_a_signature_fits_its_kind_only(scheme: SignatureScheme) -> None:
    """TX-Z10: every other kind's type is refused, also when the envelope is relabelled."""
    signed = sign(scheme, "decision", {"a": 1})
    for kind in sorted(KINDS - {"decision"}):
        assert "another kind" in refused(signed, scheme, kind)
        refused(signed.amended(payload_type=payload_type(kind)), scheme, kind)
    with pytest.raises(InputError, match="UNKNOWN_STATEMENT_KIND"):
        verify_signed(signed, key(scheme), "poem")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_i2_every_flipped_byte_of_a_statement_is_refused(scheme: SignatureScheme) -> None:
    """TX-Z10: no byte of a decision's statement goes unsigned."""
    signed = sign(scheme, "decision", statement(scheme).json_value())
    payload = base64.b64decode(signed.payload)
    for place in range(len(payload)):
        flipped = bytearray(payload)
        flipped[place] ^= 1
        refused(signed.amended(payload=text(bytes(flipped))), scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_i2_every_field_of_a_statement_is_signed(scheme: SignatureScheme) -> None:
    """TX-Z10: no field can be put in, taken out or changed under a signature."""
    said = statement(scheme).json_value()
    signed = sign(scheme, "decision", said)
    assert read_statement(signed, key(scheme)) == statement(scheme)
    for name, value in said.items():
        changed = {**said, name: not value if isinstance(value, bool) else f"{value}x"}
        cut = {other: v for other, v in said.items() if other != name}
        for forged in (changed, cut, {**said, f"{name}_2": value}):
            refused(signed.amended(payload=text(canonical_bytes(forged))), scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_i2_every_flipped_byte_of_a_signature_is_refused(scheme: SignatureScheme) -> None:
    """TX-Z10: neither its bytes nor its text have a second spelling."""
    signed = sign(scheme, "decision", {"a": 1})
    raw = base64.b64decode(signed.signature)
    for place in range(len(raw)):
        flipped = bytearray(raw)
        flipped[place] ^= 1
        refused(signed.amended(signature=text(bytes(flipped))), scheme)
    for bad in (raw[:-1], raw + b"\0", b"\0" + raw, b""):
        refused(signed.amended(signature=text(bad)), scheme)
    for loose in (f"{signed.signature}\n", f" {signed.signature}", signed.signature.rstrip("=")):
        if loose != signed.signature:
            refused(signed.amended(signature=loose), scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "payload",
    [
        *(b'{"a": 1}', b'{"a":1,"a":1}', b'{"a":1.5}', b'{"a":1e2}', b'{"a":"\\u0061"}'),
        *(b"[]", b"1", b"{", b"[" * 20_000, b"9" * 5000),
    ],
)
def test_i3_a_signed_payload_that_is_not_canonical_is_refused(
    scheme: SignatureScheme, payload: bytes
) -> None:
    """TX-Z10: nobody signs hidden bytes, and nothing that a person signs breaks the reader."""
    message = pae(payload_type("decision"), payload)
    signed = sign(scheme, "decision", {"a": 1})
    made = sign_bytes(scheme, message)
    verify_message(made, message, key(scheme))
    told = signed.amended(payload=text(payload), signature=text(made))
    assert "canonical form" in refused(told, scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_statement_that_names_another_scheme_is_refused(scheme: SignatureScheme) -> None:
    """TX-F20: class and scheme that a record shows are those that signed."""
    for other in SCHEMES:
        if other is not scheme:
            signed = sign(scheme, "decision", statement(other).json_value())
            with pytest.raises(IntegrityError, match="another scheme"):
                read_statement(signed, key(scheme))


@pytest.mark.parametrize(
    ("scheme", "changes"),
    [
        (ED25519, {"key_class": 2}),
        (SSHSIG, {"key_class": 1}),
        (SSHSIG, {"key_class": 3}),
        (WEBAUTHN, {"key_class": 2}),
        (ED25519, {"public_key": text(b"k" * 31)}),
        (ED25519, {"public_key": text(b"k" * 33)}),
        (SSHSIG, {"public_key": text(public_point())}),
        (WEBAUTHN, {"public_key": text(PUBLIC)}),
        (WEBAUTHN, {"public_key": text(public_point()[:-1] + b"\0")}),
        (WEBAUTHN, {"public_key": text(b"\x04" + bytes(64))}),
        (ED25519, {"public_key": "!" * 44}),
        (ED25519, {"rp_id": RP_ID, "web_origin": ORIGIN}),
        (SSHSIG, {"web_origin": ORIGIN}),
        (WEBAUTHN, {"rp_id": None}),
        (WEBAUTHN, {"web_origin": None}),
        (WEBAUTHN, {"rp_id": "other.example"}),
        (WEBAUTHN, {"rp_id": "esk.example"}),
        (WEBAUTHN, {"web_origin": "http://approvals.desk.example"}),
        (WEBAUTHN, {"web_origin": f"{ORIGIN}/"}),
        (WEBAUTHN, {"web_origin": f"{ORIGIN}:0"}),
        (WEBAUTHN, {"web_origin": "https://desk.example@evil.example"}),
    ],
)
def test_i4_a_key_record_fits_its_scheme(
    scheme: SignatureScheme, changes: dict[str, object]
) -> None:
    """TX-F20: class, length, curve and web origin; a scheme that cannot have a class is refused."""
    assert key(scheme).scheme is scheme
    with pytest.raises(ValidationError):
        key(scheme).amended(scheme="none")
    with pytest.raises(ValidationError):
        key(scheme, **changes)


@pytest.mark.parametrize(
    ("rp_id", "origin"),
    [
        ("desk.example", "https://desk.example"),
        ("desk.example", "https://desk.example:8443"),
        ("localhost", "http://localhost:8501"),
    ],
)
def test_i3_a_passkey_belongs_to_its_site(rp_id: str, origin: str) -> None:
    """TX-F20: the host itself, a name below it, and the loopback name for trying out."""
    assert key(WEBAUTHN, rp_id=rp_id, web_origin=origin).web_origin == origin


@pytest.mark.parametrize("sign_bit", [0x00, 0x80])
def test_i2_no_key_that_verifies_anything_can_be_enrolled(sign_bit: int) -> None:
    """TX-F20: under a key of small order a signature of nobody fits many statements."""
    zero_signature = b"\x01" + bytes(31) + bytes(32)
    neutral = b"\x01" + bytes(30) + bytes([sign_bit])
    assert len(neutral) == ED25519_SIZE
    if not sign_bit:
        for message in (b"one statement", b"another statement"):
            verify_ed25519(neutral, zero_signature, message)
    for start in (bytes(31), b"\x01" + bytes(30), b"\xec" + b"\xff" * 30, b"\xee" + b"\xff" * 30):
        last = sign_bit | (0x7F if start[-1] == 0xFF else 0)
        with pytest.raises(ValidationError, match="small order"):
            key(ED25519, public_key=text(start + bytes([last])))


def test_a_second_form_of_an_ed25519_signature_is_refused() -> None:
    """TX-Z10: RFC 8032, 5.1.7: S beyond the group order would sign the same bytes once more."""
    raw = PRIVATE.sign(b"m")
    verify_message(raw, b"m", key(ED25519))
    for added in (GROUP_ORDER, 2 * GROUP_ORDER):
        more = int.from_bytes(raw[32:], "little") + added
        with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
            verify_message(raw[:32] + more.to_bytes(32, "little"), b"m", key(ED25519))


RAW = st.binary(max_size=400)
PRINTABLE = st.text(string.printable, max_size=80)
ABOUT_SSH = st.builds(lambda cut, more: sign_ssh()[:cut] + more, st.integers(0, 200), RAW)


def sign_ssh() -> bytes:
    return base64.b64decode(sign(SSHSIG, "decision", {"a": 1}).signature)


@given(raw=RAW | ABOUT_SSH, message=RAW)
@example(raw=b"/AAA", message=b"")
def test_arbitrary_bytes_are_refused_and_break_nothing(raw: bytes, message: bytes) -> None:
    """TX-Z10: parsers answer with the one failure, whatever comes."""
    told = raw.decode("latin-1")
    armored = f"-----BEGIN SSH SIGNATURE-----\n{told}\n-----END SSH SIGNATURE-----"
    attempts: list[Callable[[], object]] = [
        lambda: verify_blob(raw, message, PUBLIC),
        lambda: unarmored(told),
        lambda: verify_blob(unarmored(armored), message, PUBLIC),
        lambda: verify_assertion(raw, message, public_point(), rp_id=RP_ID, web_origin=ORIGIN),
        lambda: read_assertion(raw),
        *(lambda scheme=scheme: verify_message(raw, message, key(scheme)) for scheme in SCHEMES),
    ]
    for attempt in attempts:
        with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
            attempt()
    with pytest.raises(InputError, match="SSH_KEY_INVALID"):
        read_public_key(told)


@given(
    st.dictionaries(
        st.sampled_from(["authenticator_data", "client_data_json", "signature"]),
        st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="))
        | PRINTABLE,
    )
)
def test_arbitrary_assertions_are_refused(parts: dict[str, str]) -> None:
    """TX-Z10: whatever a browser sends."""
    try:
        content = canonical_bytes(parts)
    except InputError:
        return
    with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
        verify_assertion(content, b"m", public_point(), rp_id=RP_ID, web_origin=ORIGIN)


@given(payload=PRINTABLE, signature=PRINTABLE)
def test_arbitrary_envelopes_are_refused(payload: str, signature: str) -> None:
    """TX-Z10: under a key of every scheme."""
    for scheme in SCHEMES:
        told = Signature(
            payload_type=payload_type("decision"),
            payload=payload,
            key_id="k",
            scheme=scheme.value,
            signature=signature,
        )
        refused(told, scheme)


def test_the_time_of_these_keys_is_their_record_s() -> None:
    """TX-F20: a scheme changes nothing about when a key counts."""
    assert all(key(scheme).counts_at(NOW) for scheme in SCHEMES)
