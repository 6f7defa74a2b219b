"""What the tests of batches share: approvals of all kinds, told as the orders of a batch.

    python -m tests.desk.batch_room HOME QUESTIONS REQUEST...

A process that submits the requests as one batch, and kills itself at a question for a quote.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from counterseal.audit.record import StoredRow
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.documents import DOCUMENTS
from counterseal.desk.order_batches import KeyedSubmission
from counterseal.desk.orders import Submission
from counterseal.kernel.model import Document, Refusal
from counterseal.market.ports import MarketFeed
from counterseal.market.quotes import Quote
from counterseal.signals.model import Direction
from storage.home_reader import HomeReader
from tests.world import ROOT, World

Told = tuple[list[StoredRow], dict[str, tuple[Document, ...]]]


def keyed(request: str, key: str, **asked: object) -> KeyedSubmission:
    """One contract of a request, or what else is asked."""
    told: dict[str, object] = {"approval_request_id": request, "quantity": Decimal(1)} | asked
    return KeyedSubmission(key=key, asked=Submission.model_validate(told))


def approved(world: World, count: int, *, quantity: int = 1) -> list[str]:
    """Approved requests that take turns in their direction."""
    ways = (Direction.LONG, Direction.SHORT)
    return [world.approved(quantity=quantity, direction=ways[n % 2]) for n in range(count)]


def of_all_kinds(world: World) -> list[KeyedSubmission]:
    """Filled, filled in part, rejected by risk, refused, unknown, said twice, and asked anew."""
    first, second, third, fourth, fifth = approved(world, 5, quantity=2)
    pending = world.requested(quantity=1)
    mandate = world.mandate()
    beyond = world.approved(quantity=4)
    return [
        keyed(first, "one"),
        keyed(pending, "two"),
        keyed(second, "three", quantity=Decimal(2)),
        keyed("apr_nobody", "four"),
        keyed(first, "one"),
        keyed(second, "one"),
        keyed(third, "five", mandate_id=mandate),
        keyed(third, "six"),
        keyed(fourth, "seven", quantity=Decimal("1.5")),
        keyed(fifth, "eight", quantity=Decimal(2)),
        keyed(beyond, "nine", quantity=Decimal(4)),
    ]


def one_by_one(world: World, batch: Iterable[KeyedSubmission]) -> list[Outcome]:
    """As many single submits."""
    actor = world.actor("operator")
    return [world.desk.orders.submit(one.asked, actor, key=one.key) for one in batch]


def together(world: World, batch: Sequence[KeyedSubmission]) -> list[Outcome]:
    """As one batch."""
    return list(world.desk.order_batches.submit(batch, world.actor("operator")))


def told(world: World) -> Told:
    """Every record and every document, wherever the world's database is."""
    reading = world.store._engines.reading
    with world.store.reader() as reader, reading.connect() as connection:
        documents = {kind.KIND: reader.find(kind) for kind in DOCUMENTS}
        return list(HomeReader(connection).records()), documents


def answers(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Outcomes without the size that their seal covers."""
    return [outcome.amended(sealed_size=0) for outcome in outcomes]


@dataclass
class Ending:
    """A feed that ends its process, or what else it is told to do, after some questions."""

    feed: MarketFeed
    left: int
    end: Callable[[], None]

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """As the feed; the last question is never answered."""
        self.left -= 1
        if self.left < 0:
            self.end()
        return self.feed.quote(symbol, now)


def ending(world: World, left: int, end: Callable[[], None]) -> Desk:
    """The world's desk over such a feed."""
    return Desk(replace(world.desk.bench, feed=Ending(world.feed, left, end)))


def killed(world: World, left: int, requests: Sequence[str]) -> int:
    """How a process ended that submitted a batch in a world's home."""
    words = [sys.executable, "-m", "tests.desk.batch_room", str(world.home), str(left), *requests]
    return subprocess.run(words, cwd=ROOT, check=False).returncode  # noqa: S603 - our own words


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Submit, and never come to the end."""
    home, left, *requests = sys.argv[1:]
    world = World.of(Path(home))
    world.quote()
    desk = ending(world, int(left), _kill)
    desk.order_batches.submit([keyed(name, name) for name in requests], world.actor("operator"))


if __name__ == "__main__":
    main()
