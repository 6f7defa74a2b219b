"""The last check of the log that this server made.

Job: verify the log for the page that shows its state, and say when that was and how far it reached.

Invariants
  I1  A state that is shown was computed by this server, and carries its time and its head.
  I2  A log that cannot be read has no state but `could_not_check`.

Not here: the verification (storage.home_integrity), the pages that show it.
Source: UI-20, TX-K4 to TX-K7; ui W2.
"""

from datetime import datetime, timedelta
from time import perf_counter
from typing import Final, NamedTuple

import streamlit as st

from counterseal.desk.views.event_checks import EventCheck, check_events
from counterseal.desk.views.integrity import IntegrityFacts, IntegrityView, could_not_check
from counterseal.kernel.errors import CountersealError
from storage.home_integrity import home_integrity, outside_evidence
from storage.home_reader import HomeReader
from ui.web import house

COUNTS_FOR: Final = timedelta(seconds=60)
AT_ONCE_MAX: Final = 5_000
"""Records of a log that is checked for every page; a longer one is checked when somebody asks."""


class LogCheck(NamedTuple):
    """One check.

    Attributes:
        at: When it began (UTC).
        milliseconds: How long it took.
        size: Records of the log then.
        sealed: Records under the newest checkpoint then.
        facts: What the installation lacks; None when the log could not be read.
        bad: The first record that does not hold, with both hashes of it.
        heads: How many heads outside of the database it was held against.
    """

    view: IntegrityView
    at: datetime
    milliseconds: int
    size: int
    sealed: int
    facts: IntegrityFacts | None = None
    bad: EventCheck | None = None
    heads: int = 0


@st.cache_resource(max_entries=4, show_spinner=False)
def _last(database: str) -> dict[str, LogCheck]:
    del database
    return {}


def log_check(reader: HomeReader, *, again: bool = False) -> LogCheck | None:
    """The check that counts now; None when nobody asked for one of a long log yet.

    Args:
        reader: The home.
        again: Check now, whatever was checked before.

    Raises:
        AdapterError: when the database cannot be reached.
    """
    ends, kept = reader.ends(), _last(house.settings().database.name)
    size, now = 0 if ends is None else ends[1], house.CLOCK.now()
    before = kept.get("log")
    fresh = before is not None and before.size == size and now - before.at < COUNTS_FOR
    if again or (not fresh and size <= AT_ONCE_MAX):
        kept["log"] = _check(reader, now, size)
    return kept.get("log")


def _check(reader: HomeReader, now: datetime, size: int) -> LogCheck:
    began, newest = perf_counter(), None
    try:
        newest = reader.newest_checkpoint()
        evidence = outside_evidence(reader, house.settings())
        found = home_integrity(reader, house.settings(), evidence)
        view, facts, heads = found.panel.integrity, found.facts, len(evidence.heads)
        bad = None if view.first_bad is None else first_bad(reader, view.first_bad)
    except CountersealError as error:
        view, facts, heads, bad = could_not_check(error), None, 0, None
    took = round((perf_counter() - began) * 1000)
    return LogCheck(view, now, took, size, newest.size if newest else 0, facts, bad, heads)


def first_bad(reader: HomeReader, seq: int) -> EventCheck | None:
    """One record against the record before it; None when there is no such row."""
    checks = check_events(reader.records(max(seq - 1, 0), seq + 1))
    return next((check for check in checks if check.seq == seq), None)
