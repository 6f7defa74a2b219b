"""The fast verifier against the plain one, on honest logs and on logs that were tampered with."""

from collections.abc import Callable, Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.accounts import TOLD_TYPES
from counterseal.audit.event_ids import EventIds
from counterseal.audit.record import StoredRow
from counterseal.audit.stretch import STRETCH_MAX, Stretch, stretch_of
from counterseal.audit.verdict import Attacker, Finding, Outcome, Standing, Verdict
from counterseal.audit.verify import (
    Evidence,
    StoredCheckpoint,
    head_of_note,
    verify_log,
    verify_stretches,
)
from tests.core.audit.log_builder import SIGNER, Log, a_log, edited, rechained
from tests.core.audit.plain_verifier import verify_plainly

LOG = a_log((3, 1, 4, 1, 5, 2))
SIZE = len(LOG.rows)
PINNED = Evidence(SIGNER.key)
FULL = Evidence(SIGNER.key, (head_of_note(LOG.checkpoint, SIGNER.key),))
SPELLINGS = [(b",", b", "), (b"{", b'{"v":2,'), (b":null", b": null"), (b"a", b"\\u0061")]
LEVELS = st.sampled_from([Evidence(), PINNED, FULL])
ODD = st.sampled_from([None, True, -1, 7, 2**53, "", "x", "AB" * 32, b"bytes", b"{}", b"5", b"["])


def compared(
    rows: Sequence[StoredRow],
    evidence: Evidence,
    checkpoints: Sequence[StoredCheckpoint] = tuple(LOG.checkpoints),
) -> Verdict:
    """The fast verdict, once it equals the plain one."""
    fast = verify_log(iter(rows), checkpoints, evidence)
    plain = verify_plainly(rows, checkpoints, evidence)
    assert fast.outcome == plain.outcome
    assert fast.exit_status == plain.exit_status
    assert fast.origin == plain.origin
    assert fast.root == plain.root
    assert fast.totals.amended(signatures_verified=0) == plain.totals
    assert fast.attackers == plain.attackers
    assert {(f.seq, f.code, f.layer) for f in fast.findings} == plain.findings
    assert (fast.first_bad and fast.first_bad.seq) == plain.first_bad
    parts = stretches(rows) if rows else []
    if None not in parts:
        at_once = verify_stretches(parts, checkpoints, evidence)
        assert at_once is None or at_once == fast
    return fast


def stretches(rows: Sequence[StoredRow], width: int = 3) -> list[Stretch | None]:
    return [stretch_of(rows[at : at + width], told=TOLD_TYPES) for at in range(0, len(rows), width)]


def flip(row: StoredRow, data: st.DataObject) -> StoredRow:
    body = bytearray(row.body)
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    return row._replace(body=bytes(body))


def column(row: StoredRow, data: st.DataObject) -> StoredRow:
    name = data.draw(st.sampled_from(StoredRow._fields))
    return StoredRow(**{**row._asdict(), name: data.draw(ODD)})


def field(row: StoredRow, data: st.DataObject) -> StoredRow:
    """A field changed, with columns and stored hash made to fit."""
    value = orjson.loads(row.body)
    name = data.draw(st.sampled_from(sorted(value)))
    new: object = data.draw(st.sampled_from([None, True, 1.5, 1e16, 1e-7, 7, -1, "x", [], {}]))
    if isinstance(new, list | dict) and name in StoredRow._fields:
        return row  # no column holds these
    return edited(row, {name: new})


def clock(row: StoredRow, data: st.DataObject) -> StoredRow:
    error = data.draw(st.sampled_from([True, False, 0, 1, -1, None, "0"]))
    return edited(row, {"clock": {"source": "replay", "max_error_us": error}})


def spelling(row: StoredRow, data: st.DataObject) -> StoredRow:
    """Bytes that parse to the same values."""
    old, new = data.draw(
        st.sampled_from(
            [(b",", b", "), (b"{", b'{"v":2,'), (b":null", b": null"), (b"a", b"\\u0061")]
        )
    )
    return row._replace(body=row.body.replace(old, new, 1))


def another_id(row: StoredRow, data: st.DataObject) -> StoredRow:
    return edited(row, {"event_id": data.draw(st.sampled_from(LOG.rows)).event_id})


CHANGES: list[Callable[[StoredRow, st.DataObject], StoredRow]] = [
    flip,
    column,
    field,
    spelling,
    another_id,
    clock,
]


