"""Many transactions that become one.

Job: let a batch of commands read what the ones before it wrote, and write it all at once.

The same use cases run as for a single command; each sees its own writes and those before it. What
was read stays at hand, because the writer's lock is held to the end; what was written waits in
memory and goes to the database in few statements: the drafts in their order, and of each document
its last version only, for the versions between are in the drafts.

Invariants
  I1  Within a batch a read gives what it would give had every write before it been committed.
  I2  All that a batch recorded is committed together, or nothing of it.

Not here: the statements (unit_of_work), who begins and ends a batch (store).
Source: ADR 0023.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import product
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar, cast

from counterseal.audit.drafts import DraftWriter
from counterseal.audit.privacy import Opening
from counterseal.audit.record import Draft
from counterseal.desk.ports import Reader, Store, UnitOfWork, Wanted
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.model import Document
from storage.unit_of_work import SqlUnitOfWork, as_told

D = TypeVar("D", bound=Document)
T = TypeVar("T")
Values = tuple[object, ...]
_BARE: Final = (str, int, type(None))


class Overlay:
    """A unit of work over another one, whose writes wait until `flush`.

    Args:
        under: Holds the writer's lock until the batch ends.
    """

    def __init__(self, under: SqlUnitOfWork) -> None:
        self._under = under
        self._kinds = _Kinds()
        self._drafts: list[tuple[str, bytes]] = []
        self._writer = DraftWriter()
        self._answers: dict[Hashable, _Answer] = {}
        self._reading: dict[_Kind, int] = {}
        self._last = under.last_time()

    def get(self, kind: type[D], key: str) -> D | None:
        """The document with this key, or None."""
        shelf = self._read(kind)
        if key not in shelf.known:
            shelf.learn([key], [found] if (found := self._under.get(kind, key)) else ())
        return cast("D | None", shelf.known[key])

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """Documents whose fields equal the given ones, in the order of their keys."""
        shelf = self._read(kind)
        index = shelf.index(tuple(equal))
        alone = tuple(equal.values())
        if alone in index.loaded:
            return cast("tuple[D, ...]", index.ranked(alone))
        told = [v if isinstance(v, tuple) else (v,) for v in alone]
        asked = list(dict.fromkeys(product(*told)))
        missing = [values for values in asked if values not in index.loaded]
        if missing:
            many = len(equal) == 1 and len(missing) > 1
            for part in [tuple(v for (v,) in missing)] if many else missing:
                stored = self._under.find(kind, **_named(equal, part, many=many))
                shelf.load(index, missing if many else [part], stored)
        if len(asked) == 1:
            return cast("tuple[D, ...]", index.ranked(asked[0]))
        found = (one for values in asked for one in index.ranked(values))
        return cast("tuple[D, ...]", _ranked(kind, found))

    def again(self, name: Hashable, work: Callable[[], T]) -> T:
        """What `work` gives, worked out once until a document of a kind that it read changes."""
        known = self._answers.get(name)
        if known is None or any(shelf.writes != n for shelf, n in known.read):
            outer, self._reading = self._reading, {}
            try:
                answer, read = work(), self._reading
            finally:
                self._reading = outer
            known = self._answers[name] = _Answer(answer, tuple(read.items()))
        for shelf, _ in known.read:
            self._reading.setdefault(shelf, shelf.writes)
        return cast("T", known.answer)

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many documents `find` would give."""
        return len(self.find(kind, **equal))

    def opened(self, commitment: str) -> Opening | None:
        """What opens a commitment to personal data."""
        return self._under.opened(commitment)

    def last_time(self) -> datetime | None:
        """When the newest record was recorded, or will be at the least."""
        return self._last

    def record(self, draft: Draft, documents: Sequence[Document]) -> None:
        """Let a draft wait with its documents.

        Raises:
            InputError: when the draft does not fit the record format.
        """
        self._drafts.append((draft["event_id"], self._writer.written(draft)))
        at = parse_utc(draft["occurred_at"])
        self._last = at if self._last is None else max(self._last, at)
        for document, told in as_told(draft, documents):
            self._kinds[type(document)].write(document, told)

    def keep(self, openings: Sequence[Opening]) -> None:
        """Keep what opens the commitments of a draft."""
        self._under.keep(openings)

    def forget(self, commitments: Sequence[str]) -> None:
        """Destroy what opened these commitments."""
        self._under.forget(commitments)

    def drop(self, kind: str, key: str) -> None:
        """Remove a document whose records a purge lets go."""
        self._under.drop(kind, key)
        for known, shelf in self._kinds.items():
            if kind == known.KIND:
                shelf.remove(key)

    def flush(self) -> None:
        """Write everything that waits, and let go of it: the batch has ended."""
        self._under.record_all(self._drafts)
        for shelf in self._kinds.values():
            self._under.store_all(shelf.kind.KIND, tuple(shelf.changed.values()))
        for held in (self._drafts, self._kinds, self._answers, self._reading):
            held.clear()

    def _read(self, kind: type[Document]) -> "_Kind":
        shelf = self._kinds[kind]
        self._reading.setdefault(shelf, shelf.writes)
        return shelf


