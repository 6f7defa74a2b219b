"""Cells that no writer of ours makes: the verifier names what is wrong, and never falls over."""

from collections.abc import Callable, Sequence
from typing import cast

import pytest

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.epochs import verify_epochs
from counterseal.audit.merkle import root
from counterseal.audit.record import StoredRow
from counterseal.audit.verdict import Finding, Verdict
from counterseal.audit.verify import Evidence, StoredCheckpoint, verify_log, verify_onward
from tests.core.audit.log_builder import ORIGIN, SIGNER, a_log, edited, rechained

LOG = a_log((2, 2))
KEY = Evidence(SIGNER.key)
FIRST, *REST = LOG.rows


def resealed(rows: Sequence[StoredRow]) -> list[StoredCheckpoint]:
    tree = root([bytes.fromhex(row.leaf_hash) for row in rows])
    note = sign_checkpoint(Checkpoint(ORIGIN, len(rows), tree), SIGNER)
    return [StoredCheckpoint(len(rows), note)]


def purged(**cells: object) -> list[StoredRow]:
    """The log with its first record emptied, and a cell of another kind."""
    return [StoredRow(**{**FIRST._asdict(), "body": b"", **cells}), *REST]


def codes(verdict: Verdict) -> set[Finding]:
    return {found.code for found in verdict.findings}


@pytest.mark.parametrize("place", [2**70, "1", None, 0, -1, 1.0])
def test_a_purged_record_needs_a_place_in_its_stream(place: object) -> None:
    """A2: its column is all that tells the place."""
    verdict = verify_log(purged(stream_seq=place), LOG.checkpoints, KEY)
    assert codes(verdict) >= {Finding.COLUMN_MISMATCH, Finding.PURGE_UNACCOUNTED}


@pytest.mark.parametrize("cells", [{"seq": -1}, {"seq": 2**70}, {"leaf_hash": None}])
def test_an_emptied_record_with_odd_cells_is_a_finding(cells: dict[str, object]) -> None:
    """A1, A2."""
    rows = [*purged(**cells)[:1], *LOG.rows] if "seq" in cells else purged(**cells)
    assert verify_log(rows, LOG.checkpoints, KEY).exit_status == 1


@pytest.mark.parametrize("note", [None, 5, LOG.checkpoints[0].note.encode()])
def test_a_checkpoint_that_is_no_text_is_a_finding(note: object) -> None:
    """A4."""
    stored = [StoredCheckpoint(2, cast("str", note))]
    assert codes(verify_log(LOG.rows, stored, KEY)) == {Finding.NOT_CANONICAL}
    assert codes(verify_epochs(LOG.rows, stored, KEY, ()).verdict) == {Finding.NOT_CANONICAL}


def test_a_checkpoint_of_a_negative_size_is_counted_and_named() -> None:
    """A4: it is not passed over as an old one."""
    verdict = verify_log(LOG.rows, [StoredCheckpoint(-5, LOG.checkpoints[0].note)], KEY)
    assert verdict.totals.checkpoints_seen == 1
    assert Finding.COLUMN_MISMATCH in codes(verdict)


@pytest.mark.parametrize("change", [{"stream": "s" * 1_001}, {"recorded_at": "9" * 61}])
def test_what_no_state_can_hold_leaves_no_state(change: dict[str, object]) -> None:
    """TX-K5: whoever holds the log's key may sign odd names; the next verification starts anew."""
    rows = rechained([*LOG.rows[:3], edited(LOG.rows[3], change)])
    found = verify_onward(None, rows, resealed(rows), KEY)
    assert (found.verdict.findings, found.prefix) == ((), None)


def test_an_erasure_that_names_nothing_erases_nothing() -> None:
    """PII_MISSING: a number is no list of commitments."""
    told = {"type": "pii.erased", "after": {"documents": {"erasures": [{"commitments": 5}]}}}
    rows = rechained([*LOG.rows[:3], edited(LOG.rows[3], told)])
    verdict = verify_log(rows, resealed(rows), Evidence(SIGNER.key, openings=()))
    assert codes(verdict) == {Finding.PII_MISSING}


ODD: tuple[Callable[[StoredRow], StoredRow], ...] = (
    lambda row: row._replace(stream=cast("str", None)),
    lambda row: row._replace(body=cast("bytes", None)),
    lambda row: row._replace(leaf_hash=cast("str", 5)),
)


@pytest.mark.parametrize("odd", ODD)
def test_a_log_of_one_name_with_odd_cells_is_judged_row_by_row(
    odd: Callable[[StoredRow], StoredRow],
) -> None:
    """A1."""
    rows = [*LOG.rows[:2], odd(LOG.rows[2]), LOG.rows[3]]
    assert verify_log(rows, LOG.checkpoints, KEY).exit_status == 1
