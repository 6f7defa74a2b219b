"""Bytes of a record: canonical, complete, bounded."""

import json
from datetime import timedelta

import orjson
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.audit.chain import Head, StreamHead, extend
from counterseal.audit.drafts import Sealing, draft_bytes, lined
from counterseal.audit.merkle import ZERO_HASH
from counterseal.audit.record import (
    BODY_BYTES_MAX,
    load_canonical,
    parse_record,
    stored_row,
)
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError
from tests.core.audit.log_builder import CLOCK, NOW, ORIGIN, a_draft, a_log, edited, vectors

KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


def sealed(**changes: object) -> bytes:
    return Sealing(ORIGIN, NOW, CLOCK).body(
        lined({**a_draft(), **changes}),
        seq=0,
        prev=ZERO_HASH.hex(),
        stream_seq=1,
        stream_prev=ZERO_HASH.hex(),
    )


@given(st.dictionaries(KEYS, VALUES, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_i1_bytes_equal_the_oracle_and_read_back(value: dict[str, object]) -> None:
    """TX-K7."""
    body = sealed(after=value)
    assert body == rfc8785.dumps(json.loads(body))
    assert parse_record(body)["after"] == value


def test_published_jcs_vectors_agree_or_are_refused() -> None:
    """TX-K7."""
    names = sorted(path.name for path in (vectors() / "jcs" / "input").iterdir())
    refused = []
    for name in names:
        value = json.loads((vectors() / "jcs" / "input" / name).read_bytes())
        expected = (vectors() / "jcs" / "output" / name).read_bytes()
        assert rfc8785.dumps(value) == expected
        try:
            ours = canonical_bytes(value)
        except InputError:
            refused.append(name)
        else:
            assert ours == expected, name
    assert len(names) >= 4
    assert len(refused) < len(names)


@pytest.mark.parametrize(
    "after", ['{"x":1.5}', '{"x":[1.0]}', '{"x":9007199254740993}', '{"x":1e21}', '{"\u00e9":1}']
)
def test_i1_numbers_and_keys_on_which_encoders_differ_are_refused(after: str) -> None:
    """TX-K4."""
    body = sealed(after={"x": 1}).replace(b'{"x":1}', after.encode())
    with pytest.raises(InputError, match="NOT_CANONICAL"):
        parse_record(body)


def test_digits_inside_text_are_not_mistaken_for_numbers() -> None:
    """TX-K4: the quick search for floats may hit text, and text is allowed."""
    body = sealed(reason={"code": "X", "text": "a,1.5 [2e3 :99999999999999999999"})
    assert parse_record(body)["seq"] == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.replace(b'"v":1', b'"v":1,"v":1'),
        lambda b: b.replace(b'"v":1', b'"v": 1'),
        lambda b: b + b"\n",
        lambda b: b"[" + b + b"]",
        lambda _: b"[]",
        lambda _: b"",
        lambda b: b[:-1],
        lambda b: b.replace(b"words", b"\\u0077ords"),
        lambda b: b.replace(b"words", b"\xff"),
        lambda b: b.replace(b'"before":null', b'"before":' + b'{"a":' * 400 + b"1" + b"}" * 400),
    ],
)
def test_i1_other_spellings_are_refused(change) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - table
    """TX-K4."""
    with pytest.raises(InputError, match="NOT_CANONICAL"):
        load_canonical(change(sealed()))


@pytest.mark.parametrize("name", [*a_draft(), "v", "origin", "clock", "recorded_at"])
def test_i2_a_record_without_any_one_field_is_refused(name: str) -> None:
    """TX-K4."""
    value = orjson.loads(sealed())
    del value[name]
    with pytest.raises(InputError, match="RECORD_FIELDS"):
        parse_record(canonical_bytes(value))


def test_i2_unknown_fields_are_refused_in_drafts_and_records() -> None:
    """TX-K4."""
    with pytest.raises(InputError, match="RECORD_FIELDS"):
        draft_bytes({**a_draft(), "more": 1})
    with pytest.raises(InputError, match="RECORD_FIELDS"):
        sealed(seq=7)
    with pytest.raises(InputError, match="RECORD_FIELDS"):
        parse_record(canonical_bytes({**orjson.loads(sealed()), "more": 1}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", 2),
        ("v", True),
        ("seq", -1),
        ("seq", False),
        ("stream_seq", 0),
        ("prev", "AB" * 32),
        ("recorded_at", "2026-01-02T00:45:00Z"),
        ("occurred_at", "2026-01-02 00:45:00.000000Z"),
        ("clock", {"source": "replay"}),
        ("clock", {"source": "replay", "max_error_us": -1}),
        ("actor", {"id": "per_1"}),
        ("event_id", "evt"),
        ("type", "decided"),
        ("subject", {"type": "approval", "id": "apr_1", "version": 0}),
        ("policy", {"id": "limits", "version": "1", "digest": "ab"}),
        ("pii", ["name"]),
        ("after", []),
        ("stream", ""),
        ("command", "sha256:12"),
    ],
)
def test_i2_a_field_of_another_shape_is_refused(name: str, value: object) -> None:
    """TX-K4."""
    with pytest.raises(InputError, match="RECORD_INVALID"):
        parse_record(
            orjson.dumps(orjson.loads(sealed()) | {name: value}, option=orjson.OPT_SORT_KEYS)
        )


def test_i3_the_longest_body_is_accepted_and_one_byte_more_refused() -> None:
    """TX-K7."""
    spare = BODY_BYTES_MAX - len(sealed(meaning=""))
    assert len(parse_record(sealed(meaning="x" * spare))["meaning"]) == spare
    with pytest.raises(InputError, match="RECORD_TOO_LONG"):
        sealed(meaning="x" * (spare + 1))


def test_columns_come_from_the_bytes() -> None:
    """TX-K4."""
    for row in a_log().rows:
        assert stored_row(row.body) == row
        assert edited(row, {}) == row


def test_chain_i1_places_are_contiguous_in_log_and_streams() -> None:
    """TX-K7."""
    rows = a_log((1, 4, 2)).rows
    assert [row.seq for row in rows] == list(range(7))
    assert [row.stream_seq for row in rows if row.stream == "case_0"] == [1, 2, 3, 4]
    assert [row.prev for row in rows[1:]] == [row.leaf_hash for row in rows[:-1]]


def test_chain_i3_one_group_and_single_records_give_one_head() -> None:
    """TX-K7."""
    assert a_log((7,), times=[NOW]).head == a_log((1,) * 7, times=[NOW] * 7).head


def test_chain_i2_a_backward_time_changes_no_place() -> None:
    """TX-Z15."""
    log = a_log((1, 1), times=[NOW, NOW - timedelta(days=1)])
    assert [row.seq for row in log.rows] == [0, 1]
    assert log.rows[1].recorded_at < log.rows[0].recorded_at


def test_nothing_is_placed_when_one_draft_is_refused() -> None:
    """TX-K7."""
    with pytest.raises(InputError, match="RECORD_FIELDS"):
        extend(
            Head(),
            {"case_1": StreamHead()},
            map(lined, [a_draft(), {"stream": "case_1"}]),
            origin=ORIGIN,
            recorded_at=NOW,
            clock=CLOCK,
        )
