"""Two dispatchers, one database on a server, and a fault in each round.

People approve some requests; then a mandate comes into force, and both processes see at once that
work is due. Somewhere in that work a fault strikes one of them, the server, or what lies between.
When it is over the round is given time, and each approval must have become one order: none is lost
that was acknowledged, none is submitted twice, no approval is used twice, and log and tables hold.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.audit.verdict import Verdict
from counterseal.audit.verify import Evidence, head_of_signer, verify_log
from counterseal.identity.mandate import SubmitMandate
from counterseal.kernel.errors import AdapterError, CountersealError
from counterseal.oms.model import Order
from counterseal.signals.model import Direction
from flows.work import carry_out, claim
from storage.data_keys import data_keys
from storage.home_reader import HomeReader
from storage.reconcile import reconcile
from storage.signers import read_state
from tests.household import ORIGIN
from tests.storage.postgres_server import Server, running_server
from tests.torture import strace
from tests.torture.seals import ROOT, environment
from tests.torture.shared_world import SharedWorld
from tests.torture.wires import Wire

DISPATCHERS = 2
REQUESTS_MAX = 4
STRIKES_WITHIN = 0.5
FAULT_SECONDS = 0.5
LEASE = 61.0
"""Moves a clock beyond the lease of a batch."""
PATIENCE, ENOUGH = 3.0, 120.0
"""Seconds until the clock is moved, and until a round is lost."""
RECONCILED_EVERY = 10
LOOKS_MAX = 5
SLOW = "inject=fsync,fdatasync:delay_enter=150000"


class Dispatcher:
    """One process that dispatches, and what it said.

    Args:
        host: Where it finds the server's socket.
    """

    def __init__(self, world: SharedWorld, host: Path) -> None:
        self._world, self._host = world, host
        self.acknowledged: set[str] = set()
        self.failed: Counter[str] = Counter()
        self.broken: list[str] = []
        self.start()

    def start(self) -> None:
        """Start it, and wait until it looks for work."""
        url = self._world.url.replace(self._world.host, str(self._host))
        self._ready = threading.Event()
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "tests.torture.shared_world", str(self._world.home), url],
            env=environment(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hears = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self._hears.start()
        assert self._ready.wait(ENOUGH), "a dispatcher does not start"

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()
        self._hears.join()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._hear(line)

    def _hear(self, line: str) -> None:
        """One line; the last one of a killed process may be cut."""
        word, _, rest = line.strip().partition(" ")
        if word == "ready":
            self._ready.set()
        elif word == "ack" and line.endswith("\n"):
            self.acknowledged.add(rest)
        elif word == "failed":
            self.failed[rest] += 1
        elif line.endswith("\n"):
            self.broken.append(line.strip())


class Floor:
    """The world, its server and its dispatchers.

    Attributes:
        met: How often each kind of fault struck.
    """

    def __init__(self, world: SharedWorld, server: Server, dice: random.Random) -> None:
        self.world, self.server, self.dice = world, server, dice
        self.met: Counter[str] = Counter()
        self.wires: list[Wire] = []
        self.dispatchers: list[Dispatcher] = []

    @property
    def one(self) -> Dispatcher:
        return self.dice.choice(self.dispatchers)

    @property
    def wire(self) -> Wire:
        return self.dice.choice(self.wires)


Fault = Callable[[Floor], None]


def nothing(floor: Floor) -> None:
    """Both want the same work: who claims it, does it."""


def kill(floor: Floor) -> None:
    """One dispatcher is killed."""
    floor.one.kill()


def kill_all(floor: Floor) -> None:
    """All are killed."""
    for one in floor.dispatchers:
        one.kill()


def stall(floor: Floor) -> None:
    """One sleeps longer than its lease, then goes on as if nothing had been."""
    one = floor.one
    one.send(signal.SIGSTOP)
    floor.world.shared.move(LEASE)
    time.sleep(FAULT_SECONDS * 4)
    one.send(signal.SIGCONT)


def silence(floor: Floor) -> None:
    """Nothing passes between one and the server for longer than its lease; then all of it does."""
    wire = floor.wire
    wire.silence()
    floor.world.shared.move(LEASE)
    time.sleep(FAULT_SECONDS * 4)
    wire.mend()


def part(floor: Floor) -> None:
    """The same, and the connections are lost with what was on its way."""
    wire = floor.wire
    wire.silence()
    time.sleep(FAULT_SECONDS)
    wire.cut()
    wire.mend()


def cut(floor: Floor) -> None:
    """Connections end in the middle of a statement."""
    floor.wire.cut()


def restart(floor: Floor) -> None:
    """The server is stopped in order, and started again."""
    floor.server.stop(signal.SIGINT)
    time.sleep(floor.dice.random() * FAULT_SECONDS)
    floor.server.start()


def crash(floor: Floor) -> None:
    """The server loses its memory: what was committed is recovered from its log."""
    floor.server.stop(signal.SIGQUIT)
    floor.server.start()


def slow(floor: Floor) -> None:
    """Each sync of a file takes long, for the server and for who signs."""
    one = floor.one
    watched = [one.process.pid, floor.server.pid]
    words = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fsync,fdatasync", "-e", SLOW]
    told = [*words, *(word for pid in watched for word in ("-p", str(pid)))]
    with subprocess.Popen(told) as tracing:  # noqa: S603 - fixed words
        time.sleep(FAULT_SECONDS * 4)
        tracing.send_signal(signal.SIGINT)


def twice(floor: Floor) -> None:
    """One claim is asked for twice, and what it gave is handed out twice, at the same moment."""
    world = floor.world
    [mandate] = floor.dice.sample(mandates(world), 1)
    key = f"twice-{time.monotonic_ns()}"
    threads = [threading.Thread(target=_claimed, args=(world, mandate, key)) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def late(floor: Floor) -> None:
    """Who claimed comes back when another attempt has done the work."""
    world = floor.world
    [mandate] = floor.dice.sample(mandates(world), 1)
    claimed = claim(world.place, mandate, f"late-{time.monotonic_ns()}")
    world.shared.move(LEASE)
    time.sleep(FAULT_SECONDS * 2)
    if claimed.attempt:
        carry_out(world.place, claimed.step.subject_id, claimed.attempt, "torture")


FAULTS: Mapping[str, Fault] = {
    one.__name__: one
    for one in (
        *(nothing, kill, kill_all, stall, silence, part, cut),
        *(restart, crash, slow, twice, late),
    )
}


def mandates(world: SharedWorld) -> list[str]:
    """Those that were issued, newest last."""
    with world.looked() as reader:
        return [one.mandate_id for one in reader.find(SubmitMandate)][-1:]


def _claimed(world: SharedWorld, mandate: str, key: str) -> None:
    with suppress(AdapterError):
        claimed = claim(world.place, mandate, key)
        if claimed.attempt:
            carry_out(world.place, claimed.step.subject_id, claimed.attempt, "torture")


def played(floor: Floor, kind: str) -> Iterator[str]:
    """One round; gives what is wrong after it."""
    world, dice = floor.world, floor.dice
    awake(world)
    world.signed_in = world.clock.now()
    asked = [
        world.approved(quantity=1, direction=Direction.SHORT if place % 2 else Direction.LONG)
        for place in range(dice.randint(1, REQUESTS_MAX // 2) * 2)
    ]
    world.mandate(orders_max=len(asked))
    time.sleep(dice.random() * STRIKES_WITHIN)
    FAULTS[kind](floor)
    for one in floor.dispatchers:
        if one.process.poll() is not None:
            one.start()
    yield from settled(world, asked)


def awake(world: SharedWorld) -> int:
    """Seal, as soon as the server can be reached again; gives the size of the log.

    Raises:
        AdapterError: when it never can.
    """
    until = time.monotonic() + ENOUGH
    while True:
        try:
            return world.store.seal()
        except AdapterError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def settled(world: SharedWorld, asked: list[str], enough: float = ENOUGH) -> Iterator[str]:
    """Wait until all of it is submitted; gives what never was."""
    until, moves = time.monotonic() + enough, time.monotonic() + PATIENCE
    left = set(asked)
    while left and time.monotonic() < until:
        if time.monotonic() > moves:
            world.shared.move(LEASE)
            moves = time.monotonic() + PATIENCE
        with suppress(AdapterError), world.looked() as reader:
            found = {one: reader.get(ApprovalRequest, one) for one in left}
            left -= {i for i, r in found.items() if r and r.status is RequestStatus.CONSUMED}
        time.sleep(0.05)
    for one in sorted(left):
        yield f"{one} was approved and never submitted"


def unsound(floor: Floor, whole: bool) -> Iterator[str]:
    """What is wrong with the log, the tables, or with what was acknowledged."""
    world = floor.world
    found = verified(world)
    if found.outcome != "ok" or found.totals.unsealed:
        yield f"the log: {found.outcome} {found.totals} {found.findings}"
    with world.looked() as documents:
        orders = {one.order_id: one.approval_request_id for one in documents.find(Order)}
    for request, count in Counter(orders.values()).items():
        if count > 1:
            yield f"{request} became {count} orders"
    for one in floor.dispatchers:
        lost = sorted(one.acknowledged - orders.keys())
        yield from (f"acknowledged and lost: {order}" for order in lost)
        yield from (f"a dispatcher ended: {told}" for told in one.broken)
        one.broken.clear()
    if whole:
        compared = reconcile(world.settings.database, data_keys(world.settings))
        yield from (f"the tables: {one}" for one in compared.differences)


def verified(world: SharedWorld) -> Verdict:
    """The verdict on the log; again when a dispatcher recorded something meanwhile."""
    for _ in range(LOOKS_MAX):
        awake(world)
        head = head_of_signer(read_state(world.settings.counterseal_signer_state, ORIGIN))
        engine = world.settings.database.reading()
        with engine.connect() as connection:
            reader = HomeReader(connection)
            evidence = Evidence(log_key=world.log_key.key, heads=(head,))
            found = verify_log(reader.records(), list(reader.checkpoints()), evidence)
        engine.dispose()
        if not found.totals.unsealed:
            break
    return found


@contextmanager
def opened(place: Path, dice: random.Random) -> Iterator[Floor]:
    """A world on a server of its own, and its dispatchers at work."""
    with running_server() as server, ExitStack() as wires:
        url = server.empty().url.render_as_string(hide_password=False)
        world = SharedWorld.founded(place / "home", url)
        floor = Floor(world, server, dice)
        try:
            for number in range(DISPATCHERS):
                wire = wires.enter_context(Wire(server.folder / f"wire-{number}", server.folder))
                floor.wires.append(wire)
                floor.dispatchers.append(Dispatcher(world, wire.folder))
            yield floor
        finally:
            for one in floor.dispatchers:
                one.kill()
            world.store.close()


def possible() -> list[str]:
    """The kinds of faults that can be made here."""
    return [kind for kind in FAULTS if kind != slow.__name__ or strace.usable()]


def strikes(floor: Floor, rounds: int) -> Iterator[str]:
    """Rounds of faults, each kind in turn; yields what was wrong after each."""
    kinds = possible()
    floor.dice.shuffle(kinds)
    for number in range(rounds):
        kind = kinds[number % len(kinds)]
        floor.met[kind] += 1
        whole = number == rounds - 1 or number % RECONCILED_EVERY == 0
        try:
            wrong = [*played(floor, kind), *unsound(floor, whole)]
        except CountersealError as error:
            wrong = [f"{type(error).__name__} {error}"]
        yield from (f"fault round {number} ({kind}): {one}" for one in wrong)


def campaign(
    place: Path, rounds: int, seed: int, told: Callable[[str], None] = lambda _: None
) -> Iterator[str]:
    """So many rounds on a server of their own; yields each fault."""
    dice = random.Random(seed)  # noqa: S311 - a seeded plan, no secret
    with opened(place, dice) as floor:
        yield from strikes(floor, rounds)
        orders = sum(len(one.acknowledged) for one in floor.dispatchers)
        failures = sum((one.failed for one in floor.dispatchers), Counter())
    shares = ", ".join(f"{kind} {count}" for kind, count in sorted(floor.met.items()))
    told(f"fault rounds: {rounds} ({shares}); {orders} orders acknowledged, {dict(failures)}")
