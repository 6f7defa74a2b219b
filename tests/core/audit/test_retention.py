"""Holds, schedules, dual control, and the account of what is gone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.audit.retention import (
    EVERYTHING,
    KIND_OF_TYPE,
    RANGES_MAX,
    CaseOutlook,
    CaseState,
    Hold,
    LoggedRow,
    Purge,
    PurgeApproval,
    PurgedRange,
    PurgeStatus,
    decide_approval,
    decide_hold,
    decide_release,
    due_ranges,
    kept_until,
    outlook,
)
from counterseal.kernel.model import Refusal
from tests.core.audit.keeper import SIGNATURE, Keeper, a_purge
from tests.core.audit.log_builder import NOW

YEARS = {"approvals": 6, "orders": 6, "sessions": 3}
OVER = NOW.replace(year=NOW.year + 6)
MOMENT = timedelta(microseconds=1)


def row(seq: int, stream: str = "case:one", kind: str = "approval.decided") -> LoggedRow:
    return LoggedRow(seq, stream, kind, NOW, present=True)


def due(*rows: LoggedRow, at: datetime = OVER, holds: tuple[Hold, ...] = ()) -> list[str]:
    found = due_ranges(rows, YEARS.get, holds, at)
    return [f"{r.stream} {r.first}-{r.last}" for r in found]


def consent(person: str) -> PurgeApproval:
    return PurgeApproval(person_id=person, signature=SIGNATURE, approved_at=NOW)


def placed(*streams: str) -> Hold:
    return decide_hold("hold-1", streams, "a case in court", placed_by="c", now=NOW)


def test_i1_a_case_goes_at_the_instant_its_time_is_over() -> None:
    """BK-05: both sides of the boundary."""
    assert due(row(3)) == ["case:one 3-3"]
    assert due(row(3), at=OVER - MOMENT) == []


def test_a_leap_day_counts_as_the_first_of_march() -> None:
    """BK-05: no calendar year without an end."""
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert kept_until(leap, 6) == datetime(2034, 3, 1, 12, tzinfo=UTC)
    assert kept_until(leap, 4) == datetime(2032, 2, 29, 12, tzinfo=UTC)


def test_i1_a_case_goes_as_a_whole_after_its_last_record() -> None:
    """Design 7: one late record keeps the whole case."""
    late = row(9)._replace(recorded_at=NOW + timedelta(days=1))
    assert due(row(3), row(4), late) == []
    assert due(row(3), row(4), row(9)) == ["case:one 3-4", "case:one 9-9"]


def test_i2_a_kind_without_a_schedule_keeps_its_case_without_end() -> None:
    """Policy retention: a kind without a rule is kept without end."""
    assert due(row(3), row(4, kind="mystery.told"), at=OVER.replace(year=9000)) == []


@pytest.mark.parametrize("stream", ["system", "people", "keys", "retention", "signals"])
def test_i2_only_cases_go(stream: str) -> None:
    """Design 7: keys, people, holds and purges stay."""
    assert due(row(3, stream), at=OVER.replace(year=9000)) == []


def test_what_is_gone_is_not_due_again() -> None:
    """Design 7: a purge is told once."""
    assert due(row(3)._replace(present=False)) == []


@pytest.mark.parametrize("held", ["case:one", EVERYTHING])
def test_i2_a_hold_keeps_its_streams_until_it_is_released(held: str) -> None:
    """Design 7, flag legal_retention_policy_enforced: a held record cannot be purged."""
    hold = placed(held)
    assert due(row(3), holds=(hold,)) == []
    assert due(row(3), holds=(placed("case:two"),)) == ["case:one 3-3"]
    released = decide_release(hold, released_by="c", now=NOW)
    assert isinstance(released, Hold)
    assert due(row(3), holds=(released,)) == ["case:one 3-3"]
    again = decide_release(released, released_by="c", now=NOW)
    assert isinstance(again, Refusal)
    assert again.code == "HOLD_RELEASED"


def looked(
    *rows: LoggedRow, holds: tuple[Hold, ...] = (), at: datetime = OVER
) -> list[CaseOutlook]:
    return list(outlook(rows, YEARS.get, holds, at))


def test_the_outlook_tells_state_rule_and_date_of_each_case() -> None:
    """BK-05: the kind that is kept longest decides; a kind without a schedule keeps for ever."""
    rows = [
        row(1),
        row(2, "case:two", "session.opened"),
        row(3, "case:two", "order.created"),
        row(4, "case:three", "mystery.told"),
        row(5, "case:three"),
        row(6, "case:four")._replace(recorded_at=NOW + MOMENT),
        row(7, "people"),
        row(8, "case:gone")._replace(present=False),
    ]
    told = [(o.stream, o.state.value, o.rule, o.years, o.records, o.first) for o in looked(*rows)]
    assert told == [
        ("case:one", "due", "approvals", 6, 1, 1),
        ("case:two", "due", "orders", 6, 2, 2),
        ("case:three", "without_end", "mystery", None, 2, 4),
        ("case:four", "not_yet", "approvals", 6, 1, 6),
    ]
    assert [o.until for o in looked(*rows)] == [OVER, OVER, None, OVER + MOMENT]


@pytest.mark.parametrize("held", ["case:one", EVERYTHING])
def test_the_outlook_names_the_holds_that_keep_a_case(held: str) -> None:
    """Design 7: HELD, whatever its date; what is held is never due."""
    (told,) = looked(row(3), holds=(placed(held), placed("case:two")))
    assert (told.state, told.holds, told.until) == (CaseState.HELD, ("hold-1",), OVER)
    assert looked(row(3, "case:two"), holds=(placed("case:one"),))[0].holds == ()


@given(
    days=st.lists(st.integers(min_value=-3, max_value=3), min_size=1, max_size=6),
    held=st.sets(st.sampled_from(["case:0", "case:1", "case:2"])),
)
def test_i1_exactly_what_is_due_in_the_outlook_goes(days: list[int], held: set[str]) -> None:
    """Design 7: one rule for the look and for the plan."""
    rows = [
        row(seq, f"case:{seq % 3}")._replace(recorded_at=NOW + timedelta(days=day))
        for seq, day in enumerate(days)
    ]
    holds = (placed(*held),) if held else ()
    told = {o.stream for o in looked(*rows, holds=holds) if o.state is CaseState.DUE}
    assert {r.stream for r in due_ranges(rows, YEARS.get, holds, OVER)} == told


def test_i4_an_older_version_stays_while_a_newer_one_has_to_stay() -> None:
    """Rule 2.3: what a carried decision was signed in is kept for whoever rechecks the newest."""
    versions = {"case:three": "case:two", "case:two": "case:one", "case:five": "case:four"}
    old, newest = [row(1), row(2, "case:two"), row(4, "case:four")], row(3, "case:three")

    def told(*rows: LoggedRow, holds: tuple[Hold, ...] = ()) -> list[tuple[str, str]]:
        found = outlook(rows, YEARS.get, holds, OVER, versions)
        ranges = due_ranges(rows, YEARS.get, holds, OVER, versions)
        assert {r.stream for r in ranges} == {o.stream for o in found if o.state is CaseState.DUE}
        return [(one.stream.removeprefix("case:"), one.state.value) for one in found]

    young = newest._replace(recorded_at=NOW + MOMENT)
    needed = [("one", "needed"), ("two", "needed"), ("four", "due")]
    assert told(*old, young) == [*needed, ("three", "not_yet")]
    assert told(*old, newest, holds=(placed("case:three"),)) == [*needed, ("three", "held")]
    gone = newest._replace(present=False)
    for last in (newest, gone):
        assert {state for _, state in told(*old, last)} == {"due"}


def test_i4_versions_that_name_each_other_end_the_walk() -> None:
    """A forged table makes nothing hang."""
    versions = {"case:one": "case:two", "case:two": "case:one"}
    late = row(1)._replace(recorded_at=NOW + MOMENT)
    found = outlook((late, row(2, "case:two")), YEARS.get, (), OVER, versions)
    assert [one.state.value for one in found] == ["not_yet", "needed"]


def test_one_purge_fits_its_record_and_never_cuts_a_case() -> None:
    """Design 4: at most 400 ranges; the case that does not fit waits for the next purge."""
    rows = [row(2 * n, f"case:{n:03}") for n in range(RANGES_MAX + 5)]
    found = due_ranges(rows, YEARS.get, (), OVER)
    assert len(found) == RANGES_MAX
    split = [row(seq, "case:split") for seq in range(0, 2 * RANGES_MAX + 2, 2)]
    assert due(*split) == []


def test_i3_two_different_people_agree() -> None:
    """Design 7: dual control."""
    ranges = (PurgedRange(stream="case:one", first=3, last=3),)
    first = decide_approval(a_purge("p", ranges), consent("one"), ranges)
    assert isinstance(first, Purge)
    assert first.status is PurgeStatus.PLANNED
    twice = decide_approval(first, consent("one"), ranges)
    assert isinstance(twice, Refusal)
    assert twice.code == "TWO_PEOPLE_NEEDED"
    done = decide_approval(first, consent("two"), ranges)
    assert isinstance(done, Purge)
    assert done.status is PurgeStatus.PURGED
    late = decide_approval(done, consent("three"), ranges)
    assert isinstance(late, Refusal)
    assert late.code == "PURGE_DONE"


def test_i5_a_hold_between_plan_and_consent_wins() -> None:
    """Design 7: the plan is judged again."""
    ranges = (PurgedRange(stream="case:one", first=3, last=3),)
    refused = decide_approval(a_purge("p", ranges), consent("one"), ())
    assert isinstance(refused, Refusal)
    assert refused.code == "NOT_DUE"


def test_every_kind_named_in_the_schedule_has_a_type() -> None:
    """Policy retention: kinds of records by the first word of a type."""
    assert set(KIND_OF_TYPE.values()) == set(YEARS)


def aged(keeper: Keeper) -> Keeper:
    for _ in range(25):
        keeper.write("log.heartbeat", "system", {})
    return keeper


def test_a_purge_is_accounted_for_and_says_which_record_let_it_go() -> None:
    """Design 7: PRESENT / PURGED by #seq / HELD."""
    keeper = Keeper()
    gone = keeper.case("case:one", "ann")
    stays = keeper.case("case:two", "bob")
    keeper.hold("case:two")
    aged(keeper)
    assert keeper.purge() is not None
    report = keeper.accounts().report(keeper.head.size)
    assert report.irregularities == ()
    assert (report.records.purged, report.records.held) == (1, 1)
    assert keeper.rows[gone].body == b""
    assert keeper.rows[stays].body != b""
    assert keeper.recomputed() == keeper.roots


