"""A mail server on loopback that answers as told, over TLS if asked."""

import base64
import contextlib
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storage.system import MachineClock

LOGIN = base64.b64encode(b"\0counterseal\0right").decode()


@dataclass
class MailRoom:
    """What the server was told to do, and what it was handed.

    Attributes:
        replies: Reply by verb, instead of the usual one.
        silent_seconds: How long it says nothing at all to who connects.
        hangs_up_at: The verb at which it closes the connection.
    """

    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    silent_seconds: float = 0
    hangs_up_at: str = ""
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    login: bool = False
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    """One connection."""

    room: MailRoom

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self._converse()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def _converse(self) -> None:
        room = self.room
        time.sleep(room.silent_seconds)
        if room.tls is not None and not room.starttls:
            self._protect(room.tls)
        self._say(room.replies.get("CONNECT", "220 mail.test ready"))
        recipient = ""
        while line := self.rfile.readline():
            verb, _, rest = line.decode("ascii").strip().partition(" ")
            verb = verb.upper()
            room.verbs.append(verb)
            if verb == room.hangs_up_at:
                return
            if verb == "RCPT":
                recipient = rest.partition("<")[2].partition(">")[0]
            self._answer(verb, rest, recipient)
            if verb == "QUIT":
                return

    def _answer(self, verb: str, rest: str, recipient: str) -> None:
        room = self.room
        told = room.replies.get(verb)
        if verb == "EHLO":
            more = ["250-STARTTLS"] if room.starttls else []
            more += ["250-AUTH PLAIN"] if room.login else []
            self._say("\r\n".join(["250-mail.test", *more, "250 8BITMIME"]))
        elif verb == "AUTH":
            right = rest == f"PLAIN {LOGIN}"
            self._say("235 welcome" if right else "535 5.7.8 no")
        elif verb == "STARTTLS" and room.tls is not None:
            self._say("220 go")
            self._protect(room.tls)
        elif verb == "DATA" and told is None:
            self._say("354 go on")
            self._take(recipient)
        else:
            self._say(told or ("221 bye" if verb == "QUIT" else "250 ok"))

    def _take(self, recipient: str) -> None:
        content = b""
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            content += line.removeprefix(b".") if line.startswith(b"..") else line
        told = self.room.replies.get("CONTENT", "250 taken")
        if told.startswith("250"):
            message = message_from_bytes(content, EmailMessage, policy=SMTP)
            self.room.taken.append((recipient, message))
        self._say(told)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _protect(self, context: ssl.SSLContext) -> None:
        plain = self.connection
        self.connection = context.wrap_socket(
            plain, server_side=True, do_handshake_on_connect=False
        )
        self.connection.do_handshake()
        self.rfile.close()
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)


@contextlib.contextmanager
def a_mail_room(room: MailRoom | None = None) -> Iterator[MailRoom]:
    """The server, until the block ends."""
    told = room or MailRoom()

    class Session(_Session):
        """Knows its room."""

        room = told

    class Server(socketserver.ThreadingTCPServer):
        """Leaves no thread behind."""

        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", told.port), Session) as server:
        told.port = int(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for a host, and the file that a client must trust for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    alternative = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    now = MachineClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted = folder / "authority.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "server.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
