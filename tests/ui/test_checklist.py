"""The checklist's Make aliases: what each looks at, and the numbers they exit with (TX-M6)."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path

import pytest

from counterseal.desk.views.evidence_files import EvidenceFile, EvidenceKind, read_evidence
from counterseal.oms.model import ExecutionReport, Order
from storage.home_reader import read_home
from storage.seeded_home import SIGNAL, seeded_settings
from storage.settings import Settings
from tests.world import World
from ui.checklist import exports
from ui.checklist.__main__ import NAMES, main
from ui.checklist.checked import Checked, equal, none
from ui.checklist.paper import SEQUENCES

ROOT = Path(__file__).parents[2]
ASKED = (
    *("seed-paper-execution-demo", "paper-demo-evidence-export"),
    *("paper-broker-simulation-evidence-export", "paper-risk-evidence-export"),
    *("paper-audit-integrity-check", "paper-simulation-submit-check"),
    *("paper-approval-workflow-check", "paper-execution-workflow-check"),
    *("paper-execution-persistence-check", "paper-risk-guardrails-check"),
    *("paper-oms-reliability-check", "paper-oms-timeout-check"),
    *("paper-compliance-approval-readiness-check", "paper-risk-cross-account-readiness-check"),
    *("paper-broker-simulation-readiness-check", "paper-oms-production-readiness-check"),
    "paper-oms-productionization-blueprint-check",
    *("paper-audit-worm-readiness-check", "paper-audit-compliance-trail-readiness-check"),
    *("browser-only-mock-demo-check", "mock-backend-demo-check"),
)
WRITTEN = {
    "paper-demo-evidence.json": EvidenceKind.PAPER_DEMO,
    "paper-broker-simulation-evidence.json": EvidenceKind.BROKER_SIMULATION,
    "paper-risk-evidence.json": EvidenceKind.RISK_GUARDRAIL,
    "paper-audit-integrity.json": EvidenceKind.AUDIT_INTEGRITY,
}
STARTED_WITHIN_SECONDS = 480
PORT = 31877


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh checkout: policies, and nothing made yet."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "policies").symlink_to(ROOT / "policies")
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def make(folder: Path, *words: str, **told: str) -> subprocess.CompletedProcess[str]:
    """Make with the product's own file, in a folder; nothing is installed."""
    command = ["make", "-f", str(ROOT / "Makefile"), f"VENV={Path(sys.executable).parents[1]}"]
    command += ["-I", str(ROOT), "-o", f"{Path(sys.executable).parents[1]}/app.done", *words]
    return subprocess.run(  # noqa: S603 - our own Makefile, no shell
        command, cwd=folder, env={**os.environ, **told}, capture_output=True, text=True, check=False
    )


