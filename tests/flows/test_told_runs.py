"""What is told of runs: by a server that speaks as the engine's does, and by none."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError
from flows.engine import credentials, engine_of
from flows.engine_client import asking
from flows.told_runs import RunState, told_runs
from storage.settings import Settings
from tests.flows.hall import ROOT

RUN: dict[str, object] = {
    "id": "run-2",
    "flow_id": "flow-1",
    "state_type": "COMPLETED",
    "start_time": "2026-11-22T04:00:00.250000Z",
    "end_time": "2026-11-22T04:00:01Z",
}
WAITING = RUN | {"id": "run-3", "state_type": "PENDING", "start_time": None, "end_time": None}
TRACE = [{"outcome": "LOST_RACE", "count": 1}, {"outcome": "accepted", "count": 3}]
TOKEN = "token-of-the-server"


class Hall(HTTPServer):
    """Answers like the workflow server; `secret` is that of its home."""

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.secret = secret
        self.rows: dict[str, object] = {
            "flow_runs": [WAITING, RUN],
            "flows": [{"id": "flow-1", "name": "execute"}],
            "artifacts": [
                {"flow_run_id": "run-2", "type": "table", "data": json.dumps(TRACE)},
                {"flow_run_id": "run-3", "type": "table", "data": "no table"},
            ],
        }


class _Answers(BaseHTTPRequestHandler):
    server: Hall

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == self.server.secret
        self._answer(200 if known else 401, {"token": TOKEN} if "csrf" in self.path else "3.8.8")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = self.path.split("/")[2]
        assert asked.get("limit", 1) <= 200
        trusted = self.headers["Prefect-Csrf-Token"] == TOKEN
        self._answer(200 if trusted else 403, self.server.rows[kind])

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: object) -> None:
        del told


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(counterseal_home=tmp_path / "home")


@pytest.fixture
def hall(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    engine = engine_of(settings)
    with Hall(credentials(engine)["Authorization"]) as server:
        monkeypatch.setenv("COUNTERSEAL_ENGINE_PORT", str(server.server_port))
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def test_runs_are_told_with_their_flow_their_times_and_what_they_did(
    hall: Hall, settings: Settings
) -> None:
    """Workflow 5: counts and codes of the trace; a run that has not begun has no times."""
    waiting, run = told_runs(settings)
    assert (run.run_id, run.flow, run.state) == ("run-2", "execute", RunState.COMPLETED)
    assert run.started == datetime(2026, 11, 22, 4, 0, 0, 250_000, UTC)
    assert run.ended == datetime(2026, 11, 22, 4, 0, 1, tzinfo=UTC)
    assert [(row.name, row.value) for row in run.did] == [("LOST_RACE", "1"), ("accepted", "3")]
    assert (waiting.state, waiting.started, waiting.did) == (RunState.PENDING, None, ())
    hall.rows["flow_runs"] = []
    assert told_runs(settings) == ()


def test_looking_at_a_home_without_a_server_makes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workflow 2: neither a secret nor a folder."""
    monkeypatch.setenv("COUNTERSEAL_ENGINE_PORT", "1025")
    with pytest.raises(AdapterError, match="ENGINE_UNREACHABLE"):
        told_runs(settings)
    assert not settings.counterseal_home.exists()
    engine_of(settings)
    with pytest.raises(AdapterError, match="no workflow server answers"):
        told_runs(settings)


def test_who_asks_loads_nothing_of_the_engine() -> None:
    """Workflow 2: pages ask in their own process."""
    code = "import sys, flows.told_runs; print('prefect' in sys.modules)"
    asked = [sys.executable, "-c", code]
    told = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603 - our own interpreter and a fixed text
    assert told.stdout == "False\n"


Spoil = Callable[[Hall], None]


def _other_states(hall: Hall) -> None:
    hall.rows["flow_runs"] = [RUN | {"state_type": "DREAMING"}]


def _other_shape(hall: Hall) -> None:
    hall.rows["flow_runs"] = {"detail": "no such thing"}


def _other_fields(hall: Hall) -> None:
    hall.rows["flow_runs"] = [{"id": "run-1"}]


@pytest.mark.parametrize("spoil", [_other_states, _other_shape, _other_fields])
def test_an_answer_that_cannot_be_read_is_no_empty_list(
    hall: Hall, settings: Settings, spoil: Spoil
) -> None:
    """UI W2: unknown is its own state."""
    spoil(hall)
    with pytest.raises(AdapterError, match="ENGINE_UNREACHABLE"):
        told_runs(settings)


def test_a_pool_whose_server_does_not_answer_was_not_closed(settings: Settings) -> None:
    """Workflow 6: a stop goes on without it, and knows that it did."""
    engine = engine_of(settings, 1025)
    with pytest.raises(AdapterError, match="ENGINE_UNREACHABLE") as caught, asking(engine) as one:
        one.pause_pool("counterseal")
    assert caught.value.retriable


def test_another_home_s_server_tells_us_nothing(hall: Hall, settings: Settings) -> None:
    """Workflow 2: ours knows our secret."""
    hall.secret = "Basic of another home"
    with pytest.raises(AdapterError, match="ENGINE_FOREIGN"):
        told_runs(settings)
