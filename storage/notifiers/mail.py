"""Notices as mail.

Job: hand one notice to a mail server over SMTP, and tell a bad day from a refused address.

Invariants
  I1  No text of a notice or an address can add a header or a recipient.
  I2  A password or a notice leaves this machine over TLS only, to a server whose name was verified.
  I3  Every wait ends: connecting, the answers, the end of the session.
  I4  What an operator can mend (server away, login refused) is tried again; only an address or a
      message that the server refuses for good is given up.

Not here: addresses and settings in files (channels), retries (notifying).
Source: RFC 5321 (4yz and 5yz replies), RFC 3834 (Auto-Submitted), RFC 8314 (TLS for submission).
"""

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from counterseal.desk.notices import Notice
from counterseal.kernel.errors import AdapterError

_FOR_GOOD: Final = 500
"""Replies from here on will be the same tomorrow."""


class Security(StrEnum):
    """How a connection is protected; `NONE` is for a server on this machine."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in.

    Attributes:
        user, password: Login, or None for a server that asks for none.
        authority: File of the certificate authority; None trusts those of the machine.
        timeout_seconds: Bound of each wait.
    """

    host: str
    port: int
    security: Security
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    authority: Path | None = None
    timeout_seconds: int = 10


class MailNotifier:
    """Sends notices by mail.

    Args:
        server: Where they are handed in.
        addresses: Mail address by person id.
    """

    channel: Final = "mail"

    def __init__(self, server: MailServer, addresses: Mapping[str, str]) -> None:
        self._server = server
        self._addresses = addresses

    def reaches(self, person_id: str) -> bool:
        """Whether an address of the person is known."""
        return person_id in self._addresses

    def deliver(self, notice: Notice) -> None:
        """Hand in one mail; its Message-ID is the notice's, so that a repeat can be told.

        Raises:
            AdapterError: `MAIL_UNREACHABLE`, `MAIL_LOGIN_FAILED` or `MAIL_DEFERRED`, retriable;
                `MAIL_REFUSED` for good.
        """
        message = mail_of(notice, self._server.sender, self._addresses[notice.person_id])
        try:
            with self._session() as session:
                session.send_message(message)
                with suppress(smtplib.SMTPException, OSError):  # it was taken by now
                    session.quit()
        except smtplib.SMTPException as error:
            failed = _failure(error)
            raise failed from None
        except OSError as error:
            raise AdapterError(
                "MAIL_UNREACHABLE", "the mail server cannot be reached", retriable=True, got=error
            ) from None

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        told = self._server
        session = self._connected(told.sender.rpartition("@")[2])
        try:
            if told.security is Security.STARTTLS:
                session.starttls(context=self._context())
            if told.user is not None:
                session.login(told.user, told.password or "")
            yield session
        finally:
            session.close()

    def _connected(self, name: str) -> smtplib.SMTP:
        """A greeted server; we give the sender's domain as our name and ask nobody for another."""
        told, wait = self._server, self._server.timeout_seconds
        if told.security is not Security.TLS:
            return smtplib.SMTP(told.host, told.port, name, wait)
        return smtplib.SMTP_SSL(told.host, told.port, name, timeout=wait, context=self._context())

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._server.authority)


def mail_of(notice: Notice, sender: str, recipient: str) -> EmailMessage:
    """The notice as a message; parsing of the addresses refuses what is none.

    Raises:
        ValueError: an address or a line that would break out of its header.
    """
    origin, to = Address(addr_spec=sender), Address(addr_spec=recipient)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Counterseal", origin.username, origin.domain)
    message["To"] = to
    message["Subject"] = notice.headline
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = f"<{notice.notice_id}@{origin.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Counterseal-Notice"] = notice.notice_id
    message.set_content(notice.body, cte="7bit")
    return message


def _failure(error: smtplib.SMTPException) -> AdapterError:
    """What an answer of the server means; only who or what it refuses for good is given up."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return _answered(next(iter(error.recipients.values()))[0])
        case smtplib.SMTPDataError():
            return _answered(error.smtp_code)
        case smtplib.SMTPAuthenticationError() | smtplib.SMTPNotSupportedError():
            return AdapterError(
                "MAIL_LOGIN_FAILED", "the mail server let nobody in", retriable=True, got=error
            )
        case smtplib.SMTPResponseException():
            return AdapterError(
                "MAIL_DEFERRED", "the mail server would not now", retriable=True, got=error
            )
        case _:
            return AdapterError(
                "MAIL_UNREACHABLE", "the mail server went away", retriable=True, got=error
            )


def _answered(code: int) -> AdapterError:
    if code >= _FOR_GOOD:
        return AdapterError("MAIL_REFUSED", "the mail server refused this for good", got=code)
    return AdapterError("MAIL_DEFERRED", "the mail server would not now", retriable=True, got=code)
