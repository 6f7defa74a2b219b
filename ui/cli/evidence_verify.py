"""`counterseal evidence verify`: a pack against what its reader holds.

The checks are those of the file that lies in every pack (`evidence.verify`). Beside them stands
what needs our code: every record whole, the signatures and rights of people back to the founding,
and a folder of outside evidence of the reader's own.
"""

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from counterseal.audit.record import StoredRow, stored_row
from counterseal.kernel.errors import AdapterError, InputError
from evidence.verify import (
    NOT_CHECKED,
    RECORDS,
    Check,
    FoundError,
    Head,
    Json,
    Reader,
    UnusableError,
    examine,
    in_words,
    reader_of,
    report,
)
from ui.cli.given import Expect, Outside, Policy, Vkey
from ui.cli.options import AsJson
from ui.cli.render import answer, leave

if TYPE_CHECKING:
    from storage.outside_folder import OutsideFolder

CASE = "case:"
Pack = Annotated[Path, typer.Argument(help="Folder or .zip of an evidence pack.")]


def verify(
    pack: Pack,
    vkey: Vkey = None,
    expect: Expect = None,
    policy: Policy = None,
    outside: Outside = None,
    as_json: AsJson = False,
) -> None:
    """Verify an evidence pack, without its home.

    Exit status 0 verified, 1 tampered, 2 no pack, 3 inconclusive (no key of your own), 4 failure.
    """
    told = verified(pack, _reader(vkey, expect, policy, outside), outside)
    answer(told, in_words(told), as_json=as_json)
    leave(told["exit"])


def verified(pack: Path, reader: Reader, outside: Path | None = None) -> Json:
    """What `evidence.verify` finds, and what people's signatures and the outside say besides.

    Raises:
        InputError: `PACK_UNREADABLE` when there is no pack; those of `load_outside`.
        AdapterError: `PACK_UNREADABLE` when something fails on the way.
        IntegrityError: those of `load_outside`.
    """
    try:
        check, told, error = examine(pack, reader)
    except UnusableError as unusable:
        _unusable(unusable, pack)
    if error is None:
        try:
            told["people"] = signed_by_people(check)
            if outside is not None:
                told["outside"] = seen_outside(check, outside)
        except FoundError as found:
            error = found
    value = report(check, told, error)
    if "people" in told:
        value["not_checked"] = list(NOT_CHECKED[1:])
    return value


def signed_by_people(check: Check) -> str:
    """Every record is whole, and people's own signatures and rights stand behind what it says.

    Raises:
        FoundError: `NOT_CANONICAL` or `APPROVER_SIG_INVALID`.
    """
    from counterseal.desk.signed_log import SignedLog  # noqa: PLC0415 - takes time to load

    log = SignedLog(lambda *streams: _in_streams(check, streams))
    deque(log.tapped(_judged(check)), maxlen=0)
    findings = log.close()
    for first in findings.kept[:1]:
        raise FoundError(first.code.value, f"seq {first.seq} {first.layer}", first.message)
    return "keys, roles and signatures of people hold, back to the founding"


def _judged(check: Check) -> Iterator[StoredRow]:
    """Records whose streams can be judged: a case whose beginning is not here is marked as such.

    Of other streams without their beginning nothing can be said; who governs is always complete.
    """
    ends: dict[str, int] = {}
    for row in _rows(check):
        known = ends.get(row.stream, 0)
        if row.stream_seq == known + 1:
            ends[row.stream] = row.stream_seq
        elif row.stream.startswith(CASE):
            ends[row.stream] = row.stream_seq
            yield row._replace(body=b"")
        else:
            continue
        yield row


def _rows(check: Check) -> Iterator[StoredRow]:
    """Every record of the pack, read strictly.

    Raises:
        FoundError: `NOT_CANONICAL`.
    """
    for number, body in enumerate(check.pack.lines(RECORDS), 1):
        try:
            yield stored_row(body)
        except InputError as error:
            raise FoundError("NOT_CANONICAL", f"{RECORDS} line {number}", str(error)) from None


def _in_streams(check: Check, streams: tuple[str, ...]) -> Iterator[StoredRow]:
    marks = [json.dumps(name).encode() for name in streams]
    for body in check.pack.lines(RECORDS):
        if any(mark in body for mark in marks) and (row := stored_row(body)).stream in streams:
            yield row


def seen_outside(check: Check, outside: Path) -> str:
    """What the reader's own folder says of this checkpoint: witnesses, anchors, time-stamps.

    Raises:
        FoundError: `SIG_INVALID`, `KEY_UNKNOWN` or `FORK_AT_SIZE`; `CONSISTENCY_INVALID` for a head
            of the folder that the pack's proof does not extend.
        InputError: those of `load_outside`.
        IntegrityError: the same.
        AdapterError: the same.
    """
    from counterseal.audit.note import VerifierKey  # noqa: PLC0415 - only with a folder
    from counterseal.audit.outside import view_outside  # noqa: PLC0415 - the same
    from storage.outside_files import OutsideFiles, load_outside  # noqa: PLC0415 - the same

    evidence, policy = load_outside(OutsideFiles.within(_folder(outside)))
    keys = [VerifierKey(span.key.name, span.key.kind, span.key.public) for span in check.spans]
    view = view_outside(evidence.of(check.head.origin), keys, policy)
    for one in view.findings:
        if one.code != "QUORUM_NOT_MET":
            raise FoundError(one.code, f"{one.source} of size {one.size}", "in your own folder")
    for head in (*view.heads, *view.kept):
        _compared(check, Head(*head[:3]))
    if view.witnessed is not None and view.witnessed.size == check.head.size:
        check.reached["quorum"] = check.head.size
    sizes = sorted({head.size for head in (*view.heads, *view.kept)})
    same = "this checkpoint is among them" if check.head.size in sizes else "none of this size"
    return f"{len(sizes)} heads of this log in your folder, {same}"


def _compared(check: Check, head: Head) -> None:
    """Hold a head of the reader's folder against the pack, where the pack proves something of it.

    Raises:
        FoundError: `FORK_AT_SIZE`.
    """
    ours = check.head
    if head.size == ours.size and head.root != ours.root:
        raise FoundError("FORK_AT_SIZE", f"size {head.size}", "your folder holds another root")
    if head.size == ours.size or (head.size < ours.size and check.grown(head)):
        check.reached["expect"] = max(check.reached.get("expect", 0), head.size)


def _reader(
    vkey: str | None, expect: Path | None, policy: Path | None, outside: Path | None
) -> Reader:
    """What the options and the folder name; what is named besides the folder wins.

    Raises:
        InputError: `EVIDENCE_UNREADABLE`.
    """
    if outside is not None:
        folder = _folder(outside)
        policy = policy or (folder.policy if folder.policy.is_file() else None)
        vkey = vkey or (str(folder.log_key) if folder.log_key.is_file() else None)
    try:
        return reader_of(vkey, expect, policy)
    except UnusableError as error:
        raise InputError("EVIDENCE_UNREADABLE", str(error)) from None


def _folder(path: Path) -> "OutsideFolder":
    from storage.outside_folder import OutsideFolder  # noqa: PLC0415 - only with a folder

    return OutsideFolder(path)


def _unusable(error: UnusableError, pack: Path) -> NoReturn:
    if error.status == InputError.exit_status:
        raise InputError("PACK_UNREADABLE", str(error), field="PACK", got=pack)
    raise AdapterError("PACK_UNREADABLE", str(error), got=pack)
