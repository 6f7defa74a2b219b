"""`counterseal evidence`: what leaves the house, as packs that prove themselves offline."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import InputError
from ui.cli.acting import Act, acting
from ui.cli.evidence_verify import verify
from ui.cli.paper_evidence import add_to
from ui.cli.render import answer, reject

if TYPE_CHECKING:
    from counterseal.desk.exports import ExportScope
    from evidence.model import PackTotals
    from ui.packing import Packed

Since = Annotated[
    datetime | None, typer.Option("--from", help="Records of a period: its beginning, UTC.")
]
Until = Annotated[datetime | None, typer.Option("--to", help="Its end, UTC, not included.")]
GrownFrom = Annotated[
    Path | None, typer.Option(help="What came behind a checkpoint: goes on from an earlier pack.")
]

app = typer.Typer(no_args_is_help=True)
app.command()(verify)
add_to(app)


@app.command()
@acting
def export(
    act: Act,
    out: Annotated[Path, typer.Option("--out", help="New folder, or a new file named *.zip.")],
    case: Annotated[str | None, typer.Option(help="A request, with all that follows it.")] = None,
    account: Annotated[str | None, typer.Option(help="Every case of an account.")] = None,
    since: Since = None,
    until: Until = None,
    control: Annotated[str | None, typer.Option(help="The records behind a control.")] = None,
    grown_from: GrownFrom = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole log.")] = False,
    expect: Annotated[
        Path | None,
        typer.Option(help="A checkpoint that the auditor kept: the pack grows from it."),
    ] = None,
    openings: Annotated[
        bool, typer.Option("--openings", help="Open personal data to the reader; needs --yes.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Personal data may leave the house.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="No report and no tables.")] = False,
) -> None:
    """Write an evidence pack: records, proofs and their offline verifier; auditors only.

    The export is recorded first, with its scope and the key that will sign it. Then the pack
    appears as a whole, or not at all. Nothing in it needs this home: see its VERIFY.md.
    """
    from counterseal.desk.commands import Outcome  # noqa: PLC0415 - only exporting needs it
    from ui.packing import Asked, packed  # noqa: PLC0415 - the same

    behind = None if grown_from is None else _kept(grown_from)
    scope = _scope(case, account, since, until, control, behind, everything=everything)
    if openings and not yes:
        reject("CONFIRMATION_MISSING", "personal data leaves the house only with --yes")
    kept = behind if expect is None else _kept(expect)
    began = time.monotonic()
    asked = Asked(scope, kept, openings=openings, plain=plain)
    with drawn(quiet=act.as_json) as progress:
        made = packed(act.desk, act.settings, act.actor, asked, out, key=act.key, progress=progress)
    if isinstance(made, Outcome):
        act.settled(made, what="exported")
        return
    _told(out, made, time.monotonic() - began, as_json=act.as_json)


def _told(out: Path, made: "Packed", seconds: float, *, as_json: bool) -> None:
    facts: dict[str, Json] = {"export": made.export_id, "seconds": f"{seconds:.3f}"}
    written: dict[str, Json] = {"ok": True, "pack": str(out), "bytes": _length(out)}
    value = {**written, **made.totals._asdict(), **facts}
    answer(value, _lines(out, made.totals, seconds), as_json=as_json)


def _lines(out: Path, totals: "PackTotals", seconds: float) -> list[str]:
    gone = f", {totals.purged} purged" if totals.purged else ""
    return [
        f"pack     {out} ({_length(out)} bytes, {seconds:.1f} s)",
        f"records  {totals.records} shown{gone}; {totals.claims} claims",
        f"log      size {totals.size}, root {totals.root}",
        f"export   record {totals.export_seq}, by a key that signed this pack only",
        f"verify   counterseal evidence verify {out}, or python3 verify.py in it",
    ]


def _scope(
    case: str | None,
    account: str | None,
    since: datetime | None,
    until: datetime | None,
    control: str | None,
    behind: str | None,
    *,
    everything: bool,
) -> "ExportScope":
    """The one scope that the options name.

    Raises:
        InputError: `SCOPE_UNCLEAR`; `INPUT_INVALID` for a name or period that cannot be one.
    """
    from counterseal.audit.checkpoint import read_checkpoint  # noqa: PLC0415 - only here
    from counterseal.desk.exports import ExportScope, ScopeKind  # noqa: PLC0415 - the same

    size = None if behind is None else str(read_checkpoint(behind).size)
    period = since is not None or until is not None
    named = {
        ScopeKind.CASE: case is not None,
        ScopeKind.ACCOUNT: account is not None,
        ScopeKind.PERIOD: period,
        ScopeKind.CONTROL: control is not None,
        ScopeKind.GROWTH: behind is not None,
        ScopeKind.ALL: everything,
    }
    kinds = [kind for kind, told in named.items() if told]
    if len(kinds) != 1:
        raise InputError(
            "SCOPE_UNCLEAR",
            "one of --case, --account, --from with --to, --control, --grown-from and --all",
            got=", ".join(kinds) or "none of them",
        )
    return ExportScope(
        kind=kinds[0],
        value=case or account or control or size or "",
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC),
    )


def _kept(path: Path) -> str:
    """The checkpoint that an auditor kept.

    Raises:
        InputError: `EVIDENCE_FILE_MISSING`; those of a malformed checkpoint.
    """
    from counterseal.audit.checkpoint import read_checkpoint  # noqa: PLC0415 - only here

    try:
        content = path.read_bytes()
    except OSError:
        raise InputError("EVIDENCE_FILE_MISSING", "no such file", got=path) from None
    read_checkpoint(content)
    return content.decode()


@contextmanager
def drawn(*, quiet: bool) -> "Iterator[Callable[[int], None] | None]":
    """Progress as a bar on a terminal; silent for scripts."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal is drawn on
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    columns = (TextColumn("{task.completed} records"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("records", total=None)
        yield lambda records: progress.update(task, completed=records)


def _length(out: Path) -> int:
    files = [out] if out.is_file() else (path for path in out.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files)
