"""Judging as a function of what reaches how far, against a table written out by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product

import pytest

from counterseal.audit.findings import Findings
from counterseal.audit.judging import (
    Coverage,
    Reach,
    contradicted,
    decide_outcome,
    judge,
    with_contradictions,
)
from counterseal.audit.verdict import (
    SEEN_BY,
    Attacker,
    AttackerVerdict,
    Finding,
    FindingAt,
    Outcome,
    Shortfall,
    Standing,
)
from counterseal.audit.verify import Evidence, verify_log
from tests.core.audit.log_builder import SIGNER, a_log

ROWS = 7
SIZES = (None, 0, 3, 5, ROWS)
EXCLUDED, NOT_EXCLUDED = Standing.EXCLUDED, Standing.NOT_EXCLUDED
NO_EVIDENCE, DETECTED = Standing.NO_EVIDENCE, Standing.DETECTED
HEAD = "a head remembered outside the database"
SEAL = "a checkpoint under the pinned key"
OTHER = "no contradiction, but not every check could run after one was found"
Told = tuple[Standing, int | None, str]


def by_size(size: int | None, what: str) -> Told:
    if size is None:
        return NO_EVIDENCE, None, f"not given: {what}"
    if size == 0:
        return NOT_EXCLUDED, None, f"covers no record: {what}"
    return EXCLUDED, size - 1, f"agrees with {what}"


def as_read(rows: int, sealed: int | None, remembered: int | None, read_from: int) -> Told:
    """A1 and A2: what was read, up to a root that somebody vouches for."""
    trusted = max(size for size in (0, sealed, remembered) if size is not None)
    again = f"; records before {read_from} were verified earlier, not read again"
    end = again if read_from else ""
    if trusted:
        words = "leaves recomputed from the bytes up to a trusted root"
        return EXCLUDED, trusted - 1, words + end
    if rows and (sealed, remembered) == (None, None):
        words = "chain recomputed; excluded only for an attacker who did not recompute it too"
        return EXCLUDED, rows - 1, words + end
    return NOT_EXCLUDED, None, "no trusted root covers a record"


def table(given: Coverage) -> dict[Attacker, Told]:
    """The evidence table of the design, for one coverage."""
    sealed, remembered = given.sealed, given.remembered
    read = as_read(given.rows, sealed, remembered, given.read_from)
    unread = (NOT_EXCLUDED, None, "the columns were not compared with the bytes")
    stolen = (NOT_EXCLUDED, None, "a stolen key signs any tree; an outside head tells")
    head, views = by_size(remembered, HEAD), "one head cannot show two views; witnesses can"
    by_seal = sealed is not None and (remembered is None or sealed >= remembered)
    return {
        Attacker.A1: read if given.columns_compared else unread,
        Attacker.A2: read,
        Attacker.A3A: (
            NO_EVIDENCE,
            None,
            "no acknowledged record lies there; no receipt was given",
        ),
        Attacker.A3B: head,
        Attacker.A4: by_size(sealed, SEAL) if by_seal else head,
        Attacker.A5: stolen if remembered is None and sealed is not None else head,
        Attacker.A6: (NO_EVIDENCE if remembered is None else NOT_EXCLUDED, None, views),
        Attacker.A7: (NO_EVIDENCE, None, "no time window was given"),
        Attacker.A8: (NO_EVIDENCE, None, "what was recorded nowhere cannot be proved"),
    }


def coverages() -> Iterator[Coverage]:
    for rows, sealed, remembered in product((0, ROWS), SIZES, SIZES):
        for read_from, columns in product((0, 4), (True, False)):
            yield Coverage(
                rows=rows,
                sealed=sealed,
                remembered=remembered,
                read_from=read_from,
                columns_compared=columns,
            )


def told(found: AttackerVerdict) -> Told:
    assert len(found.because) == 1
    return found.verdict, found.bound_seq, found.because[0]


def test_i2_every_coverage_gets_what_the_table_says() -> None:
    """Design 9: bounds and words, for each attacker."""
    for given in coverages():
        found = judge(given, (), ())
        assert {one.attacker: told(one) for one in found} == table(given)
        assert [one.attacker for one in found] == list(Attacker)


def at(seq: int, code: Finding) -> FindingAt:
    return FindingAt(seq=seq, code=code, layer="test", message="words")


@pytest.mark.parametrize("code", Finding)
def test_i3_a_contradiction_is_told_of_whom_it_points_at_and_leaves_nobody_excluded(
    code: Finding,
) -> None:
    """Design 9: the first bad record of that attacker, not of another."""
    other = next(one for one in Finding if not SEEN_BY[one] & SEEN_BY[code])
    given = Coverage(rows=ROWS, sealed=ROWS, remembered=ROWS)
    found = judge(given, [at(1, other), at(5, code), at(3, code)], {code})
    for one in found:
        if one.attacker in SEEN_BY[code]:
            assert (one.verdict, one.bound_seq, one.because) == (DETECTED, 3, (code.value,))
        else:
            was = table(given)[one.attacker]
            expected = (NOT_EXCLUDED, None, OTHER) if was[0] is EXCLUDED else was
            assert told(one) == expected


def test_i3_a_contradiction_beyond_those_kept_has_no_bound() -> None:
    """Findings are kept up to a number; their codes are all kept."""
    found = judge(Coverage(rows=ROWS), [at(0, Finding.SEQ_DUP)], {Finding.SEQ_GAP})
    seen = {one.attacker: one.bound_seq for one in found if one.verdict is DETECTED}
    assert seen == {Attacker.A2: None}


SEEN_AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("remembered", "outside", "ours"),
    [
        *((3, (EXCLUDED, 2), True), (3, (EXCLUDED, 3), False), (3, (EXCLUDED, 4), False)),
        *((3, (NOT_EXCLUDED, 0), True), (3, (NO_EVIDENCE, 0), True)),
        *((0, (EXCLUDED, 2), False), (None, (EXCLUDED, 1), False)),
        *((0, (NO_EVIDENCE, 0), False), (0, (NOT_EXCLUDED, 0), False)),
        *((None, (NOT_EXCLUDED, 0), False), (None, (NO_EVIDENCE, 0), False)),
    ],
)
def test_i2_the_evidence_that_says_more_counts(
    remembered: int | None, outside: tuple[Standing, int], ours: bool
) -> None:
    """Design 9: an exclusion before none, the larger of two, then what outsiders say."""
    reach = Reach(*outside, "what outsiders say", SEEN_AT)
    given = Coverage(rows=ROWS, remembered=remembered)
    found = {one.attacker: one for one in judge(given, (), (), {Attacker.A3B: reach})}
    one = found[Attacker.A3B]
    if ours:
        assert told(one) == by_size(remembered, HEAD)
        assert one.bound_time is None
    else:
        bound = outside[1] - 1 if outside[0] is EXCLUDED else None
        assert told(one) == (outside[0], bound, "what outsiders say")
        assert one.bound_time == SEEN_AT
    assert told(found[Attacker.A2]) == table(given)[Attacker.A2]


def test_i3_what_is_found_in_one_part_of_a_log_leaves_nobody_excluded_in_another() -> None:
    """Design 5: a log of two names is one log."""
    clean = judge(Coverage(rows=ROWS, sealed=ROWS, remembered=ROWS), (), ())
    left = {one.attacker: one for one in contradicted(clean, [at(4, Finding.STREAM_GAP)])}
    assert (left[Attacker.A2].verdict, left[Attacker.A2].bound_seq) == (DETECTED, 4)
    for one in clean:
        if one.attacker is not Attacker.A2:
            expected = (NOT_EXCLUDED, None, OTHER) if one.verdict is EXCLUDED else told(one)
            assert told(left[one.attacker]) == expected


@pytest.mark.parametrize("required", [(), (Attacker.A1,), (Attacker.A1, Attacker.A3B)])
@pytest.mark.parametrize("shortfalls", [(), (Shortfall.QUORUM_NOT_MET,)])
def test_i1_i4_the_outcome_follows_from_who_is_excluded(
    required: tuple[Attacker, ...], shortfalls: tuple[Shortfall, ...]
) -> None:
    """Design 9: exit 0, 1 and 3; nothing outside the database is never OK."""
    for given in coverages():
        found = judge(given, (), ())
        excluded = {one.attacker for one in found if one.verdict is EXCLUDED}
        outside = (given.sealed, given.remembered) != (None, None)
        whole = bool(outside and required) and set(required) <= excluded
        outcome, status = decide_outcome(given, found, (), required)
        if given.rows == 0:
            assert (outcome, status) == (Outcome.NOTHING_TO_VERIFY, 3)
        else:
            expected = (Outcome.OK, 0) if whole else (Outcome.INCONCLUSIVE, 3)
            assert (outcome, status) == expected
        bad = decide_outcome(given, found, {Finding.SEQ_GAP}, required, shortfalls)
        assert bad == (Outcome.TAMPERED, 1)


@pytest.mark.parametrize(
    ("short", "outcome"),
    [
        (Shortfall.HEARTBEAT_STALE, Outcome.INCONCLUSIVE),
        (Shortfall.QUORUM_NOT_MET, Outcome.OK),
    ],
)
def test_i1_stale_evidence_is_never_ok(short: Shortfall, outcome: Outcome) -> None:
    """Design 9: `--fresh`; an unmet quorum is told, and is no reason by itself."""
    given = Coverage(rows=ROWS, sealed=ROWS, remembered=ROWS)
    found = judge(given, (), ())
    assert decide_outcome(given, found, (), {Attacker.A1}, (short,))[0] == outcome


def test_what_another_pass_found_turns_a_clean_verdict() -> None:
    """Design 8: people's signatures are read after the log; nothing found changes nothing."""
    log = a_log((4,))
    clean = verify_log(log.rows, log.checkpoints, Evidence(log_key=SIGNER.key))
    assert with_contradictions(clean, Findings()) is clean

    found, code = Findings(), Finding.APPROVER_SIG_INVALID
    found.add(2, code, "signatures", "the seat was taken twice")
    found.add(1, code, "signatures")
    told = with_contradictions(clean, found)

    plain = "people's own signatures do not stand behind it"
    assert [(f.seq, f.message) for f in told.findings] == [
        (1, plain),
        (2, f"{plain}: the seat was taken twice"),
    ]
    assert (told.outcome, told.exit_status, told.findings_count) == (Outcome.TAMPERED, 1, 2)
    assert told.first_bad == told.findings[0]
    standings = {a.attacker: a.verdict for a in told.attackers}
    assert standings[Attacker.A5] is DETECTED
    assert EXCLUDED not in standings.values()
