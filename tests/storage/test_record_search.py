"""Looking for records by what people know of them."""

from pathlib import Path

from storage.home_reader import read_home
from storage.record_search import WORDS_MAX
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
