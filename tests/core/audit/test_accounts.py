"""Every absence is accounted for, whatever the keeper of a log does, in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.keys import SealStanding
from counterseal.audit.merkle import leaf_hash
from tests.core.audit.keeper import Keeper

STREAMS = ("case:one", "case:two", "system")
PEOPLE = ("ann", "bob")
ACTS = st.one_of(
    st.tuples(st.just("case"), st.sampled_from(STREAMS), st.sampled_from(PEOPLE)),
    st.tuples(st.just("hold"), st.sampled_from((*STREAMS, "*"))),
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE)),
    st.tuples(st.sampled_from(("release", "purge", "rotate", "revoke"))),
    st.tuples(st.just("wait"), st.integers(min_value=1, max_value=25)),
)


def _act(keeper: Keeper, name: str, *told: str | int) -> None:
    if name == "wait":
        for _ in range(int(told[0])):
            keeper.write("log.heartbeat", "system", {})
    else:
        getattr(keeper, name)(*told)


@settings(max_examples=60, deadline=None)
@given(acts=st.lists(ACTS, max_size=14))
def test_i2_every_absence_is_accounted_and_every_root_is_unchanged(
    acts: list[tuple[str, str]],
) -> None:
    """Design tests "erase, hold, purge, rotate, revoke"."""
    keeper = Keeper()
    for act in acts:
        _act(keeper, *act)
    report = keeper.accounts().report(keeper.head.size, keeper.openings.values())
    assert report.irregularities == ()
    assert keeper.recomputed() == keeper.roots
    records, pii = report.records, report.pii
    assert pii is not None
    assert records.present + records.purged == keeper.head.size
    assert (records.missing, records.lost, pii.missing, pii.withheld) == (0, 0, 0, 0)
    assert pii.opened == len(keeper.openings)
    for row in keeper.rows:
        assert row.body == b"" or leaf_hash(row.body).hex() == row.leaf_hash
    for size in keeper.roots:
        standings = [keeper.ring().standing(s.key, size) for s in keeper.signers]
        assert SealStanding.COUNTS in standings or SealStanding.UNATTESTED in standings


@settings(max_examples=40, deadline=None)
@given(acts=st.lists(ACTS, max_size=10), place=st.integers(min_value=0, max_value=1_000))
def test_i2_a_body_that_goes_without_a_record_is_always_found(
    acts: list[tuple[str, str]], place: int
) -> None:
    """Design code PURGE_UNACCOUNTED, also beside purges that are recorded."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    for act in acts:
        _act(keeper, *act)
    present = [row.seq for row in keeper.rows if row.body and row.stream.startswith("case:")]
    if present:
        seq = present[place % len(present)]
        keeper.rows[seq] = keeper.rows[seq]._replace(body=b"")
        report = keeper.accounts().report(keeper.head.size)
        assert [(f.seq, f.code.value) for f in report.irregularities] == [
            (seq, "PURGE_UNACCOUNTED")
        ]
        assert report.records.missing == 1


@settings(max_examples=40, deadline=None)
@given(acts=st.lists(ACTS, max_size=10), place=st.integers(min_value=0, max_value=1_000))
def test_i2_an_opening_that_goes_without_a_record_is_always_found(
    acts: list[tuple[str, str]], place: int
) -> None:
    """Design code PII_MISSING."""
    keeper = Keeper()
    for act in acts:
        _act(keeper, *act)
    keeper.case("case:last", "eve")
    gone = sorted(keeper.openings)[place % len(keeper.openings)]
    del keeper.openings[gone]
    assert keeper.codes() == ["PII_MISSING"]


def test_without_openings_nothing_is_said_about_personal_data() -> None:
    """What was not given is not judged."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    keeper.openings.clear()
    assert keeper.accounts().report(keeper.head.size).pii is None
