"""`counterseal records backup`, `transfer`: a copy of the home; a database carried to a server."""

from pathlib import Path
from typing import Annotated

import typer

from counterseal.kernel.canonical import Json
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, reject
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
    from storage.backup import CARRIED, HOME, SUMS, back_up  # noqa: PLC0415 - only this one copies

    settings = settings_for(home)
    made = back_up(settings, out)
    carried = settings.database.file is None
    file = f"COUNTERSEAL_DATABASE_URL=sqlite:///{(made.folder / CARRIED).absolute()}"
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
        *([f"with     {file}"] if carried else []),
    ]
    answer(value, lines, as_json=as_json)


def transfer(
    file: Annotated[Path, typer.Argument(help="A SQLite file: of a home, or of a backup.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Carry a database over to the empty one on a server that COUNTERSEAL_DATABASE_URL names.

    Everything is read back and compared before it counts. Nobody may write to the file meanwhile,
    or afterwards: the signer would refuse one of the two.
    """
    from storage.databases import SqliteFile  # noqa: PLC0415 - only this command carries over
    from storage.transfer import transfer as carried_over  # noqa: PLC0415 - as above

    target = settings_for(home).database
    if target.file is not None:
        reject(
            "TRANSFER_NEEDS_SERVER",
            "a file is put in its place as it is",
            field="COUNTERSEAL_DATABASE_URL",
            got=target.name,
        )
    made = carried_over(SqliteFile(file), target)
    value: dict[str, Json] = {
        "ok": True,
        "database": target.name,
        "origin": made.origin,
        "records": made.records,
        "root": made.root,
        "rows": made.rows,
    }
    lines = [
        f"database {target.name}: {made.rows} rows",
        f"log      {made.origin}: {made.records} records, root {made.root}",
        "verified read back as it was read; now ask audit verify --reconcile",
    ]
    answer(value, lines, as_json=as_json)
