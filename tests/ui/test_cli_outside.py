"""`counterseal audit witness` and `serve-witness`: what each of those outside said."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from counterseal.audit.note import COSIGNATURE, parse_vkey
from counterseal.audit.trust_policy import parse_policy
from counterseal.kernel.errors import InputError
from storage.home_keys import open_log_key
from storage.outside_folder import OutsideFolder
from storage.witness_server import begin, open_witness_key
from storage.witnesses import WitnessClient
from tests.ground import SECRET, Ground, ground_at
from ui.cli import outside
from ui.cli.render import Leaving

ROOT = Path(__file__).parents[2]


@dataclass
class House:
    """A founded home, its folder of evidence, and a way to call the command."""

    ground: Ground
    capsys: pytest.CaptureFixture[str]

    @property
    def folder(self) -> OutsideFolder:
        return OutsideFolder(self.ground.folder / "outside")

    def __call__(self, *, heartbeat: bool = False) -> tuple[object, Mapping[str, Any]]:
        self.capsys.readouterr()
        with pytest.raises(Leaving) as left:
            outside.witness(heartbeat=heartbeat, home=None, as_json=True)
        return left.value.code, json.loads(self.capsys.readouterr().out)


@pytest.fixture
def house(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> House:
    ground = ground_at(workplace, "a")
    ground.found()
    monkeypatch.setenv("COUNTERSEAL_HOME", str(ground.settings.counterseal_home))
    monkeypatch.setenv("COUNTERSEAL_OUTSIDE", str(workplace / "outside"))
    return House(ground, capsys)


@pytest.fixture
def stranger(house: House) -> Iterator[str]:
    """A witness that a stranger runs, by the words of the README; its key line and address."""
    log = open_log_key(house.ground.settings).key.text
    words = [str(house.ground.folder / "w"), "--name", "w.example", "--log", log]
    told = [*words, "--passphrase-file", str(house.ground.folder / "secret")]
    code = "import typer; from ui.cli.outside import serve_witness; typer.run(serve_witness)"
    with subprocess.Popen(  # noqa: S603 - our own interpreter and fixed words
        [sys.executable, "-c", code, *told],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
    ) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        yield line.strip()
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0


def test_a_stranger_s_witness_vouches_for_a_home(house: House, stranger: str) -> None:
    """The line that it prints is a policy's line of a witness; status 0 when all vouch."""
    vkey, url = stranger.split()
    assert parse_vkey(vkey).kind == COSIGNATURE
    house.folder.path.mkdir()
    house.folder.policy.write_text(f"witness w {vkey} {url}\nquorum w\n", "utf-8")
    status, told = house()
    assert (status, told["ok"], told["heartbeat"]) == (0, True, False)
    assert [one["who"] for one in told["said"]] == ["witness w.example", "anchor"]
    status, again = house(heartbeat=True)
    assert (status, again["heartbeat"]) == (0, True)
    assert again["said"][0]["size"] == told["said"][0]["size"] + 1
    [known] = parse_policy(house.folder.policy.read_bytes()).witnesses
    latest = WitnessClient(known).latest([open_log_key(house.ground.settings).key])
    assert latest == house.folder.latest_of(known).read_text("utf-8")


def test_one_who_is_away_is_told_and_costs_status_4(house: House) -> None:
    """The anchor is written all the same."""
    key = open_log_key(house.ground.settings).key
    house.folder.path.mkdir()
    begin(house.ground.folder / "w", "w.example", house.ground.folder / "secret")
    vkey = open_witness_key(house.ground.folder / "w/key.json", SECRET).key.text
    house.folder.policy.write_text(f"witness w {vkey} http://127.0.0.1:1\nquorum w\n", "utf-8")
    status, told = house()
    assert (status, told["ok"]) == (4, False)
    assert [one["code"] for one in told["said"]] == ["HTTP_FAILED", None]
    assert house.folder.log_key.read_text("utf-8").strip() == key.text


def test_a_contradiction_costs_status_1(house: House) -> None:
    """The anchor is not what was written: a person has to look."""
    assert house()[0] == 0
    [anchor] = house.folder.anchors.glob("*.anchor")
    anchor.write_bytes(b"")
    status, told = house()
    assert (status, told["said"][0]["code"]) == (1, "ANCHOR_SHORTER")


@pytest.mark.usefixtures("house")
def test_without_a_folder_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """OUTSIDE_UNSET is bad usage."""
    monkeypatch.delenv("COUNTERSEAL_OUTSIDE")
    with pytest.raises(InputError) as refused:
        outside.witness(heartbeat=False, home=None, as_json=True)
    assert (refused.value.code, refused.value.field) == ("OUTSIDE_UNSET", "COUNTERSEAL_OUTSIDE")


def test_a_witness_is_begun_once(workplace: Path) -> None:
    """Its key and memory are made together, named, and never made anew."""
    secret = workplace / "secret"
    with pytest.raises(InputError) as unnamed:
        begin(workplace / "w", "", secret)
    assert unnamed.value.code == "WITNESS_NAME_UNSET"
    begin(workplace / "w", "w.example", secret)
    key = (workplace / "w/key.json").read_bytes()
    begin(workplace / "w", "another.example", secret)
    assert (workplace / "w/key.json").read_bytes() == key
    (workplace / "w/memory/held").touch()
    (workplace / "w/key.json").unlink()
    with pytest.raises(InputError) as kept:
        begin(workplace / "w", "w.example", secret)
    assert kept.value.code == "WITNESS_MEMORY_EXISTS"
