"""What outsiders prove: cosigned, stamped and anchored checkpoints."""

from datetime import timedelta

import pytest

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.note import NoteSigner, encode_base64, parse_note
from counterseal.audit.outside import (
    OutsideEvidence,
    OutsideFinding,
    OutsideHead,
    OutsideView,
    Reached,
    StampedNote,
    view_outside,
)
from counterseal.audit.time_windows import EVIDENCE_LAG_MAX
from counterseal.audit.trust_policy import parse_policy
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError
from tests.core.audit.log_builder import ORIGIN
from tests.core.audit.outside_cases import (
    LOG_KEY,
    OTHER,
    POLICY,
    THIEF,
    TREE,
    a_note,
    at,
    policy_text,
)


def view(
    kept: tuple[str, ...] = (), latest: tuple[str, ...] = (), anchored: tuple[str, ...] = ()
) -> OutsideView:
    return view_outside(OutsideEvidence(kept, latest, anchored), [LOG_KEY], POLICY)


def head(size: int, source: str) -> OutsideHead:
    return OutsideHead(ORIGIN, size, TREE.root(size), source)


def stamp(note: str, seconds: int, accuracy: int = 1) -> StampedNote:
    return StampedNote(note, at(seconds - accuracy), at(seconds + accuracy), "authority #1")


def outside(seen: OutsideView, seq: int, seconds: int) -> bool:
    return seen.windows.outside(seq, utc_text(at(seconds)), 0)


def test_nothing_given_proves_nothing() -> None:
    """A3b, A5, A6, A7: no evidence is no verdict."""
    seen = view()
    assert (seen.heads, seen.kept, seen.findings) == ((), (), ())
    assert (seen.witnessed, seen.latest, seen.newest) == (None, None, None)
    assert seen.is_stale(at(), timedelta(days=999))
    assert not outside(seen, 0, 0)


def test_i2_a_quorum_witnesses_a_checkpoint() -> None:
    """A5, A6: the largest one under a quorum bounds both."""
    seen = view(kept=(a_note(3, w1=0, w2=5), a_note(7, w2=9, w3=10)))
    assert (seen.witnessed, seen.findings) == (Reached(7, at(10)), ())
    assert seen.kept == (head(3, "kept"), head(7, "kept"))
    assert seen.newest == at(11)


def test_i2_less_than_a_quorum_witnesses_nothing_and_says_so() -> None:
    """A6: not excluded, nothing contradicted; no time is believed either."""
    seen = view(kept=(a_note(7, w1=0), a_note(9)))
    assert seen.witnessed is None
    assert seen.findings == (
        OutsideFinding("QUORUM_NOT_MET", 7, "kept"),
        OutsideFinding("QUORUM_NOT_MET", 9, "kept"),
    )
    assert seen.newest is None


def test_i2_the_time_is_that_of_the_completed_quorum() -> None:
    """A7: what one of three says alone neither advances nor delays it."""
    early = view(kept=(a_note(7, w1=-1_000_000, w2=5, w3=6),))
    late = view(kept=(a_note(7, w1=5, w2=4, w3=1_000_000),))
    assert (early.newest, late.newest) == (at(6), at(6))


def test_i2_a_policy_without_quorum_or_none_at_all_trusts_no_witness() -> None:
    """A6: no evidence."""
    given = OutsideEvidence(kept=(a_note(7, w1=0, w2=0, w3=0),))
    for policy in (None, parse_policy(policy_text("none"))):
        seen = view_outside(given, [LOG_KEY], policy)
        assert (seen.witnessed, seen.newest, seen.findings) == (None, None, ())
        assert seen.kept == (head(7, "kept"),)


