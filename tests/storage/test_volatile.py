"""Every volatile cell, changed behind the guards: it may cost a refusal, it never gives a right."""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError as BrokenConstraint

from counterseal.approvals.model import ApprovalRequest
from counterseal.audit.record import DRAFT_FIELDS
from counterseal.desk.commands import Outcome
from counterseal.kernel.errors import CountersealError
from counterseal.policy.words import DecisionWord
from storage.journal import AfterStep
from storage.migrations import create_schema
from storage.reconcile import reconcile
from storage.system import ReplayClock
from storage.tables import REGISTER, VOLATILE_BECAUSE, VOLATILE_COLUMNS, TableClass
from tests.world import START, OneQuote, World

Cell = str | int | bytes | None
Facts = Counter[tuple[str, ...]]
VOLATILE = sorted(name for name, kind in REGISTER.items() if kind is TableClass.VOLATILE)
USUAL = ["ALREADY_CONSUMED", "NO_STAGE_DUE"]
"""Refused anyway: a second submit of one approval, a second review of one stage."""
STEPS = ("recorded", "placed")
"""Where the crash left the last command: in the outbox, or in the log without a checkpoint."""


class Left(NamedTuple):
    """A home as a crash left it, and what its use gives when nobody changes a cell."""

    step: str
    folder: Path
    held: Facts


@cache
def columns() -> Mapping[str, tuple[str, ...]]:
    """Columns of every volatile table, as the migrations make them."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        create_schema(connection)
        found = {
            name: connection.exec_driver_sql(f"PRAGMA table_info({name})").all()
            for name in VOLATILE
        }
    engine.dispose()
    return {name: tuple(str(row[1]) for row in rows) for name, rows in found.items()}


CELLS = [
    (table, column)
    for table, names in [*columns().items(), *VOLATILE_COLUMNS.items()]
    for column in names
]


def other_values(cell: object) -> Iterator[Cell]:
    """What somebody could write there instead: nothing, nonsense, and what looks right."""
    if isinstance(cell, bytes):
        yield from (b"{}", bytes([cell[0] ^ 1]) + cell[1:])
        yield cell.replace(b'"operator"', b'"compliance"')  # somebody else did it
    elif isinstance(cell, str):
        yield from ("", "9999")
    else:
        yield from (None, 0, 1_000_000)


def crash_at(wanted: str) -> AfterStep:
    def observe(step: str) -> None:
        if step == wanted:
            raise KeyboardInterrupt

    return observe


def rest(home: Path, step: str) -> None:
    """A home that a crash left: a submit in flight, another request before its last review."""
    world = World(home)
    approved = world.approved(quantity=2)
    world.done(
        world.reviewed(world.requested(quantity=1), "researcher", DecisionWord.RESEARCH_APPROVED)
    )
    world.reopen(crash_at(step))
    with pytest.raises(KeyboardInterrupt):
        world.submitted(approved, quantity=2, key="the-submit")
    world.store.close()


def copied(left: Path, folder: Path) -> World:
    """The same home somewhere else, not yet opened."""
    shutil.copytree(left, folder)
    world = World.__new__(World)
    world.home, world.clock, world.feed = folder / "home", ReplayClock(START), OneQuote()
    world.count = 1_000
    world.quote()
    return world


def used(world: World) -> list[str]:
    """What people do next; the code of everything that was refused."""
    codes: list[str] = []

    def attempt(act: Callable[[], Outcome | None]) -> None:
        try:
            outcome = act()
        except CountersealError as error:
            codes.append(error.code)
        except BrokenConstraint:
            codes.append("the database refuses")
        else:
            if outcome is not None and outcome.refusal is not None:
                codes.append(outcome.refusal.code)

    attempt(world.reopen)
    if not codes:
        with world.store.reader() as reader:
            waiting, approved = sorted(
                reader.find(ApprovalRequest), key=lambda r: r.payload.max_quantity
            )
        for key in ("the-submit", "once-more"):
            attempt(partial(world.submitted, approved.approval_request_id, quantity=2, key=key))
        word = DecisionWord.APPROVED_FOR_PAPER
        for _ in range(2):
            attempt(partial(world.reviewed, waiting.approval_request_id, "risk", word))
        world.store.close()
    return codes


def held(world: World) -> Facts:
    """Fills, decisions and what the log says, each as often as it is there."""
    bodies = (json.loads(row.body) for row in world.log())
    said = [("log", json.dumps({n: body[n] for n in sorted(DRAFT_FIELDS)})) for body in bodies]
    fills = world.rows("SELECT 'fill', order_id, last_quantity FROM fills")
    decisions = world.rows(
        "SELECT reviewer_id, decision, approval_request_id FROM approval_decisions"
    )
    return Counter([*said, *(tuple(map(str, row)) for row in (*fills, *decisions))])


@pytest.fixture(scope="module", params=STEPS)
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """A home after a crash, and what its use gives when nobody changed anything."""
    folder = tmp_path_factory.mktemp(str(request.param))
    rest(folder / "left" / "home", request.param)
    control = copied(folder / "left", folder / "control")
    assert used(control) == USUAL
    return Left(request.param, folder / "left", held(control))


def test_every_volatile_table_says_why_and_has_cells_to_walk() -> None:
    """Tables I1: a new volatile table is walked below without another word."""
    assert sorted(VOLATILE_BECAUSE) == sorted([*VOLATILE, *VOLATILE_COLUMNS])
    assert all(columns().values())


@pytest.mark.parametrize(("table", "column"), CELLS)
def test_a_changed_volatile_cell_gives_no_right(
    left: Left, tmp_path: Path, table: str, column: str
) -> None:
    """TX-Z10: refused, or the same fills, decisions and records; a lost record is noticed."""
    found = copied(left.folder, tmp_path / "look").rows(f"SELECT rowid, {column} FROM {table}")
    assert found, "nothing to change: leave a row there before the crash"
    rowid, cell = found[0]
    for place, value in enumerate(v for v in other_values(cell) if v != cell):
        world = copied(left.folder, tmp_path / str(place))
        try:
            world.forge(f"UPDATE {table} SET {column} = ? WHERE rowid = {rowid}", value)
        except sqlite3.IntegrityError:
            continue  # the schema itself refuses this value
        codes, after = used(world), held(world)

        assert after - left.held == Counter(), (value, codes)
        noticed = codes != USUAL or not reconcile(world.settings.database_file).clean
        assert noticed or after == left.held, value
