"""`counterseal evidence export` at the command line (design part "evidence pack")."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.identity.people import Role
from tests.evidence.offline_script import offline_script
from tests.ui.kept_house import KeptHouse, kept
from ui.cli.app import run

__all__ = ["kept"]
AUDITOR = "operator"


@pytest.fixture
def house(kept: KeptHouse) -> KeptHouse:
    """A home with an auditor and one approved case."""
    kept.world.done(kept.world.granted(AUDITOR, Role.AUDITOR))
    kept.world.approved()
    kept.world.store.close()
    return kept


def only_case(house: KeptHouse) -> str:
    [stream] = {row.stream for row in house.world.log() if row.stream.startswith("case:")}
    return stream.removeprefix("case:")


def test_a_case_leaves_as_a_zip_that_proves_itself(house: KeptHouse, tmp_path: Path) -> None:
    """Design 8: the answer tells what was written, and the pack verifies without the product."""
    out, case = tmp_path / "case.zip", only_case(house)

    told = house.done(
        "evidence", "export", "--case", case, "--out", str(out), *house.proof(AUDITOR)
    )

    signed = read_checkpoint(house.world.notes()[-1].note)
    assert (told["pack"], told["bytes"]) == (str(out), out.stat().st_size)
    assert (told["size"], told["root"]) == (signed.size, signed.root.hex())
    assert (told["export"], told["export_seq"]) == (house.world.log()[-1].event_id, signed.size - 1)
    assert {"records", "withheld", "purged", "claims", "seconds"} <= told.keys()
    command = [sys.executable, "-I", str(offline_script()), str(out), "--json"]
    command += ["--vkey", house.world.log_key.key.text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "verified"), done.stdout
    assert run(["evidence", "verify", str(out), "--vkey", house.world.log_key.key.text]) == 0


def test_signed_decisions_lie_in_the_pack_with_the_line_that_verifies_each(
    house: KeptHouse, tmp_path: Path
) -> None:
    """Design 8: approver signatures and keys, for programs of other people."""
    out, case = tmp_path / "pack", only_case(house)
    house.done(
        "evidence", "export", "--plain", "--case", case, "--out", str(out), *house.proof(AUDITOR)
    )
    folder = out / "data" / "decisions" / case
    lines = (folder / "README.txt").read_text("utf-8").splitlines()
    commands = [line.strip() for line in lines if line.startswith("  openssl")]
    assert len(commands) == 2
    for command in commands:
        subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)  # noqa: S602 - as people paste it


def test_a_pack_goes_on_where_an_earlier_one_ended(house: KeptHouse, tmp_path: Path) -> None:
    """Incremental packs: the checkpoint of the first is what the second begins behind."""
    first, second = tmp_path / "first", tmp_path / "second"
    words = ("evidence", "export", "--plain")
    house.done(*words, "--all", "--out", str(first), *house.proof(AUDITOR))
    head = str(first / "data" / "checkpoint")
    told = house.done(*words, "--grown-from", head, "--out", str(second), *house.proof(AUDITOR))
    before = read_checkpoint((first / "data" / "checkpoint").read_text("utf-8")).size
    records = (second / "data" / "records.jsonl").read_bytes().splitlines()
    shown = [json.loads(one)["seq"] for one in records]
    assert [seq for seq in shown if seq >= before] == list(range(before, int(str(told["size"]))))
    key = house.world.log_key.key.text
    assert run(["evidence", "verify", str(second), "--vkey", key, "--expect", head]) == 0


def test_people_read_a_few_lines(house: KeptHouse, tmp_path: Path) -> None:
    """Without `--json`: path, counts, root, the record, and how to verify."""
    out = tmp_path / "pack"
    status, text, _ = house.text(
        "evidence", "export", "--plain", "--all", "--out", str(out), *house.proof(AUDITOR)
    )
    words = [line.split()[0] for line in text.splitlines()]
    assert (status, words) == (0, ["pack", "records", "log", "export", "verify"])
    assert str(out) in text


def test_who_is_no_auditor_is_refused_on_record_and_gets_no_pack(
    house: KeptHouse, tmp_path: Path
) -> None:
    """Exports I1."""
    words = ("evidence", "export", "--plain", "--all", "--out", str(tmp_path / "pack"))
    assert house.code(*words, *house.proof("compliance")) == (1, "ROLE")
    assert house.world.log()[-1].type == "command.refused"
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "SCOPE_UNCLEAR"),
        (("--all", "--case", "apr_1"), "SCOPE_UNCLEAR"),
        (("--from", "2026-01-01"), "INPUT_INVALID"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "INPUT_INVALID"),
        (("--case", "two words"), "INPUT_INVALID"),
        (("--all", "--openings"), "CONFIRMATION_MISSING"),
        (("--all", "--expect", "nowhere"), "EVIDENCE_FILE_MISSING"),
        (("--control", "XX-99"), "CONTROL_UNKNOWN"),
    ],
)
def test_what_cannot_be_meant_records_nothing(
    house: KeptHouse, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    """Bad usage is told before anything is recorded; exit status 2."""
    size = len(house.world.log())
    out = ("--out", str(tmp_path / "pack"))
    told = house.code("evidence", "export", "--plain", *words, *out, *house.proof(AUDITOR))
    assert told == (2, code)
    assert len(house.world.log()) == size


def test_a_place_that_is_taken_records_nothing(house: KeptHouse, tmp_path: Path) -> None:
    """Bag I3: looked at before the export is recorded."""
    size = len(house.world.log())
    (tmp_path / "pack").mkdir()
    words = ("evidence", "export", "--plain", "--all", "--out", str(tmp_path / "pack"))
    assert house.code(*words, *house.proof(AUDITOR)) == (2, "FILE_EXISTS")
    assert len(house.world.log()) == size


def test_a_key_that_was_used_makes_no_second_pack(house: KeptHouse, tmp_path: Path) -> None:
    """Commands I1: another key signs a second pack, so it is another export."""
    words = (
        "evidence",
        "export",
        "--plain",
        "--all",
        "--key",
        "once",
        *house.proof(AUDITOR),
        "--out",
    )
    house.done(*words, str(tmp_path / "one"))
    assert house.code(*words, str(tmp_path / "two")) == (1, "IDEMPOTENCY_KEY_CONFLICT")
    assert not (tmp_path / "two").exists()


def test_a_control_leaves_with_its_records(house: KeptHouse, tmp_path: Path) -> None:
    """Governance 7: the records that the catalogue's queries name."""
    control = "MA-01"
    out = tmp_path / "pack"
    words = ("evidence", "export", "--plain", "--control", control, "--out", str(out))
    house.done(*words, *house.proof(AUDITOR))
    [claim] = [
        one
        for one in json.loads((out / "data" / "pack.json").read_bytes())["claims"]
        if one["kind"] == "records"
    ]
    records = [
        json.loads(line) for line in (out / "data" / "records.jsonl").read_bytes().splitlines()
    ]
    shown = {one["seq"]: one for one in records}
    assert claim["seqs"]
    assert set(claim["seqs"]) <= shown.keys()
