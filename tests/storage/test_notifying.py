"""Rounds over a real home: nothing lost, nothing twice unless a crash came between."""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from counterseal.desk.notices import Notice, NoticeKind
from counterseal.kernel.errors import AdapterError
from counterseal.policy.words import DecisionWord
from storage.notice_spool import DeliveryState, NoticeSpool
from storage.notifiers.channels import notify_folder
from storage.notifiers.line_file import FileNotifier
from storage.notifying import FAILURES_MAX, SPOOL_FILE, Notifying
from tests.world import World

RESEARCH = DecisionWord.RESEARCH_APPROVED
PAPER = DecisionWord.APPROVED_FOR_PAPER


class PowerCutError(Exception):
    """The process ends."""


@dataclass
class Bell:
    """A way to reach people that does as told."""

    channel: str = "bell"
    rung: list[Notice] = field(default_factory=list)
    failure: AdapterError | None = None
    cut_after: bool = False
    tried: int = 0
    known: tuple[str, ...] | None = None

    def reaches(self, person_id: str) -> bool:
        return self.known is None or person_id in self.known

    def deliver(self, notice: Notice) -> None:
        self.tried += 1
        if self.failure is not None:
            raise self.failure
        self.rung.append(notice)
        if self.cut_after:
            raise PowerCutError

    def heard(self) -> set[tuple[NoticeKind, str]]:
        return {(n.kind, n.person_id) for n in self.rung}


AWAY = AdapterError("MAIL_UNREACHABLE", "away", retriable=True)
NEVER = AdapterError("MAIL_REFUSED", "never")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    made.after(1)
    yield made
    made.store.close()


def rounds(world: World, *bells: Bell) -> Notifying:
    return Notifying(world.settings, world.clock, bells)


def spool(world: World) -> NoticeSpool:
    return NoticeSpool(notify_folder(world.settings) / SPOOL_FILE)


def test_the_first_round_tells_what_waits_and_no_history(world: World) -> None:
    """A home that begins to tell people does not flood them with its past."""
    done, bell = world.approved(), Bell()
    world.done(world.submitted(done))
    world.requested()
    world.after(1)
    report = rounds(world, bell).round()
    assert bell.heard() == {
        (NoticeKind.STAGE_DUE, "researcher"),
        (NoticeKind.STAGE_DUE, "compliance"),
    }
    assert (report.fresh, report.channels[0].told) == (2, 2)


def test_everything_is_told_once_over_many_rounds(world: World) -> None:
    """One notice for each occasion, whatever happens between the rounds."""
    bell = Bell()
    telling = rounds(world, bell)
    telling.round()
    request_id = world.requested()
    for word, name in ((RESEARCH, "researcher"), (PAPER, "risk")):
        telling.round()
        world.after(60)
        telling.round()
        world.done(world.reviewed(request_id, name, word))
    telling.round()
    world.quote()
    world.done(world.submitted(request_id))
    for _ in range(3):
        world.after(60)
        telling.round()
    ids = [notice.notice_id for notice in bell.rung]
    assert len(ids) == len(set(ids))
    kinds = [notice.kind for notice in bell.rung]
    assert kinds.count(NoticeKind.DECIDED) == 2
    assert kinds.count(NoticeKind.ENDED) == 3
    assert {n.person_id for n in bell.rung if n.kind is NoticeKind.SUBMIT_DUE} == {"operator"}


def test_a_closed_case_is_told_though_nobody_looked_while_it_was_open(world: World) -> None:
    """The log says which cases to look at: none is missed between two rounds."""
    bell = Bell()
    rounds(world, bell).round()
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.REJECTED))
    rounds(world, bell).round()
    assert bell.heard() == {(NoticeKind.REQUESTED, "quant"), (NoticeKind.DECIDED, "quant")}


def test_a_channel_that_is_away_loses_nothing_and_holds_up_no_other(world: World) -> None:
    """I1, I2: the server comes back an hour later and gets every notice; the other had them."""
    away, fine = Bell("mail", failure=AWAY), Bell("log")
    telling = rounds(world, away, fine)
    telling.round()
    for _ in range(4):
        world.requested()
    world.after(1)
    report = telling.round()
    assert (away.tried, report.channels[0].postponed) == (FAILURES_MAX, FAILURES_MAX)
    assert report.channels[0].code == "MAIL_UNREACHABLE"
    assert len(fine.rung) == 12
    away.failure = None
    for _ in range(3):
        world.after(120)
        telling.round()
    assert away.heard() == fine.heard()
    assert sorted(n.notice_id for n in away.rung) == sorted(n.notice_id for n in fine.rung)


def test_a_failing_notice_waits_twice_as_long_each_time(world: World) -> None:
    """One minute, two, four: a round in between tries nothing."""
    bell = Bell(failure=AWAY, known=("quant",))
    telling = rounds(world, bell)
    telling.round()
    world.requested()
    tried = []
    for second in range(0, 500, 20):
        before = bell.tried
        telling.round()
        tried += [second] if bell.tried > before else []
        world.after(20)
    assert tried == [0, 60, 180, 420]


def test_what_is_refused_for_good_is_given_up_and_counted(world: World) -> None:
    """A dead address must not be tried for ever, and must not be silent."""
    bell = Bell(failure=NEVER, known=("quant",))
    telling = rounds(world, bell)
    telling.round()
    world.requested()
    report = telling.round()
    assert (report.channels[0].refused, report.channels[0].code) == (1, "MAIL_REFUSED")
    world.after(7200)
    assert telling.round().channels[0].refused == 1  # the expiry, no second try of the first
    assert spool(world).counts() == (("bell", DeliveryState.REFUSED, 2),)


