"""Checks that no log of the other tests needs: ids, key records, the walk by itself."""

from collections.abc import Mapping

import pytest

from counterseal.audit.event_ids import EventIds
from counterseal.audit.findings import Findings
from counterseal.audit.keys import (
    HEADER,
    OVERLAP,
    KeyRecord,
    first_ring,
    key_record,
    revocation_text,
    rotation_text,
    walk_keys,
)
from counterseal.audit.merkle import Frontier
from counterseal.audit.note import COSIGNATURE, NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.resume import VerifiedPrefix
from counterseal.audit.rollback import ROLLED_BACK, renamed_key
from counterseal.audit.stretch import stretch_of
from counterseal.audit.verdict import Finding
from counterseal.audit.verify import Evidence, verify_onward
from counterseal.audit.walk import Walk
from tests.core.audit.keeper import a_signer, signed
from tests.core.audit.log_builder import ORIGIN, SIGNER, a_log

NEXT = f"{ORIGIN}/epoch-1"
SEQ_MAX = 2**32 - 1
ODD: tuple[object, ...] = (None, [], "x", 5, {"a": 1}, [5], [{}], [{"note": 5}])


def usual(number: int) -> str:
    return f"evt_{number:032x}"


@pytest.mark.parametrize(
    ("ids", "start", "repeated"),
    [
        ((usual(1), usual(1)), 0, [1]),
        ((usual(1), usual(2), usual(1), usual(1)), 5, [7, 8]),
        ((usual(1), "evt_short", usual(1), "evt_short"), 0, [2, 3]),
        ((usual(10).upper(), usual(10)), 0, []),
        ((usual(1), usual(1)), SEQ_MAX - 1, [SEQ_MAX]),
        ((usual(1), usual(1)), SEQ_MAX, [SEQ_MAX + 1]),
        ((usual(1), usual(1), usual(1)), SEQ_MAX, [SEQ_MAX + 1, SEQ_MAX + 2]),
        ((usual(1), usual(1)), -1, [0]),
        ((f"{usual(1)}e", usual(2)[:-1]), 0, []),
        ((usual(1), usual(1)[:-1], f"{usual(1)[-1]}{usual(2)}"), 0, []),
    ],
)
def test_an_id_used_before_is_named_wherever_it_is_kept(
    ids: tuple[str, ...], start: int, repeated: list[int]
) -> None:
    """Whatever its form and wherever in the log; an id of another form is another id."""
    met = EventIds()
    met.extend(ids, start)
    assert list(met.repeated()) == repeated


def test_ids_with_equal_ends_fall_into_different_buckets() -> None:
    """Seven bits before the last 64 count as well."""
    met = EventIds()
    met.extend([usual(1), usual((1 << 64) + 1)], 0)
    assert list(met.repeated()) == []


@pytest.mark.parametrize(
    "after",
    [
        *(None, {}, {"documents": None}, {"documents": "x"}, {"documents": {}}),
        *({"documents": {"log_key_changes": x}} for x in ODD),
    ],
)
def test_a_key_record_that_says_nothing_readable_is_an_empty_text(
    after: Mapping[str, object] | None,
) -> None:
    """A hostile file crashes nothing."""
    assert key_record(3, "key.rotated", after) == KeyRecord(3, "key.rotated", "")


def refused(*records: KeyRecord) -> list[str]:
    return [found.message for found in walk_keys(SIGNER.key, records)[1]]


def test_the_next_name_goes_on_under_the_key_in_force_alone() -> None:
    """Design 5: a declared rollback renames the key; it brings no other."""
    after = renamed_key(SIGNER.key, NEXT)
    ring, found = walk_keys(SIGNER.key, [KeyRecord(5, ROLLED_BACK, after.text)])
    assert (found, ring.current) == ((), after)
    stranger = renamed_key(a_signer(7).key, NEXT)
    words = ["the log went on under a key not in force"]
    assert refused(KeyRecord(5, ROLLED_BACK, stranger.text)) == words
    assert refused(KeyRecord(5, ROLLED_BACK, "x"))[0].startswith("unreadable: ")


ONE = a_signer(1)
ELSEWHERE = NoteSigner("counterseal.example/other", bytes([1]) * 32)


def rotation(text: str, seq: int = 3, kind: str = "key.rotated") -> KeyRecord:
    return KeyRecord(seq, kind, signed(text, SIGNER, ONE))


@pytest.mark.parametrize("until", [4, 4 + OVERLAP])
def test_an_overlap_within_its_bounds_is_taken(until: int) -> None:
    """Design 6: both keys count for so long."""
    assert refused(rotation(rotation_text(SIGNER.key, ONE.key, until))) == []


@pytest.mark.parametrize("until", ["3", str(5 + OVERLAP), "x", "", "-4", "\u0664"])
def test_an_overlap_beyond_its_bounds_is_refused(until: str) -> None:
    """Design 6: an old key does not stay for ever."""
    text = rotation_text(SIGNER.key, ONE.key, 4).replace("until 4", f"until {until}")
    assert until in text
    assert refused(rotation(text)) == ["the overlap is out of bounds"]


