"""Sequencers, a signer, witnesses and a lossy network in one process, driven by one seed.

Everything that decides is real: the journals on SQLite, the embedded signer with its file, the
witnesses' decision, the verifier. Only the world is made up: whose turn it is, what the clocks of
the hosts say, which answer is lost, who dies after which step, and when a copy of the database is
put in the place of the one that went on. After each step the invariants are checked.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.merkle import Tree
from counterseal.audit.witness import AddCheckpoint, cosigned_lines, parse_add_checkpoint
from counterseal.kernel.errors import AdapterError, CountersealError, IntegrityError
from storage.signers import create_state
from storage.store import create_database
from storage.unit_of_work import writing
from tests.bench.bench_seal import ORIGIN, draft
from tests.torture.invariants import Broken, Watch, leaf
from tests.torture.players import (
    CRASHES_OF,
    LOST_OF,
    Crash,
    Host,
    LossySigner,
    OpenSigner,
    Weather,
    Witness,
)
from tests.torture.seals import event_id, faults_of

STEPS = 80
HOSTS = 3
WITNESSES = 3


class Simulation:
    """One run.

    Args:
        seed: Decides everything.
        place: An empty folder, best in memory.
        signer_of: The guard; another one to see that its absence shows.
    """

    def __init__(self, seed: int, place: Path, signer_of: OpenSigner = LossySigner) -> None:
        self.place = place
        self.database = place / "home" / "log.sqlite"
        self.watch = Watch(self.database, place / "signer")
        self.weather = Weather(seed)
        self._dice = self.weather.dice
        self._post: list[tuple[Witness, bytes]] = []
        self._founded()
        opened = partial(signer_of, place / "signer", self.weather, self.watch)
        self._hosts = [
            Host(self.database, opened, self.weather, self._after_step) for _ in range(HOSTS)
        ]
        self._witnesses = [Witness(number) for number in range(WITNESSES)]

    def _founded(self) -> None:
        template = self.place.parent / "template.sqlite"
        if not template.exists():
            create_database(template, ORIGIN)
        self.database.parent.mkdir(parents=True)
        shutil.copyfile(template, self.database)
        create_state(self.place / "signer", ORIGIN)

    @cached_property
    def _actions(self) -> Sequence[tuple[Callable[[], None], int]]:
        return (
            (self._record, 30),
            (self._seal, 25),
            (self._offer, 10),
            (self._deliver, 15),
            (self._tick, 10),
            (self._jump, 3),
            (self._kill, 4),
            (self._restore_a_copy, 3),
        )

    def run(self, steps: int = STEPS) -> None:
        """Steps, each followed by every check; then calm, and the whole log is verified.

        Raises:
            Broken: when an invariant does not hold.
        """
        actions, weights = zip(*self._actions, strict=True)
        try:
            for _ in range(steps):
                self.weather.calm = False
                self._dice.choices(actions, weights)[0]()
                self.weather.calm = True
                self._check()
            self._settle()
        finally:
            for host in self._hosts:
                host.stop()

    def _after_step(self, step: str) -> None:
        """A durable step: the process dies behind it, or another one overtakes."""
        self.weather.trace.append(step)
        self.weather.may_crash(step)
        if self.weather.strikes(CRASHES_OF):
            self._seal()

    def _host(self) -> Host | None:
        idle = [host for host in self._hosts if not host.busy]
        return self._dice.choice(idle) if idle else None

    def _acting(self, host: Host, act: Callable[[], None]) -> None:
        """Let a host act; what the world did is told, a crash starts it anew.

        Raises:
            Broken: when an honest log is refused.
        """
        host.busy = True
        try:
            act()
        except AdapterError as error:
            self.weather.trace.append(error.code)
        except IntegrityError as error:
            raise Broken(f"an honest log is refused: {error}") from error
        except Crash:
            host.stop()
            host.start()
        finally:
            host.busy = False

    def _record(self) -> None:
        host = self._host()
        if host is None:
            return
        count = len(self.watch.recorded)
        names = [event_id(f"s-{count + n}") for n in range(self._dice.randrange(1, 4))]

        def act() -> None:
            with writing(host.writer, host.signer.draft_key()) as unit:
                for place, name in enumerate(names, count):
                    fresh = draft(place % 7)
                    fresh["event_id"] = name
                    unit.record(fresh, ())
            self.watch.recorded += names
            self.weather.trace.append(f"recorded {len(names)}")

        self._acting(host, act)

    def _seal(self) -> None:
        host = self._host()
        if host is None:
            return
        waiting = list(self.watch.recorded)

        def act() -> None:
            size = host.journal.seal()
            self.weather.trace.append(f"sealed {size}")
            self.watch.saw_answer(size, waiting)

        self._acting(host, act)

    def _offer(self) -> None:
        """Ask a witness for the newest note that is stored; the request is on its way."""
        note = self.watch.newest_note()
        if note is None:
            return
        witness, size = self._dice.choice(self._witnesses), read_checkpoint(note).size
        old = min(witness.told, size)
        tree = Tree(leaf(body) for body in self.watch.read_bodies())
        proof = tree.consistency_path(old, size) if 0 < old < size else ()
        self._post.append((witness, AddCheckpoint(old, proof, note).text.encode()))

    def _deliver(self) -> None:
        """Any letter, twice at times, its answer lost at times."""
        if not self._post:
            return
        place = self._dice.randrange(len(self._post))
        witness, request = self._post[place]
        if self._dice.randrange(LOST_OF):
            del self._post[place]
        answer = witness.answer(request)
        if not self._dice.randrange(LOST_OF):
            self.weather.trace.append("lost: answer of a witness")
        elif isinstance(answer, int):
            witness.told = answer
        else:
            note = parse_add_checkpoint(request).note
            cosigned_lines(note, answer, (witness.signer.key,))
            witness.told = read_checkpoint(note).size
            self.weather.trace.append(f"cosigned {witness.told}")

    def _tick(self) -> None:
        for host in self._hosts:
            host.clock.at += timedelta(seconds=self._dice.randrange(1, 60))

    def _jump(self) -> None:
        host, seconds = self._dice.choice(self._hosts), self._dice.randrange(-300, 300)
        host.clock.at += timedelta(seconds=seconds)

    def _kill(self) -> None:
        host = self._host()
        if host is not None:
            host.stop()
            host.start()

    def _restore_a_copy(self) -> None:
        """The log goes on; then a copy of before is put in its place, and cannot go on quietly."""
        for host in self._hosts:
            host.stop()
        copy = self.database.with_name("copy.sqlite")
        with closing(sqlite3.connect(self.database)) as source:
            source.execute("VACUUM INTO ?", (str(copy),))
        for host in self._hosts:
            host.start()
        size = self.watch.largest
        self._record()
        self.weather.calm = True
        self._advance()
        self._seal()
        for host in self._hosts:
            host.stop()
        if self.watch.largest > size:
            self._stands_still(copy)
        copy.unlink()
        for host in self._hosts:
            host.start()

    def _stands_still(self, copy: Path) -> None:
        kept = self.database.with_name("kept.sqlite")
        self.database.rename(kept)
        copy.rename(self.database)
        self._advance()
        host = self._hosts[0]
        host.start()
        try:
            host.journal.seal()
            with writing(host.writer, host.signer.draft_key()) as unit:
                unit.record(draft(0), ())
            host.journal.seal()
        except IntegrityError as error:
            self.weather.trace.append(f"a copy stands still: {error.code}")
        else:
            raise Broken("3: a restored copy went on without a word")
        finally:
            host.stop()
            self.database.rename(copy)
            kept.rename(self.database)

    def _advance(self) -> None:
        """Past every lease, also of a host whose clock went back since it took one."""
        latest = max(host.clock.at for host in self._hosts) + timedelta(days=1)
        for host in self._hosts:
            host.clock.at = latest

    def _check(self) -> None:
        self.watch.check(one.held for one in self._witnesses if one.held is not None)

    def _settle(self) -> None:
        self.weather.calm = True
        self._advance()
        self._seal()
        self._check()
        if not self.watch.acknowledged.issuperset(self.watch.recorded):
            raise Broken("2: a calm world does not seal")
        while self._post:
            self._deliver()
        self.weather.trace.append(f"settled {len(self.watch.bodies)}")
        for fault in faults_of(self.place, self.watch.acknowledged, "the end"):
            raise Broken(fault)


def replayed(place: Path, seed: int, told: Callable[[str], None]) -> Iterator[str]:
    """Run one seed and tell what happened; yields what it breaks."""
    simulation = Simulation(seed, place / str(seed))
    try:
        simulation.run()
    except (Broken, CountersealError) as error:
        yield f"simulation, seed {seed}: {type(error).__name__} {error}"
    finally:
        for line in simulation.weather.trace:
            told(line)


def campaign(place: Path, seeds: Sequence[int]) -> Iterator[str]:
    """Run seeds one after the other; yields those that break an invariant."""
    for seed in seeds:
        yield from replayed(place, seed, lambda _: None)
        shutil.rmtree(place / str(seed))
