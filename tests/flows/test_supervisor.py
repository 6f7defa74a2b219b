"""Parts of the house that end are started again, and the house tells of it.

Issue "Always on", point 1: restart of what dies; point 4: structured logs.
"""

import http.server
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError
from flows.processes import Guarded
from flows.serve import serve
from flows.supervisor import FAILURES_MAX, PAUSE_FIRST_SECONDS, STEADY_SECONDS, Part
from storage.log_files import LOG_BYTES_MAX
from storage.settings import Settings
from storage.system import MachineClock
from storage.telling import House, telling
from tests.flows.hall import told_in
from tests.flows.test_processes import until

LIVES, ENDS = "import time; time.sleep(600)", "raise SystemExit(7)"


class Watch:
    """A clock that is moved by hand, and what was told."""

    def __init__(self) -> None:
        self.seconds, self.told, self.begun = 0.0, list[str](), 0
        self.program = LIVES

    def now(self) -> float:
        return self.seconds

    def start(self) -> Guarded:
        self.begun += 1
        return Guarded((sys.executable, "-c", self.program), os.environ)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def part(watch: Watch) -> Iterator[Part]:
    with ExitStack() as stack:
        yield stack.enter_context(Part("worker", watch.start, watch.told.append, watch.now))


def ended(part: Part) -> None:
    """End its process as a crash does."""
    os.kill(part.child.pid, 9)
    assert until(lambda: part.child.status is not None, 10)


def test_a_part_that_lives_is_left_alone(watch: Watch, part: Part) -> None:
    part.look()
    watch.seconds += 1000
    part.look()
    assert (watch.begun, watch.told) == (1, [])


def test_a_part_that_ends_is_started_again_after_a_pause(watch: Watch, part: Part) -> None:
    """Its end is told with its status, and so is its next start."""
    ended(part)
    part.look()
    watch.seconds += PAUSE_FIRST_SECONDS - 0.1
    part.look()
    assert watch.begun == 1
    watch.seconds += 0.1
    part.look()
    assert watch.begun == 2
    assert part.child.status is None
    assert watch.told == ["worker    ended with -9; again in 1 s", "worker    started again"]


def test_pauses_double_until_a_part_was_steady_for_a_minute(watch: Watch, part: Part) -> None:
    for _ in range(3):
        ended(part)
        part.look()
        watch.seconds += 100
        part.look()
    watch.seconds += STEADY_SECONDS
    part.look()
    ended(part)
    part.look()
    pauses = [line.rpartition("again in ")[2] for line in watch.told if "ended" in line]
    assert pauses == ["1 s", "2 s", "4 s", "1 s"]


def test_a_part_that_ends_again_and_again_ends_the_house(watch: Watch) -> None:
    """It says which part; a house without it would pretend to be at work."""
    watch.program = ENDS
    with Part("worker", watch.start, watch.told.append, watch.now) as part:
        for _ in range(FAILURES_MAX):
            assert until(lambda: part.child.status is not None, 30)
            part.look()
            watch.seconds += 100
            part.look()
        assert until(lambda: part.child.status == 7, 30)
        with pytest.raises(AdapterError, match=r"HALL_PART_ENDED.*worker"):
            part.look()
    assert watch.begun == FAILURES_MAX + 1


def test_leaving_stops_whatever_runs_by_then(watch: Watch) -> None:
    with Part("worker", watch.start, watch.told.append, watch.now) as part:
        ended(part)
        part.look()
        watch.seconds += 100
        part.look()
        assert part.child.status is None
    assert part.child.status is not None


def test_an_end_and_a_start_stand_in_the_log_of_the_house(watch: Watch, tmp_path: Path) -> None:
    """By the part's word and its status; what it printed is cut before it grows for ever."""
    printed = tmp_path / "log" / "worker.out"
    log = telling(tmp_path, House.SUPERVISOR, MachineClock())
    with Part("worker", watch.start, watch.told.append, watch.now, log, printed) as part:
        ended(part)
        part.look()
        watch.seconds += 100
        printed.write_bytes(b"x" * (LOG_BYTES_MAX + 1))
        part.look()
        part.look()
    told = [(line["event"], line["child"], line.get("status")) for line in told_in(tmp_path)]
    assert told == [
        ("part_ended", "worker", -9),
        ("output_cut", "worker", None),
        ("part_started", "worker", None),
    ]
    assert printed.stat().st_size == 0


@pytest.fixture
def foreign_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port on which a server sits that does not know our secret; signals are ours again after."""

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None: ...

    before = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("COUNTERSEAL_ENGINE_PORT", str(server.server_port))
        yield server.server_port
        server.shutdown()
        thread.join()
    for number, handler in before:
        signal.signal(number, handler)


def test_a_house_that_cannot_start_says_why_by_its_code(tmp_path: Path, foreign_port: int) -> None:
    """The reason stands in its log, too, without the words of the error."""
    (tmp_path / "home").mkdir()
    settings = Settings(counterseal_home=tmp_path / "home", counterseal_signer_state=tmp_path / "s")
    with pytest.raises(AdapterError, match=rf"ENGINE_FOREIGN.*{foreign_port}"):
        serve(settings, lambda _: None)
    [line] = told_in(tmp_path / "home")
    assert (line["event"], line["codes"], line["level"]) == (
        "house_failed",
        "ENGINE_FOREIGN",
        "error",
    )
    assert str(line["place"]).startswith("flows.engine.answers:")
