"""What commands print: one JSON document or text on stdout, messages on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import CountersealError, InputError

if TYPE_CHECKING:
    from counterseal.desk.commands import Outcome
    from counterseal.kernel.model import Refusal


def notice(text: str) -> None:
    """A message for people; never on stdout."""
    sys.stderr.write(f"{text}\n")


def document(value: Mapping[str, Json]) -> None:
    """The one JSON document of a command."""
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")


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
    """Everything an error tells."""
    if as_json:
        document({"ok": False, "error": {**error.diagnostics()}})
    notice(f"counterseal: {error}")


def usage_failure() -> None:
    """The JSON of a command line that could not be understood; the words are on stderr."""
    message = "the command line was not understood; see the message on stderr"
    document({"ok": False, "error": {"code": "USAGE", "message": message}})


def refused(
    refusal: "Refusal", *, as_json: bool, more: Mapping[str, Json] | None = None
) -> NoReturn:
    """Tell every reason and leave with status 1."""
    if as_json:
        document({"ok": False, "refusal": refusal.json_value(), **(more or {})})
    facts = "; ".join(f"{d.name} {d.value}" for d in refusal.details)
    notice(
        f"refused: {', '.join(refusal.codes)}: {refusal.message}" + (f" ({facts})" if facts else "")
    )
    leave(1)


def settled(outcome: "Outcome", *, as_json: bool, what: str) -> None:
    """The answer to a command of the desk; a refusal leaves with status 1."""
    facts: dict[str, Json] = {
        "subject_id": outcome.subject_id,
        "replayed": outcome.replayed,
        "sealed_size": outcome.sealed_size,
    }
    if outcome.refusal is not None:
        refused(outcome.refusal, as_json=as_json, more=facts)
    line = f"{what}: {outcome.subject_id} (sealed under size {outcome.sealed_size})"
    answer({"ok": True, **facts}, [line], as_json=as_json)
