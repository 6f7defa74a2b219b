"""`counterseal approvals signatures`: a case's signatures, for programs of other people."""

from pathlib import Path
from typing import Annotated

import typer

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import InputError
from storage.home_reader import read_home
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, refused
from ui.cli.session import settings_for


def signatures(
    request: str,
    out: Annotated[Path, typer.Option("--out", help="New folder.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write every decision's signed bytes, signature and public key, and how others verify them."""
    from counterseal.desk.approvals import load_case  # noqa: PLC0415 - only here
    from counterseal.identity.keys import PersonKey  # noqa: PLC0415 - the same
    from counterseal.kernel.model import Refusal  # noqa: PLC0415 - the same
    from evidence.signatures import signature_files  # noqa: PLC0415 - the same

    with read_home(settings_for(home)) as reader:
        case = load_case(reader, request)
        keys = {key.key_id: key for key in reader.find(PersonKey)}
    if isinstance(case, Refusal):
        refused(case, as_json=as_json)
    files, commands = signature_files(request, case[1], keys)
    _write_folder(out, files)
    value: dict[str, Json] = {
        "ok": True,
        "folder": str(out),
        "files": sorted(files),
        "commands": commands,
    }
    answer(value, [f"{len(case[1])} signed decisions: {out}", *commands], as_json=as_json)


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write a folder that is not there yet.

    Raises:
        InputError: `FILE_EXISTS`.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise InputError("FILE_EXISTS", "the folder is there", field="--out", got=folder) from None
    for name, content in files.items():
        (folder / name).write_bytes(content)
