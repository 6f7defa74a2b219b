"""The tables of a pack: which columns, of which kind, out of which documents.

Job: describe each table once; how a cell is written follows from the kind of its column.

Invariants
  I1  A column of a document has the kind that the core's model gives it: decimals are exact, times
      are UTC, and no number is a float.
  I2  Every row names the record that it comes from.

Not here: files (evidence.tables).
Source: evidence pack format 1, `data/tables`; style part 4, data traps.
"""

import types
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, NamedTuple, Union, get_args, get_origin

from counterseal.approvals.model import ApprovalDecision
from counterseal.audit.merkle import leaf_hash
from counterseal.broker.model import Fill
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.model import Document
from counterseal.oms.model import ExecutionReport, Order
from counterseal.portfolio.model import LedgerEntry
from counterseal.risk.model import RiskEvaluation
from evidence.report_fold import line_of

Row = Mapping[str, object]
"""Values as JSON has them, by column."""


class Kind(StrEnum):
    """What a column holds; a nested value is canonical JSON text."""

    TEXT = "text"
    WHOLE = "whole"
    EXACT = "exact"
    INSTANT = "instant"
    FLAG = "flag"


class Column(NamedTuple):
    """One column."""

    name: str
    kind: Kind


class Table(NamedTuple):
    """One table.

    Attributes:
        mark: Bytes that stand in every record with a row; the others need no reading.
        rows: The rows of one parsed record; the second argument is its body.
    """

    name: str
    columns: tuple[Column, ...]
    mark: bytes
    rows: Callable[[Mapping[str, object], bytes], Iterator[Row]]


_KINDS: Final = (
    (Decimal, Kind.EXACT),
    (datetime, Kind.INSTANT),
    (bool, Kind.FLAG),
    (int, Kind.WHOLE),
)
_SEQ: Final = Column("seq", Kind.WHOLE)
_RECORDED: Final = Column("recorded_at", Kind.INSTANT)
_PLACE: Final = (_SEQ, Column("record_at", Kind.INSTANT))
"""Where a document's row comes from; `record_at` is the recorded time of that record."""


def kind_of(annotation: object) -> Kind:
    """The kind of a field's type."""
    if get_origin(annotation) is Annotated:
        return kind_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        bare = [a for a in get_args(annotation) if a is not type(None)]
        return kind_of(bare[0]) if len(bare) == 1 else Kind.TEXT
    if isinstance(annotation, type):
        return next((kind for python, kind in _KINDS if issubclass(annotation, python)), Kind.TEXT)
    return Kind.TEXT


def _document_table(name: str, model: type[Document], fields: tuple[str, ...]) -> Table:
    """A row for each document of a kind that a record carries, each version of it."""

    def rows(record: Mapping[str, object], _: bytes) -> Iterator[Row]:
        place = {"seq": record.get("seq"), "record_at": record.get("recorded_at")}
        for value in _documents(record, model.KIND):
            yield {field: value.get(field) for field in fields} | place

    told = [Column(f, kind_of(model.model_fields[f].annotation)) for f in fields]
    return Table(name, (*_PLACE, *told), b'"%b":[' % model.KIND.encode(), rows)


def _documents(record: Mapping[str, object], kind: str) -> list[Mapping[str, object]]:
    after = record.get("after")
    grouped = after.get("documents") if isinstance(after, dict) else None
    values = grouped.get(kind) if isinstance(grouped, dict) else None
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []


def _record_rows(record: Mapping[str, object], body: bytes) -> Iterator[Row]:
    yield line_of(record)._asdict() | {
        "event_id": record.get("event_id"),
        "occurred_at": record.get("occurred_at"),
        "stream_seq": record.get("stream_seq"),
        "leaf": leaf_hash(body).hex(),
    }


