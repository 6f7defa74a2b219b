"""The command line hands over to the program of the flows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.hall import ROOT, House

MAIN = "import sys; from ui.cli.app import run; sys.exit(run(sys.argv[1:]))"


@pytest.mark.parametrize(
    "words", [("run", "verify-log"), ("deploy",), ("run", "execute", "bat_1", "1")], ids=" ".join
)
def test_the_command_line_becomes_the_flows(
    house: House, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Architecture 7: one JSON document, the exit status and no Prefect of its own."""
    other = house.copied(tmp_path / "other")
    ran = subprocess.run(  # noqa: S603 - our own interpreter and a fixed text
        [sys.executable, "-c", MAIN, "flows", *words, "--home", str(other.folder / "home")],
        env={**other.environment, "COUNTERSEAL_ENGINE_PORT": "1024"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, json.loads(ran.stdout)["error"]["code"]) == (4, "ENGINE_UNREACHABLE")
    assert "counterseal: ENGINE_UNREACHABLE" in ran.stderr


def test_words_that_are_no_command_are_bad_usage(house: House) -> None:
    """Architecture 7: status 2."""
    with house.start("suspend") as process:
        process.communicate()
    assert process.returncode == 2


@pytest.mark.parametrize("words", [("intake", "x.csv"), ("verify-log",), ("serve",)], ids=" ".join)
def test_a_folder_without_a_home_is_left_as_it_is(
    house: House, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Architecture 7: status 4, and no trace of an engine where `init` is still to come."""
    status, value = house.run(*words, "--home", str(tmp_path / "none"))
    error = value["error"]
    assert isinstance(error, dict)
    assert (status, error["code"]) == (4, "DATABASE_MISSING")
    assert not (tmp_path / "none").exists()
