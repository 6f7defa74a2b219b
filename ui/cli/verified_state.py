"""What `counterseal audit verify` remembers between two runs, and what it tells during one."""

import time
from pathlib import Path

from pydantic import ValidationError

from counterseal.audit.resume import VerifiedPrefix
from counterseal.audit.verify import Evidence, Verification
from counterseal.kernel.errors import AdapterError, InputError
from storage.home_reader import HomeReader
from storage.verification import Asked, verify_home
from ui.cli.render import notice

QUIET_SECONDS = 3
"""Between two lines of progress, and before the first."""
_OPTION = "--incremental-state"


class Told:
    """Progress on stderr; a short run says nothing."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, records: int) -> None:
        """Say how many records were read, now and then."""
        if time.monotonic() - self._last >= QUIET_SECONDS:
            self._last = time.monotonic()
            notice(f"counterseal: {records} records read")


def verified_onward(
    reader: HomeReader,
    evidence: Evidence,
    asked: Asked,
    file: Path,
) -> Verification:
    """Verify what is new since the state in the file, and keep the new state there.

    The file is written only when nothing was found wrong and a newer state was reached.

    Raises:
        InputError: `STATE_UNREADABLE`; those of `verify_home`.
        IntegrityError: those of `verify_home`.
        AdapterError: `STATE_WRITE`.
    """
    before = _kept(file)
    found = verify_home(reader, evidence, asked._replace(after=before, workers=None))
    if found.prefix is not None and found.prefix != before:
        _keep(file, found.prefix)
    elif found.prefix is None:
        notice("counterseal: no state was kept; that needs a clean, signed log and --vkey")
    return found


def _kept(file: Path) -> VerifiedPrefix | None:
    try:
        return VerifiedPrefix.model_validate_json(file.read_bytes()) if file.exists() else None
    except (OSError, ValidationError):
        raise InputError(
            "STATE_UNREADABLE",
            "no state of a verification; remove it to verify in full",
            field=_OPTION,
            got=file,
        ) from None


def _keep(file: Path, prefix: VerifiedPrefix) -> None:
    from storage.durable import write_durably  # noqa: PLC0415 - only a new state is written

    try:
        write_durably(file, prefix.model_dump_json(indent=1).encode())
    except OSError as error:
        raise AdapterError("STATE_WRITE", str(error), retriable=True, got=file) from error
