"""What the desk asks of storage.

Job: the ports through which the desk reads documents, records events and has them sealed.

Invariants
  I1  Events and the documents that they carry are stored in one transaction, or not at all.
  I2  Nothing is acknowledged before `Store.seal` has returned its size.

Not here: decisions (the rooms), tables (storage).
Source: architecture part 2, one write path.
"""

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from heapq import nlargest
from typing import Final, Protocol, TypeVar, runtime_checkable

from counterseal.audit.privacy import Opening
from counterseal.audit.record import Draft
from counterseal.kernel.clock import utc_text
from counterseal.kernel.ids import uuid7_id
from counterseal.kernel.model import Document

D = TypeVar("D", bound=Document)
T = TypeVar("T")
Wanted = str | int | tuple[str, ...]
"""What a field must equal; a tuple means one of several texts."""
_NO_TAIL: Final = bytes(10)


class Reader(Protocol):
    """Reads documents as of one moment.

    MUST give each document as it was stored last. MUST NOT create a database that does not exist.
    """

    def get(self, kind: type[D], key: str) -> D | None:
        """The document with this key, or None."""

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """Documents whose fields equal the given ones, in the order of their keys."""

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many documents `find` would give."""

    def opened(self, commitment: str) -> Opening | None:
        """What opens a commitment to personal data; None when it was erased or never made."""


@runtime_checkable
class Remembering(Protocol):
    """A reader that knows whether anything of what it gave has changed."""

    def again(self, name: Hashable, work: Callable[[], T]) -> T:
        """What `work` gives; MUST work it out anew when a kind of document that it read changed."""


def once(reader: Reader, name: Hashable, work: Callable[[], T]) -> T:
    """What `work` reads from `reader` and works out from it and from nothing else.

    A reader that remembers is asked by `name`, which says what `work` is and what it was given.
    """
    return reader.again(name, work) if isinstance(reader, Remembering) else work()


@runtime_checkable
class Ranking(Protocol):
    """A reader that can give the newest documents without reading the others."""

    def newest(
        self, kind: type[D], name: str, limit: int, behind: int = 0, /, **equal: Wanted
    ) -> tuple[D, ...]:
        """Those of what `find` gives whose time `name` is highest; MUST rank as `newest_of`."""

    def since(self, kind: type[D], name: str, least: str, /, **equal: Wanted) -> tuple[D, ...]:
        """Those of what `find` gives whose `name` is not below a text; MUST answer as `since_of`.

        MUST be fast for their key: ids are ordered by time.
        """


def newest_of(
    reader: Reader, kind: type[D], name: str, limit: int, behind: int = 0, /, **equal: Wanted
) -> tuple[D, ...]:
    """At most `limit` of what `find` gives, those of the highest time `name` (UTC) and key first.

    A reader that ranks by itself reads no more than it gives.

    Args:
        reader: As of one moment.
        kind: Of the documents.
        name: Of the time that ranks them.
        limit: How many at most.
        behind: How many of higher rank are passed over.
        equal: As for `find`.
    """
    if isinstance(reader, Ranking):
        return reader.newest(kind, name, limit, behind, **equal)
    found = reader.find(kind, **equal)
    ranked = nlargest(behind + limit, found, key=lambda one: (getattr(one, name), one.key))
    return tuple(ranked[behind:])


def since_of(
    reader: Reader, kind: type[D], name: str, least: str, /, **equal: Wanted
) -> tuple[D, ...]:
    """Of what `find` gives those whose text `name` is not below `least`, by their keys.

    A reader that ranks by itself reads no more than it gives.
    """
    if isinstance(reader, Ranking):
        return reader.since(kind, name, least, **equal)
    return tuple(one for one in reader.find(kind, **equal) if _text(getattr(one, name)) >= least)


def _text(value: object) -> str:
    return utc_text(value) if isinstance(value, datetime) else str(value)


def least_id(prefix: str, at: datetime) -> str:
    """The lowest id that can be made at an instant (UTC): ids are ordered by time."""
    return uuid7_id(prefix, at, _NO_TAIL)


class UnitOfWork(Reader, Protocol):
    """One business transaction.

    MUST hold the writer's lock from its first read, so that what was read still holds at commit.
    """

    def last_time(self) -> datetime | None:
        """When the newest record was recorded (UTC), or None for an empty log."""

    def record(self, draft: Draft, documents: Sequence[Document]) -> None:
        """Put a draft into the audit outbox and store its documents."""

    def keep(self, openings: Sequence[Opening]) -> None:
        """Keep what opens the commitments of a draft."""

    def forget(self, commitments: Sequence[str]) -> None:
        """Destroy what opened these commitments."""

    def drop(self, kind: str, key: str) -> None:
        """Remove a document whose records a purge lets go."""


class Store(Protocol):
    """Opens transactions and seals what they recorded."""

    def transaction(self) -> AbstractContextManager[UnitOfWork]:
        """A writing transaction: committed when the block ends, rolled back when it raises."""

    def reader(self) -> AbstractContextManager[Reader]:
        """A read-only view."""

    def batch(self) -> AbstractContextManager["Store"]:
        """A store whose transactions are all one: committed when the block ends, or nothing of it.

        Inside, nothing is sealed and `seal` gives 0: the caller seals afterwards. Whoever reads
        there sees what was recorded there before.
        """

    def seal(self) -> int:
        """Append everything recorded so far to the log and sign a checkpoint over it.

        Returns:
            The size of the log that the signed checkpoint covers.

        Raises:
            IntegrityError: when the bytes read back differ or the signer refuses.
            AdapterError: when database or signer cannot be reached.
        """
