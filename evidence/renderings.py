"""What lies in a pack beside the evidence: a report, its PDF, signatures as files, tables.

Job: make every rendering of a pack from the records that it shows and from its own description.

Invariants
  I1  A rendering is made from the pack alone and says of itself that it is no evidence.
  I2  Where there is no Chromium there is no PDF; nothing else is different.

Not here: how a pack is written (evidence.pack), the single files (report, pdf, tables).
Source: evidence pack format 1, renderings.
"""

from collections.abc import Iterator

from counterseal.kernel.clock import parse_utc
from evidence.model import PackFile
from evidence.pack import Shown
from evidence.pdf import find_chromium, print_pdf
from evidence.report import report_html
from evidence.report_fold import read_report
from evidence.signatures import decision_files
from evidence.tables import table_files


def renderings(shown: Shown) -> Iterator[PackFile]:
    """Every rendering of a pack, one file after the other.

    Raises:
        InputError: `PACK_FACTS_INVALID`, `NOT_A_RECORD` or `NOT_CANONICAL`.
        IntegrityError: those of `evidence.signatures.signature_files`.
    """
    report = read_report(shown.bodies, shown.description)
    html = [*report_html(report)]
    yield PackFile("data/report.html", html)
    dated = None if report.last is None else parse_utc(report.last.recorded_at)
    pdf = print_pdf(html, find_chromium(), dated)
    if pdf is not None:
        yield PackFile("data/report.pdf", [pdf])
    yield from decision_files(shown)
    for name, pieces in table_files(shown.bodies):
        yield PackFile(f"data/tables/{name}", pieces)