@given(st.data(), LEVELS)
@settings(max_examples=200, deadline=None)
def test_i3_any_mutation_gets_the_verdict_of_the_plain_verifier(
    data: st.DataObject, evidence: Evidence
) -> None:
    """TX-K4, TX-K7: rows changed, dropped, doubled, moved, chained anew, with or without seals."""
    rows = list(LOG.rows)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(rows) - 1))
        known = CHANGES if _is_record(rows[at]) else [column]
        rows[at] = data.draw(st.sampled_from(known))(rows[at], data)
    match data.draw(st.sampled_from(["keep", "drop", "double", "move", "cut", "anew"])):
        case "drop":
            del rows[data.draw(st.integers(0, len(rows) - 1))]
        case "double":
            rows.insert(data.draw(st.integers(0, len(rows))), data.draw(st.sampled_from(rows)))
        case "move":
            rows.insert(data.draw(st.integers(0, len(rows) - 1)), rows.pop())
        case "cut":
            rows = rows[: data.draw(st.integers(0, len(rows)))]
        case "anew" if all(_is_record(row) for row in rows):
            rows = rechained(rows)
        case _:
            pass
    kept = data.draw(st.lists(st.sampled_from(LOG.checkpoints), unique=True))

    compared(rows, evidence, kept)


def _is_record(row: StoredRow) -> bool:
    try:
        value = orjson.loads(row.body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and value.keys() >= set(StoredRow._fields[:9])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_i3_any_changed_checkpoint_gets_the_verdict_of_the_plain_verifier(
    data: st.DataObject,
) -> None:
    """TX-K7."""
    kept = list(LOG.checkpoints)
    at = data.draw(st.integers(0, len(kept) - 1))
    note = kept[at].note.encode()
    where = data.draw(st.integers(0, len(note) - 1))
    broken = note[:where] + bytes([data.draw(st.integers(32, 126))]) + note[where + 1 :]
    kept[at] = StoredCheckpoint(kept[at].size, broken.decode(errors="replace"))

    compared(LOG.rows, PINNED, kept)


def test_an_honest_log_is_taken_in_stretches_and_a_tampered_one_is_not() -> None:
    """TX-K5: the fast path says yes or nothing."""
    verdict = compared(LOG.rows, FULL)
    assert verdict.outcome is Outcome.OK
    assert verify_stretches(stretches(LOG.rows), LOG.checkpoints, FULL) == verdict

    broken = [*LOG.rows[:4], edited(LOG.rows[4], {"meaning": "other"}), *LOG.rows[5:]]
    assert verify_stretches(stretches(broken), LOG.checkpoints, FULL) is None
    assert stretch_of(broken) is None
    assert verify_stretches(stretches(LOG.rows)[1:], LOG.checkpoints, FULL) is None


def test_a_log_longer_than_a_stretch_verifies_and_a_change_behind_it_is_found() -> None:
    """TX-K5, TX-K7."""
    log = a_log((STRETCH_MAX - 1, 3))
    full = Evidence(SIGNER.key, (head_of_note(log.checkpoint, SIGNER.key),))
    read: list[int] = []
    verdict = verify_log(iter(log.rows), log.checkpoints, full, progress=read.append)
    assert verdict.outcome is Outcome.OK
    assert read[-1] == len(log.rows)

    last = len(log.rows) - 2
    rows = [*log.rows]
    rows[last] = edited(rows[last], {"meaning": "other"})
    found = verify_log(iter(rows), log.checkpoints, full)
    assert found.first_bad is not None
    assert (found.first_bad.seq, found.first_bad.code) == (last, Finding.CHAIN_BREAK)


@pytest.mark.parametrize("number", [0.5, 1.5e300, 1e16, 1e-7, -2.5e-9, 100.0])
def test_i3_a_float_anywhere_in_a_record_is_found(number: float) -> None:
    """TX-K4: numbers that encoders write differently have no canonical form."""
    for change in ({"after": {"x": number}}, {"after": {"x": [1, number]}}, {"run": number}):
        rows = rechained([edited(LOG.rows[0], change), *LOG.rows[1:]])
        assert stretch_of(rows) is None
        found = compared(rows, Evidence(), [])
        assert found.first_bad is not None
        assert found.first_bad.code is Finding.NOT_CANONICAL


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({"meaning": "核准 1.5, e16, .5} [2.5,3.5]"}, True),
        ({"after": {"備註": "x"}}, False),
        ({"after": {"x": 2**53 - 1}}, True),
        ({"after": {"x": 2**53}}, False),
    ],
)
def test_i3_words_that_look_like_numbers_are_words(change: dict[str, object], holds: bool) -> None:
    """TX-K4: only the slow check of one record is asked for, never a wrong verdict."""
    rows = rechained([edited(LOG.rows[0], change), *LOG.rows[1:]])
    assert (stretch_of(rows) is not None) is holds
    assert (compared(rows, Evidence(), []).findings_count == 0) is holds


