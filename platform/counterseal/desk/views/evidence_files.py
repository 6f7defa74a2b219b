"""Evidence files of this product, as whoever holds one reads it.

Job: tell what a file says, or refuse it with the path of the first thing that is wrong.

Invariants
  I1  A file is told only when it is small, one JSON object, of the chosen kind, and when every
      safety flag in it, at any depth, says paper.
  I2  What a file says is told as its own words; nothing of it is held against a log.

Not here: loading a demo again (desk.demo.evidence), verifying a log (desk.views.integrity).
Source: TX-M5, TX-M7.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import Field

from counterseal.desk.demo.evidence import BYTES_MAX
from counterseal.desk.views.marks import SAFETY_FLAGS, unsafe_flags
from counterseal.kernel.canonical import parse_json, sha256_hex
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Refusal, refuse

DEPTH_MAX: Final = 32
FACTS_DEPTH: Final = 2
"""Parts of a file, and of its parts, are told one by one; what lies deeper is counted."""
_VALUE_MAX: Final = 200


class EvidenceKind(StrEnum):
    """What a file is about: the demo without a store, a governed order, a fill, checks, the log."""

    DEMO = "demo"
    PAPER_DEMO = "paper_demo"
    BROKER_SIMULATION = "broker_simulation"
    RISK_GUARDRAIL = "risk_guardrail"
    AUDIT_INTEGRITY = "audit_integrity"


ABSENT: Final = "absent"
"""What a refusal says of a part that is not there; of a flag that is there, it says its value."""


_HOLDS: Final[Mapping[EvidenceKind, tuple[str, ...]]] = MappingProxyType(
    {
        EvidenceKind.PAPER_DEMO: ("workflow_run_id", "approval_request", "oms_events"),
        EvidenceKind.DEMO: ("market_data", "evidence_id", "portfolio", "timeline"),
        EvidenceKind.BROKER_SIMULATION: ("input.form", "input.model", "result.checks"),
        EvidenceKind.RISK_GUARDRAIL: ("intent", "risk_evaluation.checks", "passed_checks"),
        EvidenceKind.AUDIT_INTEGRITY: ("integrity.state", "integrity.audit_events_count"),
    }
)
"""Paths that a file of each kind holds."""
_FLAGS: Final = "safety_flags"
"""The part whose flags must be there."""
_STATED: Final = ("paper_only", "live_trading_enabled", "broker_api_called")
"""Flags that every kind states of itself."""
ALSO_FALSE: Final = frozenset(
    {
        *("real_order_created", "external_db_written", "database_written", "investment_advice"),
        *("broker_credentials_collected", "credentials_collected", "production_trading_ready"),
        *("performance_claim", "live_trading_flag", "persisted", "export_persisted", "uploaded"),
    }
)
"""Flags that are safe only when false, beside those of every view."""


class FileFact(DomainModel):
    """One part of a file.

    Attributes:
        path: Such as `portfolio.equity`.
        value: As the file has it, cut at 200 characters; None for a part that holds others.
        entries: How many parts it holds; None for a value.
    """

    path: str
    value: str | None = None
    entries: int | None = Field(default=None, ge=0)


class EvidenceFile(DomainModel):
    """What a file says.

    Attributes:
        sha256: Hex digits over the bytes of the file.
        size: Bytes.
        flags: Paths of the flags that say paper, in the order of the file.
        text: The file as it is.
    """

    kind: EvidenceKind
    sha256: str
    size: int = Field(ge=0)
    facts: tuple[FileFact, ...]
    flags: tuple[FileFact, ...]
    text: str


def read_evidence(content: bytes, kind: EvidenceKind) -> EvidenceFile | Refusal:
    """What a file of the chosen kind says.

    Args:
        content: At most 500,000 bytes of JSON.
        kind: What it is taken to be about.

    Returns:
        The file, or `EVIDENCE_FILE_UNREADABLE`, `EVIDENCE_FILE_OTHER_KIND` or
        `EVIDENCE_FILE_UNSAFE`, each with the path that failed first.
    """
    if len(content) > BYTES_MAX:
        return _unreadable(f"{len(content)} bytes, at most {BYTES_MAX}")
    try:
        told = parse_json(content)
    except InputError as error:
        return _unreadable(error.message)
    if not isinstance(told, dict):
        return _unreadable("no object")
    if _is_deeper(told, DEPTH_MAX):
        return _unreadable(f"parts inside parts, more than {DEPTH_MAX}")
    return _other(told, kind) or _unsafe(told) or _file(content, told, kind)


def _file(content: bytes, told: Mapping[str, object], kind: EvidenceKind) -> EvidenceFile:
    return EvidenceFile(
        kind=kind,
        sha256=sha256_hex(content),
        size=len(content),
        facts=tuple(_facts(told, FACTS_DEPTH)),
        flags=tuple(_flags(told)),
        text=content.decode(),
    )


def _unreadable(why: str) -> Refusal:
    return refuse("EVIDENCE_FILE_UNREADABLE", "this is no evidence file", path="$", why=why)


def _other(told: Mapping[str, object], kind: EvidenceKind) -> Refusal | None:
    missing = [path for path in _HOLDS[kind] if _at(told, path) is _ABSENT]
    if not missing:
        return None
    return refuse(
        "EVIDENCE_FILE_OTHER_KIND",
        "this is no evidence file of the chosen kind",
        path=missing[0],
        why=ABSENT,
    )


def _unsafe(told: Mapping[str, object]) -> Refusal | None:
    stated = (f"{_FLAGS}.{name}" for name in _STATED)
    absent = [path for path in stated if _at(told, path) is _ABSENT]
    bad = absent or unsafe_flags(told, also_false=ALSO_FALSE)
    if not bad:
        return None
    said = ABSENT if absent else next(one.value for one in _flags(told) if one.path == bad[0])
    return refuse("EVIDENCE_FILE_UNSAFE", "a safety flag does not say paper", path=bad[0], why=said)


_ABSENT: Final = object()


def _at(told: object, path: str) -> object:
    """The part at a path of names; `_ABSENT` where there is none."""
    found = told
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return _ABSENT
        found = found[name]
    return found


def _is_deeper(value: object, most: int) -> bool:
    """Whether parts lie inside parts more than so often; without recursion."""
    level: tuple[object, ...] = (value,)
    for _ in range(most):
        level = tuple(inner for one in level for _, inner in _parts(one, ""))
    return any(_parts(one, "") for one in level)


def _parts(value: object, path: str) -> list[tuple[str, object]]:
    """What a part holds, each under its path."""
    if isinstance(value, Mapping):
        return [(f"{path}.{name}" if path else str(name), inner) for name, inner in value.items()]
    if isinstance(value, list):
        return [(f"{path}[{place}]", inner) for place, inner in enumerate(value)]
    return []


def _facts(value: Mapping[str, object], depth: int, path: str = "") -> Iterator[FileFact]:
    """The values of a part and of the parts in it; lists, and what lies deeper, are counted."""
    for here, inner in _parts(value, path):
        if isinstance(inner, Mapping) and depth > 1:
            yield from _facts(inner, depth - 1, here)
        elif isinstance(inner, Mapping | list):
            yield FileFact(path=here, entries=len(inner))
        elif not _is_flag(here):
            yield FileFact(path=here, value=_text(inner))


def _flags(value: object, path: str = "") -> Iterator[FileFact]:
    """Every safety flag, wherever it stands."""
    for here, inner in _parts(value, path):
        if _is_flag(here):
            yield FileFact(path=here, value=_text(inner))
        else:
            yield from _flags(inner, here)


def _text(value: object) -> str:
    """A value as JSON writes it, text without its quotes."""
    words = {"True": "true", "False": "false", "None": "null"}
    told = str(value)
    return (told if isinstance(value, str) else words.get(told, told))[:_VALUE_MAX]


def _is_flag(path: str) -> bool:
    name = path.rpartition(".")[2]
    return name in SAFETY_FLAGS or name in ALSO_FALSE
