"""A sample of `python -m tests.torture packs`: changed packs, by attackers of every power."""

from pathlib import Path

from evidence.verify import Reader, read_vkey, verify
from tests.evidence.own_packs import into_folder
from tests.torture.pack_changes import CHANGES, Power, originals
from tests.torture.packs import cases

SEED = 7


def test_every_change_of_a_pack_is_answered_by_both_verifiers(tmp_path: Path) -> None:
    """TX-K7, design part "tests to own": each kind of change by every attacker who can make it."""
    made = list(cases(len(CHANGES), SEED, tmp_path))
    assert [case for case in made if not case.right] == []
    assert len(made) > len(CHANGES)
    assert {case.power for case in made} == set(Power)
    assert "verified" not in {case.found for case in made}


def test_the_packs_that_are_changed_are_whole_before(tmp_path: Path) -> None:
    """A verifier that cries always would pass the tests above."""
    for place, original in enumerate(originals(tmp_path)):
        folder = into_folder(original.files, tmp_path / f"pack-{place}")
        told = verify(folder, Reader(read_vkey(original.log.vkey)))
        assert (told["outcome"], told["finding"]) == ("verified", None)
