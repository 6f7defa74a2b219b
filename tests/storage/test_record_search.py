"""Looking for records by what people know of them."""

from pathlib import Path

from storage.home_reader import read_home
from storage.record_search import WORDS_MAX
from tests.storage.long_log import lengthen
from tests.world import World


def test_records_are_found_by_hash_case_and_actor_newest_first(tmp_path: Path) -> None:
    """UI-22: the beginning of a hash, the id of a case, the id of who acted; else nothing."""
    world = World(tmp_path / "home")
    world.quote()
    request_id = world.requested()
    log = world.log()
    by_quant = [row.seq for row in log if b'"id":"quant","session"' in row.body]
    of_case = [row.seq for row in log if row.stream == f"case:{request_id}"]

    with read_home(world.settings) as reader:
        assert reader.found(log[3].leaf_hash[:12]) == (3,)
        assert reader.found(f"sha256:{log[3].leaf_hash}") == (3,)
        assert reader.found(request_id) == tuple(reversed(of_case))
        assert reader.found("quant") == tuple(reversed(by_quant))
        for nothing in ("", "qu", "%", "'; DROP TABLE audit_records; --", "f" * (WORDS_MAX + 1)):
            assert reader.found(nothing) == ()
    assert by_quant


def test_i3_every_record_of_a_person_is_found_and_none_of_another(tmp_path: Path) -> None:
    """UI-22: commands of one record and of many, and what other people did between them."""
    world = World(tmp_path / "home")
    for _ in range(2):
        world.done(world.submitted(world.approved(quantity=1, target="0.05"), quantity=1))
    log = world.log()

    with read_home(world.settings) as reader:
        for person in ("officer-1", "officer-2", "quant", "researcher", "risk", "operator"):
            needle = f'"id":"{person}","session"'.encode()
            expected = tuple(row.seq for row in reversed(log) if needle in row.body)
            assert reader.found(person) == expected, person


def test_a_hash_is_found_in_tiles_and_behind_them(tmp_path: Path) -> None:
    """UI-22: only where a hash begins, with an odd number of digits too."""
    world = World(tmp_path / "home")
    lengthen(world, 300)
    log = world.log()
    assert len(log) > 256

    with read_home(world.settings) as reader:
        for row in (log[0], log[100], log[255], log[256], log[-1]):
            for digits in (12, 13, 64):
                assert reader.found(str(row.leaf_hash)[:digits]) == (row.seq,)
            assert row.seq not in reader.found(str(row.leaf_hash)[2:20])
