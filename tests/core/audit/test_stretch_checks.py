"""A stretch is given exactly when the walk, row by row, finds nothing: one odd value at a time."""

from collections.abc import Iterator

import orjson
import pytest

from counterseal.audit.findings import Findings
from counterseal.audit.merkle import leaf_hash
from counterseal.audit.record import StoredRow
from counterseal.audit.record_format import RECORD_VERSION
from counterseal.audit.stretch import stretch_of
from counterseal.audit.verdict import Finding
from counterseal.audit.verify import Evidence
from counterseal.audit.walk import Walk
from tests.core.audit.log_builder import ORIGIN, a_log, edited, rechained
from tests.core.audit.test_fast_verify import compared

ROWS = a_log((4,)).rows
FIELDS = sorted(orjson.loads(ROWS[0].body))
ODD: tuple[object, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    1.0,
    1.5,
    1e16,
    2**53,
    "",
    "x",
    "AB" * 32,
    [],
    {},
    [1],
    {"a": 1},
)
CLOCKS: tuple[object, ...] = (
    *(None, [], {}, "x", {"source": "replay"}, {"max_error_us": 0, "source": "x"}),
    *({"max_error_us": error, "source": "replay"} for error in (True, -1, 0, 7, 1.0, None, "0")),
)
SPELLINGS = (
    *((b",", b", "), (b"{", b"{ "), (b'"v":1', b'"v":1.0'), (b'"v":1', b'"v":1e0')),
    *((b"words", b"w\\u006frds"), (b"words", "w\u00f6rds".encode()), (b"words", b"w\xffrds")),
    *((b'"v":1', b'"v":1,"v":1'), (b"words", b"1.5,"), (b"words", b"e+9,"), (b'"12.5"', b"12.5")),
    *((b'"12.5"', b"1e5"), (b'"12.5"', b"-0"), (b'"12.5"', b"9007199254740993")),
)


def cells() -> Iterator[StoredRow]:
    """A column that holds something else; the bytes stay."""
    for name in StoredRow._fields:
        for value in (*ODD[:-4], b"bytes", b""):
            yield StoredRow(**{**ROWS[2]._asdict(), name: value})


def values() -> Iterator[StoredRow]:
    """A field of the record that holds something else; columns, hash and chain fit."""
    for name in FIELDS:
        for value in ODD:
            if not (isinstance(value, list | dict) and name in StoredRow._fields):
                yield edited(ROWS[2], {name: value})
    for clock in CLOCKS:
        yield edited(ROWS[2], {"clock": clock})
    yield edited(ROWS[2], {"more": None})
    yield edited(ROWS[2], {"v": RECORD_VERSION + 1})


def spellings() -> Iterator[StoredRow]:
    """Bytes that another program might have written; the hash fits them."""
    for old, new in SPELLINGS:
        body = ROWS[2].body.replace(old, new, 1)
        yield ROWS[2]._replace(body=body, leaf_hash=leaf_hash(body).hex())
    value = orjson.loads(ROWS[2].body)
    for name in FIELDS:
        body = orjson.dumps({k: v for k, v in value.items() if k != name})
        yield ROWS[2]._replace(body=body, leaf_hash=leaf_hash(body).hex())
    turned = orjson.dumps(dict(reversed(value.items())))
    yield ROWS[2]._replace(body=turned, leaf_hash=leaf_hash(turned).hex())
    for body in (b"", b"[]", b"5", b"{}", b"x", b"\xff"):
        yield ROWS[2]._replace(body=body, leaf_hash=leaf_hash(body).hex())


def linked(row: StoredRow) -> list[StoredRow]:
    """The row in its place, the last one naming it as its predecessor."""
    last = edited(ROWS[3], {"prev": row.leaf_hash}) if type(row.leaf_hash) is str else ROWS[3]
    return [*ROWS[:2], row, last]


def is_read_alone(row: StoredRow) -> bool:
    """A purged row is left to the walk."""
    return not row.body


def agree(rows: list[StoredRow], *, columns: bool) -> bool:
    """Whether the rows hold, once the stretch and the walk say the same of them."""
    findings, at_once = Findings(), Findings()
    walk = Walk(findings, ORIGIN, (4,), columns=columns)
    for row in rows:
        walk.read(row)
    whole = Walk(at_once, ORIGIN, (4,), columns=columns)
    taken = whole.take(rows)
    assert taken is None or findings.count == 0, rows[2]
    if not any(is_read_alone(row) for row in rows):
        assert (taken is not None) == (findings.count == 0), (rows[2], findings.kept)
    assert at_once.kept == findings.kept
    told = (walk.steps_back, walk.error_us_max, walk.last_time, walk.last_leaf, walk.streams)
    assert told == (
        *(whole.steps_back, whole.error_us_max, whole.last_time, whole.last_leaf, whole.streams),
    )
    assert walk.roots == whole.roots
    return taken is not None


