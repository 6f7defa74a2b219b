"""Approvals and the state of the log on the command line, over a founded home."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.broker.model import SimulationOutcome
from storage.guards import GUARDS
from storage.store import create_database
from tests.ui.sealed_keys import seal_keys
from tests.world import LARGE, ORIGIN, World
from ui.cli.app import run

REASON = "the data behind it was wrong"
NONE_SUCH = "paper-workflow-0123456789abcdef"
Ran = tuple[int, dict[str, object], str]


class Terminal:
    """A world, and a way to ask about it on the command line."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._capsys = capsys

    def __call__(self, *words: str) -> Ran:
        self._capsys.readouterr()
        status = run([*words, "--home", str(self.world.home), "--json"])
        told = self._capsys.readouterr()
        return status, json.loads(told.out), told.err

    def done(self, *words: str) -> dict[str, object]:
        status, value, _ = self(*words)
        assert status == 0, value
        return value

    def lines(self, *words: str) -> str:
        self._capsys.readouterr()
        run([*words, "--home", str(self.world.home)])
        return self._capsys.readouterr().out

    def code(self, value: dict[str, object]) -> str:
        found = value.get("error") or value.get("refusal")
        assert isinstance(found, dict)
        return str(found["code"])

    def revoke(self, request_id: str, name: str, reason: str = REASON) -> Ran:
        secret = str(self.world.home.parent / "secret")
        proof = ("--passphrase-file", secret, "--reason", reason)
        return self("approvals", "revoke", request_id, "--as", name, *proof)