def test_hashing_alone_excludes_nobody_who_edits_columns() -> None:
    """TX-K5."""
    rows = [row._replace(type="forged.type") for row in LOG.rows]
    for given_rows in (rows, LOG.rows):
        verdict = verify_log(given_rows, LOG.checkpoints, FULL, columns=False)
        standing = {v.attacker: v.verdict for v in verdict.attackers}
        assert verdict.findings_count == 0
        assert standing[Attacker.A1] is Standing.NOT_EXCLUDED
        assert standing[Attacker.A4] is Standing.EXCLUDED
        assert not verdict.totals.columns_compared
        assert verdict.exit_status == 3
    changed = [*LOG.rows[:-1], flipped(LOG.rows[-1])]
    assert verify_log(changed, LOG.checkpoints, FULL, columns=False).exit_status == 1
    parts = [stretch_of(LOG.rows, columns=False)]
    told = verify_stretches(parts, LOG.checkpoints, FULL, columns=False)
    assert told == verify_log(LOG.rows, LOG.checkpoints, FULL, columns=False)


def flipped(row: StoredRow) -> StoredRow:
    return row._replace(body=row.body[:-2] + b"2}")


def unsigned(log: Log, at: int) -> list[StoredCheckpoint]:
    """The checkpoints, one of them with a signature that does not hold."""
    note = log.checkpoints[at].note
    forged = note[:-10] + ("A" if note[-10] != "A" else "B") + note[-9:]
    kept = list(log.checkpoints)
    kept[at] = StoredCheckpoint(kept[at].size, forged)
    return kept


def test_an_older_signature_is_covered_by_a_newer_one_and_the_count_says_so() -> None:
    """TX-K7: a signed root commits to every root before it."""
    one = verify_log(LOG.rows, LOG.checkpoints, FULL, signatures=1)
    every = verify_log(LOG.rows, LOG.checkpoints, FULL, signatures=None)
    assert (one.totals.checkpoints_valid, one.totals.signatures_verified) == (6, 1)
    assert (every.totals.checkpoints_valid, every.totals.signatures_verified) == (6, 6)
    assert one.attackers == every.attackers


def test_a_bad_signature_is_found_where_it_matters() -> None:
    """TX-K7: the newest always, an older one when its root differs or when all are asked for."""
    newest, older = unsigned(LOG, 5), unsigned(LOG, 1)
    assert verify_log(LOG.rows, newest, PINNED, signatures=1).exit_status == 1
    assert verify_log(LOG.rows, older, PINNED, signatures=1).findings_count == 0
    assert verify_log(LOG.rows, older, PINNED, signatures=None).exit_status == 1

    other = a_log((3, 1), origin=LOG.checkpoints[0].note.split("\n")[0])
    foreign = rechained(edited(row, {"meaning": "other"}) for row in other.rows)
    assert foreign[0].leaf_hash != LOG.rows[0].leaf_hash
    moved = StoredCheckpoint(2, LOG.checkpoints[1].note.replace("\n4\n", "\n2\n"))
    found = verify_log(LOG.rows, [*LOG.checkpoints, moved], PINNED, signatures=1)
    assert {f.code for f in found.findings} == {Finding.SIG_INVALID}


@given(
    st.lists(st.sampled_from(["evt_" + "0" * 31 + d for d in "123"])),
    st.lists(st.sampled_from([0, 3, -5, 2**16, 2**40]), min_size=3, max_size=3),
)
def test_a_repeated_event_id_is_named_wherever_its_record_lies(
    ids: list[str], starts: list[int]
) -> None:
    """TX-K4: also where a hostile file numbers its records backwards or far apart."""
    met = EventIds()
    places: list[tuple[int, str]] = []
    for place, start in enumerate(starts):
        met.extend(ids[place::3], start)
        places += enumerate(ids[place::3], start)
    told = [seq for n, (seq, name) in enumerate(places) if name in [x for _, x in places[:n]]]
    assert sorted(met.repeated()) == sorted(told)


@given(st.lists(st.sampled_from(["evt_" + "0" * 31 + d for d in "123"] + ["x", "evt_1"])))
def test_every_repeated_event_id_is_named_once_per_record(ids: list[str]) -> None:
    """TX-K4."""
    met = EventIds()
    met.extend(ids[:2], 0)
    met.extend(ids[2:], len(ids[:2]))
    assert sorted(met.repeated()) == [n for n, name in enumerate(ids) if name in ids[:n]]
