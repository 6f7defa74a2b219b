"""Evidence without a browser: what can be taken along, and files that somebody was given."""

import json
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
import typer
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.demo.evidence import BYTES_MAX
from counterseal.desk.views.evidence_files import EvidenceKind
from counterseal.desk.views.marks import unsafe_flags
from counterseal.oms.model import Order
from storage.home_reader import read_home
from tests.desk.access_room import PASSWORD
from tests.desk.evidence_room import MADE
from tests.ui.web.test_order_pages import FILL, order_of
from tests.ui.web.window import Window, at_page, labels, pressed, spoken, words
from ui.cli import approvals, audit
from ui.cli.paper_evidence import add_to
from ui.web.exporting import (
    demo_text,
    log_text,
    records_text,
    risk_text,
    run_text,
    signatures_zip,
)
from ui.web.views.evidence_export import newest_cases

MARKER = "marker-of-a-chosen-file"


def tab(window: Window, **params: str) -> AppTest:
    return at_page(window.entered(), "evidence", **params)


def command(app: typer.Typer, *told: str) -> str:
    return CliRunner().invoke(app, told).stdout


def given(at: AppTest, content: bytes, name: str = "given.json") -> AppTest:
    at.file_uploader[0].set_value((name, content, "application/json"))
    return at.run()


def test_a_home_without_cases_still_has_the_files_of_its_log(window: Window) -> None:
    """UI-19, B2: why there is no case, what can be taken all the same, and what it cannot prove."""
    at = tab(window)
    said = words(at)
    for expected in (
        *("No case is among the newest records.", "Integrity of the log", "Newest checkpoint"),
        *("counterseal evidence integrity", "is proved by its evidence pack"),
    ):
        assert expected in said, expected
    assert "No such case." in words(tab(window, case="<img src=x onerror=alert(1)>"))
    assert "選擇案件" in words(spoken(at))
    assert not at.exception


@pytest.mark.usefixtures("exchange")
def test_what_the_page_gives_is_what_the_commands_write_and_keeps_no_secret(
    window: Window, tmp_path: Path
) -> None:
    """TX-M1, TX-M3, TX-M4, TX-M7: byte for byte; no password, no private key, no unsafe flag."""
    house = window.house
    order: Order = house.order(order_of(window, FILL))
    request_id, run_id = order.approval_request_id, order.workflow_run_id
    at = pressed(tab(window), "Choose")
    said = words(at)
    for expected in (
        "2 decisions: signed bytes",
        f"integrity --run {run_id}",
        f"demo --case {request_id}",
        "Records of the case",
    ):
        assert expected in said, expected
    with read_home(house.settings) as reader:
        records = records_text(reader, request_id)
        decisions = reader.find(ApprovalDecision, approval_request_id=request_id)
        ordered = tuple(sorted(decisions, key=lambda one: one.sequence))
        packed = signatures_zip(reader, request_id, ordered)
        assert packed == signatures_zip(reader, request_id, ordered)
    run, log = run_text(house.settings, run_id), log_text(house.settings)
    assert records == command(audit.app, "show", "--stream", f"case:{request_id}", "--json")
    paper = typer.Typer()
    add_to(paper)
    assert run == command(paper, "integrity", "--run", run_id)
    assert log == command(paper, "integrity")
    assert risk_text(house.settings, order.order_id) == command(paper, "risk", order.order_id)
    told = [demo_text(house.settings, request_id), command(paper, "demo", "--case", request_id)]
    own, theirs = ({**json.loads(one), "generated_at": ""} for one in told)
    assert own == theirs
    folder = tmp_path / "signatures"
    command(approvals.app, "signatures", request_id, "--out", str(folder))
    with ZipFile(BytesIO(packed)) as files:
        packed_files = {name: files.read(name) for name in files.namelist()}
    assert packed_files == {path.name: path.read_bytes() for path in folder.iterdir()}
    packed_texts = (content.decode("latin-1") for content in packed_files.values())
    for text in (records, run, log, *told, *packed_texts):
        assert PASSWORD not in text
        assert "PRIVATE KEY" not in text
    assert not unsafe_flags(json.loads(run)) + unsafe_flags(json.loads(log))


def test_a_case_before_its_decisions_says_what_is_not_there_yet(window: Window) -> None:
    """UI-19: signatures and run name what they wait for; the records can be taken."""
    request_id = window.house.requested()
    said = words(tab(window, case=request_id))
    assert "Nobody has signed a decision on this case yet." in said
    assert "No order came of this case yet" in said
    assert f"audit show --stream case:{request_id}" in said
    with window.house.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
    assert request is not None
    at = tab(window)
    at.text_input(key="evidence-case").set_value(f" {request.request_reference} ")
    assert f"audit show --stream case:{request_id}" in words(at.run())
    with read_home(window.house.settings) as home:
        assert [one.approval_request_id for one in newest_cases(home, "tenant-1")] == [request_id]
        assert newest_cases(home, "tenant-2") == []
    at = pressed(tab(window, case=request_id), "Choose another case")
    assert "Choose a case" in words(at)


def test_a_chosen_file_is_told_kept_nowhere_and_forgotten(window: Window) -> None:
    """TX-M5: source, parts and flags as the file has them; Clear; nothing of it is stored."""
    at = tab(window, view="view")
    assert "No file is chosen." in words(at)
    assert labels(at)["Clear"] is False
    before, told = len(window.house.log()), json.loads(MADE[EvidenceKind.DEMO]())
    at = given(at, json.dumps({**told, "note": MARKER}).encode())
    said = words(at)
    for expected in ("given.json", "browser-only-evidence-1", MARKER, "safety flags say paper"):
        assert expected in said, expected
    assert "Nothing of it was held against the log." in said
    assert "Verified" not in said
    home = window.house.home
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert not any(MARKER.encode() in path.read_bytes() for path in kept)
    assert len(window.house.log()) == before
    at = pressed(at, "Clear")
    assert MARKER not in words(at)
    assert "No file is chosen." in words(at)
    assert not at.exception


@pytest.mark.parametrize("kind", EvidenceKind)
def test_an_unsafe_file_is_refused_with_the_path_of_its_flag(
    window: Window, kind: EvidenceKind
) -> None:
    """TX-M5: one unsafe flag, 500,001 bytes, no JSON, another kind; each by code and path."""
    at = tab(window, view="view", kind=kind.value)
    at = given(at, MADE[kind]())
    assert "What the file says." in words(at)
    told = json.loads(MADE[kind]())
    told["safety_flags"]["broker_api_called"] = True
    for content, code, path in (
        (json.dumps(told).encode(), "EVIDENCE_FILE_UNSAFE", "safety_flags"),
        (MADE[kind]().ljust(BYTES_MAX + 1), "EVIDENCE_FILE_UNREADABLE", "$"),
        (b"no json", "EVIDENCE_FILE_UNREADABLE", "$"),
        (b"{}", "EVIDENCE_FILE_OTHER_KIND", ""),
    ):
        said = words(given(at, content))
        assert code in said
        assert f"At {path}" in said
        assert "What the file says." not in said
    assert "safety_flags.broker_api_called" in words(given(at, json.dumps(told).encode()))
    assert "位置 " in words(spoken(at))
    assert not at.exception
