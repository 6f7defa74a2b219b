"""The accounts of records and of personal data, fed by hand, with hostile values too."""

import pytest

from counterseal.audit.merkle import leaf_hash
from counterseal.audit.privacy import (
    ERASED,
    Opening,
    PiiAccount,
    PiiState,
    commit,
    commitments_of,
    erased_commitments,
)
from counterseal.audit.purges import PurgeAccount, RecordState, kept_leaf
from counterseal.audit.record import StoredRow
from counterseal.audit.retention import EVERYTHING, HELD, PURGED, RELEASED
from tests.core.audit.log_builder import DIGEST, a_log

ROWS = a_log((3, 3, 3)).rows
EMPTY = leaf_hash(b"")
Value = dict[str, object]


def recorded(**documents: object) -> Value:
    return {"after": {"documents": documents}}


POLICY = recorded(policy_activations=[{"bundle_hash": DIGEST}])


def a_range(first: object, last: object, stream: object = "case_0") -> Value:
    return {"stream": stream, "first": first, "last": last}


def a_purge(*ranges: object, people: tuple[str, ...] = ("one", "two")) -> Value:
    approvals = [{"person_id": person} for person in people]
    value = {"approvals": approvals, "policy_digest": DIGEST, "ranges": list(ranges)}
    return recorded(purges=[value])


def a_hold(*streams: str, hold_id: str = "hold-1") -> Value:
    return recorded(holds=[{"hold_id": hold_id, "streams": list(streams)}])


def emptied(*seqs: int) -> list[StoredRow]:
    return [row._replace(body=b"") if row.seq in seqs else row for row in ROWS]


def account(*told: tuple[str, Value], rows: list[StoredRow] | None = None) -> PurgeAccount:
    """Everything counted, then what the records tell."""
    found = PurgeAccount()
    found.count(ROWS if rows is None else rows)
    found.read(0, "policy.activated", POLICY)
    for seq, (kind, record) in enumerate(told, len(ROWS)):
        found.read(seq, kind, record)
    return found


def irregular(found: PurgeAccount, size: int = len(ROWS)) -> list[tuple[int, str]]:
    return [(one.seq, one.code.value) for one in found.report(size).irregularities]


@pytest.mark.parametrize("hexes", ["", "AB" * 32, "ab" * 31, "zz" * 32, 5, None])
def test_a_purged_row_without_a_leaf_hash_has_that_of_no_bytes(hexes: object) -> None:
    """A hostile file crashes nothing."""
    row = StoredRow(**{**ROWS[0]._asdict(), "leaf_hash": hexes})
    assert kept_leaf(row) == EMPTY
    assert kept_leaf(ROWS[0]) == leaf_hash(ROWS[0].body)


def test_a_valid_purge_lets_its_own_range_and_stream_go() -> None:
    """Invariant 4: both ends, both sides; another stream in between stays."""
    found = account((PURGED, a_purge(a_range(2, 4))), rows=emptied(2, 4))
    assert [seq for seq in range(9) if found.lets_go(seq, "case_0")] == [2, 3, 4]
    assert not found.lets_go(3, "case_1")
    assert (found.purged_by(2, "case_0"), found.purged_by(5, "case_0")) == (9, None)
    assert irregular(found) == []
    states = [found.state_of(row).value for row in emptied(2, 3, 4, 6)]
    assert states[2:7] == ["purged", "missing", "purged", "present", "missing"]


def test_the_first_purge_that_names_a_place_is_told() -> None:
    """Two may name it."""
    found = account((PURGED, a_purge(a_range(2, 4))), (PURGED, a_purge(a_range(0, 8))))
    assert found.purged_by(4, "case_0") == 9
    assert found.purged_by(6, "case_0") == 10


@pytest.mark.parametrize("people", [("one",), ("one", "one"), ()])
def test_a_purge_by_fewer_than_two_people_lets_nothing_go(people: tuple[str, ...]) -> None:
    """Retention I3."""
    found = account((PURGED, a_purge(a_range(2, 2), people=people)), rows=emptied(2))
    assert not found.lets_go(2, "case_0")
    assert irregular(found) == [(9, "PURGE_UNACCOUNTED"), (2, "PURGE_UNACCOUNTED")]