def test_i2_a_held_record_purged_is_found() -> None:
    """Design 9: PURGED_WHILE_HELD, although two people agreed."""
    keeper = Keeper()
    seq = keeper.case("case:one", "ann")
    keeper.hold("case:one")
    keeper.tell("retention.purged", _forced(seq))
    keeper.empty(_forced(seq))
    assert keeper.codes() == ["PURGED_WHILE_HELD"]


def test_a_hold_released_before_or_placed_after_the_purge_blocks_nothing() -> None:
    """Design 7: a hold counts from its record to its release."""
    keeper = Keeper()
    seq = keeper.case("case:one", "ann")
    keeper.hold("case:one")
    keeper.release()
    keeper.tell("retention.purged", _forced(seq))
    keeper.hold("case:one")
    keeper.empty(_forced(seq))
    assert keeper.codes() == []


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"approvals": (consent("one"),)}, "one person"),
        ({"approvals": (consent("one"), consent("one"))}, "the same person twice"),
        ({"policy_digest": "sha256:" + "00" * 32}, "a policy that was never in force"),
        ({"ranges": (PurgedRange(stream="case:two", first=0, last=9),)}, "another stream"),
        ({"ranges": (PurgedRange(stream="case:one", first=3, last=9),)}, "another place"),
    ],
)
def test_i1_a_purge_that_does_not_hold_accounts_for_nothing(
    change: dict[str, object], because: str
) -> None:
    """Design 9: PURGE_UNACCOUNTED."""
    keeper = Keeper()
    seq = keeper.case("case:one", "ann")
    assert seq == 2, because
    keeper.tell("retention.purged", _forced(seq).amended(**change))
    keeper.empty(_forced(seq))
    assert keeper.codes()[-1] == "PURGE_UNACCOUNTED"


