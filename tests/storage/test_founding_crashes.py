"""A home whose founding is killed in the middle: the next one finishes or begins anew."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING

import pytest

from counterseal.kernel.errors import InputError, IntegrityError
from storage import founding, signers
from storage.journal import AfterStep
from storage.signers import create_state
from tests.ground import PLAN, Ground, ground_at
from tests.household import ORIGIN

if TYPE_CHECKING:
    from _typeshed import TraceFunction

KILLED = 77


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return ground_at(tmp_path, "home")


def killed(act: Callable[[], None]) -> bool:
    """Run an act in a process of its own; whether it was killed in the middle."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == KILLED


def kill_at(name: str, turn: int = 0) -> AfterStep:
    """An observer that ends the process at a durable step, without any clean-up."""
    left = iter(range(turn, -1, -1))

    def observe(step: str) -> None:
        if step == name and next(left) == 0:
            os._exit(KILLED)

    return observe


def kill_in(name: str, count: int, *more: CodeType) -> None:
    """End the process before the n-th line that runs in a function of founding, or in `more`."""
    real = getattr(founding, name)
    codes = {real.__code__, *more}
    left = iter(range(count, -1, -1))

    def line(frame: FrameType, event: str, _: object) -> "TraceFunction":
        del frame
        if event == "line" and next(left) == 0:
            os._exit(KILLED)
        return line

    def call(frame: FrameType, event: str, _: object) -> "TraceFunction | None":
        return line if event == "call" and frame.f_code in codes else None

    def watched(*arguments: object) -> object:
        sys.settrace(call)
        return real(*arguments)

    setattr(founding, name, watched)


def after_a_crash(ground: Ground) -> None:
    """What a second `init` gives: a whole home, by itself or by the one before."""
    if ground.settings.database_file.exists():
        with pytest.raises(InputError, match="DATABASE_EXISTS"):
            ground.found()
    else:
        ground.found()
    ground.is_whole()


STEPS = [
    *(("laid out", 0), ("recorded", 0), ("placed", 0), ("signed", 0), ("checkpointed", 0)),
    *(("signed", 3), ("moved", 0), ("moved", 1), ("remembered", 0), ("founded", 0)),
]


@pytest.mark.parametrize(("step", "turn"), STEPS)
def test_a_crash_after_a_durable_step_costs_one_more_init(
    ground: Ground, step: str, turn: int
) -> None:
    """Founding I3: whatever the log, the memory or the moved files say by then."""
    assert killed(lambda: ground.found(after_step=kill_at(step, turn)))
    after_a_crash(ground)


def test_the_crashes_above_know_every_step(ground: Ground) -> None:
    """A step that is new here needs a crash above."""
    steps: list[str] = []

    def observe(step: str) -> None:
        steps.append(step)

    ground.found(after_step=observe)
    assert set(steps) == {step for step, _ in STEPS}


def killed_in(ground: Ground, function: str, count: int) -> bool:
    def act() -> None:
        kill_in(function, count, founding._clear.__code__, signers.forget_founding.__code__)
        ground.found()

    return killed(act)


@pytest.mark.parametrize(("function", "lines"), [("_laid_out", 6), ("_settle", 12)])
def test_crashes_before_each_line_in_turn_cost_one_more_init(
    ground: Ground, function: str, lines: int
) -> None:
    """Founding I3: each founding clears away what the one before left, and gets a line further."""
    for count in range(lines):
        assert killed_in(ground, function, count)
        assert not ground.settings.database_file.exists()
    after_a_crash(ground)


@pytest.mark.parametrize("line", range(12, 17))
def test_a_crash_once_the_database_is_in_place_leaves_a_whole_home(
    ground: Ground, line: int
) -> None:
    """Founding I3: what is still to be cleared away is in nobody's way."""
    assert killed_in(ground, "_settle", line)
    after_a_crash(ground)


def test_clearing_away_may_be_killed_before_each_line(ground: Ground) -> None:
    """Founding I3, I4: it is taken up again by the next one."""
    for count in range(14):
        assert killed(lambda: ground.found(after_step=kill_at("remembered")))
        assert killed_in(ground, "_clear", count)
    after_a_crash(ground)


def test_a_leftover_of_another_log_takes_its_memory_along(ground: Ground) -> None:
    """Founding I3: the second attempt may name its log differently."""
    assert killed(lambda: ground.found(after_step=kill_at("remembered")))
    assert ground.state.exists()
    other = replace(PLAN, origin="counterseal.example/other")
    ground.found(other)
    assert not ground.state.exists()


def test_the_memory_of_a_living_log_is_not_cleared_away(ground: Ground) -> None:
    """Founding I4: only what equals the leftover's own memory is removed."""
    assert killed(lambda: ground.found(after_step=kill_at("moved", 1)))
    create_state(ground.settings.counterseal_signer_state, ORIGIN)
    living = ground.state.read_bytes()
    with pytest.raises(IntegrityError, match="SIGNER_STATE_EXISTS"):
        ground.found()
    assert ground.state.read_bytes() == living


def test_a_finished_home_that_lost_its_database_keeps_its_memory(ground: Ground) -> None:
    """Founding I4: only an unfinished founding is taken back; a backup may bring the file again."""
    assert killed(lambda: ground.found(after_step=kill_at("founded")))
    database = ground.settings.database_file
    lost, memory = database.read_bytes(), ground.state.read_bytes()
    database.unlink()
    with pytest.raises(InputError, match="KEY_FILE_EXISTS"):
        ground.found()
    assert ground.state.read_bytes() == memory
    database.parent.mkdir(exist_ok=True)
    database.write_bytes(lost)
    ground.is_whole()