@pytest.fixture
def terminal(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    world = World(workplace / "home")
    for module in ("session", "approvals", "cases"):
        monkeypatch.setattr(f"ui.cli.{module}.CLOCK", world.clock)
    seal_keys(world, "risk", "quant")
    return Terminal(world, capsys)


def evidence(world: World) -> tuple[str, ...]:
    return ("--vkey", world.log_key.key.text, "--signer-state", str(world.state_path))


def test_the_list_is_the_queue_within_its_limit(terminal: Terminal) -> None:
    """TX-F1, TX-F15: newest first, what may be decided, 0 and 201 refused with status 2."""
    world = terminal.world
    first = world.requested()
    world.after(1)
    second = world.approved()
    value = terminal.done("approvals", "list")
    assert (value["total"], value["pending"], value["limit"]) == (2, 1, 50)
    assert (value["label"], value["paper_only"]) == ("paper simulation", True)
    requests = value["requests"]
    assert isinstance(requests, list)
    assert [r["approval_request_id"] for r in requests] == [second, first]
    assert [len(r["options"]) for r in requests] == [0, 3]
    one = terminal.done("approvals", "list", "--limit", "1")["requests"]
    assert isinstance(one, list)
    assert len(one) == 1
    assert terminal.done("approvals", "list", "--limit", "200")["total"] == 2
    for limit in ("0", "201"):
        status, refused, _ = terminal("approvals", "list", "--limit", limit)
        assert (status, terminal.code(refused)) == (2, "LIMIT_OUT_OF_RANGE")
    assert "paper simulation: 2 requests, 1 to decide" in terminal.lines("approvals", "list")


def test_a_shown_case_says_whether_it_is_forged(terminal: Terminal) -> None:
    """TX-F12, TX-F13, TX-F19: names of the history, record policy as probed, verdict."""
    world = terminal.world
    assert terminal("approvals", "verify")[0] == 3
    request_id = world.approved()
    terminal.done("approvals", "verify")
    value = terminal.done("approvals", "show", request_id)
    assert (value["verdict"], value["paper_simulation_approved"]) == ("valid", True)
    assert value["record_policy"] == (
        "append-only, hash chained, signed by each reviewer's own key, not WORM, not identity"
    )
    assert (value["options"], value["expired"]) == ([], False)
    assert str(value["shown_hash"]).startswith("sha256:")
    world.forge("UPDATE approval_decisions SET decision_reason = 'looks fine to me'")
    forged = terminal.done("approvals", "show", request_id)
    assert (forged["verdict"], forged["paper_simulation_approved"]) == ("forged", False)
    assert "not signed by each reviewer" in str(forged["record_policy"])
    assert "verdict     forged" in terminal.lines("approvals", "show", request_id)
    status, cases, _ = terminal("approvals", "verify")
    assert (status, request_id in json.dumps(cases)) == (1, True)
    status, refused, _ = terminal("approvals", "show", "apr_none")
    assert (status, terminal.code(refused)) == (1, "NOT_FOUND")


def test_the_status_follows_the_home(terminal: Terminal) -> None:
    """TX-F13: mode, law and probes; a guard that is gone is told."""
    world = terminal.world
    world.requested()
    before = terminal.done("approvals", "status")["status"]
    assert isinstance(before, dict)
    assert before["dual_review_required"] is True
    assert before["record_policy"].startswith("append-only, hash chained")
    assert before["counts"] == [{"status": "pending_review", "count": 1}]
    world.store.close()
    with closing(sqlite3.connect(world.settings.database_file)) as connection:
        connection.execute(f"DROP TRIGGER {next(iter(GUARDS))}")
    after = terminal.done("approvals", "status")["status"]
    assert isinstance(after, dict)
    assert after["record_policy"].startswith("not append-only, hash chained")


def test_a_shown_case_says_everything_that_a_reviewer_binds(terminal: Terminal) -> None:
    """N7, governance 2.2: what decides about a signature stands before it, stop and clocks too."""
    world = terminal.world
    payload = world.payload(world.signal()).amended(price_min=19_900, price_max=20_100)
    asked = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    told = terminal.lines("approvals", "show", world.done(asked))
    for word in (
        f"{payload.order_type.value} {payload.time_in_force.value}, 19900 to 20100, once",
        f"confidence {payload.confidence}, stop {payload.stop_distance_points} points away",
        f"data {payload.data_version}, code {payload.code_version}",
        f"authors     {', '.join(payload.author_ids)}",
        f"{payload.execution_validity_seconds} s after the last approval",
    ):
        assert word in told


def test_a_signer_revokes_with_the_own_key(terminal: Terminal) -> None:
    """Governance 2.1: shown first, signed, recorded; nothing can be submitted afterwards."""
    world = terminal.world
    request_id = world.approved()
    world.store.close()
    status, value, told = terminal.revoke(request_id, "risk")
    assert (status, value["ok"]) == (0, True)
    assert "verdict     valid" in told
    assert "signing: revoked as risk" in told
    shown = terminal.done("approvals", "show", request_id)
    assert (shown["current_status"], shown["paper_simulation_approved"]) == ("revoked", False)
    again, refused, _ = terminal.revoke(request_id, "risk")
    assert (again, terminal.code(refused)) == (1, "TERMINAL")


def test_nobody_else_revokes(terminal: Terminal) -> None:
    """Governance 2.1: not the requester; a short reason and an unknown case are refused."""
    world = terminal.world
    request_id = world.approved(quantity=LARGE)
    world.store.close()
    answers = {
        "ROLE": terminal.revoke(request_id, "quant"),
        "REASON_TOO_SHORT": terminal.revoke(request_id, "risk", "short"),
        "NOT_FOUND": terminal.revoke("apr_none", "risk"),
    }
    for code, (status, refused, _) in answers.items():
        assert (status, terminal.code(refused)) == (1, code)
    assert terminal.done("approvals", "show", request_id)["paper_simulation_approved"] is True


def test_the_state_of_the_log_needs_evidence_and_shows_flags_and_gaps(terminal: Terminal) -> None:
    """TX-K3, TX-K5, TX-K6: verified 0, without evidence 3, broken 1."""
    world = terminal.world
    world.approved()
    panel = terminal.done("audit", "status", *evidence(world))
    integrity, flags = panel["integrity"], panel["flags"]
    assert isinstance(integrity, dict)
    assert isinstance(flags, dict)
    assert (integrity["state"], integrity["verified"]) == ("verified", True)
    assert (flags["paper_only"], flags["worm_ledger"]) == (True, False)
    assert isinstance(panel["gaps"], list)
    assert len(panel["gaps"]) == 4
    status, unsure, _ = terminal("audit", "status")
    assert status == 3
    assert "could_not_check" in json.dumps(unsure)
    world.forge("UPDATE audit_records SET leaf_hash = ? WHERE seq = 4", "0" * 64)
    status, broken, _ = terminal("audit", "status", *evidence(world))
    assert (status, '"state": "broken"' in json.dumps(broken)) == (1, True)
    assert "state    broken" in terminal.lines("audit", "status", *evidence(world))


def test_one_run_is_verified_and_an_unknown_one_is_not_found(terminal: Terminal) -> None:
    """TX-K3, TX-K4: each record of the run, with what was stored and expected."""
    world = terminal.world
    outcome = world.submitted(world.approved(), selected=SimulationOutcome.FILL)
    run_id = world.order(world.done(outcome)).workflow_run_id
    view = terminal.done("audit", "run", run_id, *evidence(world))["integrity"]
    assert isinstance(view, dict)
    assert (view["workflow_run_id"], view["workflows_checked"]) == (run_id, 1)
    assert all(event["verified"] for event in view["events"])
    status, refused, _ = terminal("audit", "run", NONE_SUCH)
    assert (status, terminal.code(refused)) == (1, "NOT_FOUND")


def test_records_are_listed_within_their_limit(terminal: Terminal) -> None:
    """TX-G11: newest, in the order of the log; 0 and 501 refused."""
    world = terminal.world
    view = terminal.done("audit", "events", "--limit", "3")
    assert (view["limit"], view["total"]) == (3, len(world.log()))
    events = view["events"]
    assert isinstance(events, list)
    assert [e["seq"] for e in events] == [row.seq for row in world.log()][-3:]
    for limit in ("0", "501"):
        status, refused, _ = terminal("audit", "events", "--limit", limit)
        assert (status, terminal.code(refused)) == (2, "LIMIT_OUT_OF_RANGE")


def test_an_empty_log_and_an_unreadable_one_are_never_verified(
    terminal: Terminal, tmp_path: Path
) -> None:
    """TX-K5: status 3 and 4."""
    terminal.world.home = tmp_path / "empty"
    database = terminal.world.settings.database_file
    create_database(database, ORIGIN)
    status, value, _ = terminal("audit", "status")
    assert (status, "nothing_to_verify" in json.dumps(value)) == (3, True)
    database.write_bytes(b"this is no database at all" * 100)
    status, value, _ = terminal("audit", "status")
    assert (status, "could_not_check" in json.dumps(value)) == (4, True)


@pytest.mark.parametrize("words", [("audit", "status"), ("audit", "events"), ("audit", "run", "x")])
def test_looking_at_a_missing_home_creates_nothing(
    terminal: Terminal, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """TX-G12: an operational failure, and still no file."""
    terminal.world.home = tmp_path / "absent"
    status, value, _ = terminal(*words)
    assert (status, terminal.code(value)) == (4, "DATABASE_MISSING")
    assert not terminal.world.home.exists()
