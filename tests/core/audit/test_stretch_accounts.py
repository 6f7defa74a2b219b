"""What a stretch tells the accounts, against its rows one by one."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.accounts import TOLD_TYPES, Accounts
from counterseal.audit.evidence import Evidence
from counterseal.audit.record import StoredRow
from counterseal.audit.stretch import stretch_of
from counterseal.audit.verdict import Finding
from counterseal.audit.verify import verify_log, verify_stretches
from tests.core.audit.keeper import Keeper
from tests.core.audit.log_builder import DIGEST, SIGNER, a_log, edited, rechained

ACTS = st.one_of(
    st.tuples(st.just("case"), st.sampled_from(("case:one", "case:two")), st.just("ann")),
    st.tuples(st.just("hold"), st.just("case:one")),
    st.tuples(st.just("erase"), st.just("ann")),
    st.tuples(st.sampled_from(("release", "rotate", "revoke"))),
)


def by_stretch(rows: Sequence[StoredRow], width: int) -> Accounts:
    accounts = Accounts()
    for at in range(0, len(rows), width):
        stretch = stretch_of(rows[at : at + width], told=TOLD_TYPES)
        assert stretch is not None
        accounts.take_stretch(stretch)
    return accounts


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, max_size=12), st.integers(min_value=1, max_value=9))
def test_i1_stretches_give_the_accounts_of_their_rows(
    acts: list[tuple[str, str]], width: int
) -> None:
    """Design invariant "every absence is accounted for": keys, holds, erasures and counts."""
    keeper = Keeper()
    for name, *told in acts:
        getattr(keeper, name)(*told)
    shown = tuple(keeper.openings.values())
    one, many = keeper.accounts(), by_stretch(keeper.rows, width)
    assert many.report(keeper.head.size, shown) == one.report(keeper.head.size, shown)
    assert many.walk(SIGNER.key) == one.walk(SIGNER.key)
    assert (many.told, many.key_records) == (one.told, one.key_records)


def test_a_gap_between_stretches_is_missing_as_between_rows() -> None:
    """Design state "missing"."""
    rows = a_log((4, 4)).rows
    accounts = Accounts()
    for part in (rows[:3], rows[5:]):
        stretch = stretch_of(part, told=TOLD_TYPES)
        assert stretch is not None
        accounts.take_stretch(stretch)
    assert accounts.report(len(rows) + 1).records.missing == 3
    given_up = accounts.report(len(rows) + 1, lost=[(3, 5), (4, 9), (4, 4)]).records
    assert (given_up.missing, given_up.lost) == (0, 3)


def test_a_hostile_gap_is_counted_and_not_walked() -> None:
    """A single row far behind the others costs nothing."""
    rows = a_log((3,)).rows
    far = [*rows[:2], rows[2]._replace(seq=2**60)]
    found = verify_log(far, ())
    assert found.records is not None
    assert found.records.missing == 2**60 - 2


def test_commitments_count_although_a_document_says_there_are_none() -> None:
    """Design code PII_MISSING: the name is free inside documents."""
    first, *others = a_log((3,)).rows
    told = edited(first, {"after": {"documents": {"notes": [{"pii": []}]}}, "pii": [DIGEST]})
    rows = rechained([told, *(edited(row, {"pii": []}) for row in others)])
    evidence = Evidence(openings=())
    alone = verify_log(rows, (), evidence)
    assert Finding.PII_MISSING in {found.code for found in alone.findings}
    assert verify_stretches([stretch_of(rows, told=TOLD_TYPES)], (), evidence) == alone

    changed = [rows[0], rows[1]._replace(type="other.type"), rows[2]]
    row_by_row = verify_log(changed, (), evidence)
    assert Finding.PII_MISSING in {found.code for found in row_by_row.findings}


def test_personal_data_is_not_compared_by_hashes_alone() -> None:
    """What hashes alone cannot tell is left to who reads the bytes."""
    rows = a_log((3,)).rows
    part = stretch_of(rows, columns=False, told=TOLD_TYPES)
    assert verify_stretches([part], (), Evidence(openings=()), columns=False) is None
    assert verify_stretches([part], (), Evidence(), columns=False) == verify_log(
        rows, (), columns=False
    )


def test_a_row_is_told_for_a_mark_in_its_body_and_no_other_is() -> None:
    """Rows with a document of a wanted kind are found by its bytes, whatever their type."""
    rows = rechained([edited(row, {"pii": []}) for row in a_log((4,)).rows])
    wanted = rows[2].event_id.encode()
    for marks, expected in (((), []), ((b"nowhere",), []), ((b"nowhere", wanted), [rows[2]])):
        stretch = stretch_of(rows, marks=marks)
        assert stretch is not None
        assert stretch.told == expected


def test_a_place_of_another_type_than_the_column_holds_is_read_row_by_row() -> None:
    """A database without types may hold 1.0 where the record says 1."""
    rows = a_log((3,)).rows
    odd = [StoredRow(**{**rows[0]._asdict(), "stream_seq": 1.0}), *rows[1:]]
    assert stretch_of(odd) is None
    assert verify_log(odd, ()).totals.size == len(odd)
