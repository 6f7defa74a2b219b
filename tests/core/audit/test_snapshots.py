"""A false snapshot of the streams is a contradiction that the whole log shows (MAP_MISMATCH)."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.merkle import root
from counterseal.audit.record import StoredRow
from counterseal.audit.snapshots import STREAM, Snapshot, read_snapshot, with_maps
from counterseal.audit.stream_map import StreamEnd
from counterseal.audit.verdict import Attacker, Finding, MapReport, Standing, Verdict
from counterseal.audit.verify import Evidence, StoredCheckpoint, head_of_note, verify_log
from counterseal.kernel.errors import IntegrityError
from tests.core.audit.keeper import Keeper
from tests.core.audit.log_builder import (
    NOW,
    ORIGIN,
    SIGNER,
    STEP,
    a_log,
    edited,
    ends_of,
    rechained,
    true_snapshot,
    with_snapshot,
)

LOG = a_log((3, 2, 2))


def grown(rows: Sequence[StoredRow], *stated: dict[str, object], at: datetime = NOW) -> Verdict:
    """The log with these snapshots behind it, sealed with the log's key; verified with `deep`."""
    return verified(snapshots(rows, *stated, at=at), deep=True)


def snapshots(
    rows: Sequence[StoredRow], *stated: dict[str, object], at: datetime = NOW
) -> list[StoredRow]:
    made = list(rows)
    for number, facts in enumerate(stated, 1):
        made = with_snapshot(made, at + number * STEP, **facts)
    return made


def verified(rows: Sequence[StoredRow], *, deep: bool = False) -> Verdict:
    tree = root([bytes.fromhex(row.leaf_hash) for row in rows])
    note = sign_checkpoint(Checkpoint(ORIGIN, len(rows), tree), SIGNER)
    evidence = Evidence(SIGNER.key, heads=(head_of_note(note, SIGNER.key),))
    verdict = verify_log(rows, [StoredCheckpoint(len(rows), note)], evidence)
    taken = [row for row in rows if row.stream == STREAM]
    return with_maps(verdict, taken, ends_of(rows), deep=deep)


def lie(rows: Sequence[StoredRow], **change: object) -> dict[str, object]:
    return {**true_snapshot(rows)._asdict(), **change}


def test_a_true_snapshot_contradicts_nothing() -> None:
    """A verifier that cries always would pass the tests below."""
    verdict = grown(LOG.rows, {}, {}, {})
    assert (verdict.exit_status, verdict.maps) == (0, MapReport(taken=3, checked=3))


def test_a_snapshot_of_fewer_records_stays_true_while_the_log_grows() -> None:
    """I2: what was said of the first records is not changed by later ones."""
    for covers in range(len(LOG.rows) + 1):
        assert grown(LOG.rows, true_snapshot(LOG.rows, covers)._asdict()).exit_status == 0


@pytest.mark.parametrize(
    "change",
    [
        {"root": "00" * 32},
        {"root": true_snapshot(LOG.rows).root.upper()},
        {"streams": 1},
        {"streams": 3},
        {"covers": 5},
        {"covers": 8},
        {"covers": 2**62},
        {"covers": "-1"},
        {"covers": "07"},
        {"covers": "7 "},
        {"streams": "two"},
        {"streams": "2.0"},
    ],
)
def test_a_snapshot_with_another_word_is_named(change: dict[str, object]) -> None:
    """MAP_MISMATCH at the record that lies, and the holder of the log's key is detected."""
    verdict = grown(LOG.rows, lie(LOG.rows, **change))
    (found,) = verdict.findings
    assert (found.code, found.seq, found.layer) == (Finding.MAP_MISMATCH, 7, "snapshot")
    seen = {one.attacker for one in verdict.attackers if one.verdict is Standing.DETECTED}
    assert (verdict.exit_status, seen) == (1, {Attacker.A5})
    assert not any(one.verdict is Standing.EXCLUDED for one in verdict.attackers)


@pytest.mark.parametrize("missing", ["covers", "streams", "root"])
def test_a_snapshot_that_states_no_map_is_named(missing: str) -> None:
    """I1: unreadable is as false as wrong."""
    facts = {name: value for name, value in lie(LOG.rows).items() if name != missing}
    verdict = grown(LOG.rows, facts)
    assert verdict.first_bad is not None
    assert "states no map" in verdict.first_bad.message


