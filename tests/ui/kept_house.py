"""A kept world behind the real command line: sealed keys, and a clock that tests move."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.desk.keeping import KeptWorld
from tests.ui.sealed_keys import seal_keys
from ui.cli import log_keys, purges, session
from ui.cli.app import run

SIGNERS = ("compliance", "officer-1", "officer-2", "operator")


@dataclass
class KeptHouse:
    """A home that a test world founded, and a way to call the command line on it."""

    world: KeptWorld
    capsys: pytest.CaptureFixture[str]
    secret: str

    def text(self, *words: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        status = run([*words, "--home", str(self.world.home)])
        shown = self.capsys.readouterr()
        return status, shown.out, shown.err

    def __call__(self, *words: str) -> tuple[int, dict[str, object]]:
        return (told := self.text(*words, "--json"))[0], json.loads(told[1])

    def done(self, *words: str) -> dict[str, object]:
        status, value = self(*words)
        assert status == 0, value
        return value

    def code(self, *words: str) -> tuple[int, str]:
        status, value = self(*words)
        found = value.get("error") or value.get("refusal")
        assert isinstance(found, dict)
        return status, str(found["code"])

    def proof(self, name: str) -> tuple[str, ...]:
        return ("--as", name, "--passphrase-file", self.secret)

    def approvers(self, *names: str) -> tuple[str, ...]:
        told = [("--approver", name, "--passphrase-file", self.secret) for name in names]
        return tuple(word for words in told for word in words)


@pytest.fixture
def kept(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> KeptHouse:
    world = KeptWorld(workplace / "home")
    for module in (session, purges, log_keys):
        monkeypatch.setattr(module, "CLOCK", world.clock)
    seal_keys(world, *SIGNERS)
    return KeptHouse(world, capsys, str(workplace / "secret"))
