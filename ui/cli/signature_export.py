"""`counterseal approvals signatures`: a case's signatures, for programs of other people."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError, IntegrityError
from storage.home_reader import read_home
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, refused
from ui.cli.session import settings_for

if TYPE_CHECKING:
    from counterseal.approvals.model import ApprovalDecision
    from counterseal.identity.keys import PersonKey

BATCH_SCRIPT = "check_batch.py"
"""Lies beside the files of a decision that was signed as one of many; it needs Python alone."""
HEAD = """Signed decisions of {request}
Simulated execution: every decision here is for paper trading only.

Each .message holds the exact bytes that the reviewer signed: a length, the kind of statement, a
length, and the statement as JSON. Run these lines in this folder; each exits with 0 when the
signature holds. A check_*.py beside them is ours, imports nothing of the product and is short
enough to be read. Where many decisions were signed at once, .message is their common statement and
.leaf the decision's own.

That a key is the reviewer's is said by its record of enrolment in the log, not by this folder.
"""


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


def signature_files(
    request_id: str, decisions: "tuple[ApprovalDecision, ...]", keys: "dict[str, PersonKey]"
) -> tuple[dict[str, bytes], list[str]]:
    """File contents by name, and the line that verifies each decision, in order.

    Raises:
        IntegrityError: `CHAIN_BROKEN` when a decision's key has no record; `SIGNATURE_INVALID` when
            an envelope cannot be read.
    """
    from counterseal.approvals.batch import key_signature  # noqa: PLC0415 - only here
    from counterseal.identity.exported import PASSKEY_SCRIPT, exported  # noqa: PLC0415 - the same

    files = {PASSKEY_SCRIPT: Path(__file__).with_name(PASSKEY_SCRIPT).read_bytes()}
    commands: list[str] = []
    told = [HEAD.format(request=request_id)]
    for decision in decisions:
        key = keys.get(decision.key_id)
        if key is None:
            raise IntegrityError(
                "CHAIN_BROKEN", "the key that signed has no record", got=decision.key_id
            )
        name = f"decision-{decision.sequence}"
        proof = exported(name, key_signature(decision), key)
        inside, command = _batch_files(name, decision)
        files |= {**proof.files, **inside}
        commands.append(proof.command + command)
        told.append(f"{_who(decision, key)}\n  {commands[-1]}\n")
    files["README.txt"] = "\n".join(told).encode()
    return files, commands


def _batch_files(name: str, decision: "ApprovalDecision") -> tuple[dict[str, bytes], str]:
    """What shows that a decision is in the batch that was signed, and how; nothing without one."""
    from counterseal.identity.dsse import decoded, pae  # noqa: PLC0415 - only here

    if decision.batch is None:
        return {}, ""
    told = decision.batch.json_value()
    path = {part: told[part] for part in ("index", "size", "path")}
    statement = decoded(decision.signature.payload, "payload")
    files = {
        BATCH_SCRIPT: Path(__file__).with_name(BATCH_SCRIPT).read_bytes(),
        f"{name}.leaf": pae(decision.signature.payload_type, statement),
        f"{name}.path.json": canonical_bytes(path),
    }
    return files, f" && python3 {BATCH_SCRIPT} {name}.message {name}.leaf {name}.path.json"


def _who(decision: "ApprovalDecision", key: "PersonKey") -> str:
    at = utc_text(decision.decided_at)
    return (
        f"{decision.sequence}. {decision.meaning.value} by {decision.reviewer_id} at {at}\n"
        f"  key {key.key_id}, class {key.key_class}, enrolled by {', '.join(key.enrolled_by)}"
    )


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
