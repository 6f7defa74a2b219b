"""Many reviews, one passphrase: `counterseal approvals review-many` over a founded home (N12)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.identity import sealing
from counterseal.policy.words import DecisionWord
from tests.core.identity.programs import shell_status
from tests.ui.sealed_keys import seal_keys
from tests.world import World
from ui.cli.app import run

REASON = "read every one of them and agree"
RESEARCH = DecisionWord.RESEARCH_APPROVED
Value = dict[str, object]


class Terminal:
    """A world, and its command line."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._capsys = capsys

    def text(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        status = run([*words, "--home", str(self.world.home)])
        told = self._capsys.readouterr()
        return status, told.out, told.err

    def __call__(self, *words: str) -> tuple[int, Value]:
        status, out, _ = self.text(*words, "--json")
        return status, json.loads(out)

    def words(
        self, name: str, word: DecisionWord, *requests: str, command: str = "review-many"
    ) -> tuple[str, ...]:
        secret = str(self.world.home.parent / "secret")
        proof = ("--as", name, "--passphrase-file", secret)
        asked = ("--decision", word.value, "--reason", REASON)
        return ("approvals", command, *requests, *proof, *asked)

    def reviewed(self, name: str, word: DecisionWord, *requests: str) -> tuple[int, Value]:
        return self(*self.words(name, word, *requests))


@pytest.fixture
def terminal(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    world = World(workplace / "home")
    for module in ("session", "approvals", "cases", "bulk"):
        monkeypatch.setattr(f"ui.cli.{module}.CLOCK", world.clock)
    seal_keys(world, "researcher", "risk", "compliance")
    return Terminal(world, capsys)


@pytest.fixture
def derivations(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Counts what a command line derives and opens; the log's own key is opened each time, too."""
    del terminal
    counted = [0, 0]
    derive, opens = sealing._derive, sealing.open_key

    def deriving(passphrase: str, salt: bytes, n: int) -> bytes:
        counted[0] += 1
        return derive(passphrase, salt, n)

    def opening(text: str | bytes, passphrase: str) -> object:
        counted[1] += 1
        return opens(text, passphrase)

    monkeypatch.setattr(sealing, "_derive", deriving)
    monkeypatch.setattr("storage.keyring.open_key", opening)

    def taken() -> list[int]:
        seen, counted[:] = list(counted), [0, 0]
        return seen

    return taken


def outcomes(value: Value) -> dict[str, dict[str, object]]:
    found = value["outcomes"]
    assert isinstance(found, list)
    return {item["request_id"]: item for item in found}


def test_many_requests_are_shown_then_signed_once(terminal: Terminal) -> None:
    """N12: each shown before the signature, one table of outcomes, each decision in its case."""
    world = terminal.world
    ids = sorted(world.requested() for _ in range(3))
    status, out, told = terminal.text(*terminal.words("researcher", RESEARCH, *ids))
    assert status == 0, told
    assert "3 of 3 accepted" in out
    assert all(f"request     {request_id}" in told for request_id in ids)
    signing = told.index("signing: reviewed_research as researcher, 3 decisions in one batch")
    assert signing > max(told.index(f"request     {request_id}") for request_id in ids)
    status, value = terminal.reviewed("risk", DecisionWord.APPROVED_FOR_PAPER, *ids)
    batch = value["batch"]
    assert isinstance(batch, dict)
    assert (status, value["ok"], batch["count"], batch["request_ids"]) == (0, True, 3, ids)
    assert [item["accepted"] for item in outcomes(value).values()] == [True] * 3
    status, verified = terminal("approvals", "verify")
    assert (status, dict(verified["cases"])["decisions_checked"]) == (0, 6)  # type: ignore[call-overload]  # parsed JSON
    assert world.submitted(ids[2]).accepted


def test_a_shown_case_says_that_its_decision_was_one_of_a_batch(terminal: Terminal) -> None:
    """N12: in words, and with the path in the JSON; a decision signed alone says nothing of it."""
    world = terminal.world
    ids = sorted(world.requested() for _ in range(2))
    terminal.reviewed("researcher", RESEARCH, *ids)
    world.done(world.reviewed(ids[1], "risk", DecisionWord.APPROVED_FOR_PAPER))
    _, out, _ = terminal.text("approvals", "show", ids[1])
    assert "research_approved by researcher as research_reviewer, 2 of a batch of 2" in out
    [alone] = [line for line in out.splitlines() if "by risk as risk_reviewer" in line]
    assert "batch" not in alone
    _, value = terminal("approvals", "show", ids[1])
    decisions = value["decisions"]
    assert isinstance(decisions, list)
    assert [d["batch"] and d["batch"]["size"] for d in decisions] == [2, None]
    assert value["verdict"] == "valid"


def test_a_refused_request_is_told_beside_the_others(terminal: Terminal) -> None:
    """N12: exit status 1, the others done; an unknown request is one of the refused."""
    world = terminal.world
    fine, done = world.requested(), world.requested()
    world.done(world.reviewed(done, "compliance", RESEARCH))
    status, value = terminal.reviewed("researcher", RESEARCH, fine, done, "apr_none", fine)
    told = outcomes(value)
    assert (status, value["ok"], set(told)) == (1, False, {fine, done, "apr_none"})
    assert [told[i]["accepted"] for i in (fine, done, "apr_none")] == [True, False, False]
    status, out, _ = terminal.text(*terminal.words("researcher", RESEARCH, done, "apr_none"))
    assert (status, "0 of 2 accepted" in out, "NOT_FOUND" in out) == (1, True, True)


def test_too_many_requests_are_refused_as_a_whole(terminal: Terminal) -> None:
    """Governance 2.7: 26 requests are no ceremony; nothing is decided."""
    request_id = terminal.world.requested()
    names = [f"apr_{n}" for n in range(25)]
    status, value = terminal.reviewed("researcher", RESEARCH, request_id, *names)
    refusal = value["refusal"]
    assert isinstance(refusal, dict)
    assert (status, refusal["code"], value["outcomes"]) == (1, "BULK_LIMIT", [])


def test_the_same_key_does_what_was_left_and_repeats_nothing(terminal: Terminal) -> None:
    """N12, TX-G9: one more request under the same key; what was decided is told as before."""
    world = terminal.world
    first, second = world.requested(), world.requested()
    words = (*terminal.words("researcher", RESEARCH, first), "--key", "bulk-1")
    assert terminal(*words)[0] == 0
    world.after(200)
    more = (*terminal.words("researcher", RESEARCH, first, second), "--key", "bulk-1")
    status, value = terminal(*more)
    told = outcomes(value)
    assert (status, told[first]["replayed"], told[second]["replayed"]) == (0, True, False)
    assert world.rows("SELECT count(*) FROM approval_decisions") == [(2,)]
    status, value = terminal(*more)
    assert (status, value["batch"], len(outcomes(value))) == (0, None, 2)


def test_the_key_is_unsealed_once_however_many_are_signed(
    terminal: Terminal, derivations: Callable[[], list[int]]
) -> None:
    """Issue bar: scrypt once per ceremony; a batch of four costs what one review costs."""
    ids = [terminal.world.requested() for _ in range(5)]
    assert terminal(*terminal.words("researcher", RESEARCH, ids[0], command="review"))[0] == 0
    alone = derivations()
    assert terminal.reviewed("researcher", RESEARCH, *ids[1:])[0] == 0
    assert derivations() == alone
    assert alone[1] == 1


def test_others_verify_a_decision_of_a_batch_from_its_export(
    terminal: Terminal, tmp_path: Path
) -> None:
    """N12, N1: `openssl` checks the signature, a script without Counterseal the path; both say no.

    The script needs Python alone; a changed leaf, path or batch is refused by one of the two.
    """
    ids = sorted(terminal.world.requested() for _ in range(3))
    terminal.reviewed("researcher", RESEARCH, *ids)
    folder = tmp_path / "export"
    status, value = terminal("approvals", "signatures", ids[1], "--out", str(folder))
    commands = value["commands"]
    assert isinstance(commands, list)
    [command] = commands
    assert status == 0
    assert "python3 check_batch.py" in command
    assert shell_status(command, folder) == 0
    for name in ("decision-1.message", "decision-1.leaf", "decision-1.path.json"):
        content = (folder / name).read_bytes()
        for place in (len(content) // 2, len(content) - 3):
            bent = bytearray(content)
            bent[place] ^= 1
            (folder / name).write_bytes(bytes(bent))
            assert shell_status(command, folder) != 0, (name, place)
        (folder / name).write_bytes(content)
    assert shell_status(command, folder) == 0
