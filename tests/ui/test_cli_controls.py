"""Controls at a terminal: statuses, how to prove a record, a signed word. Governance part 7."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from counterseal.desk.views.controls import NOTICE, ControlStatus
from ui.cli.app import NOUNS, run

BANNED = ("compliant", "certified", "guarantee", "worm")


class Terminal:
    """A founded home, whose compliance reviewer types commands."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys = folder / "home", capsys
        self.secret = ("--passphrase-file", str(folder / "secret"))
        two = ("--by", "ann", "--by", "bob", *self.secret, *self.secret)
        self.done("init", "--officer", "ann", "--officer", "bob", *self.secret, *self.secret)
        self.done("people", "add", "cora", "--as", "ann", *self.secret)
        new = ("--new-passphrase-file", self.secret[1])
        self.done("people", "enrol", "cora", *two, *new)
        self.done("people", "grant", "cora", "compliance_reviewer", *two)

    def text(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        status = run([*words, "--home", str(self.home)])
        return status, self._capsys.readouterr().out

    def value(self, *words: str) -> tuple[int, dict[str, object]]:
        status, text = self.text(*words, "--json")
        value = json.loads(text)
        assert isinstance(value, dict)
        return status, value

    def done(self, *words: str) -> dict[str, object]:
        status, value = self.value(*words)
        assert status == 0, value
        return value

    def code(self, *words: str) -> tuple[int, str]:
        status, value = self.value(*words)
        told = value.get("error") or value.get("refusal")
        assert isinstance(told, dict)
        return status, str(told["code"])

    def attest(self, control: str, kind: str, *more: str, by: str = "cora") -> tuple[str, ...]:
        reason = ("--reason", "the report of the year was read")
        named = () if "--reason" in more else reason
        return (
            "controls",
            "attest",
            control,
            "--kind",
            kind,
            *named,
            *more,
            "--as",
            by,
            *self.secret,
        )

    def shown(self, control: str) -> dict[str, object]:
        told = self.done("controls", "show", control)["control"]
        assert isinstance(told, dict)
        return told


@pytest.fixture
def terminal(workplace: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(workplace, capsys)


def test_every_control_is_listed_with_its_status_under_the_notice(terminal: Terminal) -> None:
    """Governance 7: header on every output, no banned word; one status alone on request."""
    status, text = terminal.text("controls", "list")
    assert status == 0
    lines = text.splitlines()
    assert lines[0] == NOTICE
    assert any(line.startswith("MA-01 ") and " evidenced " in line for line in lines)
    assert any(line.startswith("MA-10 ") and " no_evidence " in line for line in lines)

    told = terminal.done("controls", "list", "--status", "evidenced")
    assert told["notice"] == NOTICE
    listed = told["controls"]
    assert isinstance(listed, list)
    assert {one["status"] for one in listed} == {ControlStatus.EVIDENCED.value}
    assert {"MA-01", "FS-01", "MA-08", "ES-04"} <= {one["id"] for one in listed}

    _, shown = terminal.text("controls", "show", "MA-01")
    assert shown.startswith(NOTICE)
    for word in BANNED:
        assert word not in (text + shown + NOUNS["controls"]).lower()


def test_a_control_names_its_records_and_each_can_be_proved(terminal: Terminal) -> None:
    told = terminal.shown("MA-01")
    rows = told["rows"]
    assert isinstance(rows, list)
    assert [row["type"] for row in rows] == ["policy.activated"]
    _, text = terminal.text("controls", "show", "MA-01")
    assert "counterseal audit prove SEQ" in text
    status, proof = terminal.text("audit", "prove", str(rows[0]["seq"]))
    assert (status, "tlog-proof" in proof) == (0, True)


def test_a_signed_word_changes_the_status_with_a_receipt(terminal: Terminal) -> None:
    """MA-10, R6-12: over a file by its digest; what does not apply, with a reason."""
    report = terminal.home.parent / "report.txt"
    report.write_bytes(b"the report")
    done = terminal.done(*terminal.attest("MA-10", "evidence", "--file", str(report)))
    assert (done["notice"], "tlog-proof" in str(done["receipt"])) == (NOTICE, True)
    told = terminal.shown("MA-10")
    word = told["word"]
    assert isinstance(word, dict)
    assert (told["status"], word["attested_by"]) == ("evidenced", "cora")
    assert word["file_digest"] == f"sha256:{sha256(b'the report').hexdigest()}"

    aside = ("--reason", "paper only: no market is touched", "--days", "30")
    terminal.done(*terminal.attest("R6-12", "not_applicable", *aside))
    assert terminal.shown("R6-12")["status"] == "not_applicable"
    _, text = terminal.text("controls", "show", "R6-12")
    assert "signed by cora: not_applicable until" in text
    assert "paper only: no market is touched" in text


def test_what_is_refused_or_misspelt_leaves_with_its_status(terminal: Terminal) -> None:
    """Governance 7: not entitled, evidenced by records, no reason; unknown control, time, file."""
    assert terminal.code(*terminal.attest("MA-10", "evidence", by="ann")) == (1, "ROLE")
    assert terminal.code(*terminal.attest("MA-02", "evidence")) == (1, "EVIDENCED_BY_RECORDS")
    short = terminal.attest("MA-10", "evidence", "--reason", "ok")
    assert terminal.code(*short) == (1, "REASON_TOO_SHORT")
    assert terminal.code(*terminal.attest("MA-99", "evidence")) == (2, "CONTROL_UNKNOWN")
    absent = terminal.attest("MA-10", "evidence", "--file", str(terminal.home / "none"))
    assert terminal.code(*absent) == (2, "FILE_MISSING")
    assert terminal.code("controls", "show", "MA-99") == (2, "CONTROL_UNKNOWN")
    assert terminal.code("controls", "list", "--at", "yesterday") == (2, "BAD_TIME")
    assert terminal.shown("MA-10")["status"] == "no_evidence"


def test_a_status_can_be_asked_for_as_of_an_instant(terminal: Terminal) -> None:
    """What was recorded later is left out; what is old by then is old."""
    before = terminal.done("controls", "list", "--at", "2020-01-01T00:00:00Z")
    assert (before["size"], before["newest"]) == (0, "")
    listed = before["controls"]
    assert isinstance(listed, list)
    assert {one["status"] for one in listed} == {"no_evidence"}

    terminal.done(*terminal.attest("MA-10", "evidence"))
    late = terminal.done("controls", "show", "MA-10", "--at", "2999-01-01T00:00:00Z")["control"]
    assert isinstance(late, dict)
    assert (late["status"], late["word_counts"]) == ("stale", False)
    _, text = terminal.text("controls", "show", "MA-10", "--at", "2999-01-01T00:00:00Z")
    assert "counts no longer" in text
