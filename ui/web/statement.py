"""The books of one tenant as files in one archive.

Job: write every frame of a statement, and hand all files over as one archive in memory.

Invariants
  I1  Nothing stays on disk, and no other tenant's rows are in it.

Not here: the frames and the files (storage.frames).
Source: trading reference part 2, the label in every export.
"""

import io
import zipfile
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from counterseal.desk.ports import Reader


def statement_archive(reader: Reader, now: datetime, form: str) -> bytes:
    """Every frame of the reader's books at `now` (UTC), as `csv` or `parquet`, in one archive.

    Raises:
        InputError: `NUMBER_TOO_LONG`.
        AdapterError: `EXPORT_WRITE`.
    """
    from storage.frames import (  # noqa: PLC0415 - brings pandas
        FrameFormat,
        statement_frames,
        write_frames,
    )

    packed = io.BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as pack:
        for path in write_frames(statement_frames(reader, now), Path(folder), FrameFormat(form)):
            pack.write(path, path.name)
    return packed.getvalue()
