"""What looking costs: the modules that help and read commands load (seconds: `make bench`)."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.world import SYMBOL, World

ROOT = Path(__file__).parents[2]
PROBE = """
import sys
from ui.cli.app import run

status = run(sys.argv[1:])
print(status, *sorted(sys.modules), file=sys.stderr)
"""
NEVER = {
    "prefect",
    "pandas",
    "numpy",
    "streamlit",
    "fastapi",
    "exchange_calendars",
    "rich",
    "flows",
}
NOT_FOR_HELP = NEVER | {
    *("pydantic", "pydantic_core", "sqlmodel", "sqlalchemy", "sqlite3", "cryptography", "yaml"),
    *("storage", "counterseal.kernel.model"),
}
NOT_FOR_LOOKING = NEVER | {
    "cedarpy",
    *("alembic", "storage.desk", "storage.journal", "storage.signers"),
    *("counterseal.desk.desk", "counterseal.desk.orders"),
}


def _loaded(words: Sequence[str]) -> tuple[int, set[str]]:
    done = subprocess.run(  # noqa: S603 - our own interpreter and a fixed text
        [sys.executable, "-c", PROBE, *words], capture_output=True, text=True, check=True, cwd=ROOT
    )
    status, *modules = done.stderr.splitlines()[-1].split()
    return int(status), set(modules)


@pytest.mark.parametrize("words", [["--help"], []], ids=["asked", "no words"])
def test_help_loads_no_room(words: list[str]) -> None:
    """STYLE 5: what needs no home loads no model, no database and no drawing of boxes."""
    status, modules = _loaded(words)

    assert status == (0 if words else 2)
    assert NOT_FOR_HELP & modules == set()


@pytest.mark.parametrize("words", ["orders list", "portfolio show"])
def test_looking_loads_no_desk(tmp_path: Path, words: str) -> None:
    """STYLE 5: a read command loads documents and the reader, and succeeds."""
    World(tmp_path / "home").store.close()

    status, modules = _loaded([*words.split(), "--home", str(tmp_path / "home")])

    assert status == 0
    assert NOT_FOR_LOOKING & modules == set()


EVALUATE = f"risk evaluate --symbol {SYMBOL} --side BUY --quantity 1"


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose account holds a position."""
    world = World(tmp_path_factory.mktemp("speed") / "home")
    assert world.submitted(world.approved()).accepted
    world.store.close()
    return world.home


@pytest.mark.parametrize(
    "words",
    [
        *("approvals list", "people list", "orders list", "orders timeouts", "portfolio show"),
        *("risk show", EVALUATE, "audit verify"),
        *("inbox --as operator", "approvals reviewers", "notices send --dry-run"),
    ],
)
def test_looking_never_loads_flows_frames_or_pages(traded: Path, words: str) -> None:
    """STYLE 5: whatever the noun and however much was traded, heavy libraries stay away."""
    status, modules = _loaded([*words.split(), "--home", str(traded)])

    assert status in ({1} if words == EVALUATE else {0, 3})  # without a quote, it is refused
    assert (NEVER | {"alembic"}) & modules == set()