def test_a_call_that_is_over_is_not_sent_any_more(world: World) -> None:
    """A mail server that was away for hours calls nobody to a review that has expired."""
    bell = Bell(failure=AWAY, known=("researcher",))
    telling = rounds(world, bell)
    world.requested()
    telling.round()
    bell.failure = None
    world.after(3600)
    report = telling.round()
    assert (bell.rung, report.channels[0].lapsed) == ([], 1)


def test_a_crash_after_the_delivery_repeats_it_under_its_id(world: World) -> None:
    """I3 of the spool: at least once; the id tells the receiver."""
    bell = Bell(known=("researcher",), cut_after=True)
    world.requested()
    with pytest.raises(PowerCutError):
        rounds(world, bell).round()
    bell.cut_after = False
    rounds(world, bell).round()
    rounds(world, bell).round()
    first, again = bell.rung
    assert first == again


@dataclass
class BusyClock:
    """Tells the time, and lets somebody act before the answer is used."""

    world: World
    act: Callable[[], object] | None
    source: str = "replay"
    max_error_us: int = 0

    def now(self) -> datetime:
        told = self.world.clock.now()
        if self.act is not None:
            act, self.act = self.act, None
            self.world.after(1)
            act()
        return told


def test_what_happens_while_a_round_reads_is_told_by_the_next(world: World) -> None:
    """I1: a decision between the reading of clock and documents falls into no gap."""
    bell = Bell(known=("quant",))
    rounds(world, bell).round()
    request_id = world.requested()
    rounds(world, bell).round()
    reject = partial(world.reviewed, request_id, "researcher", DecisionWord.REJECTED)
    Notifying(world.settings, BusyClock(world, reject), (bell,)).round()
    world.after(1)
    rounds(world, bell).round()
    assert [notice.kind for notice in bell.rung] == [NoticeKind.REQUESTED, NoticeKind.DECIDED]


def test_two_rounds_at_once_are_one(world: World) -> None:
    """A flow and a person at the terminal do not send the same notice together."""
    bell = Bell()
    world.requested()
    notify_folder(world.settings).mkdir()
    with (notify_folder(world.settings) / "lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        report = rounds(world, bell).round()
    assert (report.busy, bell.rung) == (True, [])
    assert not rounds(world, bell).round().busy


def test_telling_people_changes_nothing_of_the_log(world: World) -> None:
    """I3: notices cannot flood the log; they are no evidence."""
    world.requested()
    before = world.log()
    rounds(world, Bell()).round()
    assert world.log() == before


def test_looking_first_keeps_and_sends_nothing(world: World) -> None:
    """A dry run makes no file, and shows what is new only."""
    bell = Bell(known=("researcher",))
    world.requested()
    telling = rounds(world, bell)
    assert [(n.person_id, channel) for n, channel in telling.pending()] == [("researcher", "bell")]
    assert not notify_folder(world.settings).exists()
    telling.round()
    assert telling.pending() == ()


def test_a_channel_of_another_program_gets_what_this_one_found(world: World) -> None:
    """A round at the terminal leaves the block's notices to the flow."""
    bell, block = Bell(), Bell("prefect")
    rounds(world, bell).round()
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.REJECTED))
    Notifying(world.settings, world.clock, (bell,), ("prefect",)).round()
    assert block.rung == []
    rounds(world, bell, block).round()
    assert block.heard() == {(NoticeKind.REQUESTED, "quant"), (NoticeKind.DECIDED, "quant")}


def test_a_log_that_became_shorter_is_read_from_its_beginning(world: World) -> None:
    """After a recovery the place lies beyond the end: no case is missed for that."""
    bell = Bell()
    rounds(world, bell).round()
    with closing(sqlite3.connect(notify_folder(world.settings) / SPOOL_FILE)) as file, file:
        file.execute("UPDATE places SET seq = 1000000")
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.REJECTED))
    rounds(world, bell).round()
    assert (NoticeKind.DECIDED, "quant") in bell.heard()


def test_what_was_settled_long_ago_is_let_go(world: World) -> None:
    """The file does not grow for ever, and nothing old comes back."""
    bell = Bell()
    telling = rounds(world, bell)
    world.requested()
    telling.round()
    heard = len(bell.rung)
    world.after(3 * 3600)
    telling.round()
    world.after(61 * 24 * 3600)
    telling.round()
    telling.round()
    assert spool(world).counts() == ()
    assert {n.kind for n in bell.rung[heard:]} == {NoticeKind.EXPIRED}


def test_neither_spool_nor_file_holds_a_reviewers_words(world: World) -> None:
    """I3 of notices, in the bytes on disk; both are their owner's alone."""
    folder = notify_folder(world.settings)
    telling = Notifying(world.settings, world.clock, (FileNotifier(folder / "notices.jsonl"),))
    telling.round()
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.NEEDS_DATA))
    telling.round()
    for path in folder.iterdir():
        content = path.read_bytes()
        assert b"agree with it" not in content
        assert path.name == "lock" or path.stat().st_mode & 0o077 == 0
    assert b"needs_data_review" in (folder / "notices.jsonl").read_bytes()


def test_a_spool_that_cannot_be_written_says_so_and_sends_nothing(world: World) -> None:
    """I1: nothing is sent that was not kept first."""
    bell = Bell()
    world.requested()
    folder = notify_folder(world.settings)
    folder.mkdir()
    (folder / SPOOL_FILE).write_bytes(b"this is no database, and it is long enough to say so" * 30)
    with pytest.raises(AdapterError) as failed:
        rounds(world, bell).round()
    assert (failed.value.code, failed.value.retriable) == ("NOTICE_SPOOL_FAILED", True)
    assert bell.rung == []
