"""A home as the people of one tenant see it.

Job: read documents of one tenant and no others, for views that ask a reader for all of a kind.

Invariants
  I1  A document that names a tenant, an account or an order is told, counted and ranked only when
      it is the reader's own.

Not here: what a view makes of documents (desk.views), who is here (ui.web.visit).
Source: governance part 1 (tenants).
"""

from typing import TypeVar

from counterseal.audit.privacy import Opening
from counterseal.desk.ports import Reader, Wanted, newest_of, since_of
from counterseal.kernel.model import Document
from counterseal.oms.model import Order
from counterseal.portfolio.model import Account

D = TypeVar("D", bound=Document)
TENANT, ACCOUNT, ORDER = "tenant", "account_id", "order_id"


class OwnReader:
    """Documents of one tenant.

    Args:
        reader: The whole home at one moment.
        tenant: Whose documents count.
    """

    def __init__(self, reader: Reader, tenant: str) -> None:
        self._reader = reader
        self._tenant = tenant
        self._accounts = {one.account_id for one in reader.find(Account, tenant=tenant)}
        self._alone = reader.count(Account) == len(self._accounts)
        self._orders: dict[str, bool] = {}

    def get(self, kind: type[D], key: str) -> D | None:
        """The document with this key, when it is an own one."""
        found = self._reader.get(kind, key)
        return found if found is None or self.owns(found) else None

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """Own documents whose fields equal the given ones, in the order of their keys.

        What is asked for finds them; a tenant has too many to be asked for beside it.
        """
        asked = equal or self._narrowed(kind, equal)
        return tuple(one for one in self._reader.find(kind, **asked) if self.owns(one))

    def newest(
        self, kind: type[D], name: str, limit: int, behind: int = 0, /, **equal: Wanted
    ) -> tuple[D, ...]:
        """As `newest_of`; more are read only where others' documents stand among them."""
        asked = self._narrowed(kind, equal)
        if self._alone or _bound_by(kind) == TENANT:
            found = newest_of(self._reader, kind, name, limit, behind, **asked)
            return tuple(one for one in found if self.owns(one))
        most = behind + limit
        while True:
            found = newest_of(self._reader, kind, name, most, **asked)
            own = tuple(one for one in found if self.owns(one))[: behind + limit]
            if len(own) == behind + limit or len(found) < most:
                return own[behind:]
            most *= 4

    def since(self, kind: type[D], name: str, least: str, /, **equal: Wanted) -> tuple[D, ...]:
        """As `since_of`, own documents only."""
        asked = self._narrowed(kind, equal)
        found = since_of(self._reader, kind, name, least, **asked)
        return tuple(one for one in found if self.owns(one))

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many documents `find` would give."""
        bound = _bound_by(kind)
        if bound in equal or (bound == ORDER and not self._alone):
            return len(self.find(kind, **equal))
        return self._reader.count(kind, **self._narrowed(kind, equal))

    def opened(self, commitment: str) -> Opening | None:
        """What opens a stored commitment."""
        return self._reader.opened(commitment)

    def owns(self, one: Document) -> bool:
        """Whether it may be told here."""
        match _bound_by(type(one)):
            case "tenant":
                return bool(getattr(one, TENANT) == self._tenant)
            case "account_id":
                return getattr(one, ACCOUNT) in self._accounts
            case "order_id":
                return self._owns_order(str(getattr(one, ORDER)))
            case _:
                return True

    def _owns_order(self, order_id: str) -> bool:
        if order_id not in self._orders:
            order = self._reader.get(Order, order_id)
            self._orders[order_id] = order is not None and order.account_id in self._accounts
        return self._orders[order_id]

    def _narrowed(self, kind: type[Document], equal: dict[str, Wanted]) -> dict[str, Wanted]:
        """What to ask the whole home for, without others' documents where a field tells them."""
        match _bound_by(kind):
            case "tenant":
                return {TENANT: self._tenant, **equal}
            case "account_id":
                return {ACCOUNT: tuple(sorted(self._accounts)), **equal}
            case _:
                return equal


def _bound_by(kind: type[Document]) -> str:
    """The field that says whose a document is; empty when nobody owns it."""
    return next((name for name in (TENANT, ACCOUNT, ORDER) if name in kind.model_fields), "")