@pytest.mark.parametrize("odd", [a_range("2", 2), a_range(2, None), a_range(2, 2, 5), "x", None])
def test_a_range_that_is_none_lets_nothing_go(odd: object) -> None:
    """A hostile record crashes nothing, and the rest of it counts."""
    found = account((PURGED, a_purge(odd, a_range(4, 4))))
    assert not found.lets_go(2, "case_0")
    assert found.lets_go(4, "case_0")


def test_ranges_of_hostile_streams_beside_good_ones_crash_nothing() -> None:
    """They begin at the same place."""
    found = account((PURGED, a_purge(a_range(2, 2, 5), a_range(2, 2))), rows=emptied(2))
    assert irregular(found) == []


def test_only_a_record_of_its_kind_purges_holds_or_releases() -> None:
    """The kind of the record decides, not what lies in it."""
    assert not account((HELD, a_purge(a_range(2, 2)))).lets_go(2, "case_0")
    for kind in (PURGED, RELEASED):
        assert account((kind, a_hold("case_0"))).state_of(ROWS[0]) is RecordState.PRESENT


def test_a_hold_covers_its_streams_until_it_is_released() -> None:
    """Hold I2: one stream, or everything."""
    one = account((HELD, a_hold("case_0")))
    assert [one.state_of(row) for row in ROWS[:2]] == [RecordState.HELD, RecordState.PRESENT]
    assert one.report(9).held == sum(row.stream == "case_0" for row in ROWS)
    whole = account((HELD, a_hold(EVERYTHING)))
    assert {whole.state_of(row) for row in ROWS} == {RecordState.HELD}
    ended = account((HELD, a_hold("case_0")), (RELEASED, a_hold("case_0")))
    assert {ended.state_of(row) for row in ROWS} == {RecordState.PRESENT}
    for streams in ("case_0", None, 5):
        odd = account((HELD, recorded(holds=[{"hold_id": "hold-1", "streams": streams}, 5])))
        assert {odd.state_of(row) for row in ROWS} == {RecordState.PRESENT}


def test_a_purge_under_a_hold_is_told() -> None:
    """Hold I2: the hold of that time counts, not a later one."""
    during = account((HELD, a_hold("case_0")), (PURGED, a_purge(a_range(2, 2))), rows=emptied(2))
    assert irregular(during) == [(2, "PURGED_WHILE_HELD")]
    later = account((PURGED, a_purge(a_range(2, 2))), (HELD, a_hold("case_0")), rows=emptied(2))
    assert irregular(later) == []


@pytest.mark.parametrize("odd", [None, 5, {"documents": 5}, {"documents": {"purges": 5}}, {}])
def test_a_record_without_documents_tells_nothing(odd: object) -> None:
    """A hostile record crashes nothing."""
    found = account((PURGED, {"after": odd}), (HELD, {}))
    assert irregular(found) == []


def test_places_without_a_row_are_missing_unless_given_up() -> None:
    """Design 5: every place is counted once, the last one too."""
    found = PurgeAccount()
    found.count(ROWS[:2])
    found.count(ROWS[4:6])
    report = found.report(8, [(2, 3), (2, 3), (7, 9)])
    assert (report.present, report.lost, report.missing) == (4, 2, 2)
    whole = PurgeAccount()
    whole.count(ROWS)
    assert (whole.report(9).missing, whole.report(10).missing) == (0, 1)
    twice = PurgeAccount()
    twice.count([ROWS[1], ROWS[1], ROWS[2]])
    assert twice.report(3).missing == 1
    nothing = PurgeAccount()
    nothing.count([])
    assert nothing.report(2).missing == 2


@pytest.mark.parametrize("first", [0, 1, 3])
def test_stretches_and_rows_count_the_same(first: int) -> None:
    """Accounts: fed either way."""
    rows = ROWS[first:]
    one, other = PurgeAccount(), PurgeAccount()
    one.count(rows)
    counts = {name: sum(row.stream == name for row in rows) for name in ("case_0", "case_1")}
    other.count_stretch(first, counts)
    assert one.report(9) == other.report(9)
    assert one.report(9).missing == first
    one.count(ROWS[:first])
    assert one.report(9).present == 9


