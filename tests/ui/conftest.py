"""Where a person sits down to type commands."""

from pathlib import Path

import pytest

from tests.ground import SECRET
from tests.household import ROOT


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
