"""Telling people.

Job: find what is new in a home, keep it, and hand it to each channel until that takes it.

Invariants
  I1  Nothing is sent that was not kept first, and nothing kept is forgotten before it is settled.
  I2  A channel that fails holds up no other, and a round ends in bounded time.
  I3  The log gets no record of notices: telling people changes nothing that is evidence.

Not here: what is told (desk.notices), the file (notice_spool), the ways (notifiers).
Source: issue point 5; policies/decisions/0017-notices-lie-beside-the-log.md.
"""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from counterseal.desk.notices import KEPT_DAYS, Notice, Notifier, notices
from counterseal.desk.views.standing import load_register
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import DomainModel, Name
from storage.durable import make_folder
from storage.home_reader import HomeReader, read_home
from storage.law import law_in_force
from storage.notice_spool import DeliveryState, NoticeSpool, Place, Waiting
from storage.notifiers.channels import notify_folder
from storage.settings import Settings

SPOOL_FILE: Final = "spool.sqlite3"
ROUND_MAX: Final = 500
"""Notices that one round tries."""

FAILURES_MAX: Final = 3
"""Failures in a row after which a channel is left alone for this round."""

_ROUND_SPAN: Final = timedelta(seconds=60)
"""After which a round begins no further delivery on a channel."""

_DELAY_FIRST: Final = timedelta(seconds=60)
_DELAY_MAX: Final = timedelta(hours=1)
_CASE: Final = "case:"


class ChannelReport(DomainModel):
    """What one round did on one channel; `code` is the last failure's."""

    channel: Name
    told: int = 0
    postponed: int = 0
    refused: int = 0
    lapsed: int = 0
    code: str = ""


class NotifyReport(DomainModel):
    """What one round did.

    Attributes:
        fresh: Deliveries that were new.
        busy: Another round is under way; nothing was done.
    """

    fresh: int = 0
    busy: bool = False
    channels: tuple[ChannelReport, ...] = ()


class Notifying:
    """The notices of one home.

    Args:
        settings: Of the home; checked.
        clock: Tells what is due.
        channels: Ways to reach people, each under a name of its own.
        elsewhere: Names of ways that reach everybody and are tried by another program: notices are
            kept for them.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        channels: Sequence[Notifier],
        elsewhere: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._channels = tuple(channels)
        self._elsewhere = tuple(elsewhere)
        self._spool = NoticeSpool(notify_folder(settings) / SPOOL_FILE)

    def pending(self) -> tuple[tuple[Notice, str], ...]:
        """What a round would keep now, and for which channel; nothing is written.

        Raises:
            AdapterError: the home or the spool cannot be read.
        """
        return tuple(
            (notice, channel)
            for notice in self._found()[0]
            for channel in self._reaching(notice.person_id)
            if self._spool.unknown(notice, channel)
        )

    def round(self) -> NotifyReport:
        """Find what is new, keep it, and try everything whose time has come.

        Raises:
            AdapterError: the home or the spool cannot be read or written; a channel's failure is
                in the report.
        """
        with _alone(notify_folder(self._settings) / "lock") as free:
            if not free:
                return NotifyReport(busy=True)
            found, place = self._found()
            deliveries = [(n, name) for n in found for name in self._reaching(n.person_id)]
            now = self._clock.now()
            fresh = self._spool.keep(deliveries, place, now)
            self._spool.forget(now - timedelta(days=2 * KEPT_DAYS))
            reports = tuple(self._tried(channel) for channel in self._channels)
            return NotifyReport(fresh=fresh, channels=reports)

    def _reaching(self, person_id: str) -> tuple[str, ...]:
        here = (channel.channel for channel in self._channels if channel.reaches(person_id))
        return (*here, *self._elsewhere)

    def _found(self) -> tuple[tuple[Notice, ...], Place]:
        """What there is to tell, and how far the log was read for it, from one snapshot."""
        known = self._spool.place()
        with read_home(self._settings) as reader:
            _, end = reader.ends() or (0, 0)
            now = self._clock.now()  # not before the snapshot: all that it holds has happened then
            touched = () if known is None else _touched(reader, known.seq, end)
            register = load_register(reader, law_in_force(reader, now).bundle)
            found = notices(reader, register, touched, now)
        place = Place(end, now if known is None else known.since)
        return tuple(n for n in found if n.until is not None or n.at >= place.since), place

    def _tried(self, channel: Notifier) -> ChannelReport:
        report, failures, begun = ChannelReport(channel=channel.channel), 0, self._clock.now()
        for one in self._spool.waiting(channel.channel, begun, ROUND_MAX):
            if failures == FAILURES_MAX or self._clock.now() - begun > _ROUND_SPAN:
                break
            state, code = self._delivered(channel, one)
            failures = failures + 1 if state is DeliveryState.WAITING else 0
            report = _counted(report, state, code)
        return report

    def _delivered(self, channel: Notifier, one: Waiting) -> tuple[DeliveryState, str]:
        """Hand one notice over and keep what became of it."""
        now = self._clock.now()
        if _is_over(one.notice, now):
            self._spool.settle(one, DeliveryState.LAPSED, now)
            return DeliveryState.LAPSED, ""
        try:
            channel.deliver(one.notice)
        except AdapterError as error:
            if error.retriable:
                self._spool.postpone(one, now + _delay(one.attempts), now, code=error.code)
                return DeliveryState.WAITING, error.code
            self._spool.settle(one, DeliveryState.REFUSED, now, code=error.code)
            return DeliveryState.REFUSED, error.code
        self._spool.settle(one, DeliveryState.TOLD, now)
        return DeliveryState.TOLD, ""


_COUNTED_AS: Final = {
    DeliveryState.TOLD: "told",
    DeliveryState.WAITING: "postponed",
    DeliveryState.REFUSED: "refused",
    DeliveryState.LAPSED: "lapsed",
}


def _counted(report: ChannelReport, state: DeliveryState, code: str) -> ChannelReport:
    name = _COUNTED_AS[state]
    return report.amended(**{name: dict(report)[name] + 1, "code": code or report.code})


def _touched(reader: HomeReader, seq: int, end: int) -> frozenset[str]:
    """Requests whose cases got records; all of them when the log is shorter than it was."""
    start = seq if seq <= end else None
    streams = {row.stream for row in reader.records(start, end)}
    return frozenset(s.removeprefix(_CASE) for s in streams if s.startswith(_CASE))


def _is_over(notice: Notice, now: datetime) -> bool:
    end = notice.until or notice.at + timedelta(days=KEPT_DAYS)
    return now >= end


def _delay(attempts: int) -> timedelta:
    """One minute, then twice as long each time, up to an hour."""
    return min(_DELAY_FIRST * (1 << min(attempts, 10)), _DELAY_MAX)


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether this is the only round of the home, for the time of the block."""
    make_folder(path.parent)
    with path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
