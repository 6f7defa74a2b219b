"""What a house tells of itself: one JSON object a line, with ids and never with content.

Job: give each part of a house a log of its own, with a closed set of events and of facts.

Invariants
  I1  An event is one of `Told`, a fact one of `FACTS` and of its form: nothing else is written.
  I2  An error is told by its code, its kind and its place in our sources, never by its words.
  I3  What was bound around a piece of work stands in every line that the work tells.
  I4  Telling never fails, and nothing waits for it.

Not here: where lines lie (log_files), records of the log, which are evidence (journal).
Source: issue "Always on", point 4; structlog 26 (`wrap_logger`, `contextvars`).
"""

import re
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.typing import WrappedLogger

from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import Clock, utc_text
from counterseal.kernel.errors import CountersealError
from storage.log_files import LOG_BYTES_MAX, LogFile, log_folder


class House(StrEnum):
    """Parts of a house that tell; the value names the file."""

    SUPERVISOR = "house"
    ROUNDS = "rounds"
    FLOWS = "flows"
    PAGES = "pages"


class Told(StrEnum):
    """Every event."""

    HOUSE_UP = "house_up"
    HOUSE_STOPPED = "house_stopped"
    HOUSE_FAILED = "house_failed"
    PART_ENDED = "part_ended"
    PART_STARTED = "part_started"
    OUTPUT_CUT = "output_cut"
    LOOP_LEADS = "loop_leads"
    LOOP_LEFT = "loop_left"
    ROUND_DONE = "round_done"
    ROUND_FAILED = "round_failed"
    STEP_TAKEN = "step_taken"
    RUN_DONE = "run_done"
    RUN_FAILED = "run_failed"
    PAGES_UP = "pages_up"
    PAGE_FAILED = "page_failed"
    READY = "ready"
    NOT_READY = "not_ready"


Fact = str | int
_ID: Final = re.compile(r"(case:)?[a-z]{2,12}_[0-9a-f]{32}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORD: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_CODES: Final = re.compile(r"[A-Z][A-Z0-9_]{0,59}(,[A-Z][A-Z0-9_]{0,59}){0,19}|done")
_KIND: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_PLACE: Final = re.compile(r"[A-Za-z0-9_.<>]{1,160}:\d{1,6}")
_COUNT: Final = re.compile(r"-?\d{1,18}")
FACTS: Final[Mapping[str, re.Pattern[str]]] = {
    "round_id": _ID,
    "run_id": _UUID,
    "subject_id": _ID,
    "round": _WORD,
    "flow": _WORD,
    "child": _WORD,
    "codes": _CODES,
    "kind": _KIND,
    "place": _PLACE,
    "incident": re.compile(r"[0-9a-f]{8}"),
    **dict.fromkeys(
        (
            *("log_size", "steps", "refused", "took_ms", "pid", "port"),
            *("status", "again_seconds", "needs_failed"),
        ),
        _COUNT,
    ),
}
"""Facts and the form that each must have; what has another form is left out."""

_OURS: Final = ("counterseal.", "storage.", "flows.", "ui.", "evidence.")
_LEVEL_OF: Final = {
    Told.HOUSE_FAILED: "error",
    Told.PART_ENDED: "warning",
    Told.ROUND_FAILED: "error",
    Told.RUN_FAILED: "error",
    Told.PAGE_FAILED: "error",
    Told.NOT_READY: "warning",
}


class Tell(Protocol):
    """Tells one event."""

    def __call__(self, event: Told, error: BaseException | None = None, **facts: Fact) -> None:
        """Facts that are not of `FACTS` are left out."""


def telling(home: Path, part: House, clock: Clock, bytes_max: int = LOG_BYTES_MAX) -> Tell:
    """Who tells what a part of a home does; silent where the home has no place for it.

    Args:
        home: Its folder is there.
        part: Names the file, `log/PART.log`.
        clock: Of the home; its time stands in each line.
        bytes_max: Of one file.
    """
    try:
        place = log_folder(home) / f"{part.value}.log"
    except OSError:
        return silent
    written: WrappedLogger = structlog.wrap_logger(
        LogFile(place, bytes_max),
        processors=[merge_contextvars, _admitted, _stamped(part, clock), _line],
        wrapper_class=structlog.BoundLoggerBase,
        context_class=dict,
        cache_logger_on_first_use=True,
    )

    def tell(event: Told, error: BaseException | None = None, **facts: Fact) -> None:
        level = _LEVEL_OF.get(event, "info")
        written._proxy_to_logger(level, event.value, **(_of_error(error) | facts))  # noqa: SLF001 - a base logger's own way to add words

    return tell


def silent(event: Told, error: BaseException | None = None, **facts: Fact) -> None:
    """Tells nobody: where no home is."""
    del event, error, facts


@contextmanager
def about(**facts: Fact) -> Iterator[None]:
    """Bind facts to every line that is told inside, in this thread or task and what it starts."""
    with bound_contextvars(**facts):
        yield


def place_of(error: BaseException) -> str:
    """Where in our sources an error came about last: `module.function:line`; empty elsewhere."""
    frames = [
        f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return next((one for one in reversed(frames) if one.startswith(_OURS)), "")


def _of_error(error: BaseException | None) -> dict[str, Fact]:
    if error is None:
        return {}
    told: dict[str, Fact] = {"kind": type(error).__name__, "place": place_of(error)}
    return told | ({"codes": error.code} if isinstance(error, CountersealError) else {})


_Lines = MutableMapping[str, object]


def _admitted(_: object, level: str, line: _Lines) -> _Lines:
    """The event, its level, and those facts that are of their form."""
    kept: _Lines = {"event": line["event"], "level": level}
    for name, form in FACTS.items():
        value = line.get(name)
        if isinstance(value, str | int) and form.fullmatch(str(value)):
            kept[name] = value
    return kept


def _stamped(part: House, clock: Clock) -> "structlog.typing.Processor":
    def stamp(_: object, __: str, line: _Lines) -> _Lines:
        line["at"], line["part"] = utc_text(clock.now()), part.value
        return line

    return stamp


def _line(_: object, __: str, line: _Lines) -> str:
    return canonical_bytes(dict(line)).decode()  # type: ignore[arg-type]  # only texts and whole numbers are admitted
