"""A kept world behind the real command line: sealed keys, and a clock that tests move."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from counterseal.identity import sealing
from counterseal.identity.sealing import seal_key
from counterseal.kernel.canonical import digest
from storage.home_keys import keys_folder, log_key_path
from storage.keyring import Keyring, write_secret
from tests.desk.keeping import KeptWorld
from tests.ground import DERIVED, SECRET
from tests.household import ORIGIN, ROOT
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> KeptHouse:
    world = KeptWorld(tmp_path / "home")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sealing, "_derive", DERIVED)
    for module in (session, purges, log_keys):
        monkeypatch.setattr(module, "CLOCK", world.clock)
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n", "utf-8")
    monkeypatch.setenv("COUNTERSEAL_SIGNER_STATE", str(world.settings.counterseal_signer_state))
    monkeypatch.setenv("COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE", str(secret))
    sealed = seal_key(bytes(range(32)), ORIGIN, SECRET, bytes(16))
    write_secret(log_key_path(world.settings), sealed)
    ring = Keyring(keys_folder(world.settings))
    for name in SIGNERS:
        seed = digest(name).encode()[7:39]
        ring.create(name, f"key-of-{name}", SECRET, seed=seed, salt=bytes(16))
    return KeptHouse(world, capsys, str(secret))
