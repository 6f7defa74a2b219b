"""A local time-stamp authority, for tests, demos and trying things out.

Job: make a root and a stamping certificate, and answer requests by `openssl ts`.

Invariants
  I1  It proves nothing to outsiders: whoever can read its folder can stamp any time.

Not here: asking and verifying (stamping).
Source: RFC 3161; `openssl ts` of OpenSSL 3.
"""

import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from counterseal.kernel.errors import AdapterError
from storage.keyring import write_secret

UNSAFE_NAME: Final = "unsafe local time-stamps"
WAIT_SECONDS: Final = 20
LASTS: Final = timedelta(days=3650)
_CONFIG: Final = """[tsa]
default_tsa = local
[local]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.55555.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def _certificate(
    name: str,
    key: EllipticCurvePrivateKey,
    issuer: tuple[x509.Name, EllipticCurvePrivateKey] | None,
    now: datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = issuer or (subject, key)
    stamps = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    signs = x509.KeyUsage(
        digital_signature=issuer is not None,
        key_cert_sign=issuer is None,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(signs, critical=True)
        .add_extension(identifier, critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(stamps, critical=True)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(authority, critical=False)
    return builder.sign(issuer_key, SHA256())


class UnsafeLocalAuthority:
    """An authority in a folder, whose keys lie open.

    Args:
        folder: As `create` made it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def create(cls, folder: Path, now: datetime) -> "UnsafeLocalAuthority":
        """A new authority, its certificates valid for ten years from `now` (UTC).

        Raises:
            InputError: `KEY_FILE_EXISTS`.
        """
        root_key, signer_key = new_key(SECP256R1()), new_key(SECP256R1())
        root = _certificate(f"{UNSAFE_NAME} root", root_key, None, now)
        signer = _certificate(UNSAFE_NAME, signer_key, (root.subject, root_key), now)
        pem = signer_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_secret(folder / "signer.key", pem.decode())
        (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
        (folder / "signer.pem").write_bytes(signer.public_bytes(Encoding.PEM))
        (folder / "serial").write_text("01\n", "ascii")
        (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder.absolute()), "utf-8")
        return cls(folder)

    @property
    def roots(self) -> Path:
        """The root certificate, PEM."""
        return self._folder / "root.pem"

    def answer(self, request: bytes) -> bytes:
        """The response to a request; one at a time, for the serial is a file.

        Raises:
            AdapterError: `STAMP_FAILED`, also when `openssl` is not installed.
        """
        asked = self._folder / "request.tsq"
        told = self._folder / "response.tsr"
        words = ["openssl", "ts", "-reply", "-config", str(self._folder / "tsa.cnf")]
        try:
            asked.write_bytes(request)
            subprocess.run(  # noqa: S603 - a fixed command over files of this folder
                [*words, "-section", "local", "-queryfile", str(asked), "-out", str(told)],
                check=True,
                capture_output=True,
                timeout=WAIT_SECONDS,
            )
            return told.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise AdapterError("STAMP_FAILED", str(error)[:150], retriable=True) from error
