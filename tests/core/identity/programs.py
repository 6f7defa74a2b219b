"""Programs of other people, started by the tests of signatures."""

import subprocess
from collections.abc import Sequence
from pathlib import Path


def status(words: Sequence[str], folder: Path | None = None, told: bytes = b"") -> int:
    """Exit status of a program."""
    done = subprocess.run(  # noqa: S603 - the test's own words
        words, cwd=folder, input=told, capture_output=True, check=False
    )
    return done.returncode


def shell_status(command: str, folder: Path) -> int:
    """Exit status of a shell line, run where its files lie."""
    return status(["/bin/sh", "-c", command], folder)
