"""Records, read once in order into what a report shows.

Job: keep a stated number of documents and lines, count all others, and never more.

Invariants
  I1  Only records speak: what no record of the pack carries is not in the report.
  I2  Memory depends on the limits and on the number of accounts, types and policies, never on the
      number of records.
  I3  A document that cannot be read is counted and told, never guessed at.
  I4  The same records and facts give the same report.

Not here: words and pages (evidence.report), numbers over time (evidence.report_curves).
Source: policies/decisions/0001-events-carry-documents.md.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

import orjson
from pydantic import ValidationError

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.audit.privacy import Erasure
from counterseal.audit.retention import Purge
from counterseal.broker.model import Fill
from counterseal.desk.installation import PolicyActivation
from counterseal.identity.keys import PersonKey
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Document
from counterseal.oms.model import ExecutionReport, Order, OrderEvent
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.portfolio.lots import LotClosing
from counterseal.portfolio.model import DailyPnl, LedgerEntry
from counterseal.risk.model import RiskEvaluation
from evidence.report_curves import AccountCurves, Curve
from evidence.report_facts import PackFacts

Records = Callable[[], Iterator[bytes]]
"""Canonical bodies in order of `seq`; may be asked for more than once."""
CASE_ROWS_MAX: Final = 2_000
"""Most rows of each kind in the report of one case."""
ROWS_MAX: Final = 200
"""Most rows of each kind in any other report."""
BESIDE_MAX: Final = 40
"""Most lines about records beside a case."""

D = TypeVar("D", bound=Document)


class Line(NamedTuple):
    """One record on one line."""

    seq: int
    recorded_at: str
    stream: str
    type: str
    actor: str
    on_behalf_of: str
    action: str
    subject: str
    reason: str


class Refused(NamedTuple):
    """An attempt that was refused, and why.

    Attributes:
        codes: Every reason, the first one first. facts: what the refusal went by.
    """

    line: Line
    command: str
    codes: tuple[str, ...]
    message: str
    facts: tuple[tuple[str, str], ...]


class Shown(NamedTuple, Generic[D]):
    """What is shown of a kind, and how many there are."""

    rows: tuple[D, ...]
    total: int


class Report(NamedTuple):
    """Everything that a report shows, read out of the records of a pack.

    Attributes:
        lines: Records of the case, or of the whole pack when it is not about one case.
        around: Records beside the case: who may do what, and the export itself.
        unreadable: Documents that are not what their kind says.
        policies: Version and digest of each policy that a record names as in force.
    """

    facts: PackFacts
    first: Line | None
    last: Line | None
    read: int
    types: tuple[tuple[str, int], ...]
    lines: tuple[Line, ...]
    lines_total: int
    around: tuple[Line, ...]
    around_total: int
    refused: tuple[Refused, ...]
    refused_total: int
    documents: Mapping[type[Document], Shown[Document]]
    policies: tuple[tuple[str, str], ...]
    curves: tuple[Curve, ...]
    unreadable: int

    def shown(self, kind: type[D]) -> tuple[D, ...]:
        """The documents of a kind, each in its last version, in the order of their first."""
        return tuple(d for d in self.documents[kind].rows if isinstance(d, kind))

    def total(self, kind: type[Document]) -> int:
        """How many documents of a kind the records carry."""
        return self.documents[kind].total


class _Kept(Generic[D]):
    """Last versions of the first documents of a kind, unread until they are asked for."""

    def __init__(self, kind: type[D], limit: int) -> None:
        self.kind, self.limit = kind, limit
        self.told: dict[str, object] = {}
        self.new = 0

    def take(self, values: Iterable[object]) -> None:
        for value in values:
            key = str(_object(value).get(self.kind.KEY))
            if key in self.told or len(self.told) < self.limit:
                self.told[key] = value

    def shown(self) -> tuple[Shown[Document], int]:
        read = [one for value in self.told.values() if (one := _read(self.kind, value))]
        return Shown(tuple(read), max(self.new, len(self.told))), len(self.told) - len(read)


DETAIL: Final[tuple[type[Document], ...]] = (
    *(PolicyEvaluation, OrderEvent, ExecutionReport, RiskEvaluation, LedgerEntry, LotClosing),
)
"""Kinds that only the report of a case shows row by row."""
ALWAYS: Final[tuple[type[Document], ...]] = (ApprovalRequest, ApprovalDecision, Order, Fill)
AROUND: Final[tuple[type[Document], ...]] = (
    *(PersonKey, PolicyActivation, Erasure, Purge, DailyPnl),
)
"""Kinds that are read wherever they stand, also beside the case."""


class Fold:
    """Records so far.

    Args:
        facts: Of the pack.
    """

    def __init__(self, facts: PackFacts) -> None:
        rows = CASE_ROWS_MAX if facts.is_case else ROWS_MAX
        detail = CASE_ROWS_MAX if facts.is_case else 0
        limits = dict.fromkeys(ALWAYS, rows) | dict.fromkeys(DETAIL, detail)
        self._facts, self._rows, self._cases = facts, rows, facts.case_streams
        self._kept = {k.KIND: _Kept(k, n) for k, n in limits.items()}
        self._around = {k.KIND: _Kept(k, CASE_ROWS_MAX) for k in AROUND}
        self._types: Counter[str] = Counter()
        self._lines: list[Line] = []
        self._beside: list[Line] = []
        self._refused: list[Refused] = []
        self._own = self._refusals = 0
        self._first: Line | None = None
        self._last: Line | None = None
        self._policies: dict[tuple[str, str], None] = {}
        self._curves = AccountCurves()

    def take(self, body: bytes) -> None:
        """Read one record.

        Raises:
            InputError: `NOT_A_RECORD` when the bytes are no JSON object.
        """
        record = parsed(body)
        line = line_of(record)
        self._first, self._last = self._first or line, line
        self._types[line.type] += 1
        own = not self._facts.is_case or line.stream in self._cases
        grouped = _object(_object(record.get("after")).get("documents"))
        self._documents(grouped, line, own=own)
        lines, limit = (self._lines, self._rows) if own else (self._beside, BESIDE_MAX)
        if len(lines) < limit:
            lines.append(line)
        if not own:
            return
        self._own += 1
        policy = _object(record.get("policy"))
        if policy:
            self._policies[str(policy.get("version")), str(policy.get("digest"))] = None
        self._refusal(grouped, line)

    def report(self) -> Report:
        """What was read."""
        documents, odd = {}, 0
        for kept in (*self._kept.values(), *self._around.values()):
            documents[kept.kind], unread = kept.shown()
            odd += unread
        read = self._types.total()
        return Report(
            facts=self._facts,
            first=self._first,
            last=self._last,
            read=read,
            types=tuple(sorted(self._types.items(), key=lambda one: (-one[1], one[0]))),
            lines=tuple(self._lines),
            lines_total=self._own,
            around=tuple(self._beside),
            around_total=read - self._own,
            refused=tuple(self._refused),
            refused_total=self._refusals,
            documents=documents,
            policies=tuple(self._policies),
            curves=() if self._facts.is_case else self._curves.drawn(),
            unreadable=odd + self._curves.unreadable,
        )

    def _documents(self, grouped: Mapping[str, object], line: Line, *, own: bool) -> None:
        for kind, values in grouped.items():
            kept = self._around.get(kind) or (self._kept.get(kind) if own else None)
            if kept is not None and isinstance(values, list):
                kept.take(values)
                kept.new += _new(kind, values, line)
        if own and not self._facts.is_case:
            self._curves.take(line.recorded_at, grouped)

    def _refusal(self, grouped: Mapping[str, object], line: Line) -> None:
        commands = grouped.get("commands")
        for command in commands if isinstance(commands, list) else ():
            told = _object(_object(command).get("refusal"))
            if not told:
                continue
            self._refusals += 1
            if len(self._refused) < self._rows:
                self._refused.append(_refused(line, str(command.get("name", "")), told))


def _new(kind: str, values: list[object], line: Line) -> int:
    """How many documents begin with this record: requests and orders are told again and again."""
    if kind == ApprovalRequest.KIND:
        return len(values) if line.type == "approval.requested" else 0
    if kind == Order.KIND:
        return sum(_object(value).get("event_sequence") == 1 for value in values)
    return len(values) if kind in _ONCE else 0


_TOLD_ONCE: Final[tuple[type[Document], ...]] = (ApprovalDecision, Fill, *DETAIL)
_ONCE: Final = frozenset(kind.KIND for kind in _TOLD_ONCE)
"""Kinds of which every document is told once."""


def read_report(records: Records, told: Mapping[str, Json]) -> Report:
    """Read a pack's records into a report.

    Args:
        records: The bodies that the pack shows, in order of `seq`.
        told: The pack's facts, parsed from `pack.json`.

    Raises:
        InputError: `PACK_FACTS_INVALID` or `NOT_A_RECORD`.
    """
    fold = Fold(PackFacts.read(told))
    for body in records():
        fold.take(body)
    return fold.report()


def parsed(body: bytes) -> Mapping[str, object]:
    """A record from its bytes.

    Raises:
        InputError: `NOT_A_RECORD`.
    """
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError("NOT_A_RECORD", f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InputError("NOT_A_RECORD", "a record is a JSON object", got=type(record).__name__)
    return record


def line_of(record: Mapping[str, object]) -> Line:
    """A record on one line; what it does not say is empty."""
    reason, subject = _object(record.get("reason")), _object(record.get("subject"))
    seq = record.get("seq")
    return Line(
        seq=seq if isinstance(seq, int) else -1,
        recorded_at=_text(record.get("recorded_at")),
        stream=_text(record.get("stream")),
        type=_text(record.get("type")),
        actor=_text(_object(record.get("actor")).get("id")),
        on_behalf_of=_text(record.get("on_behalf_of")),
        action=_text(record.get("action")),
        subject=_text(subject.get("id")),
        reason=": ".join(filter(None, (_text(reason.get("code")), _text(reason.get("text"))))),
    )


def _refused(line: Line, command: str, told: Mapping[str, object]) -> Refused:
    codes, details = told.get("codes"), told.get("details")
    pairs = [_object(one) for one in (details if isinstance(details, list) else ())]
    return Refused(
        line=line,
        command=command,
        codes=tuple(map(str, codes)) if isinstance(codes, list) else (),
        message=_text(told.get("message")),
        facts=tuple((_text(one.get("name")), _text(one.get("value"))) for one in pairs),
    )


def _read(kind: type[D], value: object) -> D | None:
    try:
        return kind.model_validate_json(canonical_bytes(value))  # type: ignore[arg-type]  # parsed JSON
    except (InputError, ValidationError):
        return None


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return "" if value is None else str(value)
