"""Typed, prefixed, time-ordered ids.

Job: one NewType per thing, its prefix, and the port that makes ids.

Invariants
  I1  An id is `<prefix>_<32 hex>`; the first 12 digits are milliseconds since 1970 (UUIDv7).
  I2  Under one seed an id depends on (seed, command key, command time) only, never on a position.

Not here: randomness of the machine (storage.system).
Source: RFC 9562 part 5.7.
"""

import hashlib
from datetime import datetime
from typing import NewType, Protocol

PersonId = NewType("PersonId", str)
KeyId = NewType("KeyId", str)
AccountId = NewType("AccountId", str)
SignalId = NewType("SignalId", str)
RequestId = NewType("RequestId", str)
DecisionId = NewType("DecisionId", str)
MandateId = NewType("MandateId", str)
OrderId = NewType("OrderId", str)
ReportId = NewType("ReportId", str)
FillId = NewType("FillId", str)
EventId = NewType("EventId", str)
IdempotencyKey = NewType("IdempotencyKey", str)
Digest = NewType("Digest", str)
"""`sha256:<hex>`."""


class IdSource(Protocol):
    """Makes ids and nonces.

    MUST return another id for another (prefix, key, at). A seeded source MUST return the same id
    for the same arguments; the machine's source MUST draw at least 74 random bits instead.
    """

    def new(self, prefix: str, key: str, at: datetime) -> str:
        """A new id such as `ord_0192...`; `key` is the command's key plus what is being named."""

    def secret(self, purpose: str, size: int) -> bytes:
        """Unpredictable bytes for nonces, salts and keys (predictable only in a demo home)."""


def uuid7_id(prefix: str, at: datetime, tail: bytes) -> str:
    """Lay out an id: 48 bits of milliseconds, version 7, then 74 bits of the tail.

    Args:
        prefix: Kind of the thing, such as `ord`.
        at: Aware time; its milliseconds order the ids.
        tail: At least 10 bytes, random or derived.
    """
    millis = int(at.timestamp() * 1000)
    body = bytearray(millis.to_bytes(6, "big") + tail[:10])
    body[6] = (body[6] & 0x0F) | 0x70
    body[8] = (body[8] & 0x3F) | 0x80
    return f"{prefix}_{body.hex()}"


class SeededIdSource:
    """Ids that two runs under the same seed share. For demo homes and tests only."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()

    def new(self, prefix: str, key: str, at: datetime) -> str:
        """Derive from (seed, prefix, key); the time orders it."""
        return uuid7_id(prefix, at, self._derive(f"id:{prefix}:{key}", 10))

    def secret(self, purpose: str, size: int) -> bytes:
        """Derive from (seed, purpose); at most 64 bytes."""
        return self._derive(f"secret:{purpose}", size)

    def _derive(self, text: str, size: int) -> bytes:
        return hashlib.blake2b(text.encode(), key=hashlib.sha256(self._seed).digest()).digest()[
            :size
        ]
