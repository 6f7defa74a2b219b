"""Where files of tests cost no disk."""

import shutil
from pathlib import Path

SHARED = Path("/dev/shm")  # noqa: S108 - private folders are made below it
BYTES_MIN = 4 * 2**30


def memory() -> Path | None:
    """A folder in memory with room for the files of a whole run, when there is such a place."""
    roomy = SHARED.is_dir() and shutil.disk_usage(SHARED).free >= BYTES_MIN
    return SHARED if roomy else None
