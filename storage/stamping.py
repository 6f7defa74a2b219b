"""Time-stamps of checkpoints.

Job: have an authority stamp a checkpoint's exact bytes, verify tokens, and keep them.

Invariants
  I1  A token is kept only after it verified under pinned roots, for this request and these bytes.
  I2  Each file is written once; a renewed stamp lies beside the old one.
  I3  A time-stamp that came too late to bound a time is dropped.

Not here: what a stamp proves (audit.outside, audit.time_windows), a local authority
(stamp_authority).
Source: RFC 3161. The client library takes tokens with one certificate only; ask for no chain and
keep the chain beside the roots.
"""

import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, cast

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    Accuracy,
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.outside import StampedNote
from counterseal.audit.time_windows import EVIDENCE_LAG_MAX
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from storage.durable import write_durably
from storage.witnesses import exchange

WAIT_SECONDS: Final = 20.0
"""Longest wait for a stamp."""

ACCURACY_UNSTATED: Final = timedelta(seconds=1)
"""Taken for a token that states no accuracy."""

RESOLUTION: Final = timedelta(seconds=1)
"""The client library cuts a time to whole seconds."""

SHA256_OID: Final = "2.16.840.1.101.3.4.2.1"
_NAME_DIGITS: Final = 16


class StampAuthority(Protocol):
    """Answers time-stamp requests. MUST raise `AdapterError` when it cannot."""

    def answer(self, request: bytes) -> bytes:
        """The DER response to a DER request."""


class HttpAuthority:
    """An authority over HTTP.

    Args:
        url: Where requests are sent.
        wait_seconds: Longest wait.
    """

    def __init__(self, url: str, wait_seconds: float = WAIT_SECONDS) -> None:
        self._url = url
        self._wait = wait_seconds

    def answer(self, request: bytes) -> bytes:
        """The response.

        Raises:
            AdapterError: `HTTP_FAILED` or `STAMP_FAILED` (retriable).
        """
        reply = exchange(self._url, "POST", request, "application/timestamp-query", self._wait)
        if reply.status != 200:  # noqa: PLR2004 - the one status that carries a response
            raise AdapterError("STAMP_FAILED", "no stamp", retriable=True, got=reply.status)
        return reply.body


def read_roots(pem: bytes) -> tuple[Certificate, ...]:
    """The pinned certificates of a PEM file.

    Raises:
        InputError: `ROOTS_INVALID`.
    """
    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError:
        raise InputError("ROOTS_INVALID", "expected PEM certificates", field="tsa-roots") from None


def verify_stamp(token: bytes, note: str, roots: Sequence[Certificate]) -> StampedNote:
    """Verify that an authority under pinned roots stamped exactly this note.

    Returns:
        The note with the bounds of its time; the note's own signature is not verified here.

    Raises:
        IntegrityError: `STAMP_INVALID`: not a token, other bytes, another root, a refused request,
            a weaker hash than SHA-256.
    """
    return _verified(token, note, roots, None)


def request_stamp(
    authority: StampAuthority, note: str, roots: Sequence[Certificate]
) -> tuple[bytes, StampedNote]:
    """Have a checkpoint stamped.

    Returns:
        The verified token and what it says.

    Raises:
        IntegrityError: `STAMP_INVALID`, also when it answers another request.
        AdapterError: when the authority fails, or `STAMP_FAILED` when it took too long.
    """
    read_checkpoint(note)
    request = (
        TimestampRequestBuilder()
        .data(note.encode())
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    started = time.monotonic()
    token = authority.answer(request.as_bytes())
    if time.monotonic() - started > EVIDENCE_LAG_MAX.total_seconds():
        raise AdapterError("STAMP_FAILED", "the stamp came too late", retriable=True)
    return token, _verified(token, note, roots, request.nonce)


def _verified(
    token: bytes, note: str, roots: Sequence[Certificate], nonce: int | None
) -> StampedNote:
    try:
        verifier = VerifierBuilder(roots=list(roots), nonce=nonce).build()
        response = decode_timestamp_response(token)
        verifier.verify_message(response, note.encode())
    except (ValueError, VerificationError) as error:
        raise IntegrityError("STAMP_INVALID", "no stamp of this note", got=error) from None
    told = response.tst_info
    if told.message_imprint.hash_algorithm.dotted_string != SHA256_OID:
        raise IntegrityError("STAMP_INVALID", "expected SHA-256", got="another hash")
    accuracy = _accuracy(response)
    at = told.gen_time.replace(tzinfo=told.gen_time.tzinfo or UTC).astimezone(UTC)
    return StampedNote(note, at - accuracy, at + accuracy + RESOLUTION, _authority(response))


def _accuracy(response: TimeStampResponse) -> timedelta:
    stated = cast("Accuracy | None", response.tst_info.accuracy)
    if stated is None:
        return ACCURACY_UNSTATED
    return timedelta(
        seconds=stated.seconds or 0,
        milliseconds=stated.millis or 0,
        microseconds=stated.micros or 0,
    )


def _authority(response: TimeStampResponse) -> str:
    """Issuer and serial of the certificate that signed; the signature covers them."""
    for signer in response.signed_data.signer_infos:
        return f"{signer.issuer.rfc4514_string()} #{signer.serial_number}"
    return "unnamed"


class StampFolder:
    """Stamps and the bytes that they stamp: `<size>-<digest>.checkpoint` beside `.tsr` files.

    Args:
        folder: Made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, token: bytes, stamped: StampedNote) -> Path:
        """Keep a verified token; gives its path.

        Raises:
            AdapterError: `STAMP_WRITE`.
        """
        size = read_checkpoint(stamped.note).size
        content = stamped.note.encode()
        name = f"{size:019d}-{_digits(content)}"
        path = self._folder / f"{name}.{_digits(token)}.tsr"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for place, bytes_ in ((self._folder / f"{name}.checkpoint", content), (path, token)):
                if not place.exists():
                    write_durably(place, bytes_)
        except OSError as error:
            raise AdapterError("STAMP_WRITE", str(error), got=path) from error
        return path

    def read(self, roots: Sequence[Certificate]) -> tuple[StampedNote, ...]:
        """All stamps, verified, by size.

        Raises:
            IntegrityError: `STAMP_INVALID`.
            AdapterError: `STAMP_READ`, also when the stamped bytes are missing.
        """
        try:
            found = []
            for path in sorted(self._folder.glob("*.tsr")):
                name = path.name.split(".", 1)[0]
                content = (self._folder / f"{name}.checkpoint").read_bytes()
                found.append((path.read_bytes(), content.decode(errors="replace")))
        except OSError as error:
            raise AdapterError("STAMP_READ", str(error), got=self._folder) from error
        return tuple(verify_stamp(token, note, roots) for token, note in found)


def stamp_checkpoint(
    authority: StampAuthority, note: str, roots: Sequence[Certificate], folder: StampFolder
) -> StampedNote:
    """Have the newest checkpoint stamped and keep the token.

    Raises:
        IntegrityError: `STAMP_INVALID`.
        AdapterError: when the authority or the folder fails.
    """
    token, stamped = request_stamp(authority, note, roots)
    folder.keep(token, stamped)
    return stamped


def certificate_ends(roots: Sequence[Certificate]) -> datetime:
    """When the first of the pinned certificates ends: stamp again before."""
    return min(root.not_valid_after_utc for root in roots)


def _digits(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_NAME_DIGITS]
