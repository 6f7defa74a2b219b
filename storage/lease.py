"""Who leads the log.

Job: decide whether a journal may lead now, under a number that rises with every change of leader.

Invariants
  I1  A lease that another journal holds is not taken before it lapsed, unless it is known to be
      idle: whoever holds the lock file of the database's one machine is alone.
  I2  A change of leader raises the number; the signer and the head refuse every lower one.
  I3  A leader that lost its lease in the middle of its work writes nothing more.

Not here: the lock file and the transactions (journal), the signer's check (audit.signer).
Source: audit-log, leader and fence.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import AdapterError

LEASE_SECONDS: Final = 30
"""How long a leader may be silent before another may take over."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A journal's claim to lead.

    Attributes:
        owner: Name of the journal; empty when nobody ever led.
        number: The fencing number, rising.
        until: UTC text; text order is time order.
    """

    owner: str = ""
    number: int = 0
    until: str = ""

    def cells(self) -> dict[str, str | int]:
        """Its columns in the head row."""
        return {
            "lease_owner": self.owner,
            "lease_epoch": self.number,
            "lease_until": self.until,
        }


def new_owner() -> str:
    """A name that no other journal has."""
    return os.urandom(8).hex()


def taken(found: Lease, mine: Lease, now: datetime, *, alone: bool, least: int) -> Lease:
    """The next lease, for a journal that does not lead.

    Args:
        found: As the head row tells it, inside the transaction.
        mine: Names the journal.
        now: UTC.
        alone: Whether no other journal can be at work.
        least: Highest number that the signer has seen.

    Raises:
        AdapterError: `LEASE_HELD` (retriable) while another journal leads.
    """
    lapsed = found.until <= utc_text(now) or not found.owner
    if not (alone or lapsed or found.owner == mine.owner):
        raise AdapterError("LEASE_HELD", "another journal leads", retriable=True, got=found.until)
    return renewed(Lease(mine.owner, max(found.number, least) + 1), now)


def renewed(mine: Lease, now: datetime) -> Lease:
    """The same lease for another while."""
    return Lease(mine.owner, mine.number, utc_text(now + timedelta(seconds=LEASE_SECONDS)))


def check_held(found: Lease, mine: Lease) -> None:
    """Refuse to go on under a lease that was taken over.

    Raises:
        AdapterError: `LEASE_LOST` (retriable).
    """
    if (found.owner, found.number) != (mine.owner, mine.number):
        raise AdapterError("LEASE_LOST", "another journal took over", retriable=True)
