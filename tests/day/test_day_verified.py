"""The replayed day before an auditor: what its outside evidence excludes, and what it sees."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import read_checkpoint
from flows.day.home import DATABASE, outside_of
from flows.day.results import DaySummary
from ui.cli.app import run

Day = tuple[Path, DaySummary]
EVERY_ATTACKER_OUTSIDERS_SEE = "A1,A2,A3b,A4,A5,A6,A7"
GUARDS = ("guard_audit_records_delete", "guard_audit_checkpoints_delete")


def verified(
    day: Day, capsys: pytest.CaptureFixture[str], *words: str, home: Path | None = None
) -> tuple[int, dict[str, object]]:
    """Exit status and the machine's view of a verification of the day."""
    capsys.readouterr()
    status = run(["audit", "verify", "--home", str(home or day[0]), *words, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert isinstance(told, dict)
    return status, told


def standings(told: dict[str, object]) -> dict[str, tuple[str, str]]:
    verdict = told["verdict"]
    assert isinstance(verdict, dict)
    return {a["attacker"]: (a["verdict"], a["because"][0]) for a in verdict["attackers"]}


def test_outsiders_of_the_day_exclude_every_attacker_that_outsiders_can_see(
    finished_day: Day, capsys: pytest.CaptureFixture[str]
) -> None:
    """A1, A2, A3b, A4 to A7 excluded; A3a closed by construction; A8 bounded by reconciliation."""
    outside = str(outside_of(finished_day[0]).path)
    words = ("--outside", outside, "--reconcile", "--require", EVERY_ATTACKER_OUTSIDERS_SEE)
    status, told = verified(finished_day, capsys, *words)
    assert status == told["exit"] == 0
    found = standings(told)
    assert {name: found[name][0] for name in EVERY_ATTACKER_OUTSIDERS_SEE.split(",")} == (
        dict.fromkeys(EVERY_ATTACKER_OUTSIDERS_SEE.split(","), "excluded")
    )
    assert found["A3a"][0] == "excluded"
    assert found["A8"][0] == "not_excluded"
    assert "bounded by reconciliation" in found["A8"][1]
    inputs = told["inputs"]
    assert isinstance(inputs, list)
    assert {one["kind"] for one in inputs} >= {"outside/policy", "outside/log.vkey"}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((), 3),
        (("--require", "A1,A2"), 3),
        (("--outside", "{outside}"), 0),
        (("--outside", "{outside}", "--require", "A8"), 3),
        (("--policy", "{outside}/policy", "--witness-latest", "{latest}"), 0),
        (("--policy", "{outside}/policy", "--witness-latest", "{latest}", "--fresh", "60"), 3),
    ],
)
def test_less_evidence_or_more_asked_is_inconclusive_and_never_tampered(
    finished_day: Day, capsys: pytest.CaptureFixture[str], words: Sequence[str], status: int
) -> None:
    """Design, exit statuses: an honest log never gives 1."""
    folder = outside_of(finished_day[0])
    [latest] = folder.latest.glob("*.checkpoint")
    asked = [word.format(outside=folder.path, latest=latest) for word in words]
    assert verified(finished_day, capsys, *asked)[0] == status


def test_a_tail_cut_with_its_checkpoints_is_seen_with_the_outside_and_only_with_it(
    finished_day: Day, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A3b: seen, and not seen and said so; the key alone does not help."""
    home = tmp_path / "home"
    shutil.copytree(finished_day[0], home)
    with closing(sqlite3.connect(home / DATABASE)) as database, database:
        for guard in GUARDS:
            database.execute(f"DROP TRIGGER {guard}")
        (size,) = database.execute("SELECT MAX(size) FROM audit_checkpoints").fetchone()
        database.execute("DELETE FROM audit_checkpoints WHERE size > ?", (size - 9,))
        (kept,) = database.execute("SELECT MAX(size) FROM audit_checkpoints").fetchone()
        database.execute("DELETE FROM audit_records WHERE seq >= ?", (kept,))
    folder = outside_of(finished_day[0])
    status, told = verified(
        finished_day, capsys, "--vkey", str(folder.log_key), "--require", "A1,A2,A4", home=home
    )
    assert (status, standings(told)["A3b"][0]) == (0, "no_evidence")
    status, told = verified(finished_day, capsys, "--outside", str(folder.path), home=home)
    assert (status, standings(told)["A3b"][0]) == (1, "detected")
    verdict = told["verdict"]
    assert isinstance(verdict, dict)
    assert verdict["first_bad"]["code"] == "SHORTER_THAN_REMEMBERED"
    assert verdict["first_bad"]["seq"] == kept < size


def test_one_kind_of_evidence_alone_reaches_as_far_as_it_was_taken(
    finished_day: Day, capsys: pytest.CaptureFixture[str]
) -> None:
    """A3b, A5: an early checkpoint excludes up to its size, and no further."""
    folder = outside_of(finished_day[0])
    early = min(folder.cosigned.glob("*.note"))
    words = ("--vkey", str(folder.log_key), "--expect", str(early))
    status, told = verified(finished_day, capsys, *words)
    size = read_checkpoint(early.read_text("utf-8")).size
    verdict = told["verdict"]
    assert isinstance(verdict, dict)
    bounds = {a["attacker"]: a["bound_seq"] for a in verdict["attackers"]}
    assert (status, bounds["A3b"], bounds["A5"]) == (0, size - 1, size - 1)
    assert bounds["A1"] == verdict["totals"]["size"] - 1 > size
