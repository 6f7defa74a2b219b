"""A case's signatures, for programs of other people.

Job: files and shell lines by which openssl, ssh-keygen or a short script verify every decision.

Invariants
  I1  A decision is written with the key that its record names, or nothing is written.
  I2  What is handed out of a pack follows from the records of the pack alone.

Not here: single signatures (counterseal.identity.exported), whether a key was its person's: that is
said by its enrolment.
Source: governance part 3; design part "evidence pack".
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from counterseal.approvals.batch import key_signature
from counterseal.approvals.model import ApprovalDecision
from counterseal.audit.record import load_canonical
from counterseal.identity.dsse import decoded, pae
from counterseal.identity.exported import PASSKEY_SCRIPT, exported
from counterseal.identity.keys import PersonKey
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Document, parse_document
from evidence.model import PackFile
from evidence.pack import Shown

D = TypeVar("D", bound=Document)
BATCH_SCRIPT: Final = "check_batch.py"
"""Lies beside the files of a decision that was signed as one of many; it needs Python alone."""
HEAD: Final = """Signed decisions of {request}
Simulated execution: every decision here is for paper trading only.

Each .message holds the exact bytes that the reviewer signed: a length, the kind of statement, a
length, and the statement as JSON. Run these lines in this folder; each exits with 0 when the
signature holds. A check_*.py beside them is ours, imports nothing of the product and is short
enough to be read. Where many decisions were signed at once, .message is their common statement and
.leaf the decision's own.

That a key is the reviewer's is said by its record of enrolment in the log, not by this folder.
"""


def signature_files(
    request_id: str, decisions: Iterable[ApprovalDecision], keys: Mapping[str, PersonKey]
) -> tuple[dict[str, bytes], list[str]]:
    """File contents by name, and the line that verifies each decision, in order.

    Raises:
        IntegrityError: `CHAIN_BROKEN` when a decision's key has no record; `SIGNATURE_INVALID` when
            an envelope cannot be read.
    """
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


def decision_files(shown: Shown) -> Iterator[PackFile]:
    """The same for every case of a pack, below `data/decisions`; none where cases are not named.

    Raises:
        InputError: `NOT_CANONICAL` for a record that cannot be read.
        IntegrityError: those of `signature_files`.
    """
    keys: dict[str, PersonKey] = {}
    decided: dict[str, list[ApprovalDecision]] = {name: [] for name in shown.cases or ()}
    for body in shown.bodies() if decided else ():
        keys |= {key.key_id: key for key in _documents(PersonKey, body)}
        for one in _documents(ApprovalDecision, body):
            decided.get(one.approval_request_id, []).append(one)
    for request_id, decisions in decided.items():
        files = signature_files(request_id, decisions, keys)[0] if decisions else {}
        for name in sorted(files):
            yield PackFile(f"data/decisions/{request_id}/{name}", [files[name]])


def _documents(kind: type[D], body: bytes) -> list[D]:
    """The documents of a kind in a record."""
    if b'"%b":[' % kind.KIND.encode() not in body:
        return []
    after = load_canonical(body).get("after")
    grouped = after.get("documents") if isinstance(after, Mapping) else None
    told = grouped.get(kind.KIND, ()) if isinstance(grouped, Mapping) else ()
    return [parse_document(kind, canonical_bytes(one)) for one in told]


def _batch_files(name: str, decision: ApprovalDecision) -> tuple[dict[str, bytes], str]:
    """What shows that a decision is in the batch that was signed, and how; nothing without one."""
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


def _who(decision: ApprovalDecision, key: PersonKey) -> str:
    at = utc_text(decision.decided_at)
    return (
        f"{decision.sequence}. {decision.meaning.value} by {decision.reviewer_id} at {at}\n"
        f"  key {key.key_id}, class {key.key_class}, enrolled by {', '.join(key.enrolled_by)}"
    )