def test_i1_a_purge_names_only_what_lies_before_it() -> None:
    """Design 7: nobody allows a purge of records to come."""
    keeper = Keeper()
    ahead = _forced(0).amended(ranges=(PurgedRange(stream="case:one", first=0, last=99),))
    keeper.tell("retention.purged", ahead)
    seq = keeper.case("case:one", "ann")
    keeper.rows[seq] = keeper.rows[seq]._replace(body=b"")
    keeper.openings.clear()
    assert keeper.codes() == ["PURGE_UNACCOUNTED"]


def test_i3_a_place_without_a_row_is_missing_unless_a_rollback_gave_it_up() -> None:
    """Design 5 and 7: LOST / MISSING."""
    keeper = aged(Keeper())
    size = keeper.head.size
    del keeper.rows[5]
    report = keeper.accounts().report(size + 2)
    assert (report.records.missing, report.records.lost) == (3, 0)
    assert report.irregularities == ()
    declared = keeper.accounts().report(size + 2, lost=[(5, 6), (size, size + 2)])
    assert (declared.records.missing, declared.records.lost) == (0, 3)
    assert declared.irregularities == ()


def _forced(seq: int) -> Purge:
    purge = a_purge("purge-x", (PurgedRange(stream="case:one", first=seq, last=seq),))
    return purge.amended(approvals=(consent("one"), consent("two")), status=PurgeStatus.PURGED)
