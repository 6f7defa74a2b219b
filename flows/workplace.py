"""Where a run of a flow works: the home, its clock, its ids, its quotes.

Job: hand every step the desk of the home, opened anew, and the identity that flows act as.

Invariants
  I1  A run brings ids only; everything else is read here, from the home.
  I2  Flows act as a service of the platform, never as the person who started them.

Not here: what the service may do (desk, policy); Prefect.
Source: workflow, invariants 2, 3 and 6.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Final

from counterseal.audit.note import NoteSigner
from counterseal.audit.ports import Signer
from counterseal.desk.desk import Desk
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.clock import Clock
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Actor
from counterseal.market.ports import MarketFeed
from flows.engine import hall_settings
from storage.desk import closing_desk
from storage.homes import open_home
from storage.quote_file import NoQuotes, home_feed
from storage.settings import Settings
from storage.system import MachineIdSource, process_clock


@dataclass(frozen=True, slots=True)
class Workplace:
    """One home as a run sees it.

    Attributes:
        service_id: Id of the identity that flows act as.
        data_version, code_version: Of what made the signals that come in here.
        desk: An opened desk to use; None opens the home for each step.
    """

    settings: Settings
    clock: Clock = field(default_factory=process_clock)
    ids: IdSource = field(default_factory=MachineIdSource)
    feed: MarketFeed = field(default_factory=NoQuotes)
    service_id: str = "flows"
    data_version: str = "unstated"
    code_version: str = "unstated"
    desk: Desk | None = None

    def opened(self) -> Desk:
        """The desk; errors of `storage.homes.open_home`."""
        if self.desk is not None:
            return self.desk
        return open_home(self.settings, clock=self.clock, ids=self.ids, feed=self.feed)

    @contextmanager
    def at_desk(self, signer: NoteSigner | Signer) -> Iterator["Workplace"]:
        """The same place with a desk for a while; errors of `storage.desk.closing_desk`.

        Args:
            signer: The log's key or its signer, opened before: opening a key is meant to cost.
        """
        with closing_desk(
            self.settings, signer, clock=self.clock, ids=self.ids, feed=self.feed
        ) as desk:
            yield replace(self, desk=desk)

    def actor(self, run: str) -> Actor:
        """The service, for the time of one run."""
        now = self.clock.now()
        return Actor(
            id=self.service_id,
            issuer=SERVICE_ISSUER,
            amr=("service",),
            auth_time=now,
            session=self.ids.new("ses", run, now),
        )


_WORKPLACE: Final[ContextVar[Workplace | None]] = ContextVar("workplace", default=None)


@contextmanager
def working_at(workplace: Workplace) -> Iterator[None]:
    """Let the flows called inside the block work here, not at the home of the environment."""
    before = _WORKPLACE.set(workplace)
    try:
        yield
    finally:
        _WORKPLACE.reset(before)


def workplace() -> Workplace:
    """Where to work: as told by `working_at`, else the home that the environment names.

    Raises:
        InputError: `SETTINGS_INVALID`, `UNSAFE_SETTINGS`.
    """
    told = _WORKPLACE.get()
    if told is not None:
        return told
    settings, service_id = Settings().check(), hall_settings().counterseal_service_id
    return Workplace(settings, feed=home_feed(settings), service_id=service_id)