@pytest.mark.parametrize("columns", [True, False])
def test_i1_one_odd_value_at_a_time(columns: bool) -> None:
    """Stretch I1: cells, fields, spellings; both ways of reading find the same."""
    holds = [
        agree(rows, columns=columns)
        for row in (*cells(), *values(), *spellings())
        for rows in ([*ROWS[:2], row, ROWS[3]], linked(row))
    ]
    assert agree(ROWS, columns=columns)
    assert 0 < sum(holds) < len(holds)


@pytest.mark.parametrize("columns", [True, False])
def test_i1_whole_logs_that_were_written_otherwise(columns: bool) -> None:
    """Stretch I1: one odd field in a log that is chained around it."""
    for row in values():
        value = orjson.loads(row.body)
        if value.keys() == set(FIELDS) and type(value["stream"]) is str:
            agree(rechained([*ROWS[:2], row, ROWS[3]]), columns=columns)


@pytest.mark.parametrize("columns", [True, False])
def test_i1_rows_in_another_order_or_number(columns: bool) -> None:
    """Stretch I1: numbers follow each other, whatever else does."""
    for rows in (
        *([*ROWS[:2], ROWS[3]], [ROWS[0], ROWS[2], ROWS[1], ROWS[3]], [*ROWS, ROWS[3]]),
        *([row._replace(seq=row.seq + 1) for row in ROWS], [ROWS[0], *ROWS]),
        [*ROWS[:2], *(row._replace(seq=row.seq + 1) for row in ROWS[2:])],
        [*ROWS[:2], ROWS[2]._replace(seq=True), ROWS[3]],
    ):
        findings = Findings()
        Walk(findings, ORIGIN, (), columns=columns).take(rows)
        assert findings.count
        rest = Findings()
        walk = Walk(rest, ORIGIN, (), columns=columns)
        for row in rows:
            walk.read(row)
        assert rest.kept == findings.kept


TEXTS = ("stream", "event_id", "type", "occurred_at", "recorded_at")
LAST = len(ROWS) - 1


@pytest.mark.parametrize("value", [None, True, 0, 7])
@pytest.mark.parametrize("name", TEXTS)
def test_a_name_or_time_that_is_no_text_is_named_although_its_column_and_hash_fit(
    name: str, value: object
) -> None:
    """A1: nothing but its type is wrong, in a log that is chained around it."""
    rows = [*ROWS[:LAST], edited(ROWS[LAST], {name: value})]
    assert stretch_of(rows) is None
    found = compared(rows, Evidence(), ())
    assert [(one.seq, one.code, one.layer) for one in found.findings] == [
        (LAST, Finding.NOT_CANONICAL, "bytes")
    ]
    assert (found.exit_status, found.origin) == (1, ORIGIN)


@pytest.mark.parametrize("origin", [None, True, 7, [], {"a": 1}])
def test_a_log_whose_records_all_name_what_is_no_text_has_no_name(origin: object) -> None:
    """A1: one value throughout, which is not to pass for hashes alone that name none."""
    rows = rechained([edited(row, {"origin": origin}) for row in ROWS])
    assert stretch_of(rows) is None
    found = compared(rows, Evidence(), ())
    assert {(one.seq, one.code, one.layer) for one in found.findings} == {
        (seq, Finding.COLUMN_MISMATCH, "origin") for seq in range(len(ROWS))
    }


def test_i2_a_stretch_states_what_its_neighbours_must_be() -> None:
    """Stretch I2: the predecessor, and where each stream goes on."""
    stretch = stretch_of(ROWS[1:])
    assert stretch is not None
    assert (stretch.start, stretch.prev, len(stretch.leaves)) == (1, ROWS[0].leaf_hash, 3)
    assert stretch.opens == {
        "case_1": (1, "0" * 64),
        "case_0": (2, ROWS[0].leaf_hash),
    }
    assert stretch.closes == {
        "case_1": (2, ROWS[3].leaf_hash),
        "case_0": (2, ROWS[2].leaf_hash),
    }
