"""`counterseal audit status` beside a folder of outside evidence."""

import json
from pathlib import Path

import pytest

from tests.storage.outside_room import W1, Room, a_witness, an_authority
from tests.world import World
from ui.cli.app import run

HEAD = "No outside witness signs the head of the log."
STAMP = "No outside authority stamps the time of a checkpoint."


def test_the_panel_shows_who_is_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """TX-K6, TX-L8: gaps are closed by what was given, and what cannot be read closes none."""
    room = Room(World(tmp_path / "home"))

    def gaps() -> list[str]:
        capsys.readouterr()
        run(["audit", "status", "--home", str(room.world.home), "--json"])
        told: list[str] = json.loads(capsys.readouterr().out)["gaps"]
        return told[2:]

    assert gaps() == [HEAD, STAMP]
    with a_witness(room.world) as url, an_authority(room) as authority:
        room.policy((W1, url))
        monkeypatch.setenv("COUNTERSEAL_OUTSIDE", str(room.folder.path))
        assert gaps() == [HEAD, STAMP]
        room.gathered(counterseal_stamp_url=authority)
    assert gaps() == []
    room.world.requested()
    assert gaps() == [HEAD]
    room.folder.policy.write_text("witness who", "utf-8")
    unread = "Taken as missing, the evidence could not be read: "
    assert gaps() == [unread + HEAD, unread + STAMP]
    room.world.store.close()
