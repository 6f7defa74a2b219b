"""The statement over a pack, signed once.

Job: state what a pack is about in in-toto's form, and sign it with a key that is made for it.

Invariants
  I1  A key signs one statement and is let go: nobody makes a second pack in its name.
  I2  The log names the key before it signs (`evidence.exported`); the pack alone vouches for
      nothing.

Not here: the files of the pack (pack), the record that names the key (counterseal.desk.exports).
Source: in-toto Attestation Framework, Statement v1; DSSE protocol 1.0.2.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.audit.note import encode_base64
from counterseal.identity.dsse import pae
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import InvariantError

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://counterseal.example/evidence-pack/v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class ExportKey:
    """A key for one pack.

    Args:
        private: Drawn by default.

    Attributes:
        public: Hex of the raw 32 bytes of its public key.
    """

    def __init__(self, private: Ed25519PrivateKey | None = None) -> None:
        drawn = private or Ed25519PrivateKey.generate()
        self._private: Ed25519PrivateKey | None = drawn
        self.public = drawn.public_key().public_bytes_raw().hex()

    def sign(self, statement: Mapping[str, Json]) -> bytes:
        """The envelope (JSON) of one statement; the key is gone afterwards.

        Raises:
            InvariantError: when it has signed already.
        """
        private, self._private = self._private, None
        if private is None:
            raise InvariantError("an export key signs once")
        payload = canonical_bytes(statement)
        signed = private.sign(pae(PAYLOAD_TYPE, payload))
        key_id = hashlib.sha256(bytes.fromhex(self.public)).hexdigest()
        return canonical_bytes(
            {
                "payload": encode_base64(payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"keyid": key_id, "sig": encode_base64(signed)}],
            }
        )


def pack_statement(digests: Mapping[str, str], predicate: Mapping[str, Json]) -> dict[str, Json]:
    """What is signed: SHA-256 (hex) of files by name, and what the pack is about."""
    return {
        "_type": STATEMENT_TYPE,
        "predicate": predicate,
        "predicateType": PREDICATE_TYPE,
        "subject": [{"digest": {"sha256": digests[name]}, "name": name} for name in digests],
    }
