"""`counterseal evidence`: demo, broker, risk, integrity, schema (TX-M1 to TX-M4, TX-M7)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from counterseal.desk.views.evidence_files import EvidenceFile, EvidenceKind, read_evidence
from counterseal.desk.views.evidence_schemas import schema_of
from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.errors import InputError
from counterseal.oms.model import Order
from tests.desk.evidence_room import traded_world
from tests.world import World
from ui.cli import app as command_line
from ui.cli.evidence_files import write_evidence
from ui.cli.paper_evidence import add_to

Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    """A command line with these commands: status, stdout, stderr."""
    noun = typer.Typer(no_args_is_help=True)
    add_to(noun)
    monkeypatch.setattr(command_line, "app", noun)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = command_line.run(words)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def home() -> tuple[str, ...]:
    return ("--home", str(traded_world()[0].home))


def order() -> Order:
    return traded_world()[1]


def test_each_document_is_printed_and_the_viewer_takes_it(told: Told) -> None:
    """TX-M1 to TX-M5: one file each; the log alone is inconclusive, which is status 3."""
    for words, status, kind in (
        (("demo", "--latest"), 0, EvidenceKind.PAPER_DEMO),
        (("demo", "--case", order().approval_request_id), 0, EvidenceKind.PAPER_DEMO),
        (("broker",), 0, EvidenceKind.BROKER_SIMULATION),
        (("risk", order().order_id), 0, EvidenceKind.RISK_GUARDRAIL),
        (("integrity",), 3, EvidenceKind.AUDIT_INTEGRITY),
        (("integrity", "--run", order().workflow_run_id), 3, EvidenceKind.AUDIT_INTEGRITY),
    ):
        found, text, _ = told(*words, *home())
        assert found == status, words
        assert isinstance(read_evidence(text.encode(), kind), EvidenceFile)


def test_a_file_is_named_with_its_hash(told: Told, tmp_path: Path) -> None:
    """TX-M1: `EVIDENCE_MADE`; the file is what stdout would have had."""
    out = tmp_path / "new" / "order.json"
    status, text, _ = told("risk", order().order_id, "--out", str(out), "--json", *home())
    assert status == 0
    assert json.loads(text) == {
        "ok": True,
        "code": "EVIDENCE_MADE",
        "file": str(out),
        "sha256": sha256_hex(out.read_bytes()),
    }
    assert out.read_text("utf-8") == told("risk", order().order_id, *home())[1]
    again = told("risk", order().order_id, "--out", str(out), *home())
    assert again[:2] == (0, f"EVIDENCE_MADE {out}\nsha256 {sha256_hex(out.read_bytes())}\n")


def test_the_order_is_told_as_markdown_too(told: Told) -> None:
    """TX-M1: JSON or Markdown; `--json` prints JSON only."""
    status, text, _ = told("demo", "--latest", "--format", "markdown", *home())
    assert (status, text.splitlines()[0]) == (0, "# Paper demo evidence (simulated)")
    status, text, _ = told("demo", "--latest", "--format", "markdown", "--json", *home())
    assert (status, json.loads(text)["error"]["code"]) == (2, "FORMAT_UNCLEAR")


@pytest.mark.parametrize("words", [("demo",), ("demo", "--latest", "--case", "x")])
def test_one_case_is_named(told: Told, words: tuple[str, ...]) -> None:
    status, text, _ = told(*words, "--json", *home())
    assert (status, json.loads(text)["error"]["code"]) == (2, "CASE_UNCLEAR")


@pytest.mark.parametrize("words", [("demo", "--case", "nobody"), ("risk", "nobody")])
def test_missing_is_refused_by_its_code(told: Told, words: tuple[str, ...]) -> None:
    """TX-M1, TX-M3: status 1."""
    status, text, _ = told(*words, "--json", *home())
    assert (status, json.loads(text)["refusal"]["code"]) == (1, "EVIDENCE_MISSING")


def test_a_home_that_is_not_there_is_not_made(told: Told, tmp_path: Path) -> None:
    status, text, _ = told("demo", "--latest", "--json", "--home", str(tmp_path / "away"))
    assert (status, json.loads(text)["error"]["code"]) == (4, "DATABASE_MISSING")
    assert list(tmp_path.iterdir()) == []


def test_unsafe_settings_make_no_file(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """TX-A3, TX-M1: status 2."""
    monkeypatch.setenv("ENABLE_LIVE_TRADING", "true")
    status, text, _ = told("broker", "--json", *home())
    assert (status, json.loads(text)["error"]["code"]) == (2, "UNSAFE_SETTINGS")


def test_a_record_that_says_more_than_paper_makes_no_file(told: Told, tmp_path: Path) -> None:
    """TX-M1, TX-M7: `EVIDENCE_FLAGS_UNSAFE`, status 1, with the path of the first such flag."""
    world = World(tmp_path / "home")
    world.done(world.submitted(world.approved()))
    row = next(one for one in world.log() if b"paper_execution.intent_created" in one.body)
    body = row.body.replace(b'"paper_only":true', b'"paper_only":false')
    assert body != row.body
    world.forge("UPDATE audit_records SET body = ? WHERE seq = ?", body, row.seq)
    status, text, _ = told("demo", "--latest", "--json", "--home", str(world.home))
    refusal = json.loads(text)["refusal"]
    assert (status, refusal["code"]) == (1, "EVIDENCE_FLAGS_UNSAFE")
    assert refusal["details"][0]["value"] == "safety_flags.paper_only"


@pytest.mark.parametrize("place", ["home/x.json", "home/data/x.json", "signer/x.json", "link", "."])
def test_a_home_s_own_files_are_never_written_over(tmp_path: Path, place: str) -> None:
    """TX-M1: `EVIDENCE_PATH_UNSAFE`; nothing is written."""
    world = World(tmp_path / "home")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    settings = world.settings
    out = (
        settings.counterseal_signer_state / "x" if place.startswith("signer") else tmp_path / place
    )
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as refused:
        write_evidence(out, "{}", settings)
    assert refused.value.code == "EVIDENCE_PATH_UNSAFE"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_question_of_one_s_own_is_put_to_a_named_model(told: Told, tmp_path: Path) -> None:
    """TX-M2: the form as JSON, also from a file; what is no form is bad input."""
    asked = tmp_path / "form.json"
    asked.write_text('{"symbol": "MTX", "quantity": "3"}', "utf-8")
    words = ("--form", str(asked), "--model", "paper-broker-sim-v0.2", "--home", str(tmp_path))
    status, text, _ = told("broker", *words)
    value = json.loads(text)
    assert status == 0
    assert (value["input"]["form"]["symbol"], value["result"]["requested_quantity"]) == ("MTX", "3")
    assert value["input"]["model"]["model_version"] == "paper-broker-sim-v0.2"
    asked.write_text('{"quantity": "21"}', "utf-8")
    assert told("broker", "--form", str(asked), *home())[0] == 2
    assert told("broker", "--model", "nobody", *home())[0] == 2


def test_a_schema_is_printed_by_its_kind(told: Told) -> None:
    """TX-M1: as `evidence/schemas` has it; the demo without a store has none."""
    status, text, _ = told("schema", "paper_demo")
    assert (status, json.loads(text)) == (0, schema_of(EvidenceKind.PAPER_DEMO))
    assert told("schema", "demo")[0] == 2
    assert CliRunner().invoke(command_line.app, ["schema", "nobody"]).exit_code == 2
