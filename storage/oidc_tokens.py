"""What an identity provider signed.

Job: verify an ID token under the provider's published keys, and read its claims.

Invariants
  I1  Claims are read only after the signature held under a key of the set given; this is the one
      place that calls claims verified.
  I2  A key's kind says which algorithm it verifies, never the token; RSA below 2048 bits, none.
  I3  Whatever is wrong is `TOKEN_INVALID`, and no error quotes the token.
  I4  A token's digest covers what was signed, so that no second signature makes another token.

Not here: fetching tokens and keys (storage.oidc), what claims prove (identity.oidc).
Source: OpenID Connect Core 1.0, 2 and 3.1.3.7; RFC 7515, 7517 and 7518, by joserfc.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from pydantic import SecretStr

from counterseal.identity.oidc import NOT_STATED, Claims
from counterseal.kernel.canonical import parse_json, sha256_hex
from counterseal.kernel.errors import InputError, IntegrityError

TOKEN_LENGTH_MAX: Final = 20_000
KEYS_MAX: Final = 50
RSA_BITS_MIN: Final = 2048
_SECONDS_MAX: Final = 253_402_300_799
"""The last second of the year 9999."""
_TRIPPED: Final = (TypeError, ValueError, LookupError, ArithmeticError, RecursionError)
"""What JSON of another shape, numbers out of range and depth do to who reads them."""


def verified_claims(token: SecretStr, key_set: bytes) -> Claims:
    """The claims of a token whose signature holds under one of the keys.

    Args:
        token: A compact JWS, signed by RS256 or ES256.
        key_set: The issuer's JWK set.

    Raises:
        IntegrityError: `TOKEN_INVALID`: no token, no set of keys, an algorithm that is no key's, a
            critical header, a weak key, a bad signature, a needed claim that is absent.
    """
    from joserfc import jwt  # noqa: PLC0415 - only who uses a provider needs it
    from joserfc.errors import JoseError  # noqa: PLC0415 - the same
    from joserfc.jwk import KeySet  # noqa: PLC0415 - the same
    from joserfc.jws import JWSRegistry  # noqa: PLC0415 - the same

    text = token.get_secret_value()
    if len(text) > TOKEN_LENGTH_MAX:
        raise IntegrityError("TOKEN_INVALID", "this is no signed token")
    public = _signing_keys(key_set)
    taken = JWSRegistry(algorithms=("RS256", "ES256"), strict_check_header=False)
    try:
        keys = KeySet.import_key_set({"keys": public})
        read = jwt.decode(text, keys, registry=taken, decoder_cls=_Decoder)
    except (JoseError, *_TRIPPED) as error:
        why = type(error).__name__
        raise IntegrityError(
            "TOKEN_INVALID", f"the signature does not hold under a key of the issuer: {why}"
        ) from None
    if "crit" in read.header:
        raise IntegrityError(
            "TOKEN_INVALID", "the token's header has a critical part that is not known here"
        )
    return _claims(read.claims, f"sha256:{sha256_hex(text.rpartition('.')[0].encode())}")


def _signing_keys(key_set: bytes) -> list[dict[str, str | list[str]]]:
    """The public members of the keys that may sign; kinds that are not known here are left out.

    Raises:
        IntegrityError: `TOKEN_INVALID`.
    """
    try:
        told = parse_json(key_set)
    except InputError:
        told = None
    held = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(held, list) or len(held) > KEYS_MAX:
        raise IntegrityError("TOKEN_INVALID", "this is no set of keys")
    found = [_signing_key(one) for one in held if isinstance(one, dict)]
    return [key for key in found if key is not None]


def _signing_key(jwk: Mapping[str, object]) -> dict[str, str | list[str]] | None:
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            algorithm, names = "RS256", ["n", "e"]
        case "EC", "P-256":
            algorithm, names = "ES256", ["crv", "x", "y"]
        case _:
            return None
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    if algorithm == "RS256" and _bits(jwk.get("n")) < RSA_BITS_MIN:
        raise IntegrityError("TOKEN_INVALID", "an RSA key of the issuer is too short")
    kept = {name: jwk.get(name) for name in ("kty", "kid", *names)}
    texts = {name: text for name, text in kept.items() if isinstance(text, str)}
    return {"alg": algorithm, **texts}


def _bits(number: object) -> int:
    """Bits of a number in base64url; 0 when it is none."""
    from joserfc.util import base64_to_int  # noqa: PLC0415 - only who uses a provider needs it

    try:
        return base64_to_int(number).bit_length() if isinstance(number, str) else 0
    except ValueError:
        return 0


class _Decoder(json.JSONDecoder):
    """Refuses a name that stands twice, and reads fractions as decimals."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_unique, parse_float=Decimal)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def _claims(value: Mapping[str, object], token_digest: str) -> Claims:
    try:
        return Claims(
            issuer=str(value["iss"]),
            subject=str(value["sub"]),
            audience=_texts(value["aud"]),
            authorized_party=_text(value.get("azp")),
            issued_at=_instant(value["iat"]),
            expires_at=_instant(value["exp"]),
            not_before=_instant(value["nbf"]) if "nbf" in value else None,
            auth_time=_instant(value["auth_time"]) if "auth_time" in value else None,
            nonce=_text(value.get("nonce")),
            acr=_text(value.get("acr")) or "none",
            amr=_texts(value.get("amr", [])),
            told=tuple((name, text) for name, held in value.items() for text in _texts(held)),
            verified=True,
            token_digest=token_digest,
        )
    except (KeyError, ValueError) as error:
        why = type(error).__name__
        raise IntegrityError(
            "TOKEN_INVALID", f"a claim is missing or cannot be read: {why}"
        ) from None


def _instant(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a time is a number of seconds")  # noqa: TRY004 - all is one kind of error
    if not 0 <= value <= _SECONDS_MAX:
        raise ValueError("a time is of the years 1970 to 9999")
    return NOT_STATED + timedelta(seconds=int(value))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> tuple[str, ...]:
    held = value if isinstance(value, list) else [value]
    return tuple(text for text in held if isinstance(text, str))
