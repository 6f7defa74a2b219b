"""Files that a crash leaves whole.

Job: replace a file so that either its old or its new content is there afterwards.

Not here: what is in a file, who may write it.
Source: design part "append": write, fsync, rename, fsync of the folder.
"""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make what was renamed or created in a folder durable."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def make_folder(folder: Path) -> None:
    """Make a folder for its owner alone, whose own entry is durable, too."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for one in missing:
        sync_folder(one.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file so that either the old or the new content survives a crash."""
    written_beside(path, content).replace(path)
    sync_folder(path.parent)


def written_beside(path: Path, content: bytes) -> Path:
    """A durable file beside a place, to be moved or linked there; only its owner reads it."""
    fresh = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return fresh
