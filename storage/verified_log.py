"""Where the last full verification of a home ended, and what it found.

Job: keep the result of a full verification beside the logs, and go on from it when somebody asks.

Invariants
  I1  What is gone on from is signed by a key of the log, and leads to its root (audit.resume).
  I2  A log that was verified to no place is verified whole while it is short; a long one counts as
      not verified until a full verification came to its end.
  I3  The signer is asked before the log is read, so that a growing log is no contradiction.

It is no evidence to anybody else: whoever may write the home may write it.

Not here: the verification (verification), who makes the full one (flows.work).
Source: issue "Always on", point 4; audit-log, verify, incremental.
"""

from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from pydantic import Field, ValidationError

from counterseal.audit.evidence import Evidence, head_of_signer
from counterseal.audit.part import Verification
from counterseal.audit.resume import VerifiedPrefix
from counterseal.audit.signer import SignerState
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import AdapterError, CountersealError
from counterseal.kernel.model import DomainModel, Name
from counterseal.readiness.running import OK, VerifiedSeen
from storage.durable import write_durably
from storage.home_reader import HomeReader
from storage.log_files import log_folder
from storage.verification import Asked, pinned_evidence, verify_home

M = TypeVar("M", bound=DomainModel)
FILE: Final = "verified.json"
PREFIX_FILE: Final = "verified-prefix.json"
"""Where the last clean one ended; it names the end of every stream, and is read once a process."""

AT_ONCE_MAX: Final = 5_000
"""Records that are verified while somebody waits for the answer."""


class FullVerification(DomainModel):
    """One verification of the whole log and its tables.

    Attributes:
        at: When it began (UTC).
        outcome: In the verifier's word, such as `ok` or `tampered`.
        size: Records of the log.
        findings, differences: Contradictions, and places where tables differ.
    """

    at: UtcDatetime
    outcome: Name
    size: int = Field(ge=0)
    findings: int = Field(ge=0)
    differences: int = Field(ge=0)

    @property
    def clean(self) -> bool:
        """Whether it found nothing."""
        return not self.findings and not self.differences


def keep_verification(home: Path, at: datetime, found: Verification, differences: int) -> None:
    """Keep the newest full verification, and where it ended when it found nothing.

    Args:
        home: Its folder is there.
        at: When it began (UTC).
        found: What it found in the log.
        differences: Places where the tables differ from the log.

    Raises:
        AdapterError: `STATE_WRITE`, retriable.
    """
    verdict, place = found.verdict, home / "log" / FILE
    told = FullVerification(
        at=at,
        outcome=verdict.outcome.value,
        size=verdict.totals.size,
        findings=verdict.findings_count,
        differences=differences,
    )
    try:
        log_folder(home)
        if told.clean and found.prefix is not None:
            content = found.prefix.model_dump_json().encode()
            write_durably(place.with_name(PREFIX_FILE), content)
        write_durably(place, told.model_dump_json().encode())
    except OSError as error:
        raise AdapterError("STATE_WRITE", str(error), retriable=True, got=place) from error


def read_verification(home: Path) -> FullVerification | None:
    """The newest full verification; None before the first.

    Raises:
        AdapterError: `STATE_UNREADABLE`.
    """
    return _read(home / "log" / FILE, FullVerification)


def _read(place: Path, kind: type[M]) -> M | None:
    """A kept value; None without its file.

    Raises:
        AdapterError: `STATE_UNREADABLE`.
    """
    try:
        return kind.model_validate_json(place.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise AdapterError(
            "STATE_UNREADABLE", "the last verification cannot be read", got=place
        ) from None


class OnwardVerifier:
    """Verifies one home onward from what it verified before; threads take turns.

    Args:
        home: Its folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._prefix: VerifiedPrefix | None = None
        self._turn = Lock()

    def look(self, reader: HomeReader, origin: str, signer: SignerState | None) -> VerifiedSeen:
        """What a verification of what is new comes to.

        Args:
            reader: Of the home, opened behind the signer's answer.
            origin: The name of the log now.
            signer: What it remembered; None when it could not be asked.

        Raises:
            AdapterError: the database fails meanwhile.
        """
        with self._turn:
            ends = reader.ends()
            size = 0 if ends is None else ends[1]
            try:
                full, after = read_verification(self._home), self._after(origin)
            except AdapterError as error:
                return VerifiedSeen(code=error.code, size=size)
            if full is not None and not full.clean:
                found = full.findings + full.differences
                return VerifiedSeen(code="LOG_TAMPERED", size=full.size, findings=found)
            if after is None and size > AT_ONCE_MAX:
                return VerifiedSeen(code="LOG_NOT_VERIFIED", size=0)
            return self._judged(reader, signer, after)

    def _after(self, origin: str) -> VerifiedPrefix | None:
        """What this process verified last, else what was kept; None under another name of the log.

        Raises:
            AdapterError: `STATE_UNREADABLE`.
        """
        known = self._prefix or _read(self._home / "log" / PREFIX_FILE, VerifiedPrefix)
        return known if known is not None and known.origin == origin else None

    def _judged(
        self, reader: HomeReader, signer: SignerState | None, after: VerifiedPrefix | None
    ) -> VerifiedSeen:
        try:
            found = _verified(reader, signer, after)
        except AdapterError:
            raise
        except CountersealError as error:
            return VerifiedSeen(code=error.code, size=0)
        if found.prefix is None or found.verdict.findings_count:
            code = "LOG_TAMPERED" if found.verdict.findings_count else "LOG_NOT_VERIFIED"
            count = found.verdict.findings_count
            return VerifiedSeen(code=code, size=found.verdict.totals.size, findings=count)
        self._prefix = found.prefix
        return VerifiedSeen(code=OK, size=found.prefix.size)


def _verified(
    reader: HomeReader, signer: SignerState | None, after: VerifiedPrefix | None
) -> Verification:
    heads = () if signer is None else (head_of_signer(signer),)
    pinned = pinned_evidence(reader).log_key
    return verify_home(reader, Evidence(log_key=pinned, heads=heads), Asked(after=after))
