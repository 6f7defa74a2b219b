"""What an envelope says of itself.

Job: find what was prepared for a signature by the words of its envelope, before it is verified.

Invariants
  I1  Nothing here is believed: a word leads to a document, and the decision compares both.

Not here: whether the signature holds (identity.signatures), the decisions (approvals).
Source: governance rules 2.9 and 2.10.
"""

import base64
import binascii

from counterseal.approvals.model import BatchNonce
from counterseal.approvals.review_checks import SignedReview
from counterseal.desk.ports import Reader
from counterseal.kernel.canonical import parse_json
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Signature


def claimed(signature: Signature, name: str) -> str:
    """A word of the envelope, unverified; empty when it names none."""
    try:
        value = parse_json(base64.b64decode(signature.payload, validate=True))
    except (binascii.Error, ValueError, InputError):
        return ""
    told = value.get(name) if isinstance(value, dict) else None
    return told if isinstance(told, str) else ""


def claimed_nonce(signature: Signature) -> str:
    """The nonce that the envelope names; whether it holds is the decision's business."""
    return claimed(signature, "nonce")


def claimed_ceremony(reader: Reader, signed: SignedReview) -> BatchNonce | None:
    """The ceremony that a review of a batch names; None for a review that is signed alone."""
    if signed.batch is None:
        return None
    return reader.get(BatchNonce, claimed_nonce(signed.batch.signature))