def test_findings_are_kept_up_to_a_number() -> None:
    """Memory stays bounded; the count of missing ones does not."""
    many = a_log((120,)).rows
    found = PurgeAccount()
    found.count([row._replace(body=b"") for row in many])
    report = found.report(120)
    assert (len(report.irregularities), report.missing) == (100, 120)


BLOCK = commit("ann", {"comment": "words"}, bytes(16))
MADE: Value = {"pii": [BLOCK.commitment], "stream": "case_0"}
ERASURE = recorded(erasures=[{"commitments": [BLOCK.commitment]}])


def personal(*told: tuple[str, Value]) -> PiiAccount:
    found = PiiAccount()
    for seq, (kind, record) in enumerate(told, 5):
        found.read(seq, kind, record)
    return found


def test_a_commitment_is_kept_until_it_is_erased_or_let_go() -> None:
    """Privacy I2: made, erased by whom, let go by place and stream."""
    made = personal(("approval.decided", MADE))
    assert made.keeps(BLOCK.commitment)
    assert not made.keeps(DIGEST)
    erased = personal(("approval.decided", MADE), (ERASED, ERASURE))
    assert not erased.keeps(BLOCK.commitment)
    assert (erased.erased_by(BLOCK.commitment), erased.erased_by(DIGEST)) == (6, None)
    other = personal(("approval.decided", MADE), ("approval.decided", ERASURE))
    assert other.keeps(BLOCK.commitment)
    made.settle(lambda seq, stream: (seq, stream) == (5, "case_1"))
    assert made.keeps(BLOCK.commitment)
    made.settle(lambda seq, stream: (seq, stream) == (5, "case_0"))
    assert not made.keeps(BLOCK.commitment)


def test_an_opening_of_nothing_and_a_false_one_are_told_at_their_records() -> None:
    """Privacy I1: at the record that made the commitment, at the first one when none did."""
    false = BLOCK.amended(salt="11" * 16)
    made = personal(("approval.decided", MADE)).report([false])
    assert [(one.seq, one.code.value) for one in made.irregularities] == [
        (5, "PII_OPENING_MISMATCH"),
        (5, "PII_MISSING"),
    ]
    none = personal().report([BLOCK])
    assert [(one.seq, one.code.value) for one in none.irregularities] == [
        (0, "PII_OPENING_MISMATCH")
    ]
    assert (none.opened, made.missing) == (0, 1)


def test_each_state_of_a_commitment_is_counted() -> None:
    """Invariant 4: opened, withheld, erased, missing."""
    made = personal(("approval.decided", MADE))
    shown, kept = {BLOCK.commitment}, {BLOCK.commitment}
    assert made.state_of(BLOCK.commitment, shown, ()) is PiiState.OPENED
    assert made.state_of(BLOCK.commitment, (), kept) is PiiState.WITHHELD
    assert made.state_of(BLOCK.commitment, (), ()) is PiiState.MISSING
    erased = personal(("approval.decided", MADE), (ERASED, ERASURE)).report([BLOCK])
    assert erased.erased == 1
    assert [(one.seq, one.code.value) for one in erased.irregularities] == [(6, "PII_NOT_ERASED")]


@pytest.mark.parametrize("pii", [None, "x", 5, {}])
def test_a_record_without_a_list_commits_to_nothing(pii: object) -> None:
    """A hostile record crashes nothing."""
    assert commitments_of({"pii": pii}) == ()


@pytest.mark.parametrize(
    "record", [{}, {"after": 5}, recorded(), recorded(erasures=5), recorded(erasures=[5, {}])]
)
def test_a_record_without_erasures_erases_nothing(record: Value) -> None:
    """A hostile record crashes nothing."""
    assert erased_commitments(record) == ()
    assert erased_commitments({"after": {"documents": 5}}) == ()


def test_a_word_of_a_block_is_a_text() -> None:
    """Empty when the block holds none of this name, or is no object."""
    block = Opening(commitment=DIGEST, salt="00" * 16, block='["x"]', person_id="ann")
    assert (BLOCK.word("comment"), BLOCK.word("other"), block.word("x")) == ("words", "", "")
