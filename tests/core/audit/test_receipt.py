"""Making receipts: only from bytes that lead to the signed root."""

import pytest

from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.audit.receipt import check_receipt, make_receipt, parse_receipt
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.audit.log_builder import SIGNER, a_log, edited

LOG = a_log((3, 4, 2))
TREE = Tree(leaf_hash(row.body) for row in LOG.rows)


@pytest.mark.parametrize("stored", LOG.checkpoints)
def test_i1_every_record_under_a_checkpoint_gets_a_receipt_that_holds(
    stored: tuple[int, str],
) -> None:
    """TX-K4."""
    size, note = stored
    for row in LOG.rows[:size]:
        told = parse_receipt(make_receipt(TREE, row.seq, leaf_hash(row.body), note).text)
        assert check_receipt(told, row.body, SIGNER.key).checkpoint.size == size
        with pytest.raises(IntegrityError, match="PROOF_INVALID"):
            check_receipt(told, LOG.rows[row.seq - 1].body, SIGNER.key)


def test_i3_a_record_behind_the_checkpoint_and_a_short_tree_get_none() -> None:
    """TX-K4."""
    for tree, index in ((TREE, 3), (TREE, -1), (Tree(), 0)):
        with pytest.raises(InputError, match="PROOF_RANGE"):
            make_receipt(tree, index, leaf_hash(LOG.rows[0].body), LOG.checkpoints[0].note)


def test_i3_no_receipt_comes_from_bytes_that_were_changed() -> None:
    """TX-K4, TX-K7: also for the records that were left alone."""
    rows = [*LOG.rows[:5], edited(LOG.rows[5], {"meaning": "other"}), *LOG.rows[6:]]
    tree = Tree(leaf_hash(row.body) for row in rows)
    for index in range(9):
        with pytest.raises(IntegrityError, match="TILE_DIFFERS"):
            make_receipt(tree, index, leaf_hash(rows[index].body), LOG.checkpoint)