def _check_rows(record: Mapping[str, object], _: bytes) -> Iterator[Row]:
    for judged in _documents(record, RiskEvaluation.KIND):
        place = {field: judged.get(field) for field in _JUDGED}
        place |= {"seq": record.get("seq"), "record_at": record.get("recorded_at")}
        for group in ("checks", "further_checks"):
            checks = judged.get(group)
            for check in checks if isinstance(checks, list) else ():
                told = check if isinstance(check, dict) else {}
                yield place | {name: told.get(name) for name in _CHECK}


_JUDGED: Final = ("evaluation_id", "order_id", "account_id", "approved", "evaluated_at")
_CHECK: Final = ("name", "passed", "skipped", "effect", "message", "details")

RECORDS: Final = Table(
    "records",
    (
        *(_SEQ, _RECORDED, Column("occurred_at", Kind.INSTANT), Column("stream", Kind.TEXT)),
        *(Column("stream_seq", Kind.WHOLE), Column("event_id", Kind.TEXT)),
        *(Column(n, Kind.TEXT) for n in ("type", "actor", "on_behalf_of", "action", "subject")),
        *(Column("reason", Kind.TEXT), Column("leaf", Kind.TEXT)),
    ),
    b"",
    _record_rows,
)
RISK_CHECKS: Final = Table(
    "risk_checks",
    (
        *_PLACE,
        *(Column(n, kind_of(RiskEvaluation.model_fields[n].annotation)) for n in _JUDGED),
        *(Column(n, Kind.FLAG if n in {"passed", "skipped"} else Kind.TEXT) for n in _CHECK),
    ),
    b'"%b":[' % RiskEvaluation.KIND.encode(),
    _check_rows,
)
TABLES: Final = (
    RECORDS,
    _document_table(
        "decisions",
        ApprovalDecision,
        (
            *("approval_decision_id", "approval_request_id", "request_version", "sequence", "seat"),
            *("stage", "decision", "meaning", "reviewer_id", "reviewer_role", "on_behalf_of"),
            *("grant_id", "decision_reason", "decided_at", "key_id", "key_class"),
            *("statement_digest", "previous_chain_hash", "decision_hash"),
        ),
    ),
    _document_table(
        "orders",
        Order,
        (
            *("order_id", "event_sequence", "state", "order_reference", "approval_request_id"),
            *("account_id", "strategy_id", "symbol", "side", "order_type", "time_in_force"),
            *("limit_price", "stop_price", "quantity", "cum_quantity", "leaves_quantity"),
            *("rest_quantity", "average_price", "cl_ord_id", "risk_evaluation_id"),
            *("created_at", "submitted_at", "updated_at"),
        ),
    ),
    _document_table(
        "execution_reports",
        ExecutionReport,
        (
            *("report_id", "order_id", "account_id", "exec_id", "cl_ord_id", "execution_type"),
            *("order_status", "exec_type", "ord_status", "symbol", "side", "order_quantity"),
            *("last_quantity", "last_price", "cumulative_filled_quantity", "leaves_quantity"),
            *("rest_quantity", "average_fill_price", "late", "timestamp", "text"),
        ),
    ),
    _document_table(
        "fills",
        Fill,
        (
            *("fill_id", "order_id", "account_id", "symbol", "side", "last_quantity", "last_price"),
            *("multiplier", "tx_equivalent", "currency", "model_name", "model_version"),
            *(
                "not_modelled",
                "slippage_ticks",
                "fees",
                "quote_id",
                "quote",
                "late",
                "trading_day",
                "session",
            ),
            *("occurred_at", "recorded_at"),
        ),
    ),
    RISK_CHECKS,
    _document_table(
        "ledger_entries",
        LedgerEntry,
        (
            *("entry_id", "cause_id", "account_id", "debit_account", "credit_account", "amount"),
            *("currency", "kind", "at", "trading_day"),
        ),
    ),
)
"""Every table of a pack. Orders have a row for each step: the last one of an order says how it
ended."""


def json_text(value: object) -> str:
    """A nested value as canonical JSON text, any other as it is.

    Raises:
        InputError: `NOT_CANONICAL`.
    """
    if type(value) is str:
        return value
    if isinstance(value, (dict, list)):
        return canonical_bytes(value).decode()
    return str(value)
