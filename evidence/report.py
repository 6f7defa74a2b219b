"""The report of an evidence pack: one page for people, made from its records alone.

Job: read the records into a report and write it as a single HTML file, piece by piece.

Invariants
  I1  Every page, on a screen and on paper, says that execution is simulated, that it is a
      rendering and no evidence, and that it states no conformity.
  I2  The file carries everything: no script, no other file, no other host.
  I3  All text of records is escaped; none of it reaches a style, an address or an attribute name.
  I4  The same records and facts give the same bytes.

Not here: what is read (evidence.report_fold), PDF (evidence.pdf), tables (evidence.tables).
Source: evidence pack format 1, `data/report.html`.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.audit.privacy import Erasure
from counterseal.audit.retention import Purge
from counterseal.broker.model import FeeLine, Fill
from counterseal.desk.installation import PolicyActivation
from counterseal.oms.model import Order
from counterseal.portfolio.model import DailyPnl, LedgerEntry
from evidence import report_words
from evidence.report_cases import Case, cases_of
from evidence.report_charts import Chart, charts_of
from evidence.report_facts import claim_words
from evidence.report_fold import CASE_ROWS_MAX, ROWS_MAX, Report

TEMPLATES: Final = Path(__file__).parent / "templates"
ENCODING: Final = "utf-8"
_CHUNK: Final = 200
"""Pieces of the template that are joined before they are handed on."""


class Totals(NamedTuple):
    """How many there are of each kind, whatever is shown."""

    requests: int
    decisions: int
    orders: int
    fills: int
    entries: int


def report_html(report: Report) -> Iterator[bytes]:
    """The report of a pack as UTF-8 pieces of one HTML file."""
    cases, charts = cases_of(report), charts_of(report.curves)
    stream = (
        _environment()
        .get_template("report.html")
        .stream(
            title=report_words.title_of(report.facts),
            facts=report.facts,
            report=report,
            cases=cases,
            charts=charts,
            totals=_totals(report),
            contents=_contents(report, cases, charts),
            claims=[claim_words(claim) for claim in report.facts.claims],
            rows_max=CASE_ROWS_MAX if report.facts.is_case else ROWS_MAX,
            **_parts(report),
        )
    )
    stream.enable_buffering(_CHUNK)
    return (piece.encode(ENCODING) for piece in stream)


def _parts(report: Report) -> dict[str, object]:
    erasures = report.shown(Erasure)
    return {
        "orders": report.shown(Order),
        "fills": report.shown(Fill),
        "days": report.shown(DailyPnl),
        "activations": report.shown(PolicyActivation),
        "purges": report.shown(Purge),
        "erasures": erasures,
        "erased": len(set(chain.from_iterable(one.commitments for one in erasures))),
    }


def _totals(report: Report) -> Totals:
    return Totals(
        requests=report.total(ApprovalRequest),
        decisions=report.total(ApprovalDecision),
        orders=report.total(Order),
        fills=report.total(Fill),
        entries=report.total(LedgerEntry),
    )


def _contents(
    report: Report, cases: Iterable[Case], charts: Iterable[Chart]
) -> list[tuple[str, str]]:
    """Anchors and names of the parts that this report has."""
    ids = [case.request.approval_request_id for case in cases]
    if report.facts.is_case:
        parts = [(name, f"Case {name}" if len(ids) > 1 else "The case") for name in ids]
    else:
        told = (
            ("summary", "Summary", True),
            ("curves", "Equity and positions", any(charts)),
            ("cases", "Cases", bool(ids)),
            ("orders", "Orders", bool(report.shown(Order))),
            ("fills", "Fills", bool(report.shown(Fill))),
            ("refused", "Refused attempts", bool(report.refused)),
            ("types", "Records by type", True),
        )
        parts = [(name, words) for name, words, there in told if there]
    around = [("around", "Records beside the case")] if report.facts.is_case else []
    return [
        *parts,
        ("timeline", "Timeline" if report.facts.is_case else "Records"),
        *around,
        ("policy", "Policy in force"),
        ("pack", "This pack"),
        ("absent", "Withheld, erased, purged"),
        ("verify", "How to verify"),
        ("limits", "Limits"),
    ]


def _fees(lines: Iterable[FeeLine]) -> str:
    return ", ".join(
        f"{one.kind} {report_words.number(one.amount)} {one.currency}" for one in lines
    )


def breakable(value: object) -> Markup:
    """An identifier that may go on in the next line behind its dots, colons and dashes."""
    return Markup("<wbr>").join(re.split(r"(?<=[.:/])|(?<=[A-Za-z]{4}[_-])", str(value)))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding=ENCODING),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": report_words.number,
        "signed": report_words.signed_number,
        "instant": report_words.instant,
        "words": report_words.words,
        "seconds": report_words.seconds,
        "details": report_words.details,
        "verdict": report_words.verdict,
        "outcome": report_words.outcome_of,
        "fees": _fees,
        "breakable": breakable,
        "short": report_words.short,
    }
    return environment
