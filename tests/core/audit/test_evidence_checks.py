"""Checks of what comes from outside: which log and size it is about, and at its very bounds."""

from datetime import timedelta

import pytest

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.evidence import (
    Evidence,
    Freshness,
    OpenedEvidence,
    TablesCompared,
    head_of_note,
    open_evidence,
)
from counterseal.audit.keys import rotation_text
from counterseal.audit.note import NoteSigner, VerifierKey
from counterseal.audit.outside import (
    OutsideEvidence,
    OutsideView,
    StampedNote,
    cosigners,
    view_outside,
)
from counterseal.audit.outside_reach import reaches
from counterseal.audit.receipt import Receipt
from counterseal.audit.resume import check_prefix
from counterseal.audit.time_windows import EVIDENCE_LAG_MAX, Sighting, TimeWindows
from counterseal.audit.trust_policy import parse_policy
from counterseal.audit.verdict import Attacker, Standing
from counterseal.audit.verify import StoredCheckpoint, verify_log, verify_onward
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.audit.attack_corpus import cosigned, received, stamped
from tests.core.audit.keeper import Keeper, a_signer, signed
from tests.core.audit.log_builder import NOW, ORIGIN, SIGNER, STEP, a_log, spaced
from tests.core.audit.outside_cases import LOG_KEY, POLICY, THIEF, a_note, at, policy_text

LOG = spaced((3, 2, 2))
NEXT = f"{ORIGIN}/epoch-1"
NEXT_SIGNER = NoteSigner(NEXT, bytes(range(32)))
NEXT_LOG = a_log((3, 2), origin=NEXT, signer=NEXT_SIGNER)
NOTES = tuple(checkpoint.note for checkpoint in LOG.checkpoints)


def test_i2_a_head_is_judged_under_the_name_that_it_is_about() -> None:
    """A4: a rollback changed the name; each name has heads and later keys of its own."""
    old, new = head_of_note(LOG.checkpoint, None), head_of_note(NEXT_LOG.checkpoint, None)
    evidence = Evidence(SIGNER.key, (old, new), later_keys=(a_signer(1).key,))
    for key, head in ((SIGNER.key, old), (NEXT_SIGNER.key, new)):
        about = evidence.about(key)
        assert (about.log_key, about.heads, about.origin) == (key, (head,), key.name)
        assert [later.name for later in about.later_keys] == [key.name]


def test_evidence_up_to_a_size_holds_what_reaches_it_and_nothing_beyond() -> None:
    """A3b: of an ended name only what was kept of it is judged; tables and age judge the end."""
    heads = tuple(head_of_note(note, None) for note in NOTES)
    stamps = tuple(stamped(LOG, place) for place in range(3))
    receipts = tuple(received(LOG, place) for place in range(3))
    whole = Evidence(
        SIGNER.key,
        heads,
        outside=OutsideEvidence(NOTES, NOTES, NOTES, stamps),
        receipts=receipts,
        tables=TablesCompared(1),
        fresh=Freshness(NOW, STEP),
    )
    for size, count in ((2, 0), (3, 1), (4, 1), (5, 2), (7, 3)):
        kept = NOTES[:count]
        assert whole.up_to(size) == Evidence(
            SIGNER.key,
            heads[:count],
            outside=OutsideEvidence(kept, kept, kept, stamps[:count]),
            receipts=receipts[:count],
        )
    assert Evidence(SIGNER.key).up_to(3) == Evidence(SIGNER.key)


@pytest.mark.parametrize("later", [(), (a_signer(1).key,)])
def test_i1_a_head_names_the_log_but_opens_nothing(
    later: tuple[VerifierKey, ...],
) -> None:
    """A5: only the pinned key opens what the log signed; a head alone is compared as it is."""
    heads = (head_of_note(LOG.checkpoint, None),)
    assert open_evidence(Evidence(heads=heads, later_keys=later)) == OpenedEvidence(heads=heads)
    for evidence in (
        Evidence(heads=heads, later_keys=later, outside=OutsideEvidence(kept=NOTES)),
        Evidence(heads=heads, later_keys=later, receipts=(received(LOG, 0),)),
    ):
        with pytest.raises(InputError, match="KEY_UNKNOWN"):
            open_evidence(evidence)


def test_i2_a_receipt_of_another_name_is_left_to_that_name() -> None:
    """A3a: a receipt from before a rollback is judged under the old name alone."""
    foreign = received(NEXT_LOG, 0)
    evidence = Evidence(SIGNER.key, receipts=(foreign, received(LOG, 1)))
    opened = open_evidence(evidence)
    assert [one.receipt.index for one in opened.receipts] == [4]
    assert verify_log(LOG.rows, LOG.checkpoints, evidence).findings == ()


