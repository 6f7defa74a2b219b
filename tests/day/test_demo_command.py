"""`counterseal demo` as a user runs it, with the workflow engine."""

import json
import sqlite3
import subprocess
import sys
from argparse import Namespace
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.kernel.errors import InputError
from flows.day.command import run_demo
from flows.day.home import outside_of
from flows.day.plans import demo_market, demo_plan
from flows.day.results import DaySummary
from flows.day.run import run_day
from flows.processes import descendants
from storage.settings import Settings
from tests.core.identity.programs import shell_status
from tests.day.conftest import SEED
from tests.day.replays import ROOT, await_end, results_of
from tests.flows.test_processes import until
from ui.cli.app import run

WITHOUT_SERVER = 2
"""Processes below the command before its workflow server: a guardian, and the day."""
SERVER_WITHIN_SECONDS = 60
DEMO = [sys.executable, "-m", "ui.cli.app", "demo"]


def flow_runs(out: Path) -> list[tuple[str, str]]:
    """Flow and state of every run that the engine remembers."""
    query = "SELECT f.name, r.state_type FROM flow_run r JOIN flow f ON f.id = r.flow_id"
    with closing(sqlite3.connect(out / "prefect/prefect.db")) as connection:
        return sorted(connection.execute(query))


def test_the_demo_runs_as_two_flow_runs_and_has_the_result_of_a_day_without_them(
    finished_day: tuple[Path, DaySummary],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Workflow 5: intake and execute; the engine adds nothing to the records."""
    out = tmp_path / "demo"
    shown = subprocess.run(  # noqa: S603 - our own words
        [*DEMO, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert flow_runs(out) == [("execute", "COMPLETED"), ("intake", "COMPLETED")]
    assert results_of(out) == results_of(finished_day[0])
    for words in ("two flow runs", "simulated", "Open next", "verified; the tables equal the log"):
        assert words in shown.stdout
    for words in (
        "the last quoted price",
        "`portfolio show` marks them by the last fill",
        "a witness that you run yourself proves nothing to others",
        f"--outside {outside_of(out).path} --reconcile",
        "How it was decided (demo-automatic, simulated)",
        "same verdict and rule ids",
        "nobody can have read the case in that time",
        f"cd {out}/results/signatures",
    ):
        assert words in " ".join(shown.stdout.split())
    again = run(["demo", "--out", str(out), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (again, told["shown_again"], told["flow_runs"]) == (0, True, 0)
    commands = [line.split() for line in shown.stdout.splitlines() if " audit verify " in line]
    assert run(commands[0][1:]) == 0, capsys.readouterr().out
    [places] = [line.split()[1:] for line in shown.stdout.splitlines() if "  export " in line]
    [export] = [line.split()[1:] for line in shown.stdout.splitlines() if " --as auditor " in line]
    for place in places:
        monkeypatch.setenv(*place.split("="))
    assert run([*export, "--plain"]) == 0, capsys.readouterr().err
    signatures = told["signatures"]
    for command in signatures["commands"]:
        assert shell_status(command, Path(signatures["folder"])) == 0


def test_a_killed_demo_leaves_no_process_and_needs_no_engine_to_go_on(
    finished_day: tuple[Path, DaySummary], settings: Settings, tmp_path: Path
) -> None:
    """Invariant of `flows.processes`: command, day and workflow server end together; what they
    left is ended without them (`make torture` ends it with the engine).
    """
    out = tmp_path / "demo"
    with subprocess.Popen(  # noqa: S603 - our own words
        [*DEMO, "--out", str(out)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stderr is not None
        child.stderr.readline()
        assert until(lambda: len(descendants(child.pid)) > WITHOUT_SERVER, SERVER_WITHIN_SECONDS)
        below = descendants(child.pid)
        child.kill()
        child.stderr.read()
    assert await_end(below)
    assert not [process for process in below if Path(f"/proc/{process}/exe").exists()]
    run_day(out, settings, demo_plan(SEED), demo_market())
    assert results_of(out) == results_of(finished_day[0])


def test_products_without_a_tick_file_are_refused(tmp_path: Path) -> None:
    """STYLE 5: an option that would have no effect is bad usage, and nothing is made."""
    out = tmp_path / "demo"
    shown = subprocess.run(  # noqa: S603 - our own words
        [*DEMO, "--products", "TX,MTX", "--out", str(out), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    error = json.loads(shown.stdout)["error"]

    assert (shown.returncode, error["code"]) == (2, "PRODUCTS_NEED_TICKS")
    assert error["field"] == "--products"
    assert "PRODUCTS_NEED_TICKS" in shown.stderr
    assert not out.exists()


@pytest.mark.parametrize("products", ["XYZ", ""])
def test_whatever_products_are_told_they_need_a_tick_file(products: str, tmp_path: Path) -> None:
    """The same for products that nobody knows, and for none."""
    words = Namespace(ticks=None, products=products, strategy=None, out=tmp_path / "demo")
    with pytest.raises(InputError, match="PRODUCTS_NEED_TICKS"):
        run_demo(Settings(), words)
    assert not (tmp_path / "demo").exists()
