"""A world whose orders go to the paper gateway, over a line that can fail."""

import shutil
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from counterseal.desk.commands import Outcome
from counterseal.desk.delivery import Delivery
from counterseal.desk.ingesting import Ingesting
from counterseal.desk.orders import Submission
from counterseal.oms.model import Order, OutboxEntry
from counterseal.oms.outbox import RULES
from counterseal.portfolio.model import Position
from storage.journal import AfterStep, no_observer
from storage.paper_book import SqlitePaperBook, paper_book_file
from storage.paper_gateway import PaperGateway
from tests.storage.memory_book import FaultyGateway
from tests.world import ACCOUNT, SYMBOL, World


@dataclass
class PaperRoom:
    """One home, one paper gateway with its own file."""

    home: Path
    world: World = field(init=False)
    gateway: FaultyGateway = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(self.home)
        self.reopen()

    def copied(self, folder: Path) -> "PaperRoom":
        """The same home at another place, as it stands."""
        self.world.store.close()
        shutil.copytree(self.home.parent, folder)
        self.reopen()
        room = PaperRoom.__new__(PaperRoom)
        room.home, room.world = folder / self.home.name, World.of(folder / self.home.name)
        room.world.clock.move_to(self.world.clock.now())
        room.world.count = self.world.count
        return room

    def reopen(self, after_step: AfterStep = no_observer) -> None:
        """The same home and book by a new process."""
        self.world.reopen(after_step)
        book = SqlitePaperBook(paper_book_file(self.home), after_step)
        self.gateway = FaultyGateway(PaperGateway(book, self.world.desk.bench))

    @property
    def delivery(self) -> Delivery:
        return Delivery(self.world.desk.bench, self.gateway)

    def asked(self, quantity: int = 4) -> Submission:
        """An approved request, to be submitted."""
        request_id = self.world.approved(quantity=quantity)
        return Submission(approval_request_id=request_id, quantity=Decimal(quantity))

    def queued(self, quantity: int = 4, size: int = 5) -> str:
        """An order whose message waits while a quote shows `size` contracts; its id."""
        return self.enqueued(self.asked(quantity), self.world.key(), size)

    def enqueued(self, asked: Submission, key: str, size: int = 5) -> str:
        world = self.world
        world.quote(size=size)
        world.done(world.desk.orders.enqueue(asked, world.actor("operator"), key=key))
        with world.store.reader() as reader:
            [found] = reader.find(Order, approval_request_id=asked.approval_request_id)
        return found.order_id

    def delivered(self, owner: str = "worker-1") -> tuple[Outcome, ...]:
        """Everything that is due, handed over."""
        outcomes: list[Outcome] = []
        for outbox_id in self.delivery.due(self.world.clock.now()):
            outcomes += self.delivery.deliver(outbox_id, owner, self.world.service())
        return tuple(outcomes)

    def polled(self) -> tuple[Outcome, ...]:
        return Ingesting(self.world.desk.bench, self.gateway).poll(self.world.service())

    def traded(self, size: int = 5) -> tuple[Outcome, ...]:
        """What came in after a fresh quote of this size."""
        self.world.after(1)
        self.world.quote(size=size)
        return self.polled()

    def given_up(self) -> str:
        """An order of 4 that the gateway filled for 3, and the desk never heard of it; its id."""
        order_id = self.queued(size=3)
        self.gateway.fails("after")
        self.gateway.deaf = True
        for _ in range(RULES.attempts_max):
            self.delivered()
            self.world.after(90)
        self.gateway.deaf = False
        return order_id

    def order(self, order_id: str) -> Order:
        return self.world.order(order_id)

    def messages(self) -> tuple[OutboxEntry, ...]:
        with self.world.store.reader() as reader:
            return reader.find(OutboxEntry)

    def position(self) -> Decimal:
        with self.world.store.reader() as reader:
            found = reader.get(Position, f"{ACCOUNT}:{SYMBOL}")
        return Decimal(0) if found is None else found.quantity
