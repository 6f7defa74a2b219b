"""What a failed command tells, so that people and scripts know how to go on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.commands import Outcome
from counterseal.desk.lifecycle import Lifecycle
from counterseal.kernel.errors import AdapterError
from tests.ui.sealed_keys import seal_keys
from tests.world import World
from ui.cli.app import run

Ran = tuple[int, dict[str, object], str]
Call = Callable[..., Ran]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command with `--json`: its status, its document and what stood on stderr."""

    def called(*words: str) -> Ran:
        capsys.readouterr()
        status = run([*words, "--json"])
        shown = capsys.readouterr()
        return status, json.loads(shown.out), shown.err

    return called


@pytest.fixture
def cancel(workplace: Path) -> tuple[str, ...]:
    """The words that cancel an order that rests in a home."""
    world = World(workplace / "home")
    seal_keys(world, "operator")
    selected = SimulationOutcome.ACKNOWLEDGE
    order = world.done(world.submitted(world.approved(quantity=2), quantity=2, selected=selected))
    world.store.close()
    return (
        *("orders", "cancel", order, "--as", "operator", "--reason", "not wanted any more"),
        *("--passphrase-file", str(workplace / "secret"), "--home", str(world.home)),
    )


def test_a_failure_after_the_commit_tells_the_key_that_finds_the_outcome(
    cancel: tuple[str, ...], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-G7: repeated with the key that was shown, the command gives what was recorded."""
    real = Lifecycle.cancel

    def fail(*args: object, **words: object) -> Outcome:
        real(*args, **words)  # type: ignore[arg-type]  # as it was called
        raise AdapterError("DATABASE_FAILED", "disk gone")

    monkeypatch.setattr(Lifecycle, "cancel", fail)
    status, told, words = call(*cancel)
    key = str(told["idempotency_key"])

    assert (status, told["may_have_been_recorded"]) == (4, True)
    assert f"it may have been recorded; repeat with the same --key {key}" in words

    monkeypatch.setattr(Lifecycle, "cancel", real)
    status, told, words = call(*cancel, "--key", key)
    assert (status, told["replayed"]) == (0, True)
    status, told, words = call(*cancel)
    assert status == 1, "with a fresh key it is another command"
    assert "idempotency_key" not in told
    assert "--key" not in words


def test_a_failure_before_a_key_was_taken_shows_none(tmp_path: Path, call: Call) -> None:
    """Nothing can have been recorded by a look, or in a folder without a home."""
    status, told, words = call("orders", "list", "--home", str(tmp_path))

    assert status == 4
    assert "idempotency_key" not in told
    assert "recorded" not in words


def test_a_failure_of_the_machine_names_the_path(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STYLE 3.6: code, words and what it was about."""

    def fail(home: object) -> None:
        del home
        raise PermissionError(13, "Permission denied", "/a/file")

    monkeypatch.setattr("ui.cli.portfolio.settings_for", fail)
    status, told, _ = call("portfolio", "show")

    assert status == 4
    assert told["error"] == {"code": "OS_FAILED", "message": "Permission denied", "got": "/a/file"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("people", "dance"), "No such command 'dance'."),
        (("orders", "list", "--colour"), "No such option: --colour"),
        (("risk", "allocate"), "Missing argument 'target'."),
        (("orders", "timeouts", "--timeout-seconds", "soon"), "Input should be a valid integer"),
    ],
    ids=lambda found: found if isinstance(found, str) else " ".join(found),
)
def test_bad_usage_is_said_in_the_document_too(
    call: Call, words: tuple[str, ...], message: str
) -> None:
    """Architecture 7: status 2; a script reads the words that people see."""
    status, told, seen = call(*words)
    error = told["error"]

    assert isinstance(error, dict)
    assert (status, error["code"]) == (2, "USAGE")
    assert message in error["message"]
    assert message in " ".join(seen.split())


def test_part_of_a_contract_is_not_previewed(call: Call) -> None:
    """TX-J1: futures trade whole, from both sides of one contract."""
    status, told, _ = call("broker", "preview", "--quantity", "1.5")
    error = told["error"]

    assert isinstance(error, dict)
    assert (status, error["code"], error["field"]) == (2, "QUANTITY_NOT_WHOLE", "quantity")
    assert call("broker", "preview", "--quantity", "1")[0] == 0
    assert call("broker", "preview", "--quantity", "2.0")[0] == 0