class _Answer(NamedTuple):
    """Something worked out from documents, and how often each kind had changed by then."""

    answer: object
    read: tuple[tuple["_Kind", int], ...]


class _Index:
    """Documents of one kind by some of their fields.

    Attributes:
        loaded: Values whose stored documents were read.
    """

    def __init__(self, kind: type[Document], names: tuple[str, ...]) -> None:
        self.loaded: set[Values] = set()
        self._kind = kind
        self.names = names
        self._found: dict[Values, dict[str, Document]] = {}
        self._places: dict[str, Values] = {}
        self._in_order: dict[Values, tuple[Document, ...]] = {}

    def put(self, key: str, document: Document) -> None:
        """Take a document in, in the place of the one with its key."""
        values = tuple([_column(document, name) for name in self.names])
        before = self._places.get(key)
        if before is not None and before != values:
            self.take(key)
        self._places[key] = values
        self._found.setdefault(values, {})[key] = document
        self._in_order.pop(values, None)

    def take(self, key: str) -> None:
        """Let go of a document, if it is here."""
        values = self._places.pop(key, None)
        if values is not None:
            del self._found[values][key]
            self._in_order.pop(values, None)

    def ranked(self, values: Values) -> tuple[Document, ...]:
        """Those with these values, in the order of their keys."""
        found = self._in_order.get(values)
        if found is None:
            found = self._in_order[values] = _ranked(
                self._kind, self._found.get(values, {}).values()
            )
        return found


class _Kind:
    """What a batch knows of one kind of document.

    Attributes:
        known: By key, as the batch left it; None where there is none.
        changed: JSON of those that the batch wrote, by key.
        writes: How often something changed.
    """

    def __init__(self, kind: type[Document]) -> None:
        self.kind = kind
        self.known: dict[str, Document | None] = {}
        self.changed: dict[str, Mapping[str, Json]] = {}
        self.gone: set[str] = set()
        self.writes = 0
        self._indexes: dict[tuple[str, ...], _Index] = {}

    def index(self, names: tuple[str, ...]) -> _Index:
        """The index by these fields, which holds every change already."""
        index = self._indexes.get(names)
        if index is None:
            index = self._indexes[names] = _Index(self.kind, names)
            for key in self.changed:
                index.put(key, cast("Document", self.known[key]))
        return index

    def load(self, index: _Index, asked: Sequence[Values], stored: Iterable[Document]) -> None:
        """Take in what the database holds under some values; a change of the batch stays."""
        if index.names == (self.kind.KEY,):
            self.learn([str(key) for (key,) in asked], ())
        for document in stored:
            key = document.key
            if key in self.changed or key in self.gone:
                continue
            self.known[key] = document
            index.put(key, document)
        index.loaded.update(asked)

    def learn(self, keys: Iterable[str], stored: Iterable[Document]) -> None:
        """Take in what the database holds under keys that nobody asked for yet."""
        for key in keys:
            self.known.setdefault(key, None)
        for document in stored:
            self.known[document.key] = document

    def write(self, document: Document, told: Mapping[str, Json]) -> None:
        """Take in a new version, and its JSON."""
        key = str(told[self.kind.KEY])
        self.known[key], self.changed[key] = document, told
        self.gone.discard(key)
        self.writes += 1
        for index in self._indexes.values():
            index.put(key, document)

    def remove(self, key: str) -> None:
        """Let go of a document that is no more."""
        self.known[key] = None
        self.gone.add(key)
        self.writes += 1
        self.changed.pop(key, None)
        for index in self._indexes.values():
            index.take(key)


class _Kinds(dict[type[Document], _Kind]):
    """What a batch knows of every kind that it met."""

    def __missing__(self, kind: type[Document]) -> _Kind:
        shelf = self[kind] = _Kind(kind)
        return shelf


def _named(equal: Mapping[str, Wanted], values: Values, *, many: bool) -> dict[str, Wanted]:
    """Values by the names that they were asked under; `many` are of the one name."""
    told = cast("tuple[Wanted, ...]", values)
    if many:
        return {name: cast("tuple[str, ...]", told) for name in equal}
    return dict(zip(equal, told, strict=True))


def _column(document: Document, name: str) -> object:
    """The value of a field as its column holds it."""
    value = getattr(document, name)
    return value if isinstance(value, _BARE) else document.json_value()[name]


def _ranked(kind: type[Document], found: Iterable[Document]) -> tuple[Document, ...]:
    return tuple(sorted(found, key=attrgetter(kind.KEY)))


class BatchStore:
    """A store for the commands of one batch; its transactions are parts of one.

    Args:
        overlay: What they share.
    """

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay

    @contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """A part of the batch; one that raises ends the batch."""
        yield self._overlay

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """What the batch sees."""
        yield self._overlay

    @contextmanager
    def batch(self) -> Iterator[Store]:
        """The batch itself: one within another ends with it."""
        yield self

    def seal(self) -> int:
        """Nothing is sealed before the batch has ended; 0."""
        return 0
