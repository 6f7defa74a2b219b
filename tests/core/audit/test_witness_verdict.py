"""Outside evidence against whole logs: what each attacker leaves to be seen, and what not."""

from datetime import datetime, timedelta
from typing import cast

import orjson
import pytest

from counterseal.audit.checkpoint import cosign_checkpoint
from counterseal.audit.judging import Reach
from counterseal.audit.note import NoteSigner
from counterseal.audit.outside import OutsideEvidence, OutsideView, StampedNote, view_outside
from counterseal.audit.outside_reach import outside_reach
from counterseal.audit.verdict import Attacker, Standing
from counterseal.audit.verify import Evidence, RememberedHead, verify_log
from tests.core.audit.log_builder import NOW, Log, a_log, edited, rechained
from tests.core.audit.outside_cases import LOG_KEY, POLICY, WITNESSES

W1, W2, W3 = WITNESSES
SEEN_AT = NOW + timedelta(seconds=30)
TWO_OF_THREE = (W1, W2)


def cosigned(log: Log, at: int, *signers: NoteSigner, late: int = 30) -> str:
    """The checkpoint of a group, cosigned some seconds after the log began."""
    note = log.checkpoints[at].note
    for signer in signers:
        note = cosign_checkpoint(note, signer, int(NOW.timestamp()) + late)
    return note


def view(
    kept: tuple[str, ...] = (),
    latest: tuple[str, ...] = (),
    stamps: tuple[StampedNote, ...] = (),
) -> OutsideView:
    return view_outside(OutsideEvidence(kept, latest, (), stamps), [LOG_KEY], POLICY)


def codes(log: Log, seen: OutsideView) -> set[str]:
    """What a verification of the log finds, given the view."""
    heads = tuple(RememberedHead(*head) for head in (*seen.heads, *seen.kept))
    verdict = verify_log(log.rows, log.checkpoints, Evidence(LOG_KEY, heads))
    found = {str(finding.code) for finding in verdict.findings}
    return found | {finding.code for finding in seen.findings}


def late_rows(log: Log, seen: OutsideView) -> list[int]:
    """Records whose stated times lie outside their windows."""
    return [row.seq for row in log.rows if seen.windows.outside(row.seq, row.recorded_at, 0)]


def reach(attacker: Attacker, seen: OutsideView, *, times: bool = True) -> Reach:
    told = outside_reach(attacker, seen, times_checked=times)
    assert told is not None
    return told


HONEST = a_log((3, 2, 2))


def another_tree() -> Log:
    """What the owner of the log's key can make: a whole other log."""
    return a_log((3, 2, 2), times=[NOW + timedelta(seconds=n) for n in (9, 10, 11)])


def test_i2_an_honest_log_under_a_quorum_excludes_what_only_witnesses_see() -> None:
    """A3b, A5, A6, A7: each up to its own bound."""
    kept = (cosigned(HONEST, 1, *TWO_OF_THREE), cosigned(HONEST, 0, *TWO_OF_THREE))
    seen = view(kept, latest=(cosigned(HONEST, 2, W1), cosigned(HONEST, 2, W3)))
    assert codes(HONEST, seen) == set()
    assert late_rows(HONEST, seen) == []
    for attacker, size in ((Attacker.A3B, 7), (Attacker.A5, 5), (Attacker.A6, 5)):
        told = reach(attacker, seen)
        assert (told.standing, told.size, told.time) == (Standing.EXCLUDED, size, SEEN_AT)
    assert reach(Attacker.A7, seen).size == 5
    assert "witnesses, seen at 2026-01-02T00:45:30.000000Z" in reach(Attacker.A6, seen).because
    assert "at most 61 s apart" in reach(Attacker.A7, seen).because


@pytest.mark.parametrize("attacker", list(Attacker))
def test_i1_without_outside_evidence_nothing_is_said(attacker: Attacker) -> None:
    """A1 to A8: no evidence is not the same as a failed check."""
    assert outside_reach(attacker, view(), times_checked=True) is None
    if attacker not in {Attacker.A3B, Attacker.A5, Attacker.A6, Attacker.A7}:
        full = view((cosigned(HONEST, 2, *TWO_OF_THREE),))
        assert outside_reach(attacker, full, times_checked=True) is None


