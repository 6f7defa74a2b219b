"""A store and a reader that count the rows that they give."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from counterseal.audit.privacy import Opening
from counterseal.desk.ports import D, Reader, Store, UnitOfWork, Wanted, newest_of, since_of
from counterseal.kernel.model import Document


@dataclass
class Rows:
    """A reader that counts, by kind, what it gives.

    Attributes:
        given: Rows of each kind.
        asked: Questions about each kind.
    """

    within: Reader
    given: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    def get(self, kind: type[D], key: str) -> D | None:
        found = self.within.get(kind, key)
        self._counted(kind, found is not None)
        return found

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        found = self.within.find(kind, **equal)
        self._counted(kind, len(found))
        return found

    def newest(
        self, kind: type[D], name: str, limit: int, behind: int = 0, /, **equal: Wanted
    ) -> tuple[D, ...]:
        found = newest_of(self.within, kind, name, limit, behind, **equal)
        self._counted(kind, len(found))
        return found

    def since(self, kind: type[D], name: str, least: str, /, **equal: Wanted) -> tuple[D, ...]:
        found = since_of(self.within, kind, name, least, **equal)
        self._counted(kind, len(found))
        return found

    def count(self, kind: type[D], **equal: Wanted) -> int:
        self._counted(kind, 0)
        return self.within.count(kind, **equal)

    def _counted(self, kind: type[Document], rows: int) -> None:
        self.given[kind.KIND] += rows
        self.asked[kind.KIND] += 1

    def opened(self, commitment: str) -> Opening | None:
        return self.within.opened(commitment)


@dataclass
class CountingStore:
    """A store whose readers count into `given`."""

    within: Store
    given: Counter[str] = field(default_factory=Counter)

    def transaction(self) -> AbstractContextManager[UnitOfWork]:
        return self.within.transaction()

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        with self.within.reader() as reader:
            yield Rows(reader, self.given)

    def batch(self) -> AbstractContextManager[Store]:
        return self.within.batch()

    def seal(self) -> int:
        return self.within.seal()