def test_i3_only_what_came_from_outside_shows_the_end() -> None:
    """A3b: notes beside the log fall with its tail; those of the witnesses do not."""
    beside = view(kept=(a_note(7, w1=0, w2=0),))
    asked = view(latest=(a_note(9, w1=0), a_note(9, w2=0)))
    assert (beside.heads, beside.latest) == ((), None)
    assert asked.heads == (head(9, "witness"), head(9, "witness"))
    assert asked.latest == Reached(9, at(0))
    assert asked.witnessed is None


def test_i3_the_latest_size_is_the_one_that_a_quorum_reached() -> None:
    """A3b: one witness ahead is a head to reach, but not yet a quorum's word."""
    seen = view(latest=(a_note(12, w1=9), a_note(9, w2=5), a_note(3, w3=1)))
    assert seen.latest == Reached(9, at(5))
    assert [h.size for h in seen.heads] == [12, 9, 3]
    alone = view(latest=(a_note(12, w1=9),))
    assert alone.latest is None
    assert alone.findings == (OutsideFinding("QUORUM_NOT_MET", 12, "witness"),)
    three = parse_policy(policy_text().replace(b"two 2", b"two 3"))
    both = OutsideEvidence(latest=(a_note(12, w1=9), a_note(9, w2=5)))
    assert view_outside(both, [LOG_KEY], three).findings == alone.findings


def test_i3_a_quorum_holds_a_size_since_the_last_of_its_latest_words() -> None:
    """A3b: what a third witness said long ago does not age the quorum of the other two."""
    seen = view(latest=(a_note(9, w1=-999), a_note(9, w2=5), a_note(9, w3=8), a_note(9, w2=4)))
    assert seen.latest == Reached(9, at(5))


def test_stamps_and_anchors_are_heads_too() -> None:
    """A4, A5: stamped or written down outside, it has to be in the log."""
    evidence = OutsideEvidence(anchored=(a_note(4),), stamps=(stamp(a_note(6), 50),))
    seen = view_outside(evidence, [LOG_KEY])
    assert seen.heads == (head(4, "anchor"), head(6, "stamp"))
    assert seen.newest == at(51)


def test_a_stamp_bounds_times_without_any_witness() -> None:
    """A7: seen by the stamp of the seventh, and behind it by the lag."""
    lag = int(EVIDENCE_LAG_MAX.total_seconds())
    seen = view_outside(OutsideEvidence(stamps=(stamp(a_note(7), 100),)), [LOG_KEY])
    assert not outside(seen, 6, 101)
    assert outside(seen, 6, 102)
    assert not outside(seen, 7, 99 - lag)
    assert outside(seen, 7, 98 - lag)


def test_witness_times_bound_records_as_stamps_do() -> None:
    """A7: a record dated before a tree that does not hold it."""
    lag = int(EVIDENCE_LAG_MAX.total_seconds())
    seen = view(kept=(a_note(7, w1=0, w2=100), a_note(9, w1=200, w2=200)))
    assert not outside(seen, 8, 100 - lag)
    assert outside(seen, 8, 99 - lag)
    assert not outside(seen, 8, 201)
    assert outside(seen, 8, 202)


@pytest.mark.parametrize("source", ["kept", "latest", "anchored"])
def test_i4_two_roots_for_one_size_are_found_without_the_log(source: str) -> None:
    """A6: the operator signed two views; the evidence alone shows it."""
    first, second = a_note(7, w1=0, w2=0), a_note(7, OTHER, w2=0, w3=0)
    told: dict[str, tuple[str, ...]] = {source: (first, second)}
    found = [finding.code for finding in view(**told).findings]
    assert found.count("FORK_AT_SIZE") == 1


def test_i4_a_fork_between_two_sources_is_found() -> None:
    """A5, A6: a stamp of one tree, a cosignature of another."""
    evidence = OutsideEvidence(kept=(a_note(7, w1=0, w2=0),), stamps=(stamp(a_note(7, OTHER), 5),))
    seen = view_outside(evidence, [LOG_KEY], POLICY)
    assert seen.findings == (OutsideFinding("FORK_AT_SIZE", 7, "stamp"),)


