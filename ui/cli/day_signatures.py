"""The signatures of one case of a replayed day, in a folder for programs of other people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from counterseal.desk.approvals import load_case
from counterseal.identity.keys import PersonKey
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Refusal
from evidence.signatures import signature_files
from storage.home_reader import read_home
from ui.cli.session import settings_for

SIGNED_ELSEWHERE: Final = "signed on the own machine"
"""Whose case is written out, as the day's summary calls it."""


class Exported(NamedTuple):
    """A folder, and the commands that check it from inside."""

    request_id: str
    folder: Path
    commands: list[str]

    def json_value(self) -> dict[str, Json]:
        """For the answer of the command."""
        commands: list[Json] = [*self.commands]
        return {"request": self.request_id, "folder": str(self.folder), "commands": commands}


def export_signatures(home: Path, summary: object, folder: Path) -> Exported | None:
    """Write the signatures of a case that was signed on an own machine; None without one.

    The same files are written over: they follow from the log alone.

    Raises:
        IntegrityError: those of `evidence.signatures.signature_files`.
        AdapterError: when the database cannot be read.
        OSError: when a file cannot be written.
    """
    request_id = _request_in(summary)
    if request_id is None:
        return None
    with read_home(settings_for(home)) as reader:
        case = load_case(reader, request_id)
        keys = {key.key_id: key for key in reader.find(PersonKey)}
    if isinstance(case, Refusal):
        return None
    files, commands = signature_files(request_id, case[1], keys)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Exported(request_id, folder, commands)


def _request_in(summary: object) -> str | None:
    shown = summary.get("shown", ()) if isinstance(summary, Mapping) else ()
    return next((str(one["request_id"]) for one in shown if one["what"] == SIGNED_ELSEWHERE), None)
