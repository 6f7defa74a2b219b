"""Notices into a file, one JSON document a line.

Job: keep every notice where a terminal, a log collector or a test can read it.

Invariants
  I1  A line is whole and durable when the notice counts as told.
  I2  Only the owner reads the file: it says who must do what.

Not here: what a notice is (desk.notices), when it is sent (notifying).
"""

import os
from pathlib import Path
from typing import Final

from counterseal.desk.notices import Notice
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import AdapterError

_OWNER_ONLY: Final = 0o600


class FileNotifier:
    """Appends notices to a file; everybody is reached.

    Args:
        path: Made with the first notice; its folder must be there.
    """

    channel: Final = "log"

    def __init__(self, path: Path) -> None:
        self._path = path

    def reaches(self, person_id: str) -> bool:
        """Always."""
        del person_id
        return True

    def deliver(self, notice: Notice) -> None:
        """Append one line and make it durable.

        Raises:
            AdapterError: `NOTICE_FILE_FAILED`, retriable.
        """
        line = canonical_bytes(notice.json_value()) + b"\n"
        try:
            opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _OWNER_ONLY)
            try:
                while line:
                    line = line[os.write(opened, line) :]
                os.fsync(opened)
            finally:
                os.close(opened)
        except OSError as error:
            raise AdapterError(
                "NOTICE_FILE_FAILED", str(error), retriable=True, got=self._path
            ) from error
