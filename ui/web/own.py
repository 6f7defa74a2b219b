"""A home as the people of one tenant see it.

Job: read documents of one tenant and no others, for views that ask a reader for all of a kind.

Invariants
  I1  A document that names a tenant, an account or an order is told only when it is the reader's
      own.

Not here: what a view makes of documents (desk.views), who is here (ui.web.visit).
Source: governance part 1 (tenants).
"""

from functools import cached_property
from typing import TypeVar

from counterseal.audit.privacy import Opening
from counterseal.desk.ports import Reader, Wanted
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

    def get(self, kind: type[D], key: str) -> D | None:
        """The document with this key, when it is an own one."""
        found = self._reader.get(kind, key)
        return found if found is None or self.owns(found) else None

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """Own documents whose fields equal the given ones, in the order of their keys."""
        if TENANT in kind.model_fields:
            equal.setdefault(TENANT, self._tenant)
        elif ACCOUNT in kind.model_fields:
            equal.setdefault(ACCOUNT, tuple(sorted(self._accounts)))
        return tuple(one for one in self._reader.find(kind, **equal) if self.owns(one))

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many documents `find` would give."""
        return len(self.find(kind, **equal))

    def opened(self, commitment: str) -> Opening | None:
        """What opens a stored commitment."""
        return self._reader.opened(commitment)

    def owns(self, one: Document) -> bool:
        """Whether it may be told here."""
        if TENANT in type(one).model_fields:
            return bool(getattr(one, TENANT) == self._tenant)
        if ACCOUNT in type(one).model_fields:
            return getattr(one, ACCOUNT) in self._accounts
        return ORDER not in type(one).model_fields or getattr(one, ORDER) in self._orders

    @cached_property
    def _orders(self) -> frozenset[str]:
        accounts = tuple(sorted(self._accounts))
        return frozenset(one.order_id for one in self._reader.find(Order, account_id=accounts))