def test_i2_a_state_under_a_key_out_of_force_is_refused() -> None:
    """A5: a key that was rotated out, and one that was revoked."""
    keeper = Keeper()
    old, new = keeper.signers[-1], a_signer(1)
    text = rotation_text(old.key, new.key, keeper.head.size + 2)
    keeper.change("key.rotated", new, signed(text, old, new))
    keeper.signers.append(new)
    for code in ("KEY_UNKNOWN", "KEY_REVOKED"):
        for _ in range(3):
            keeper.case("case:one", "ann")
        head = Checkpoint(ORIGIN, keeper.head.size, keeper.head.root)
        notes = [StoredCheckpoint(head.size, sign_checkpoint(head, new))]
        prefix = verify_onward(None, keeper.rows, notes, Evidence(SIGNER.key)).prefix
        assert prefix is not None
        check_prefix(prefix, keeper.ring())
        with pytest.raises(IntegrityError, match=code):
            check_prefix(prefix.amended(checkpoint=sign_checkpoint(head, old)), keeper.ring())
        keeper.revoke()


def test_witnesses_are_counted_once_each_at_one_size_of_this_log() -> None:
    """A6: the log's own line is none, nor is one of another size or under another key."""
    notes = (a_note(7, w1=0, w2=1), a_note(7, w2=2), a_note(9, w3=0))
    thief = a_note(7, signer=THIEF, w3=0)
    for size, count in ((7, 2), (9, 1), (8, 0)):
        assert cosigners((*notes, thief), size, [LOG_KEY], POLICY) == count
    assert cosigners((a_note(7),), 7, [LOG_KEY], POLICY) == 0


def test_i2_what_witnesses_hold_misses_no_quorum_where_none_is_asked_for() -> None:
    """A6: no evidence is not the same as evidence that does not reach."""
    given = OutsideEvidence(latest=(a_note(7, w1=0),))
    assert view_outside(given, [LOG_KEY], parse_policy(policy_text("none"))).findings == ()


def dated(*stamps: StampedNote) -> OutsideView:
    return view_outside(OutsideEvidence(stamps=stamps), [LOG_KEY], None)


def test_i1_a_reach_is_told_of_those_alone_whom_the_evidence_concerns() -> None:
    """A7: two stamps date records, and cosign nothing."""
    given = OpenedEvidence(view=dated(stamped(LOG, 0), stamped(LOG, 2)))
    found = reaches(given, None, times_checked=True)
    assert set(found) == {Attacker.A7}
    told = found[Attacker.A7]
    assert (told.standing, told.size) == (Standing.EXCLUDED, 7)
    assert "again" not in told.because
    onward = reaches(given, None, times_checked=True, read_from=4)[Attacker.A7]
    assert onward.because == f"{told.because}; records before 4 were not held against it again"
    unread = reaches(given, None, times_checked=False)[Attacker.A7]
    assert (unread.standing, unread.size) == (Standing.NOT_EXCLUDED, 0)
    assert unread.because == "recorded times were not compared"


def test_i1_who_dates_nothing_says_nothing_of_times_read_earlier() -> None:
    """A5, A6: a verification that goes on, with cosignatures of too few."""
    few = view_outside(OutsideEvidence(kept=(cosigned(LOG, 1, 0),)), [LOG_KEY], POLICY)
    found = reaches(OpenedEvidence(view=few), None, times_checked=True, read_from=3)
    assert set(found) == {Attacker.A5, Attacker.A6}


def test_i3_records_at_their_very_bounds_are_held_without_looking_at_each() -> None:
    """A7: both bounds, from both sides, in one window and over two."""
    seen = (Sighting(10, at(1000), at(1000), "stamp"), Sighting(20, at(2000), at(2000), "stamp"))
    windows = TimeWindows(seen)
    floor, moment = at(1000) - EVIDENCE_LAG_MAX, timedelta(microseconds=1)
    for start, end, earliest, latest, held in (
        (10, 20, floor, at(2000), True),
        (10, 20, floor - moment, at(2000), False),
        (10, 20, floor, at(2000) + moment, False),
        (0, 10, at(0), at(1000), True),
        (0, 10, at(0), at(1000) + moment, False),
        (9, 11, floor, at(1000), True),
        (20, 30, at(2000) - EVIDENCE_LAG_MAX, at(9000), True),
    ):
        assert windows.hold(start, end, utc_text(earliest), utc_text(latest)) is held


@pytest.mark.parametrize("seq", [0, 9, 10, 19, 20, 99])
@pytest.mark.parametrize(
    "text", ["", "0", "2026", "yesterday", "~", "~~", utc_text(at(500)), utc_text(at(1500))]
)
def test_i3_what_holds_at_once_is_not_named_when_it_is_read_alone(text: str, seq: int) -> None:
    """A7: one record or many are judged alike, also when the text is no time."""
    seen = (Sighting(10, at(1000), at(1000), "stamp"), Sighting(20, at(2000), at(2000), "stamp"))
    windows = TimeWindows(seen)
    held = windows.hold(seq, seq + 1, text, text)
    assert held is not windows.outside(seq, text, 0)


def test_i2_a_receipt_beyond_a_size_is_told_by_its_checkpoint_not_by_its_record() -> None:
    """A3a: the first record under the last checkpoint."""
    receipt = received(LOG, 2)
    moved = Receipt(0, receipt.path, receipt.checkpoint)
    assert Evidence(SIGNER.key, receipts=(moved,)).up_to(6).receipts == ()
