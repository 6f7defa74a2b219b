"""The report as PDF, printed by a Chromium of this machine, when there is one.

Job: find a Chromium and let it print one HTML file, alone, without network and for a stated time.

Invariants
  I1  The browser gets a folder of its own, which is gone afterwards; it resolves no name, and the
      page's own policy lets it run no script and load nothing.
  I2  Without a Chromium, or when it fails or takes too long, there is no PDF: a pack is whole
      without it.
  I3  The dates in the file are those of its last record: what a clock says is not in it.

Not here: the HTML (evidence.report).
Source: evidence pack format 1, `data/report.pdf`.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")
"""Names that are looked for, in this order."""
PRINTS_WITHIN_SECONDS: Final = 60
PDF_BYTES_MAX: Final = 64 * 2**20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OPTIONS: Final = (
    *("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--no-pdf-header-footer", "--disable-dev-shm-usage"),
    *(
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--proxy-server=127.0.0.1:9",
        "--password-store=basic",
    ),
)
_DATES: Final = re.compile(rb"/(CreationDate|ModDate) \(D:[0-9]{14}\+00'00'\)")


def find_chromium() -> str | None:
    """The first known browser in `PATH`, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def print_pdf(
    html: Iterable[bytes], browser: str | None, dated: datetime | None = None
) -> bytes | None:
    """Print a page as PDF.

    Args:
        html: One HTML file, in pieces.
        browser: Path of a Chromium; None where there is none.
        dated: What the file says it was made at (UTC); the epoch when nothing is told.

    Returns:
        The PDF, or None when it could not be printed.
    """
    if browser is None:
        return None
    with tempfile.TemporaryDirectory(prefix="report-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page, out = folder / "report.html", folder / "report.pdf"
        with page.open("wb") as file:
            file.writelines(html)
        if not _printed(browser, folder, page, out) or not out.is_file():
            return None
        content = out.read_bytes() if out.stat().st_size <= PDF_BYTES_MAX else b""
    if not content.startswith(b"%PDF-"):
        return None
    return _DATES.sub(_date(dated or _EPOCH), content)


def _date(at: datetime) -> bytes:
    """A date as long as the one that it takes the place of: places in the file stay right."""
    return rb"/\1 (D:" + f"{at:%Y%m%d%H%M%S}".encode() + rb"+00'00')"


def _printed(browser: str, folder: Path, page: Path, out: Path) -> bool:
    """Whether the browser ended well and in time; what it started goes with it."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [
        *(browser, *_OPTIONS, *as_root, f"--user-data-dir={folder / 'profile'}"),
        *(f"--print-to-pdf={out}", page.as_uri()),
    ]
    own = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TMPDIR": str(folder)}
    try:
        running = subprocess.Popen(  # noqa: S603 - a browser found in PATH, fixed options, own file
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=own,
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        return running.wait(PRINTS_WITHIN_SECONDS) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    """End the browser and all that it started: they are a session of their own."""
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        running.wait()