def broken_line() -> str:
    note = a_note(7, w1=0)
    line = parse_note(note).lines[-1]
    changed = line.payload[:-1] + bytes([line.payload[-1] ^ 1])
    return note.replace(
        encode_base64(line.key_id + line.payload), encode_base64(line.key_id + changed)
    )


def moved_line() -> str:
    """A cosignature of seven records, put under a checkpoint of nine."""
    return a_note(9) + a_note(7, w1=0).split("\n\n")[1].split("\n")[1] + "\n"


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (a_note(7, signer=THIEF, w1=0, w2=0), "KEY_UNKNOWN"),
        (a_note(7).replace("\n7\n", "\n8\n"), "SIG_INVALID"),
        (broken_line(), "SIG_INVALID"),
        (moved_line(), "SIG_INVALID"),
    ],
)
@pytest.mark.parametrize("source", ["kept", "latest", "anchored", "stamps"])
def test_i1_what_the_pinned_key_did_not_sign_counts_for_nothing(
    source: str, note: str, code: str
) -> None:
    """A4: another key, a changed text, a replayed cosignature."""
    if source == "stamps":
        seen = view_outside(OutsideEvidence(stamps=(stamp(note, 5),)), [LOG_KEY], POLICY)
    else:
        seen = view(**{source: (note,)})
    assert [(f.code, f.size) for f in seen.findings] == [(code, 0)]
    assert (seen.heads, seen.kept, seen.witnessed, seen.latest) == ((), (), None, None)
    assert seen.newest is None


def test_a_malformed_note_is_the_callers_fault() -> None:
    """TX-K7: exit status 2, not a verdict."""
    with pytest.raises(InputError):
        view(kept=("no note",))


def test_staleness_is_told_from_both_sides() -> None:
    """HEARTBEAT_STALE: a cut tail shows by time."""
    seen = view(kept=(a_note(7, w1=0, w2=0),))
    fresh = timedelta(seconds=180)
    assert not seen.is_stale(at(181), fresh)
    assert seen.is_stale(at(182), fresh)


def test_an_absurd_time_is_read_as_the_last_one_there_is() -> None:
    """TX-K7: 63 bits of seconds are beyond any date."""
    seen = view(kept=(a_note(7, w1=2**62, w2=2**62),))
    assert seen.witnessed is not None
    assert seen.newest is not None
    assert seen.newest.year == 9999


def test_i1_after_a_rotation_each_of_the_logs_keys_counts() -> None:
    """TX-K7: the walk from the pinned key names the later ones; without it they are unknown."""
    evidence = OutsideEvidence(kept=(a_note(7, w1=0, w2=0), a_note(9, signer=THIEF, w1=1, w2=1)))
    both = view_outside(evidence, [LOG_KEY, THIEF.key], POLICY)
    assert (both.witnessed, both.findings) == (Reached(9, at(1)), ())
    one = view_outside(evidence, [LOG_KEY], POLICY)
    assert one.findings == (OutsideFinding("KEY_UNKNOWN", 0, "kept"),)


def test_evidence_of_other_logs_is_told_apart_on_request() -> None:
    """TX-K7: a declared rollback goes on under a new name, beside the evidence of the old."""
    elsewhere = NoteSigner("elsewhere.example", bytes([7]) * 32)
    other = sign_checkpoint(Checkpoint("elsewhere.example", 2, TREE.root(2)), elsewhere)
    own = a_note(7)
    told = OutsideEvidence(
        (own, other), (other, own), (other, own), (stamp(other, 1), stamp(own, 2))
    )
    assert told.of(ORIGIN) == OutsideEvidence((own,), (own,), (own,), (stamp(own, 2),))
    assert told.of("elsewhere.example").stamps == (stamp(other, 1),)
    with pytest.raises(InputError):
        OutsideEvidence(("no note",)).of(ORIGIN)
