"""Where a person sits down to type commands.

Keys that are made here all have one salt: sealing is meant to cost, and so a passphrase is paid for
once a process.
"""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from counterseal.identity.sealing import SALT_BYTES, seal_key
from storage import founding, keyring
from tests.ground import SECRET
from tests.household import ROOT


def _sealed(seed: bytes, key_id: str, passphrase: str, _: bytes) -> str:
    return seal_key(seed, key_id, passphrase, bytes(SALT_BYTES))


@pytest.fixture(scope="session", autouse=True)
def _salted_alike() -> Iterator[None]:
    with patch.object(founding, "seal_key", _sealed), patch.object(keyring, "seal_key", _sealed):
        yield


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a passphrase file and room for a signer's state, both told as settings.

    Policies are those of the repository.
    """
    (tmp_path / "secret").write_text(SECRET + "\n", "utf-8")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COUNTERSEAL_SIGNER_STATE", str(tmp_path / "signer"))
    monkeypatch.setenv("COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE", str(tmp_path / "secret"))
    return tmp_path
