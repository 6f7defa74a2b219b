"""The command line about work that waits: inbox, why, reviewers, notices."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.policy.words import DecisionWord
from storage.notifiers.channels import notify_folder
from storage.reason_words import reason_sentences
from tests.storage.mail_room import MailRoom, a_mail_room
from tests.world import ROOT, World
from ui.cli import case_questions, inbox, notices
from ui.cli.app import run

RESEARCH = DecisionWord.RESEARCH_APPROVED
PAPER = DecisionWord.APPROVED_FOR_PAPER


class Terminal:
    """A world, and a way to ask about it on the command line."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._capsys = capsys

    def text(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        status = run([*words, "--home", str(self.world.home)])
        told = self._capsys.readouterr()
        return status, told.out, told.err

    def json(self, *words: str) -> dict[str, object]:
        status, out, _ = self.text(*words, "--json")
        assert status == 0, out
        value = json.loads(out)
        assert isinstance(value, dict)
        return value


@pytest.fixture
def terminal(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    world = World(workplace / "home")
    for module in (case_questions, inbox, notices):
        monkeypatch.setattr(module, "CLOCK", world.clock)
    yield Terminal(world, capsys)
    world.store.close()


def test_what_waited_too_long_is_told_first_and_says_so(terminal: Terminal) -> None:
    """UI-11 on the command line."""
    terminal.world.asked_for_a_day()
    terminal.world.after(12 * 3600)
    terminal.world.requested()
    _, said, _ = terminal.text("inbox", "--as", "researcher")
    assert said.count("over the limit") == 1
    assert said.index("over the limit") < said.rindex("review  ")


def test_the_inbox_says_what_waits_and_what_to_type(terminal: Terminal) -> None:
    """Who must act next: shown without a passphrase, with the command that does it."""
    request_id = terminal.world.requested()
    status, out, _ = terminal.text("inbox", "--as", "researcher")
    assert status == 0
    assert "paper simulation: 1 to do for researcher" in out
    assert f"counterseal approvals review {request_id} --as researcher" in out
    value = terminal.json("inbox", "--as", "risk")
    assert (value["duties"], value["label"]) == ([], "paper simulation")


def test_the_inbox_of_nobody_is_refused(terminal: Terminal) -> None:
    """An unknown person is told so, with status 1; without a name it is bad usage."""
    status, _, err = terminal.text("inbox", "--as", "nobody")
    assert (status, "NOT_FOUND" in err) == (1, True)
    assert terminal.text("inbox")[0] == 2


def test_why_gives_every_code_and_its_sentence(terminal: Terminal) -> None:
    """Why I cannot: all reasons, in words of the closed list, and who can instead."""
    request_id = terminal.world.requested()
    status, out, _ = terminal.text("approvals", "why", request_id, "--as", "quant")
    assert status == 0
    assert "REQUESTER_IS_REVIEWER: " in out
    assert "next      research review: compliance, researcher" in out
    assert "escalates 2026-01-05 12:45:00Z" in out
    value = terminal.json("approvals", "why", request_id, "--as", "risk")
    [act] = [a for a in _rows(value, "acts") if a["name"] == "research_approved"]
    assert act["codes"] == ["ROLE"]
    sentences = value["sentences"]
    assert isinstance(sentences, dict)
    assert sentences["ROLE"] == reason_sentences(ROOT / "policies")["ROLE"]


def test_why_about_no_request_is_refused(terminal: Terminal) -> None:
    """TX-F10: not found."""
    status, _, err = terminal.text("approvals", "why", "apr_none", "--as", "risk")
    assert (status, "NOT_FOUND" in err) == (1, True)


def test_reviewers_are_listed_with_their_numbers(terminal: Terminal) -> None:
    """N11: as a table, and as numbers for scripts."""
    terminal.world.approved()
    status, out, _ = terminal.text("approvals", "reviewers")
    assert status == 0
    assert "REVIEWER" in out
    assert "stamped is approved within 30 s" in out
    rows = _rows(terminal.json("approvals", "reviewers"), "reviewers")
    told = {row["person_id"]: (row["decisions"], row["rubber_stamp_rate"]) for row in rows}
    assert told == {
        "compliance": (0, None),
        "quant": (0, None),
        "researcher": (1, "1"),
        "risk": (1, "1"),
    }


def test_notices_are_shown_first_and_then_sent_once(terminal: Terminal) -> None:
    """A dry run writes nothing; a round writes the log file of the home."""
    terminal.world.after(1)
    terminal.world.requested()
    shown = _rows(terminal.json("notices", "send", "--dry-run"), "notices")
    assert {(row["kind"], row["channel"]) for row in shown} == {
        ("requested", "log"),
        ("stage_due", "log"),
    }
    folder = notify_folder(terminal.world.settings)
    assert not folder.exists()
    status, out, _ = terminal.text("notices", "send")
    assert (status, "new: 3" in out) == (0, True)
    assert "new: 0" in terminal.text("notices", "send")[1]
    assert len((folder / "notices.jsonl").read_text("ascii").splitlines()) == 3
    assert "(nothing)" in terminal.text("notices", "send", "--dry-run")[1]


def test_notices_go_by_mail_and_wait_for_a_server_that_is_away(terminal: Terminal) -> None:
    """A round whose server is down is no failed command; the next one delivers."""
    world, folder = terminal.world, notify_folder(terminal.world.settings)
    folder.mkdir()
    with a_mail_room(MailRoom(replies={"CONNECT": "421 closing"})) as room:
        told = f"{{host: 127.0.0.1, port: {room.port}, security: none, sender: c@desk.example}}"
        (folder / "channels.yaml").write_text(f"log: false\nmail: {told}\n", "utf-8")
        (folder / "addresses.yaml").write_text("researcher: r@desk.example\n", "utf-8")
        (folder / "addresses.yaml").chmod(0o600)
        world.requested()
        world.after(1)
        status, out, _ = terminal.text("notices", "send")
        assert (status, "MAIL_DEFERRED" in out) == (0, True)
        room.replies.clear()
        world.after(60)
        terminal.text("notices", "send")
    [(to, message)] = room.taken
    assert (to, "research review is due" in str(message["Subject"])) == ("r@desk.example", True)


def test_channels_told_wrongly_are_bad_input(terminal: Terminal) -> None:
    """Status 2 with the place in the file; nothing is sent to anybody."""
    folder = notify_folder(terminal.world.settings)
    folder.mkdir()
    (folder / "channels.yaml").write_text("mail: {host: x}\n", "utf-8")
    status, _, err = terminal.text("notices", "send")
    assert (status, "CHANNELS_INVALID" in err) == (2, True)


def test_every_reason_code_of_the_list_has_its_sentence() -> None:
    """The closed list is what people are shown: one sentence each, in its order."""
    text = (ROOT / "policies" / "reason-codes.md").read_text("utf-8")
    sentences = reason_sentences(ROOT / "policies")
    assert text.count("\n### ") == len(sentences)
    assert all(len(said) > 10 for said in sentences.values())
    assert reason_sentences(ROOT / "tests") == {}


def _rows(value: dict[str, object], name: str) -> list[dict[str, object]]:
    rows = value[name]
    assert isinstance(rows, list)
    return rows
