"""Sealed key files: what guards them, and where their secrets never appear."""

import base64
import json
import traceback
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from counterseal.identity.sealing import (
    PASSPHRASE_LENGTH_MIN,
    SCRYPT_N,
    open_key,
    read_envelope,
    seal_key,
)
from counterseal.kernel.errors import InputError
from storage.keyring import OpenedKey
from tests.core.identity.signers import PRIVATE

SEED = b"s" * 32
PHRASE = "correct horse battery"
SEALED = seal_key(SEED, "key_1", PHRASE, b"0" * 16)


def secrets() -> list[str]:
    """The passphrase and the private key, as anything could show them."""
    return [PHRASE, SEED.hex(), base64.b64encode(SEED).decode(), SEED.decode(), repr(SEED)]


def test_i1_the_passphrase_goes_through_scrypt_alone() -> None:
    """Governance test 11: N >= 2^17; the PKCS#8 writer's own 2,048 rounds never see it."""
    told = read_envelope(SEALED)
    assert (told.kdf, told.n, told.r, told.p) == ("scrypt", SCRYPT_N, 8, 1)
    assert SCRYPT_N >= 2**17
    for guess in (PHRASE.encode(), base64.urlsafe_b64encode(PHRASE.encode())):
        with pytest.raises(ValueError, match="password"):
            load_pem_private_key(told.pem.encode(), guess)
    assert len(PHRASE) > PASSPHRASE_LENGTH_MIN


def test_i1_the_salt_is_part_of_the_key() -> None:
    """Governance test 11: the same passphrase over another salt opens nothing."""
    other = {**json.loads(SEALED), "salt": base64.b64encode(b"1" * 16).decode()}
    with pytest.raises(InputError, match="PASSPHRASE_WRONG"):
        open_key(json.dumps(other), PHRASE)


def test_i3_no_failure_shows_a_secret() -> None:
    """Governance test 11: neither message, diagnostics nor traceback, with its causes."""
    attempts = (
        lambda: open_key(SEALED, f"{PHRASE}!"),
        lambda: open_key(SEALED.replace("scrypt", "pbkdf2"), PHRASE),
        lambda: open_key(SEALED[:-20], PHRASE),
        lambda: seal_key(SEED[:-1], "key_1", PHRASE, b"0" * 16),
        lambda: seal_key(SEED, "key_1", PHRASE, b"0"),
        lambda: seal_key(SEED, "key_1", PHRASE[:10], b"0" * 16),
    )
    for attempt in attempts:
        with pytest.raises(InputError) as caught:
            attempt()
        shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.diagnostics())
        assert [secret for secret in [*secrets(), PHRASE[:10]] if secret in shown] == []


def test_i3_neither_envelope_nor_opened_key_shows_a_secret() -> None:
    """Governance test 11: nothing to find in a file, a representation or an attribute."""
    opened = OpenedKey("olga", "key_1", PRIVATE)
    shown = SEALED + repr(read_envelope(SEALED)) + repr(opened) + str(opened)
    assert [secret for secret in secrets() if secret in shown] == []
    opened.sign("decision", {"a": 1})
    with pytest.raises(InputError, match="KEY_SPENT"):
        opened.sign("decision", {"a": 1})
    with suppress(AttributeError):
        assert opened._private is None
