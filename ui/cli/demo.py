"""`counterseal demo`: one governed trading day, from signal to sealed evidence.

The day runs in a program of its own, under a guardian that ends it when this command ends.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Final

import typer

from ui.cli.options import AsJson
from ui.cli.render import leave, notice

app = typer.Typer()
OPERATIONAL: Final = 4
MARK: Final = "@"
"""First letter of a line of progress, as `flows.day.command` writes it."""
RESULTS: Final = "results"
SIGNATURES: Final = "signatures"

Shown = Mapping[str, object]


@app.command()
def demo(
    ticks: Annotated[
        Path | None, typer.Option(help="A day's tick file (zip); a stated market without one.")
    ] = None,
    products: Annotated[
        str | None, typer.Option(help="Products of the tick file; TX,MTX by default.")
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="Who listens to the tick file: a sample, or module:NAME; repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The demo home; new, empty or of this demo.")] = Path(
        "var/demo"
    ),
    seed: Annotated[str, typer.Option(help="Names every id, key and nonce.")] = "counterseal-demo",
    as_json: AsJson = False,
) -> None:
    """Replay one governed trading day. Simulated throughout; automatic people, throw-away keys."""
    words = ["--out", str(out), "--seed", seed]
    if ticks is not None:
        words += ["--ticks", str(ticks)]
    if products is not None:
        words += ["--products", products]
    for name in strategy or ():
        words += ["--strategy", name]
    status, answered = _run(words)
    if status == 0 and "summary" in answered:
        from ui.cli.day_signatures import export_signatures  # noqa: PLC0415 - a finished day only

        exported = export_signatures(out, answered["summary"], out / RESULTS / SIGNATURES)
        answered = {**answered, "signatures": None if exported is None else exported.json_value()}
    if as_json or "summary" not in answered:
        if as_json:
            sys.stdout.write(json.dumps(answered, indent=2, sort_keys=True) + "\n")
        leave(status)
    from ui.cli.day_report import show  # noqa: PLC0415 - Rich is loaded to draw only

    show(answered)
    leave(status)


def _run(words: Sequence[str]) -> tuple[int, Shown]:
    """The day in its own program; progress is drawn while it runs, the answer waits in a file."""
    command = [sys.executable, "-m", "flows", "demo", *words]
    with (
        TemporaryFile("w+", encoding="utf-8") as answer,
        subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-m", "flows.processes", *command],
            stdin=subprocess.PIPE,
            stdout=answer,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as child,
    ):
        _draw(iter(child.stderr or ()))
        status = child.wait()
        answer.seek(0)
        text = answer.read()
    try:
        answered: Shown = json.loads(text)
    except json.JSONDecodeError:
        notice("counterseal: the day ended without an answer")
        return OPERATIONAL, {"ok": False, "error": {"code": "DAY_ENDED", "message": "no answer"}}
    return status, answered


def _draw(lines: Iterator[str]) -> None:
    """Progress as a bar on a terminal, else as a few lines; other lines pass through."""
    from rich.console import Console  # noqa: PLC0415 - only a running day is drawn
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    tenth = 0
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("making people, keys and the home", total=1.0)
        for line in lines:
            if not line.startswith(MARK):
                progress.console.print(line.rstrip(), markup=False, highlight=False, soft_wrap=True)
                continue
            told = json.loads(line[1:])
            share = float(told["share"])
            words = f"simulated time {told['at'][:16].replace('T', ' ')} UTC"
            progress.update(task, completed=share, description=words)
            if not console.is_terminal and int(share * 10) > tenth:
                tenth = int(share * 10)
                console.print(f"{tenth * 10} %  {words}", highlight=False)
        progress.update(task, completed=1.0, description="the day is over")