def test_i1_evidence_that_does_not_reach_is_named() -> None:
    """A5, A6: too few cosigned. A7: nobody compared the times. A5: a tree of no records."""
    few = view((cosigned(HONEST, 2, W1),))
    for attacker in (Attacker.A5, Attacker.A6):
        told = reach(attacker, few)
        assert (told.standing, told.size) == (Standing.NOT_EXCLUDED, 0)
        assert "QUORUM_NOT_MET" in told.because
    full = view((cosigned(HONEST, 2, *TWO_OF_THREE),))
    assert reach(Attacker.A7, full, times=False)[:2] == (Standing.NOT_EXCLUDED, 0)
    assert outside_reach(Attacker.A3B, full, times_checked=True) is None
    empty = a_log((0, 1))
    none = view((cosigned(empty, 0, *TWO_OF_THREE),))
    assert reach(Attacker.A5, none)[:2] == (Standing.NOT_EXCLUDED, 0)


def test_a_tail_cut_with_its_checkpoints_is_seen_by_the_witnesses_latest() -> None:
    """A3b: the notes beside the log were cut with it, and see nothing."""
    cut = Log(HONEST.rows[:5], HONEST.checkpoints[:2], HONEST.head)
    beside = view((cosigned(HONEST, 1, *TWO_OF_THREE),))
    asked = view(latest=(cosigned(HONEST, 2, W1), cosigned(HONEST, 2, W2)))
    assert codes(cut, beside) == set()
    assert outside_reach(Attacker.A3B, beside, times_checked=True) is None
    assert codes(cut, asked) == {"SHORTER_THAN_REMEMBERED"}


def test_i3_a_log_rewritten_with_its_key_is_seen_by_any_cosignature() -> None:
    """A5: the pinned key alone sees nothing."""
    rewritten = another_tree()
    assert codes(rewritten, view()) == set()
    for seen in (
        view((cosigned(HONEST, 1, *TWO_OF_THREE),)),
        view(latest=(cosigned(HONEST, 2, W1),)),
        view(stamps=(StampedNote(HONEST.checkpoint, SEEN_AT, SEEN_AT, "a"),)),
    ):
        assert "FORK_AT_SIZE" in codes(rewritten, seen)


def test_a_second_view_is_seen_by_the_missing_quorum_or_the_other_note() -> None:
    """A6: honest witnesses cosign one view only; a stamp is given to both."""
    second = another_tree()
    shown = view(
        (second.checkpoint,), stamps=(StampedNote(second.checkpoint, SEEN_AT, SEEN_AT, "a"),)
    )
    assert codes(second, shown) == {"QUORUM_NOT_MET"}
    assert reach(Attacker.A6, shown).standing is Standing.NOT_EXCLUDED
    compared = view((cosigned(HONEST, 2, *TWO_OF_THREE), second.checkpoint))
    assert "FORK_AT_SIZE" in codes(second, compared)


def test_a_record_dated_back_is_seen_by_its_window_alone() -> None:
    """A7: appended an hour after the fifth was seen, dated as if it had come before."""
    seen_after = 3600
    times = [NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)]
    log = a_log((3, 2, 2), times=times)
    note = cosigned(log, 1, *TWO_OF_THREE, late=seen_after)
    seen = view((note,))
    assert codes(log, seen) == set()
    assert codes(log, view()) == set()
    assert late_rows(log, seen) == [5, 6]
    stamped = NOW + timedelta(seconds=seen_after)
    by_stamp = view(stamps=(StampedNote(log.checkpoints[1].note, stamped, stamped, "a"),))
    assert late_rows(log, by_stamp) == [5, 6]


def test_a_record_dated_ahead_of_its_sighting_is_seen() -> None:
    """A7: seen before it says that it was written."""
    ahead = a_log((3,), times=[NOW + timedelta(days=1)])
    assert late_rows(ahead, view((cosigned(ahead, 0, *TWO_OF_THREE),))) == [0, 1, 2]


def test_a_rewriter_without_keys_is_seen_by_stamps_and_cosignatures_too() -> None:
    """A4: every head is one more that has to agree."""
    forged = rechained([edited(HONEST.rows[0], {"reason": {"code": "X", "text": "y"}})])
    log = Log([*forged, *rechained(HONEST.rows)[1:]], [], HONEST.head)
    found = codes(log, view((cosigned(HONEST, 2, *TWO_OF_THREE),)))
    assert "FORK_AT_SIZE" in found


def test_the_times_of_the_cases_are_those_of_the_records() -> None:
    """TX-K7: a guard for this file."""
    body = cast("dict[str, str]", orjson.loads(HONEST.rows[0].body))
    assert datetime.fromisoformat(body["recorded_at"]) == NOW
