"""What commands print: one JSON document or text on stdout, messages on stderr."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NoReturn

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import CountersealError, InputError
from ui.exports import document_text

if TYPE_CHECKING:
    from counterseal.kernel.model import Refusal

OPERATIONAL: Final = 4
"""Exit status of an operational failure."""
TAKEN_KEY: Final[ContextVar[str | None]] = ContextVar("TAKEN_KEY", default=None)
"""The idempotency key that the running command took, told or fresh."""


def notice(text: str) -> None:
    """A message for people; never on stdout."""
    sys.stderr.write(f"{text}\n")


def document(value: Mapping[str, Json]) -> None:
    """The one JSON document of a command."""
    sys.stdout.write(document_text(value))


def answer(value: Mapping[str, Json], lines: Iterable[str], *, as_json: bool) -> None:
    """JSON for scripts, lines for people."""
    if as_json:
        document(value)
        return
    sys.stdout.writelines(f"{line}\n" for line in lines)


def table(rows: Sequence[Sequence[object]], *heads: str) -> list[str]:
    """Aligned columns; a single line when there is nothing to show."""
    if not rows:
        return ["(nothing)"]
    cells = [[*heads], *([("-" if c is None else str(c)) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


class Leaving(SystemExit):
    """A command's own exit, after it has printed its answer."""


def leave(status: int) -> NoReturn:
    """Leave with an exit status.

    Raises:
        Leaving: always.
    """
    raise Leaving(status)


def reject(code: str, message: str, *, field: str | None = None, got: object = None) -> NoReturn:
    """Refuse what the command line says; leaves with status 2.

    Raises:
        InputError: always.
    """
    raise InputError(code, message, field=field, got=got)


def failure(error: CountersealError, *, as_json: bool) -> None:
    """Everything an error tells; after an operational failure also how to go on safely.

    A command that took an idempotency key may have been recorded before the world failed. Only the
    same key finds out: it gives the recorded outcome, or does what was never done.
    """
    key = TAKEN_KEY.get() if error.exit_status == OPERATIONAL else None
    if as_json:
        told: dict[str, Json] = {"ok": False, "error": {**error.diagnostics()}}
        if key is not None:
            told |= {"idempotency_key": key, "may_have_been_recorded": True}
        document(told)
    notice(f"counterseal: {error}")
    if key is not None:
        notice(f"counterseal: it may have been recorded; repeat with the same --key {key}")


def usage_failure(message: str) -> None:
    """The JSON of a command line that could not be understood; the words stand on stderr, too."""
    document({"ok": False, "error": {"code": "USAGE", "message": message}})


def refused(
    refusal: "Refusal",
    *,
    as_json: bool,
    more: Mapping[str, Json] | None = None,
    words: Mapping[str, str] | None = None,
) -> NoReturn:
    """Tell every reason, each with its sentence among `words`, and leave with status 1."""
    if as_json:
        document({"ok": False, "refusal": refusal.json_value(), **(more or {})})
    facts = "; ".join(f"{d.name} {d.value}" for d in refusal.details)
    notice(
        f"refused: {', '.join(refusal.codes)}: {refusal.message}" + (f" ({facts})" if facts else "")
    )
    for code, said in ((code, (words or {}).get(code)) for code in refusal.codes):
        if said is not None:
            notice(f"  {code}: {said}")
    leave(1)
