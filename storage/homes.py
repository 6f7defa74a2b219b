"""Homes: the folder in which one installation lives.

Job: open a home for writing; the names under which the rest of a home's work is known.

Invariants
  I1  Unsafe settings open nothing.
  I2  Only who can open the log key, or reach the signer that can, writes.

Not here: creating a home (founding), its key files (home_keys), who signs (log_signer), looking
only (home_reader), wiring of the desk (desk).
Source: architecture part 7; TX-A3.
"""

from counterseal.desk.desk import Desk
from counterseal.kernel.clock import Clock
from counterseal.kernel.ids import IdSource
from counterseal.market.ports import MarketFeed
from storage.founding import HomePlan, found_home
from storage.home_keys import (
    Officer,
    keys_folder,
    log_key_path,
    new_person_key,
    open_log_key,
    read_passphrase,
)
from storage.home_reader import HomeReader, read_home
from storage.journal import AfterStep, no_observer
from storage.settings import Settings

__all__ = [
    "HomePlan",
    "HomeReader",
    "Officer",
    "found_home",
    "keys_folder",
    "log_key_path",
    "new_person_key",
    "open_home",
    "open_log_key",
    "read_home",
    "read_passphrase",
]


def open_home(
    settings: Settings,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep = no_observer,
) -> Desk:
    """Open a home for writing.

    Raises:
        InputError: unsafe settings, another clock than a demo's, or the log key cannot be opened.
        IntegrityError: guards, the signer's key or its memory differ.
        AdapterError: the database cannot be opened, or the signer's process cannot be reached.
    """
    from storage.desk import open_desk  # noqa: PLC0415 - readers of a home need no desk
    from storage.log_signer import log_signer  # noqa: PLC0415 - as above

    settings.check()
    if settings.counterseal_demo_ahead_seconds:
        with read_home(settings):
            pass
    return open_desk(
        settings,
        log_signer(settings),
        clock=clock,
        ids=ids,
        feed=feed,
        after_step=after_step,
    )