def test_a_statement_of_another_kind_name_or_form_is_refused() -> None:
    """Design 6: each line of it counts."""
    text = rotation_text(SIGNER.key, ONE.key, 4)
    about = "the statement is about something else"
    form, keys = "no statement about log keys", "the keys are not those of this log"
    assert refused(rotation(text, kind="key.revoked")) == [about]
    assert refused(rotation(text.replace(HEADER, f"{HEADER}x"))) == [form]
    assert refused(rotation(f"{text}more\n")) == [form]
    assert refused(rotation(text.replace(f"\n{ORIGIN}\n", "\nanother\n"))) == [keys]
    cosigner = NoteSigner(ORIGIN, bytes([1]) * 32, COSIGNATURE)
    assert refused(rotation(text.replace(ONE.key.text, cosigner.key.text))) == [keys]
    other = rotation_text(ELSEWHERE.key, ELSEWHERE.key, 4)
    assert refused(KeyRecord(3, "key.rotated", signed(other, ELSEWHERE))) == [about]
    assert refused(KeyRecord(3, "key.rotated", "no note"))[0].startswith("unreadable: ")


def test_a_key_that_went_does_not_come_back_nor_revoke() -> None:
    """Design 6: only the key in force changes anything; who it was tells the code."""
    there = rotation(rotation_text(SIGNER.key, ONE.key, 4))
    back = signed(rotation_text(ONE.key, SIGNER.key, 9), ONE, SIGNER)
    found = walk_keys(SIGNER.key, [there, KeyRecord(8, "key.rotated", back)])[1]
    assert [(one.seq, one.code.value) for one in found] == [(8, "KEY_UNKNOWN")]
    for by in (a_signer(7), SIGNER):
        gone = signed(revocation_text(SIGNER.key, by.key, "stolen"), by)
        ring, odd = walk_keys(SIGNER.key, [there, KeyRecord(8, "key.revoked", gone)])
        assert [one.seq for one in odd] == [8]
        span = ring.span(SIGNER.key)
        assert span is not None
        assert span.revoked is None


LOG = a_log((2, 2, 2))


def prefix(size: int = 4) -> VerifiedPrefix:
    found = verify_onward(None, LOG.rows[:size], LOG.checkpoints[: size // 2], Evidence(SIGNER.key))
    assert found.prefix is not None
    return found.prefix


def walk(after: VerifiedPrefix | None = None, *, columns: bool = True) -> tuple[Walk, Findings]:
    findings = Findings()
    return Walk(findings, ORIGIN, (4, 6), after, columns=columns), findings


def kept(findings: Findings) -> list[tuple[int, Finding]]:
    return [(found.seq, found.code) for found in findings.kept]


def test_nothing_read_is_nothing_taken() -> None:
    """Going on where nothing follows."""
    going_on, findings = walk(prefix())
    assert going_on.take([]) is None
    assert (kept(findings), going_on.whole, going_on.frontier.size) == ([], True, 4)


def test_going_on_reads_the_last_record_again_and_then_the_new_ones() -> None:
    """Resume I5: a stretch is given only when all rows are new."""
    going_on, findings = walk(prefix())
    assert going_on.take(LOG.rows[3:5]) is None
    assert going_on.take(LOG.rows[5:]) is not None
    assert kept(findings) == []
    assert going_on.roots[6] == LOG.head.root


def test_going_on_without_the_record_that_was_last_is_a_gap() -> None:
    """Resume I5: the rows form no sequence then; what follows is placed behind it."""
    going_on, findings = walk(prefix())
    going_on.take(LOG.rows[4:])
    assert kept(findings) == [(3, Finding.SEQ_GAP)]
    assert not going_on.whole


@pytest.mark.parametrize("body", [None, "text", b"other"])
def test_going_on_behind_another_record_is_a_fork(body: object) -> None:
    """Resume I5: whatever a hostile file holds there."""
    going_on, findings = walk(prefix())
    row = StoredRow(**{**LOG.rows[3]._asdict(), "body": body})
    going_on.take([row])
    assert kept(findings) == [(3, Finding.FORK_AT_SIZE)]


def test_a_stretch_does_not_join_before_the_last_record_was_read_again() -> None:
    """Walk I1."""
    going_on, _ = walk(prefix())
    stretch = stretch_of(LOG.rows[4:])
    assert stretch is not None
    assert not going_on.join(stretch)


def test_a_row_without_bytes_keeps_its_number() -> None:
    """Two things are wrong, and both are told."""
    whole, findings = walk()
    whole.take(LOG.rows[:2])
    whole.take([StoredRow(**{**LOG.rows[3]._asdict(), "body": None})])
    assert (2, Finding.SEQ_GAP) in kept(findings)
    assert (2, Finding.COLUMN_MISMATCH) in kept(findings)
    assert whole.end == 4


def test_a_stream_named_by_a_number_has_no_end_to_go_on_from() -> None:
    """Hostile files name streams by anything."""
    hostile, _ = walk()
    hostile.take([StoredRow(**{**LOG.rows[0]._asdict(), "stream": 5})])
    assert hostile.stream_ends() is None
    honest, _ = walk()
    honest.take(LOG.rows)
    ends = honest.stream_ends()
    assert ends is not None
    assert [name for name, _, _ in ends] == ["case_0", "case_1"]


def test_hashes_alone_neither_count_times_nor_move_them() -> None:
    """Verify: without columns nothing is said about times."""
    hashes, findings = walk(prefix(), columns=False)
    last = hashes.last_time
    hashes.take(LOG.rows[3:4])
    hashes.take(LOG.rows[4:])
    assert (hashes.steps_back, hashes.last_time) == (0, last)
    assert kept(findings) == []


def test_a_ring_of_one_key_knows_no_other() -> None:
    """The first key, pinned."""
    ring = first_ring(SIGNER.key)
    assert ring.span(SIGNER.key) is not None
    assert ring.span(ONE.key) is None
    assert Frontier().size == 0
