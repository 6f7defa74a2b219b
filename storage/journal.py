"""The sequencer: from the outbox into the log, under a signed checkpoint.

Job: place drafts behind the head, read them back, have the guard sign, then forget the outbox.

Invariants
  I1  The root is recomputed from bytes read back on another connection before it is signed.
  I2  A crash loses nothing: rows without a checkpoint are read back and signed at the next seal.
  I3  One leader at a time: a lock of the machine or the database, a lease, and a fence on the head.
  I4  Whoever waits while others seal is answered by the next seal: one commit for all.
  I5  Memory does not grow with the log: the tree's edge and one group are all that is kept.

Not here: the transaction that places (placing), who may lead (lease), who may sign (audit.signer).
Source: audit-log part 3.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, Engine

from counterseal.audit.chain import Head
from counterseal.audit.growth import growth_path
from counterseal.audit.merkle import Frontier
from counterseal.audit.ports import Signer
from counterseal.audit.signer import SignerState
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import IntegrityError
from storage import placing
from storage.leading import Gate
from storage.lease import Lease, check_held, new_owner, renewed, taken
from storage.placing import GROUP_MAX, HeadRow
from storage.unit_of_work import translated_errors


class AfterStep(Protocol):
    """Called after each durable step; crash tests kill here."""

    def __call__(self, step: str) -> None:
        """Step by name."""


def no_observer(step: str) -> None:
    """Observe nothing."""


class Journal:
    """The sequencer of one log.

    Args:
        writer, reader: Engines of the same database.
        signer: The guard.
        clock: Tells `recorded_at`, inside the lock.
        gate: Lets one sequencer in at a time; without one the lease alone decides.
        after_step: Observer of durable steps.
        turn: Held around each transaction, for whoever shares the writing connection.
    """

    def __init__(
        self,
        *,
        writer: Engine,
        reader: Engine,
        signer: Signer,
        clock: Clock,
        gate: Gate | None,
        after_step: AfterStep = no_observer,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._signer = signer
        self._draft_key = signer.draft_key()
        self._clock = clock
        self._gate = gate
        self._after_step = after_step
        self._turn = turn or threading.RLock()
        self._queue = _Queue()
        self._lease = Lease(new_owner())
        self._known = Frontier()

    def seal(self) -> int:
        """Append everything in the outbox and sign a checkpoint over it.

        Returns:
            The size that the newest signed checkpoint covers.

        Raises:
            IntegrityError: `OUTBOX_DIFFERS`, `READ_BACK_DIFFERS`, `HEAD_MOVED`, `ORIGIN_DIFFERS`,
                or the guard's refusal.
            AdapterError: when the database or the signer fails; `LEASE_HELD`, `LEASE_LOST` and
                `LEASE_STALE` while another journal leads.
        """
        return self._queue.served(self._sealed)

    def _sealed(self) -> int:
        with translated_errors(), self._alone():
            lease: Lease | None = None
            while True:
                done = self._place(lease)
                if done.lease is None:
                    return done.size
                if done.placed:
                    self._after_step("placed")
                lease = done.lease
                self._sign(lease)
                if not done.more:
                    self._lease = lease
                    return done.size

    def _alone(self) -> AbstractContextManager[None]:
        return nullcontext() if self._gate is None else self._gate.alone()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._turn, self._writer.begin() as connection:
            if self._gate is not None:
                self._gate.check(connection)
            yield connection

    def _place(self, held: Lease | None) -> "_Placed":
        """Place one group; all that is told of it is durable then.

        Args:
            held: The lease under which the groups before were placed, None for the first.

        Raises:
            IntegrityError: `OUTBOX_DIFFERS`, `HEAD_MOVED`, `ORIGIN_DIFFERS`.
            AdapterError: `LEASE_HELD`, `LEASE_LOST`.
        """
        with self._writing() as connection:
            found, origin = placing.read_head(connection), self._signer.key.name
            signed, key = placing.signed_size(connection), self._draft_key
            if found.origin != origin:
                group = placing.declaration(connection, found, origin, key, signed)
            else:
                group = placing.waiting(connection, key, signed)
            size, count = found.head.size, len(group.drafts)
            if not count and size == signed:
                return _Placed(size)
            lease = self._leading(found, held)
            if count:
                placing.place(connection, found, group, lease, self._clock, origin)
            else:
                placing.lead(connection, found, lease)
        return _Placed(size + count, count, lease, group.more)

    def _leading(self, found: HeadRow, held: Lease | None) -> Lease:
        if held is not None:
            check_held(found.lease, held)
            return held
        mine, now = self._lease, self._clock.now()
        if found.lease == mine and self._known.size:
            return renewed(mine, now)
        signed = self._signer.remembered()
        self._adopt(found.head, signed)
        alone = self._gate is not None
        return taken(found.lease, mine, now, alone=alone, least=signed.lease)

    def _adopt(self, head: Head, signed: SignerState) -> None:
        """Take the edge of the tree from the head row, when it leads to the root that was signed.

        Hashes that give a signed root are the signed ones; so a process that starts reads nothing
        of the log that the guard remembers.
        """
        if self._known.size == 0 and (head.size, head.root.hex()) == (signed.size, signed.root):
            edge = Frontier(head.size, head.peaks)
            if edge.root() == head.root:
                self._known = edge

    def _sign(self, lease: Lease) -> None:
        signed = self._signer.remembered()
        with self._reader.connect() as connection:
            head = placing.read_head(connection).head
            proof, grown, fresh = self._read_back(connection, head, signed)
        origin = self._signer.key.name
        note = self._signer.sign_checkpoint(origin, head.size, head.root, proof, lease.number)
        self._after_step("signed")
        with self._writing() as connection:
            placing.store_checkpoint(connection, head.size, note, lease, fresh)
        self._known = grown
        self._after_step("checkpointed")

    def _read_back(
        self, connection: Connection, head: Head, signed: SignerState
    ) -> tuple[tuple[bytes, ...], Frontier, list[bytes]]:
        """Recompute leaves from stored bytes, so that a flipped bit is never signed.

        Returns:
            The proof that the signed tree is a prefix, the tree's new edge, and the leaf hashes
            behind the signed size.

        Raises:
            IntegrityError: `READ_BACK_DIFFERS`.
        """
        known, self._known = self._known, Frontier()
        if known.size > min(signed.size, head.size):
            known = Frontier()
        stored = placing.leaves(connection, known.size)
        while behind := list(islice(stored, min(GROUP_MAX, signed.size - known.size))):
            known.extend(behind)
        fresh = list(stored)
        grown = Frontier(known.size, known.peaks)
        grown.extend(fresh)
        if grown.size != head.size or grown.root() != head.root:
            raise IntegrityError(
                "READ_BACK_DIFFERS",
                "the stored bytes do not give the head's root; nothing was signed",
                expected=head.root.hex(),
            )
        self._known = known
        return growth_path(known, fresh), grown, fresh


class _Placed(NamedTuple):
    """What one transaction placed.

    Attributes:
        size: Of the log, with what was placed.
        placed: Records.
        lease: Under which they wait for a signature; None when nothing does.
        more: Whether drafts may wait behind them.
    """

    size: int
    placed: int = 0
    lease: Lease | None = None
    more: bool = False


class _Queue:
    """Callers who wait for the same work: whoever comes first does it for all who came before."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._count = threading.Lock()
        self._asked = 0
        self._done = 0
        self._size = 0

    def served(self, work: Callable[[], int]) -> int:
        """The result of `work` as begun by anybody after this call."""
        with self._count:
            self._asked += 1
            ticket = self._asked
        with self._busy:
            if ticket > self._done:
                with self._count:
                    covered = self._asked
                self._size = work()
                self._done = covered
            return self._size