def test_every_alias_of_the_checklist_is_there_and_no_other() -> None:
    """TX-M6: each name is a target of Make and known to the command behind it."""
    text = (ROOT / "evidence" / "aliases.mk").read_text("utf-8")
    listed = re.sub(r"\\\n", " ", text).partition("CHECKLIST :=")[2].partition("\n")[0].split()
    assert sorted(listed) == sorted(ASKED) == list(NAMES)
    assert "start-customer-demo: demo" in text


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("name", ASKED)
def test_each_exits_0_on_a_fresh_checkout(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """TX-M6: each tells what it looked at, line by line, and every line is ok."""
    assert main([name]) == 0, capsys.readouterr()
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == name
    assert len(shown) >= 3
    assert not [line for line in shown if re.search(r"\sNO\s", line)]


def test_the_seeded_case_is_2_tmf_filled_in_part(checkout: Path) -> None:
    """TX-M6, TX-Z6: signal, quantity 2, last 1, leaves 1; seeding again changes nothing."""
    assert main(["seed-paper-execution-demo"]) == 0
    seeded = seeded_settings(Settings(), exports.SEEDED)
    with read_home(seeded) as reader:
        [order] = reader.find(Order, source_signal_id=SIGNAL)
        size = len(list(reader.records()))
        [fill] = [r for r in reader.find(ExecutionReport) if r.last_quantity]
    assert (str(order.quantity), order.symbol[:3]) == ("2", "TMF")
    assert (str(fill.last_quantity), str(fill.leaves_quantity)) == ("1", "1")
    assert main(["seed-paper-execution-demo"]) == 0
    with read_home(seeded) as reader:
        assert len(list(reader.records())) == size
    assert seeded.counterseal_home.is_relative_to("var")
    assert checkout.joinpath(seeded.counterseal_home).is_dir()


def test_documents_are_those_that_the_viewers_take(checkout: Path) -> None:
    """TX-M1 to TX-M6: through Make itself, into a folder that is named."""
    done = make(checkout, "paper-demo-evidence-export", "paper-risk-evidence-export", "OUT=told")
    assert done.returncode == 0, done.stderr
    names = ("paper-broker-simulation-evidence-export", "paper-audit-integrity-check")
    done = make(checkout, *names, OUT="told")
    assert done.returncode == 0, done.stderr
    for name, kind in WRITTEN.items():
        content = (checkout / "told" / name).read_bytes()
        assert isinstance(read_evidence(content, kind), EvidenceFile)
    assert (checkout / "told" / "paper-demo-evidence.md").read_text("utf-8").startswith("# Paper")


@pytest.mark.parametrize(
    ("told", "number", "code"),
    [
        ({"COUNTERSEAL_HOME": "away"}, 1, "DATABASE_MISSING"),
        ({"COUNTERSEAL_HOME": "bare/home"}, 1, "EVIDENCE_MISSING"),
        ({"ENABLE_LIVE_TRADING": "true"}, 2, "UNSAFE_SETTINGS"),
        ({"COUNTERSEAL_HOME": "traded/home", "OUT": "traded/home/out"}, 2, "EVIDENCE_PATH_UNSAFE"),
        ({"COUNTERSEAL_HOME": "forged/home"}, 3, "EVIDENCE_FLAGS_UNSAFE"),
    ],
)
def test_the_old_numbers_stand_behind_the_alias_only(
    checkout: Path, homes: Mapping[str, World], told: dict[str, str], number: int, code: str
) -> None:
    """TX-M1: 1 missing, 2 unsafe settings or path, 3 unsafe flags, each with its stable code."""
    del homes
    done = make(checkout, "paper-demo-evidence-export", **told)
    assert f"Error {number}" in done.stderr
    assert code in done.stderr
    assert done.returncode != 0


@pytest.fixture(scope="module")
def homes(checkout: Path) -> Mapping[str, World]:
    """Homes of one's own: without an order, with one, and with one that a record denies."""
    made = {name: World(checkout / name / "home") for name in ("bare", "traded", "forged")}
    for name in ("traded", "forged"):
        made[name].done(made[name].submitted(made[name].approved()))
    forged = made["forged"]
    row = next(one for one in forged.log() if b"paper_execution.intent_created" in one.body)
    body = row.body.replace(b'"paper_only":true', b'"paper_only":false')
    forged.forge("UPDATE audit_records SET body = ? WHERE seq = ?", body, row.seq)
    return made


def test_a_check_can_fail(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    """TX-M6: another expectation than what happens is a NO and a status of 1."""
    assert not equal("x", 1, 2).passed
    assert none("x", ["bad"]) == Checked("x", False, "bad")
    wrong = {outcome: f"{steps} EXPIRE" for outcome, steps in SEQUENCES.items()}
    monkeypatch.setattr("ui.checklist.paper.SEQUENCES", wrong)
    assert main(["paper-simulation-submit-check"]) == 1
    monkeypatch.setattr("ui.checklist.demos._WAVES", "20000")
    assert main(["mock-backend-demo-check", "browser-only-mock-demo-check"]) == 1
    monkeypatch.setattr("ui.checklist.boundaries.NEVER", frozenset({"paper_only"}))
    assert main(["paper-audit-worm-readiness-check"]) == 1
    assert main(["nobody"]) == 2
    assert main([]) == 2
    assert checkout.is_dir()


@pytest.mark.timeout(700)
def test_the_customer_demo_starts_and_stops(tmp_path: Path) -> None:
    """TX-M6: `start-customer-demo` makes the day and serves its pages, until it is told to stop."""
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    venv = Path(sys.executable).parents[1]
    command = ["make", "-f", str(ROOT / "Makefile"), "-I", str(ROOT), f"VENV={venv}"]
    command += ["-o", f"{venv}/app.done", "start-customer-demo"]
    told = {name: text for name, text in os.environ.items() if not name.startswith("COUNTERSEAL")}
    with (
        (tmp_path / "said").open("wb") as said,
        subprocess.Popen(  # noqa: S603 - our own Makefile, no shell
            command,
            cwd=tmp_path,
            env={**told, "WEB_PORT": str(PORT), "PYTHONPATH": _path(told)},
            stdout=said,
            stderr=said,
            start_new_session=True,
        ) as started,
    ):
        try:
            answer = _healthz(started)
        finally:
            os.killpg(started.pid, signal.SIGINT)
        status = started.wait(60)
    assert answer == "ok", (tmp_path / "said").read_text("utf-8")[-2000:]
    assert status in {0, 2, -signal.SIGINT}
    assert (tmp_path / "var" / "demo").is_dir()


def _path(told: Mapping[str, str]) -> str:
    """The checkout's modules, found from another folder."""
    return os.pathsep.join(part for part in (told.get("PYTHONPATH", ""), str(ROOT)) if part)


def _healthz(started: subprocess.Popen[bytes]) -> str:
    """What the pages answer, when they do."""
    end = time.monotonic() + STARTED_WITHIN_SECONDS
    while time.monotonic() < end and started.poll() is None:
        asked = HTTPConnection("127.0.0.1", PORT, timeout=5)
        try:
            asked.request("GET", "/healthz")
            return asked.getresponse().read().decode()
        except OSError:
            time.sleep(1)
        finally:
            asked.close()
    return ""
