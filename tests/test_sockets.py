"""Paper trading needs no network: the guard bites, and nothing gives it a reason to."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guard.sitecustomize import REFUSED_FILE

ROOT = Path(__file__).parents[1]
PUBLIC = "192.0.2.1"
"""An address that is kept for documentation: nobody lives there."""

EVERY_SOCKET = """
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith("socket.") else None)
"""

PAPER_PATH = """
from pathlib import Path
from counterseal.broker.model import SimulationOutcome
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.valuation import Mark, value_account
from tests.world import SYMBOL, World

world = World(Path(sys.argv[1]) / "home")
filled, *resting = [
    world.done(world.submitted(world.approved(quantity=1), quantity=1, selected=selected))
    for selected in (None, SimulationOutcome.ACKNOWLEDGE, SimulationOutcome.ACKNOWLEDGE)
]
operator = world.actor("operator")
cycle = world.desk.lifecycle
world.done(cycle.cancel(resting[0], operator, reason="not wanted", key=world.key()))
world.after(60)
run = world.order(resting[1]).workflow_run_id
late = dict(workflow_run_id=run, reason="no answer in time", key=world.key())
world.done(cycle.mark_timeout(resting[1], operator, **late))
states = [world.order(order).state.value for order in (filled, *resting)]
with world.store.reader() as reader:
    accounts, positions = reader.find(Account), reader.find(Position)
fill = world.fills()[0]
mark = Mark(symbol=SYMBOL, price=fill.last_price, seen_at=fill.occurred_at, source="last-fill")
value = value_account(accounts[0], positions, [mark], now=world.clock.now())
print(states, value.positions[0].quantity, world.verdict().exit_status, seen)
"""

COMMAND_LINE = """
import os
from ui.cli.app import run

folder = sys.argv[1]
os.environ["COUNTERSEAL_SIGNER_STATE"] = f"{folder}/signer"
os.environ["COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE"] = f"{folder}/secret"
with open(f"{folder}/secret", "w") as file:
    file.write("a long passphrase for tests")
proof = ["--passphrase-file", f"{folder}/secret"] * 2
statuses = [
    run([*words.split(), *more, "--home", f"{folder}/home", "--json"])
    for words, more in [
        ("init --officer ann --officer bob", proof),
        ("people list", []),
        ("approvals list", []),
        ("orders list", []),
        ("portfolio show", []),
        ("risk show", []),
        ("audit verify", []),
        ("audit reconcile", []),
    ]
]
print()
print(statuses, seen)
"""


def last_line(code: str, *args: str, refused: Path | None = None) -> str:
    told = {} if refused is None else {REFUSED_FILE: str(refused)}
    done = subprocess.run(  # noqa: S603 - our own interpreter and a fixed text
        [sys.executable, "-c", code, *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | told,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def _datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.sendto(b"", (PUBLIC, 9))


def _connect() -> None:
    with socket.socket() as held:
        held.connect((PUBLIC, 9))


def _quiet_connect() -> None:
    with socket.socket() as held:
        held.connect_ex((PUBLIC, 9))


ATTEMPTS: dict[str, Callable[[], object]] = {
    "connect": _connect,
    "connect that returns its error": _quiet_connect,
    "datagram": _datagram,
    "look-up": lambda: socket.getaddrinfo("counterseal.example", 443),
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_an_attempt_beyond_this_machine_fails_loudly(
    attempt: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AS-19: the guard bites, whichever way is tried, and writes the attempt down."""
    refused = tmp_path / "refused"
    monkeypatch.setenv(REFUSED_FILE, str(refused))
    with pytest.raises(RuntimeError, match="tests reach this machine only"):
        attempt()
    assert refused.read_text("utf-8").count("\n") == 1


def test_a_child_process_is_guarded_as_well(tmp_path: Path) -> None:
    """AS-19: an attempt that the child hides is written down all the same."""
    refused = tmp_path / "refused"
    code = (
        f"import socket\ntry:\n    socket.socket().connect(('{PUBLIC}', 9))\n"
        "except RuntimeError as error:\n    print(type(error).__name__)\n"
    )
    assert last_line(code, refused=refused) == "BeyondLoopbackError"
    assert refused.read_text("utf-8") == f"socket.connect {PUBLIC}\n"


def test_this_machine_stays_reachable(tmp_path: Path) -> None:
    """AS-19: servers of the tests listen here, by number, by name and by file."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, port), timeout=5).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


def test_the_paper_path_opens_no_socket_at_all(tmp_path: Path) -> None:
    """AS-19, TX-C17: signal, request, reviews, submit, cancel, time-out and look, in a process."""
    told = last_line(EVERY_SOCKET + PAPER_PATH, str(tmp_path))
    assert told == "['FILLED', 'CANCELLED', 'EXPIRED'] 1 0 []"


def test_the_command_line_opens_no_socket_at_all(tmp_path: Path) -> None:
    """AS-19: founding a home, looking at everything; a verdict without a pinned key is open (3)."""
    assert last_line(EVERY_SOCKET + COMMAND_LINE, str(tmp_path)) == "[0, 0, 0, 0, 0, 0, 3, 0] []"
