"""What an identity provider signed; the tokens are made by hand, apart from what verifies them."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from counterseal.identity.oidc import Claims
from counterseal.kernel.errors import IntegrityError
from storage.oidc_tokens import KEYS_MAX, TOKEN_LENGTH_MAX, verified_claims

Sign = Callable[[bytes], bytes]
NOW: Final = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECONDS: Final = int(NOW.timestamp())
TOLD: Final[dict[str, object]] = {
    "iss": "https://login.example",
    "sub": "4711",
    "aud": "desk",
    "iat": SECONDS,
    "exp": SECONDS + 600,
    "auth_time": SECONDS - 10,
    "nonce": "n",
    "acr": "mfa",
    "amr": ["pwd", "otp"],
    "groups": ["desk-ops"],
    "score": 0.5,
}
RSA: Final = rsa.generate_private_key(65537, 2048)
EC: Final = ec.generate_private_key(ec.SECP256R1())
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def text_of(raw: bytes | int) -> str:
    """Base64url without padding; a number as its shortest big-endian bytes."""
    content = raw.to_bytes((raw.bit_length() + 7) // 8) if isinstance(raw, int) else raw
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def rsa_jwk(key: rsa.RSAPrivateKey = RSA, **more: object) -> dict[str, object]:
    numbers = key.public_key().public_numbers()
    n, e = text_of(numbers.n), text_of(numbers.e)
    return {"kty": "RSA", "kid": "r", "n": n, "e": e} | more


def ec_jwk(key: ec.EllipticCurvePrivateKey = EC, **more: object) -> dict[str, object]:
    numbers = key.public_key().public_numbers()
    size = (key.key_size + 7) // 8
    x, y = (text_of(one.to_bytes(size)) for one in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "kid": "e", "x": x, "y": y} | more


def key_set(*held: object) -> bytes:
    return json.dumps({"keys": held}).encode()


def by_rsa(signed: bytes) -> bytes:
    return RSA.sign(signed, padding.PKCS1v15(), SHA256())


def by_ec(signed: bytes) -> bytes:
    r, s = decode_dss_signature(EC.sign(signed, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def made(
    told: object = TOLD, sign: Sign = by_rsa, *, alg: str = "RS256", **header: object
) -> SecretStr:
    """A token; a header of None is left out, and bytes are claims as they stand."""
    head = {"alg": alg, "kid": "e" if sign is by_ec else "r"} | header
    kept = {name: value for name, value in head.items() if value is not None}
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    signed = f"{text_of(json.dumps(kept).encode())}.{text_of(body)}"
    return SecretStr(f"{signed}.{text_of(sign(signed.encode()))}")


def changed(exp: str) -> bytes:
    """Claims with this text where the time of expiry stands."""
    return json.dumps(TOLD | {"exp": "@"}).replace('"@"', exp).encode()


KEYS: Final = key_set(rsa_jwk(), ec_jwk())
TOKEN: Final = made()


def refusal(token: SecretStr, keys: bytes = KEYS) -> IntegrityError:
    with pytest.raises(IntegrityError) as refused:
        verified_claims(token, keys)
    assert refused.value.code == "TOKEN_INVALID"
    return refused.value


@pytest.mark.parametrize(("alg", "sign"), [("RS256", by_rsa), ("ES256", by_ec)])
def test_i1_a_token_of_the_provider_holds_under_its_key_and_no_other(alg: str, sign: Sign) -> None:
    """RFC 7518, 3.3 and 3.4."""
    token = made(TOLD, sign, alg=alg)
    found = verified_claims(token, KEYS)
    assert found == Claims(
        issuer="https://login.example",
        subject="4711",
        audience=("desk",),
        issued_at=NOW,
        expires_at=NOW.replace(minute=10),
        auth_time=NOW.replace(hour=8, minute=59, second=50),
        nonce="n",
        acr="mfa",
        amr=("pwd", "otp"),
        told=found.told,
        verified=True,
        token_digest=found.token_digest,
    )
    assert ("groups", "desk-ops") in found.told
    others = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    refusal(token, key_set(rsa_jwk(others[0]), ec_jwk(others[1])))
    refusal(token, key_set(rsa_jwk(kid="another"), ec_jwk(kid="another")))


def test_i1_without_a_key_id_a_token_is_of_the_only_key() -> None:
    """OpenID Connect Core, 10.1: of several keys, the token says which."""
    token = made(kid=None)
    assert verified_claims(token, key_set(rsa_jwk())).subject == "4711"
    bare = rsa_jwk()
    del bare["kid"]
    assert verified_claims(token, key_set(bare)).subject == "4711"
    refusal(token, KEYS)
    refusal(TOKEN, key_set(bare))


def test_i2_the_key_says_which_algorithm_never_the_token() -> None:
    """No `none`, no secret made of a public key, no other hash, no other kind of key."""
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    oct_key = {"kty": "oct", "kid": "r", "k": text_of(public)}
    by_secret = made(sign=lambda signed: hmac.digest(public, signed, "sha256"), alg="HS256")
    pss = padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)
    for token in (
        by_secret,
        made(sign=lambda _: b"", alg="none"),
        made(sign=lambda signed: RSA.sign(signed, padding.PKCS1v15(), SHA384()), alg="RS384"),
        made(sign=lambda signed: RSA.sign(signed, pss, SHA256()), alg="PS256"),
        made(alg="ES256"),
        made(alg="ES256", kid="e"),
        made(sign=by_ec, alg="RS256"),
        made(sign=by_ec, alg="ES256", kid="r"),
        made(sign=lambda s: EC.sign(s, ec.ECDSA(SHA256())), alg="ES256", kid="e"),
    ):
        refusal(token)
    refusal(by_secret, key_set(rsa_jwk(), oct_key))
    refusal(by_secret, key_set(oct_key))


def test_i2_two_kinds_of_key_may_share_an_id() -> None:
    """RFC 7517, 4.5."""
    keys = key_set(rsa_jwk(kid="k"), ec_jwk(kid="k"))
    for token in (made(kid="k"), made(TOLD, by_ec, alg="ES256", kid="k")):
        assert verified_claims(token, keys).subject == "4711"


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["alg"]},
        {"crit": []},
        {"crit": 1},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"alg": None},
        {"alg": ["RS256"]},
        {"kid": 1},
        {"kid": "another"},
    ],
)
def test_i1_a_header_with_a_critical_or_odd_part_is_refused(header: dict[str, object]) -> None:
    """RFC 7515, 4.1.11; nothing in a header is obeyed that is not understood."""
    refusal(made(**header))  # type: ignore[arg-type]  # wrong types are the point


def test_i1_claims_that_were_not_encoded_are_refused() -> None:
    """RFC 7797 is not spoken here, although its signature is a good one."""
    head = text_of(json.dumps({"alg": "RS256", "kid": "r", "b64": False, "crit": ["b64"]}).encode())
    signed = f"{head}.{json.dumps(TOLD | {'score': 1}).replace('https://login.example', 'x')}"
    refusal(SecretStr(f"{signed}.{text_of(by_rsa(signed.encode()))}"))


def test_a_header_that_is_not_known_and_not_critical_is_passed_over() -> None:
    """RFC 7515, 4: a key or an address in the header is one of these."""
    stranger = rsa_jwk(rsa.generate_private_key(65537, 2048))
    assert verified_claims(made(typ="JWT", vendor={"a": 1}), KEYS).subject == "4711"
    refusal(made(jwk=stranger, kid="another"))


@settings(max_examples=60)
@given(st.data())
def test_i1_no_character_of_a_token_can_be_changed(data: st.DataObject) -> None:
    """Header, claims and signature, spare bits of the last character too."""
    token = TOKEN.get_secret_value()
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("AaQ0_.~=+"))
    if token[at] != other:
        refusal(SecretStr(token[:at] + other + token[at + 1 :]))


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "a.b.c.d", "a.b.c.d.e", "..", "\u00e9.b.c", "\ud800.b.c", "e30.e30.e30"]
    + [f"{text_of(head)}.e30.e30" for head in (b"1", b'["alg"]', b'"alg"', b"[" * 300, b"\xff")],
)
def test_i3_what_is_no_token_is_refused_by_its_name(text: str) -> None:
    """Bad input."""
    refusal(SecretStr(text))


def test_a_token_is_of_bounded_length() -> None:
    """Bad input: at the limit it is read, beyond it is not."""

    def filled(size: int, sign: Sign = by_rsa) -> SecretStr:
        return made(TOLD | {"nonce": "n" * size}, sign)

    lengths = {n: len(filled(n, lambda _: bytes(256))) for n in range(14_000, 15_000)}
    size = max(n for n, length in lengths.items() if length <= TOKEN_LENGTH_MAX)
    assert verified_claims(filled(size), KEYS).nonce == "n" * size
    refusal(filled(size + 1))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":1}',
        b'{"keys":[]}',
        b'{"keys":[1]}',
        b"\xff",
        b"[" * 5000,
        b"1" * 5000,
    ]
    + [b'{"keys":[],"keys":[%s]}' % json.dumps(rsa_jwk()).encode()]
    + [key_set(rsa_jwk(n=wrong)) for wrong in ("", "_", "+", 1, None)]
    + [key_set(rsa_jwk(e=wrong)) for wrong in ("", "AA", "Ag", 1, None)]
    + [key_set(ec_jwk(x=wrong)) for wrong in ("", "AA", 1)]
    + [key_set(*[rsa_jwk()] * (KEYS_MAX + 1))],
)
def test_i3_what_is_no_set_of_keys_is_refused(content: bytes) -> None:
    """Bad input."""
    for token in (TOKEN, made(TOLD, by_ec, alg="ES256")):
        refusal(token, content)


def test_i2_a_weak_key_spoils_its_set() -> None:
    """NIST SP 800-131A: RSA below 2048 bits, leading zeros or not; 50 keys are a set."""
    weak = rsa.generate_private_key(65537, 2047)  # noqa: S505 - a weak key is the point
    assert verified_claims(TOKEN, key_set(*[rsa_jwk()] * KEYS_MAX)).verified
    assert "too short" in str(refusal(TOKEN, key_set(rsa_jwk(), rsa_jwk(weak, kid="w"))))
    padded = text_of(b"\0\0" + weak.public_key().public_numbers().n.to_bytes(256))
    refused = refusal(TOKEN, key_set(rsa_jwk(), rsa_jwk(weak, kid="w", n=padded)))
    assert "too short" in str(refused)
    assert verified_claims(TOKEN, key_set(rsa_jwk(), rsa_jwk(weak, kid="w", use="enc"))).verified


def test_i2_keys_that_do_not_sign_are_left_out() -> None:
    """Encryption keys, other curves, other algorithms, kinds not known; the rest still counts."""
    other = ec_jwk(ec.generate_private_key(ec.SECP384R1()), crv="P-384")
    strange = [other, ec_jwk(crv="brainpoolP256r1"), {"kty": "oct", "k": "AA"}, {"kty": ["RSA"]}, 1]
    unfit = [rsa_jwk(use="enc"), rsa_jwk(alg="RS512"), rsa_jwk(alg="ES256"), *strange]
    refusal(TOKEN, key_set(*unfit))
    assert verified_claims(TOKEN, key_set(*unfit, rsa_jwk(use="sig", alg="RS256"))).verified


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "iat", "exp"])
def test_i1_a_token_without_a_needed_claim_is_none(name: str) -> None:
    """OpenID Connect Core, 2."""
    refusal(made({told: value for told, value in TOLD.items() if told != name}))


@pytest.mark.parametrize("name", ["iat", "exp", "nbf", "auth_time"])
@pytest.mark.parametrize("wrong", ["soon", True, None, -1, 10**30, 253_402_300_800])
def test_i3_a_time_is_a_number_of_seconds(name: str, wrong: object) -> None:
    """RFC 7519, 2: NumericDate."""
    refusal(made(TOLD | {name: wrong}))


@pytest.mark.parametrize(
    "body",
    [b"[]", b"1", b"", b"\xff", b"[" * 5000, b"1" * 5000]
    + [changed(exp) for exp in ("1e999999999", "1e9" + "9" * 30, "NaN", "-Infinity")]
    + [changed(f'{SECONDS},"sub":"4712"')],
)
def test_i3_claims_that_cannot_be_read_are_none(body: bytes) -> None:
    """Bad input, signed: no object, a name twice, numbers that no clock reaches."""
    refusal(made(body))


def test_a_time_may_have_a_fraction() -> None:
    """RFC 7519, 2; cut to the second."""
    assert verified_claims(made(TOLD | {"iat": SECONDS + 0.75}), KEYS).issued_at == NOW


def test_i3_no_error_quotes_the_token() -> None:
    """What a provider signs is nobody's business in a log."""
    long = TOLD | {"sub": "a-secret-subject" * 20}
    for token in (
        made(long),
        made(kid="a-secret-key-id"),
        made(alg="a-secret-alg"),
        made(crit=["a-secret-part"]),
        made(TOLD | {"exp": "a-secret-time"}),
    ):
        error = refusal(token)
        assert "secret" not in f"{error} {error.diagnostics()} {error.__cause__}"
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__


def test_i4_a_second_signature_makes_no_second_token() -> None:
    """Who has (r, s) of ES256 has (r, n - s) too: both are of one token, spent once."""
    token = made(TOLD, by_ec, alg="ES256").get_secret_value()
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:])).to_bytes(32)
    first, second = (
        verified_claims(SecretStr(text), KEYS) for text in (token, f"{signed}.{text_of(twin)}")
    )
    assert first == second
    assert first.token_digest != verified_claims(TOKEN, KEYS).token_digest
