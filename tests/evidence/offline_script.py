"""The verifier's one file, as a pack holds it, for tests that run it alone."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from evidence.verify.joined import joined


@cache
def offline_script() -> Path:
    """`verify.py` in a folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="counterseal-verify-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "verify.py"
    path.write_bytes(joined())
    return path