def test_a_snapshot_cannot_speak_of_itself() -> None:
    """I1: seven records lie before the eighth; it may cover them all, and not itself."""
    whole = with_snapshot(LOG.rows, NOW + STEP)
    assert read_snapshot(whole[-1]) == Snapshot(7, 2, true_snapshot(LOG.rows).root)
    verdict = grown(LOG.rows, lie(LOG.rows, covers=8))
    assert verdict.first_bad is not None
    assert "behind itself" in verdict.first_bad.message


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"nothing", b'{"after":[]}', b'{"after":{"facts":1}}']
)
def test_what_is_no_snapshot_states_nothing(body: bytes) -> None:
    """I1: whatever the bytes are, reading them does not fail."""
    assert read_snapshot(LOG.rows[0]._replace(body=body)) is None


def test_a_lie_in_an_older_snapshot_is_found_by_who_looks_deeper() -> None:
    """The default checks the newest; `--deep` checks every one."""
    rows = snapshots(LOG.rows, lie(LOG.rows, root="00" * 32), {})
    newest, every = verified(rows), verified(rows, deep=True)
    assert (newest.exit_status, newest.maps) == (0, MapReport(taken=2, checked=1))
    assert (every.exit_status, every.maps) == (1, MapReport(taken=2, checked=2))
    assert every.first_bad is not None
    assert every.first_bad.seq == 7


def test_other_records_of_the_stream_are_no_snapshots() -> None:
    """An export, or a refusal, stands in the same stream behind the newest snapshot."""
    rows = with_snapshot(LOG.rows, NOW + STEP, **lie(LOG.rows, streams=9))
    later = {"type": "evidence.exported", "event_id": f"evt_{1:032x}"}
    rows = rechained([*rows, edited(rows[-1], later)])
    taken = [row for row in rows if row.stream == STREAM]
    verdict = with_maps(verified(LOG.rows), taken, ends_of(rows), deep=False)
    assert [found.seq for found in verdict.findings] == [7]


def test_a_log_without_snapshots_has_none_to_check() -> None:
    assert verified(LOG.rows).maps == MapReport(taken=0, checked=0)


def test_a_log_that_contradicts_itself_is_not_held_against_its_snapshots() -> None:
    """Where streams end follows from columns that were found to agree with the bytes."""
    rows = snapshots(LOG.rows, lie(LOG.rows, streams=9))
    rows[2] = rows[2]._replace(leaf_hash="00" * 32)
    verdict = verified(rows)
    assert verdict.maps is None
    codes = {found.code for found in verdict.findings}
    assert Finding.COLUMN_MISMATCH in codes
    assert Finding.MAP_MISMATCH not in codes


def test_a_snapshot_holds_when_a_purge_takes_the_bodies_that_it_covers() -> None:
    """I2: leaf hashes stay."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    keeper.case("case:one", "ann")
    whole = with_snapshot(keeper.rows, NOW + STEP)
    emptied = [row._replace(body=b"") if row.stream == "case:one" else row for row in whole]
    taken = [row for row in emptied if row.stream == STREAM]
    verdict = with_maps(verified(LOG.rows), taken, ends_of(emptied), deep=True)
    assert (verdict.findings_count, verdict.maps) == (0, MapReport(taken=1, checked=1))


def test_a_purged_snapshot_says_nothing_any_more() -> None:
    gone = with_snapshot(LOG.rows, NOW + STEP, **lie(LOG.rows, streams=9))[-1]._replace(body=b"")
    verdict = with_maps(verified(LOG.rows), [gone], ends_of(LOG.rows), deep=True)
    assert verdict.maps == MapReport(taken=0, checked=0)


@pytest.mark.parametrize(
    "end", [StreamEnd("case_1", 2**53, "00" * 32), StreamEnd("case_0", 1, "00" * 32)]
)
def test_ends_that_no_map_can_hold_are_a_finding_too(end: StreamEnd) -> None:
    """A place beyond 2^53, and a stream with two ends."""
    row = with_snapshot(LOG.rows, NOW + STEP)[-1]

    def ends_at(covers: int) -> list[StreamEnd]:
        return [*ends_of(LOG.rows)(covers), end]

    verdict = with_maps(verified(LOG.rows), [row], ends_at, deep=False)
    assert {found.code for found in verdict.findings} == {Finding.MAP_MISMATCH}


def test_ends_that_cannot_be_read_are_a_finding_too() -> None:
    """COLUMN_MISMATCH: a record that was not read again has lost its place since."""

    def ends_at(_: int) -> list[StreamEnd]:
        raise IntegrityError("COLUMN_MISMATCH", "a record without its leaf hash")

    row = with_snapshot(LOG.rows, NOW + STEP)[-1]
    verdict = with_maps(verified(LOG.rows), [row], ends_at, deep=False)
    assert verdict.first_bad is not None
    assert "without its leaf hash" in verdict.first_bad.message
