"""A governed world whose database is on a server, shared by processes that dispatch.

    python -m tests.torture.shared_world HOME URL

is one of them: it claims whatever is due, submits it, and says what was acknowledged, until it is
ended. All of them have one clock: the machine's, moved on by what a file of the world says.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Self

from sqlalchemy import make_url

from counterseal.desk.desk import Desk
from counterseal.desk.ports import Reader
from counterseal.kernel.errors import AdapterError, CountersealError
from counterseal.kernel.model import Actor, Refusal
from counterseal.market.quotes import Quote
from flows.work import carry_out, claim
from flows.workplace import Workplace
from storage.databases import database_at
from storage.desk import open_desk
from storage.settings import Settings
from storage.system import DemoClock, MachineIdSource
from storage.transfer import transfer
from tests.household import START, OneQuote
from tests.world import World

MANY = 10**9
AHEAD = "ahead"
PAUSE_SECONDS = 0.02


class SharedClock(DemoClock):
    """The machine's clock, ahead by what the file says; it never goes back.

    Args:
        file: Seconds, as text.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(timedelta())
        self._file = file

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=float(self._file.read_text()))

    def move(self, seconds: float) -> None:
        """Move everybody's clock on."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(float(self._file.read_text()) + seconds))
        fresh.replace(self._file)


class FreshQuotes(OneQuote):
    """A market that stands still and quotes at every moment."""

    def __init__(self, quote: Quote) -> None:
        super().__init__()
        self._quote = quote

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        del symbol
        named = f"quote-at-{now:%H%M%S%f}"
        return self._quote.amended(quote_id=named, event_time=now, receive_time=now)


class SharedWorld(World):
    """A world on a server; what it knows of time and quotes, all of its processes know."""

    url: str
    signed_in: datetime

    @classmethod
    def founded(cls, home: Path, url: str) -> Self:
        """A world founded in a file and carried over to an empty database."""
        made = World(home)
        made.store.close()
        transfer(made.settings.database, database_at(url))
        (home / AHEAD).write_text(str((START - DemoClock(timedelta()).now()).total_seconds()))
        return cls.at(home, url)

    @classmethod
    def at(cls, home: Path, url: str) -> Self:
        """The world of another process."""
        world = cls.__new__(cls)
        world.home, world.url = home, url
        world.clock = world.shared  # type: ignore[assignment]  # as a replay's, but it moves by itself
        world.feed, world.count = OneQuote(), int(time.time())
        world.feed = FreshQuotes(world.quote(size=100))
        world.signed_in = world.clock.now()
        world.reopen()
        return world

    def actor(self, name: str) -> Actor:
        """People signed in a while ago, and stay who they are from preparing to deciding."""
        return super().actor(name).amended(auth_time=self.signed_in)

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(update={"counterseal_database_url": self.url})

    def reopen(self, after_step: object = None) -> None:
        """Open the desk on the server, with limits that stop no order of a campaign."""
        del after_step
        opened = open_desk(
            self.settings,
            self.log_key,
            clock=self.clock,
            ids=MachineIdSource(),
            feed=self.feed,
        )
        limits = opened.bench.bundle.limits
        wide = limits.amended(
            daily_loss_max_twd=Decimal(MANY),
            desk=limits.desk.amended(
                portfolio_loss_max_twd=Decimal(MANY),
                orders_per_second_max=MANY,
                messages_per_second_max=MANY,
                orders_per_day_max=MANY,
                repeats_max=MANY,
            ),
        )
        bundle = opened.bench.bundle.amended(limits=wide)
        self.desk = Desk(replace(opened.bench, bundle=bundle))

    @property
    def shared(self) -> SharedClock:
        """The clock of every process of this world."""
        return SharedClock(self.home / AHEAD)

    @property
    def host(self) -> str:
        """Folder of the server's socket."""
        host = make_url(self.url).query["host"]
        assert isinstance(host, str)
        return host

    @property
    def place(self) -> Workplace:
        return self.place_of("flows")

    def place_of(self, service: str) -> Workplace:
        """Where a run of this service works."""
        return Workplace(
            self.settings, clock=self.clock, feed=self.feed, service_id=service, desk=self.desk
        )

    @contextmanager
    def looked(self) -> Iterator[Reader]:
        """A reader of now."""
        with self.store.reader() as reader:
            yield reader


def dispatched(world: SharedWorld) -> Iterator[str]:
    """One look: whatever is due is claimed and submitted; gives the orders acknowledged."""
    for due in world.desk.dispatch.waiting(world.clock.now()):
        claimed = claim(world.place, due.mandate_id, MachineIdSource().new("cmd", "", START))
        if claimed.attempt:
            done = carry_out(world.place, claimed.step.subject_id, claimed.attempt, "torture")
            yield from (step.subject_id for step in done.orders if not step.codes)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Dispatch until ended; what may pass is told and tried again.

    Raises:
        CountersealError: anything else, told before.
    """
    home, url = sys.argv[1:]
    parent = os.getppid()
    world: SharedWorld | None = None
    while os.getppid() == parent:
        try:
            if world is None:
                world = SharedWorld.at(Path(home), url)
                _ = world.desk.bench.calendar()  # it takes seconds to load, once
                say("ready")
            for order in dispatched(world):
                say(f"ack {order}")
        except AdapterError as error:
            say(f"failed {error.code}")
            time.sleep(PAUSE_SECONDS * 5)
        except CountersealError as error:
            say(f"broken {type(error).__name__} {error.code}")
            raise
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
