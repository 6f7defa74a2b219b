"""Personal data is committed to, opened, erased, and always accounted for."""

import hashlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.audit.privacy import (
    COMMITMENTS_MAX,
    Erasure,
    PiiAccount,
    commit,
    decide_erasure,
    erasable_parts,
)
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from tests.core.audit.keeper import Keeper
from tests.core.audit.log_builder import NOW

SALT = bytes(range(16))
BLOCK = {"handle": "Ann Example"}


def erasure(*commitments: str, held: tuple[str, ...] = ()) -> Erasure | Refusal:
    return decide_erasure(
        "ers_1", "ann", commitments, held=held, basis="asked for", erased_by="c", now=NOW
    )


def test_a_commitment_is_the_hash_of_prefix_salt_and_canonical_block() -> None:
    """Design 2: 0x02 || salt16 || canonical JSON of the block, computed here by hand."""
    want = hashlib.sha256(b"\x02" + SALT + canonical_bytes(BLOCK)).hexdigest()
    assert commit("ann", BLOCK, SALT).commitment == f"sha256:{want}"


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_salt_has_sixteen_bytes(size: int) -> None:
    """Design 2: salt16."""
    with pytest.raises(InputError, match="16 bytes"):
        commit("ann", BLOCK, bytes(size))


@given(
    name=st.text(min_size=1, max_size=40),
    other=st.text(max_size=40),
    salt=st.binary(min_size=16, max_size=16),
)
def test_i1_an_opening_opens_its_own_block_only(name: str, other: str, salt: bytes) -> None:
    """Design 7: PII_OPENING_MISMATCH for any other block or salt."""
    opening = commit("ann", {"handle": name}, salt)
    assert opening.holds
    changed = opening.amended(block=canonical_bytes({"handle": other}).decode())
    assert changed.holds == (name == other)
    flipped = bytes([salt[0] ^ 1]) + salt[1:]
    assert not opening.amended(salt=flipped.hex()).holds


def test_an_erasure_names_everything_kept_about_a_person() -> None:
    """Design 7: pii.erased names basis, approver and commitments."""
    one, two = commit("ann", BLOCK, SALT), commit("ann", BLOCK, bytes(16))
    decided = erasure(two.commitment, one.commitment)
    assert isinstance(decided, Erasure)
    assert decided.commitments == tuple(sorted([one.commitment, two.commitment]))
    assert (decided.basis, decided.erased_by) == ("asked for", "c")
    refused = erasure()
    assert isinstance(refused, Refusal)
    assert refused.code == "NOTHING_TO_ERASE"


def test_i3_what_a_hold_covers_is_not_erased() -> None:
    """Design 7: a hold blocks."""
    ann = commit("ann", BLOCK, SALT)
    refused = erasure(ann.commitment, held=(ann.commitment,))
    assert isinstance(refused, Refusal)
    assert refused.code == "HELD"


@pytest.mark.parametrize(
    ("count", "parts"), [(0, 1), (1, 1), (COMMITMENTS_MAX, 1), (COMMITMENTS_MAX + 1, 2)]
)
def test_one_erasure_fits_its_record(count: int, parts: int) -> None:
    """Design 4: a body has at most 65,535 bytes; both sides of the bound."""
    many = [commit("ann", BLOCK, n.to_bytes(16, "big")).commitment for n in range(count)]
    found = erasable_parts(many)
    assert len(found) == parts
    assert [o for part in found for o in part] == many
    for part in found:
        decided = erasure(*part)
        assert isinstance(decided, Erasure) == bool(part)
        assert len(canonical_bytes(decided.json_value())) < 60_000


def test_i2_each_commitment_has_one_of_four_states() -> None:
    """Design 7: OPENED, WITHHELD, ERASED by #seq, MISSING."""
    keeper = Keeper()
    for person in ("ann", "bob", "cyd", "dan"):
        keeper.case("case:one", person)
    kept = {o.person_id: o for o in keeper.openings.values()}
    assert keeper.erase("ann")
    account = PiiAccount()
    for row in keeper.rows:
        account.read(row.seq, row.type, orjson.loads(row.body))
    report = account.report([kept["bob"]], withheld=[kept["cyd"].commitment])
    assert (report.opened, report.withheld, report.erased, report.missing) == (1, 1, 1, 1)
    assert [f.code.value for f in report.irregularities] == ["PII_MISSING"]
    assert account.erased_by(kept["ann"].commitment) == keeper.rows[-1].seq


def test_i4_an_opening_that_outlives_its_erasure_is_found() -> None:
    """Design 7: an erasure destroys what it names."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    kept = dict(keeper.openings)
    assert keeper.erase("ann")
    keeper.openings = kept
    assert keeper.codes() == ["PII_NOT_ERASED"]


def test_i4_an_opening_that_nothing_commits_to_is_found() -> None:
    """Design 9: PII_OPENING_MISMATCH, beside the one that is missing then."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    (own,) = keeper.openings.values()
    forged = own.amended(block='{"comment":"other words"}')
    keeper.openings = {"x": forged}
    assert sorted(keeper.codes()) == ["PII_MISSING", "PII_OPENING_MISMATCH"]


def test_i1_an_erasure_changes_no_byte_of_the_log() -> None:
    """Design 7: roots unchanged."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    before = list(keeper.rows)
    assert keeper.erase("ann")
    assert keeper.rows[: len(before)] == before
    assert all("words of ann" not in row.body.decode() for row in keeper.rows)
