"""Evidence from files: all that is named, or a failure."""

from pathlib import Path

import pytest

from counterseal.audit.outside import OutsideEvidence, Reached, view_outside
from counterseal.kernel.errors import CountersealError
from storage.anchoring import AnchorBook
from storage.outside_files import OutsideFiles, load_outside
from storage.stamp_authority import UnsafeLocalAuthority
from storage.stamping import StampFolder, read_roots, stamp_checkpoint
from storage.system import MachineClock
from storage.witnesses import CosignedNotes
from tests.core.audit.outside_cases import LOG_KEY, POLICY, a_note, at, policy_text


@pytest.fixture
def given(tmp_path: Path) -> OutsideFiles:
    (tmp_path / "tsa").mkdir()
    authority = UnsafeLocalAuthority.create(tmp_path / "tsa", MachineClock().now())
    roots = read_roots(authority.roots.read_bytes())
    stamp_checkpoint(authority, a_note(4), roots, StampFolder(tmp_path / "stamps"))
    AnchorBook(tmp_path / "anchors", tmp_path / "memory", tmp_path / "home").append(a_note(5))
    CosignedNotes(tmp_path / "cosigned").add(a_note(7, w1=0, w2=0), ())
    for n, note in enumerate((a_note(9, w1=1), a_note(8, w3=1))):
        (tmp_path / f"latest{n}").write_text(note, "utf-8")
    (tmp_path / "policy").write_bytes(policy_text())
    return OutsideFiles(
        policy=tmp_path / "policy",
        cosigned=tmp_path / "cosigned",
        latest=(tmp_path / "latest0", tmp_path / "latest1"),
        anchors=(tmp_path / "anchors",),
        stamps=tmp_path / "stamps",
        roots=authority.roots,
    )


def test_every_kind_is_read_and_told_apart(given: OutsideFiles) -> None:
    """A3b, A5, A6, A7."""
    evidence, policy = load_outside(given)
    assert policy == POLICY
    seen = view_outside(evidence, [LOG_KEY], policy)
    assert [(head.size, head.source) for head in seen.heads] == [
        (9, "witness"),
        (8, "witness"),
        (5, "anchor"),
        (4, "stamp"),
    ]
    assert (seen.witnessed, seen.latest) == (Reached(7, at()), Reached(8, at(1)))
    assert seen.windows.seen_from == 4
    assert seen.findings == ()


def test_nothing_named_is_nothing_read() -> None:
    """A3b."""
    assert load_outside(OutsideFiles()) == (OutsideEvidence(), None)


@pytest.mark.parametrize("name", ["policy", "cosigned", "latest0", "anchors", "stamps", "tsa"])
def test_evidence_that_is_named_and_gone_is_a_failure(
    given: OutsideFiles, name: str, tmp_path: Path
) -> None:
    """A3b: an attacker who takes evidence away is not helped."""
    (tmp_path / name).rename(tmp_path / "gone")
    with pytest.raises(CountersealError) as refused:
        load_outside(given)
    assert refused.value.code == "EVIDENCE_FILE_MISSING"


def test_stamps_without_roots_prove_nothing(given: OutsideFiles) -> None:
    """A7."""
    with pytest.raises(CountersealError) as refused:
        load_outside(OutsideFiles(stamps=given.stamps))
    assert refused.value.code == "ROOTS_MISSING"
