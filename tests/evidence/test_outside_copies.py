"""What outsiders said, carried along in a pack (design part "evidence pack", TX-K6)."""

from pathlib import Path

from counterseal.audit.checkpoint import open_checkpoint
from evidence.pack import write_pack
from evidence.statement import ExportKey
from storage.evidence_source import HomeEvidence
from storage.home_reader import read_home
from tests.evidence.pack_room import ALL, PackWorld, Read
from tests.storage.outside_room import W1, Room, a_witness, an_authority


def test_a_pack_carries_what_outsiders_said_up_to_its_size(tmp_path: Path) -> None:
    """Design 8: cosignatures on the checkpoint itself, stamps with roots, policy; no later word."""
    world = PackWorld(tmp_path / "home")
    world.audited()
    room = Room(world)
    order = world.ordered(ALL, ExportKey())
    with a_witness(world) as witness, an_authority(room) as authority:
        room.policy((W1, witness))
        room.gathered(counterseal_stamp_url=authority)
    settings = room.settings()

    with read_home(settings) as reader:
        source = HomeEvidence(reader, settings)
        pack = Read(tmp_path / "pack", write_pack(tmp_path / "pack", source, order))
        earlier = dict(source.outside(pack.totals.size - 1))

    note = pack.content("data/checkpoint")
    opened = open_checkpoint(note, world.log_key.key, [W1.key])
    assert [line.key for line in opened.lines] == [world.log_key.key, W1.key]
    assert pack.content("data/tlog-policy") == room.folder.policy.read_bytes()
    copies = {name.removeprefix("data/outside/") for name in pack.names() if "/outside/" in name}
    kinds = {name.partition("/")[0] for name in copies}
    assert {"cosigned", "latest", "stamps", "tsa-roots.pem"} <= kinds
    assert {Path(name).suffix for name in copies if name.startswith("stamps/")} == {
        ".checkpoint",
        ".tsr",
    }
    for name in copies:
        assert pack.content(f"data/outside/{name}") == (room.folder.path / name).read_bytes()
    assert set(earlier) == {"tsa-roots.pem"}


def test_a_home_without_such_a_folder_makes_packs_all_the_same(tmp_path: Path) -> None:
    """Design 8: every part of it is optional."""
    world = PackWorld(tmp_path / "home")
    world.audited()
    pack = world.packed(tmp_path / "pack", ALL)
    assert not any("outside" in name or name.endswith("tlog-policy") for name in pack.names())
