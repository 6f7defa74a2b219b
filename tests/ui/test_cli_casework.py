"""Delegation, amendments, comments and the sweep on the command line, over a founded home."""

from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.policy.words import DecisionWord
from tests.ui.sealed_keys import seal_keys
from tests.ui.test_cli_approvals import Terminal
from tests.world import ACCOUNT, World


@pytest.fixture
def terminal(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    world = World(workplace / "home")
    for module in ("session", "approvals", "cases", "amending", "delegations"):
        monkeypatch.setattr(f"ui.cli.{module}.CLOCK", world.clock)
    seal_keys(world, "risk", "quant", "researcher")
    return Terminal(world, capsys)


def acting(terminal: Terminal, name: str) -> tuple[str, ...]:
    return "--as", name, "--passphrase-file", str(terminal.world.home.parent / "secret")


def delegating(terminal: Terminal, days: int) -> tuple[str, ...]:
    until = terminal.world.clock.now() + timedelta(days=days)
    bounds = ("--stage", "research", "--strategy", "mean-reversion", "--instrument", "TMF")
    most = ("--account", ACCOUNT, "--max-exposure", "0.25", "--max-notional", "2000000")
    told = ("--until", until.strftime("%Y-%m-%dT%H:%M:%S"), "--reason", "away for a week")
    return (*bounds, *most, *told, *acting(terminal, "researcher"))


def test_a_grant_is_signed_listed_used_and_ended(terminal: Terminal) -> None:
    """N8: the delegate reviews under it by name; a grant of 31 days is refused."""
    status, refused, _ = terminal("approvals", "delegate", "risk", *delegating(terminal, 31))
    assert (status, terminal.code(refused)) == (1, "GRANT_INVALID")
    granted = terminal.done("approvals", "delegate", "risk", *delegating(terminal, 7))
    grant = str(granted["subject_id"])
    listed = terminal.done("approvals", "delegations")["delegations"]
    assert isinstance(listed, list)
    assert [(g["grant_id"], g["in_force"]) for g in listed] == [(grant, True)]
    request_id = terminal.world.requested()
    given = ("--decision", "research_approved", "--reason", "checked the evidence")
    under = ("approvals", "review", request_id, *given, "--grant", grant)
    terminal.done(*under, *acting(terminal, "risk"))
    shown = terminal.done("approvals", "show", request_id)
    decisions = shown["decisions"]
    assert isinstance(decisions, list)
    names = [(d["on_behalf_of"], d["grant_id"]) for d in decisions]
    assert names == [("researcher", grant)]
    terminal.done("approvals", "end-delegation", grant, *acting(terminal, "risk"))
    assert "not in force" in terminal.lines("approvals", "delegations")


def test_an_amendment_is_shown_field_by_field_with_what_people_said(terminal: Terminal) -> None:
    """N6, governance 2.3: decisions carry, control characters do not act."""
    old = terminal.world.approved()
    less = ("--quantity", "2", "--price", "20000")
    new = str(
        terminal.done("approvals", "amend", old, *less, *acting(terminal, "quant"))["subject_id"]
    )
    terminal.done(
        "approvals", "comment", new, "--text", "smaller \x1b[31mnow", *acting(terminal, "risk")
    )
    told = terminal.lines("approvals", "thread", new)
    assert "2 carried, voids nothing" in told
    assert 'max_quantity: "4" -> "2"' in told
    assert "'smaller \\x1b[31mnow'" in told
    assert "\x1b" not in told
    assert "max_quantity" in terminal.lines("approvals", "show", new)
    status, refused, _ = terminal("approvals", "amend", old, *less, *acting(terminal, "quant"))
    assert (status, "TERMINAL" in str(refused)) == (1, True)
    status, refused, _ = terminal("approvals", "reopen", new, *acting(terminal, "quant"))
    assert (status, terminal.code(refused)) == (1, "NOTHING_AMENDED")
    status, refused, _ = terminal("approvals", "thread", "apr_none")
    assert (status, terminal.code(refused)) == (1, "NOT_FOUND")
    lone = terminal("approvals", "amend", new, "--quantity", "1", *acting(terminal, "quant"))
    assert (lone[0], terminal.code(lone[1])) == (2, "INPUT_INVALID")


def test_a_sweep_records_what_is_due(terminal: Terminal) -> None:
    """Governance 2.4: a case past its clock becomes expired, once."""
    request_id = terminal.world.requested()
    terminal.world.after(3600)
    swept = terminal.done("approvals", "sweep", *acting(terminal, "risk"))["swept"]
    assert swept == [{"subject_id": request_id, "outcome": "recorded"}]
    assert terminal.done("approvals", "sweep", *acting(terminal, "risk"))["swept"] == []


def test_a_request_on_the_command_line_states_uses_and_what_it_answers(terminal: Terminal) -> None:
    """Governance 2.1: both are bound in the payload."""
    world = terminal.world
    old = world.requested()
    world.done(world.reviewed(old, "researcher", DecisionWord.NEEDS_DATA))
    signal = world.signal().signal_id
    terms = ("--account", ACCOUNT, "--symbol", "TMF202601", "--quantity", "1", "--price", "20000")
    words = ("--reason", "with the data that was missing", "--author", "author")
    more = ("--uses", "2", "--answers", old)
    asked = terminal.done(
        "approvals", "request", signal, *terms, *words, *more, *acting(terminal, "quant")
    )
    around = terminal.done("approvals", "thread", str(asked["subject_id"]))["thread"]
    assert isinstance(around, dict)
    assert (around["uses"], around["uses_max"], around["answers"]) == (0, 2, old)
