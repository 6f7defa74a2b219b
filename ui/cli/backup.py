"""`counterseal records backup`: a copy of the home while it is at work."""

from pathlib import Path
from typing import Annotated

import typer

from counterseal.kernel.canonical import Json
from ui.cli.options import AsJson, Home
from ui.cli.render import answer
from ui.cli.session import settings_for


def backup(
    out: Annotated[Path, typer.Option("--out", help="A new folder, outside the home.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy the home while it is at work, and verify the copy before it is put in place.

    The signer's memory and the keys of personal data beside it are never copied with it: a home
    that is put back must meet a signer that remembers more. How to put it back:
    policies/operations.md.
    """
    from storage.backup import HOME, SUMS, back_up  # noqa: PLC0415 - only this command copies

    made = back_up(settings_for(home), out)
    verdict = made.verdict
    totals = verdict.totals
    value: dict[str, Json] = {
        "ok": True,
        "folder": str(made.folder),
        "files": made.files,
        "bytes": made.size,
        "checkpoint": made.checkpoint,
        "verdict": verdict.json_value(),
    }
    lines = [
        f"backup   {made.folder}: {made.files} files, {made.size} bytes",
        f"log      {verdict.origin}: {totals.size} records, {totals.unsealed} unsealed",
        f"verified {verdict.outcome.value}, against the signer's memory; tables equal the log",
        "left out the signer's memory, and the keys of personal data beside it",
        f"again    sha256sum -c {SUMS} in it, and audit verify --home {made.folder / HOME}",
    ]
    answer(value, lines, as_json=as_json)
