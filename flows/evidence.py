"""What the flows about outside evidence do, in plain functions that know no engine.

Job: keep an idle log alive, fix daily where its streams end, ask those outside, and report what
each of them said.

Invariants
  I1  The same work again is harmless: one silence has one heartbeat, one interval one time-stamp.
  I2  A contradiction is told apart from a bad day.

Not here: asking (storage.attesting), heartbeats and snapshots (desk), when to ask (resident).
Source: audit-log part 5; workflow part 5.
"""

from datetime import timedelta
from typing import Final

from counterseal.desk.heartbeats import Heartbeats
from counterseal.desk.snapshots import Snapshots
from counterseal.kernel.errors import AdapterError, IntegrityError
from counterseal.kernel.model import DomainModel, Name, Text
from flows.workplace import Workplace
from storage.archive import SqlArchive
from storage.attesting import Attesting, Kind, folder_of, newest_stamp_age
from storage.data_keys import data_keys

CONTRADICTED: Final = 1
FAILED: Final = 4
SNAPSHOT_EVERY: Final = timedelta(days=1)
"""Between two snapshots: an operator who learns today which case will be asked for finds its end of
yesterday fixed; each costs one record, and a map of all streams."""


class Answer(DomainModel):
    """What one of those outside said; see `storage.attesting.Said`."""

    who: Text
    size: int
    code: Name | None
    message: Text
    alarm: bool


class EvidenceReport(DomainModel):
    """What came of one round.

    Attributes:
        beaten: Whether the log was idle and got a heartbeat.
        mapped: Whether a snapshot of the streams was due and taken.
        answers: One of each that is configured; none for a home without a folder of evidence.
    """

    beaten: bool = False
    mapped: bool = False
    answers: tuple[Answer, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 all vouch for it, 1 one contradicts, 4 one failed."""
        if any(answer.alarm for answer in self.answers):
            return CONTRADICTED
        return FAILED if any(answer.code is not None for answer in self.answers) else 0

    @property
    def subject(self) -> str:
        """The largest size that was vouched for, as text."""
        return str(max((answer.size for answer in self.answers), default=0))

    @property
    def rows(self) -> list[dict[str, int | str]]:
        """What a trace shows: who, how much, and the code of a failure."""
        ours = {"heartbeat": self.beaten, "snapshot": self.mapped}
        own: list[dict[str, int | str]] = [
            {"who": who, "size": 0, "said": str(done)} for who, done in ours.items()
        ]
        asked: list[dict[str, int | str]] = [
            {"who": answer.who, "size": answer.size, "said": answer.code or "ok"}
            for answer in self.answers
        ]
        return [*own, *asked]

    def checked(self) -> "EvidenceReport":
        """This report, when everybody vouches.

        Raises:
            IntegrityError: `EVIDENCE_CONTRADICTS`.
            AdapterError: `EVIDENCE_FAILED`.
        """
        codes = ", ".join(f"{a.who} {a.code}" for a in self.answers if a.code is not None)
        if self.exit_status == CONTRADICTED:
            raise IntegrityError("EVIDENCE_CONTRADICTS", "outsiders saw another log", got=codes)
        if self.exit_status == FAILED:
            raise AdapterError("EVIDENCE_FAILED", "not everybody outside answered", got=codes)
        return self


def keep_alive(place: Workplace, run: str) -> EvidenceReport:
    """Append what is due; then have the newest checkpoint cosigned and anchored.

    A heartbeat when the log is idle, and once a day a snapshot of its streams.

    Raises:
        IntegrityError: the log is broken.
        AdapterError: the desk's; the same call may be repeated when it says so.
    """
    bench = place.opened().bench
    quiet = bench.bundle.evidence.heartbeat
    actor, now = place.actor(run), place.clock.now()
    archive = SqlArchive(place.settings.database, data_keys(place.settings))
    beat = Heartbeats(bench).beat(actor, now=now, quiet=quiet)
    snapshot = Snapshots(bench, archive).take(actor, now=now, every=SNAPSHOT_EVERY)
    return EvidenceReport(
        beaten=beat is not None and beat.accepted,
        mapped=snapshot is not None and snapshot.accepted,
        answers=_asked(place, Kind.WITNESSES, Kind.ANCHOR),
    )


def stamp(place: Workplace) -> EvidenceReport:
    """Have the newest checkpoint stamped, unless one was within half the interval of the policy.

    Raises:
        AdapterError: the log cannot be read.
    """
    if place.settings.counterseal_stamp_url is None:
        return EvidenceReport()
    age = newest_stamp_age(folder_of(place.settings), place.clock.now())
    if age is not None and age < place.opened().bench.bundle.evidence.stamp / 2:
        return EvidenceReport()
    return EvidenceReport(answers=_asked(place, Kind.STAMP))


def _asked(place: Workplace, *kinds: Kind) -> tuple[Answer, ...]:
    if place.settings.counterseal_outside is None:
        return ()
    said = Attesting(place.settings).gather(*kinds)
    return tuple(
        Answer(who=s.who, size=s.size, code=s.code, message=s.message[:500] or "-", alarm=s.alarm)
        for s in said
    )
