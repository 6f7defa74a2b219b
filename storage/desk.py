"""The one composition root.

Job: wire ports, law and store into a desk.

Invariants
  I1  Unsafe settings open nothing.
  I2  A desk opens under the policy in force, from its activated texts; files that differ from them
      refuse to start, and so do rules that allow what no policy may allow.

Not here: creating a home (founding), use cases (desk).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from counterseal.audit.keys import LogKeyChange
from counterseal.audit.note import NoteSigner
from counterseal.audit.ports import Signer
from counterseal.broker.gateway import PaperBroker
from counterseal.broker.ports import Gateway
from counterseal.desk.bench import Bench
from counterseal.desk.desk import Desk
from counterseal.desk.ports import Store
from counterseal.desk.recorder import Recorder
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.ids import IdSource
from counterseal.market.ports import MarketFeed
from counterseal.policy.limits import tightened
from counterseal.policy.self_test import check_rules
from storage.credentials import SqliteCredentials
from storage.credentials_file import credentials_file
from storage.data_keys import data_keys
from storage.journal import AfterStep, no_observer
from storage.law import law_to_open
from storage.policy_files import contracts_from
from storage.settings import POLICY_VERSION, Settings
from storage.signers import EmbeddedSigner
from storage.store import SqlStore
from storage.trading_calendar import desk_calendar


def open_desk(
    settings: Settings,
    log_key: NoteSigner | Signer,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep = no_observer,
) -> Desk:
    """Open the desk of an existing home, and seal what a crash left behind.

    Args:
        settings: Of the home.
        log_key: The log's key, with which this process signs; or who signs instead of it.
        clock: Tells what time it is.
        ids: Names what is new.
        feed: Quotes.
        after_step: Observer of durable steps; crash tests kill there.

    Raises:
        InputError: `UNSAFE_SETTINGS`, `LIMIT_LOOSENED`.
        PolicyError: when the policy files are invalid or not those activated.
        IntegrityError: guards or the signer's memory differ; `KEY_NOT_IN_FORCE`,
            `POLICY_UNAPPROVED`.
        AdapterError: the database cannot be opened.
        CountersealError: another of these, raised again when everything is closed.
    """
    store = _opened(settings, log_key, clock, after_step)
    try:
        _check_key(settings, store, log_key)
        return _wired(settings, store, log_key.key.name, clock=clock, ids=ids, feed=feed)
    except CountersealError:
        store.close()
        raise


@contextmanager
def closing_desk(
    settings: Settings,
    log_key: NoteSigner | Signer,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep = no_observer,
    successor: NoteSigner | None = None,
) -> Iterator[Desk]:
    """A desk for a while, with every connection closed behind it; errors of `open_desk`.

    Checkpoints carry a second line by the log key's successor, when one takes over.
    """
    store = _opened(settings, log_key, clock, after_step, successor)
    try:
        _check_key(settings, store, log_key)
        yield _wired(settings, store, log_key.key.name, clock=clock, ids=ids, feed=feed)
    finally:
        store.close()


def _opened(
    settings: Settings,
    log_key: NoteSigner | Signer,
    clock: Clock,
    after_step: AfterStep,
    successor: NoteSigner | None = None,
) -> SqlStore:
    settings.check()
    signer = (
        EmbeddedSigner(log_key, settings.counterseal_signer_state, successor)
        if isinstance(log_key, NoteSigner)
        else log_key
    )
    return SqlStore(settings.database, signer, clock, after_step, data_keys(settings))


def _check_key(settings: Settings, store: SqlStore, log_key: NoteSigner | Signer) -> None:
    """Have a log that ever changed its key say whether this one may sign; `check_in_force`."""
    with store.reader() as reader:
        changed = reader.count(LogKeyChange)
    if changed:
        from storage.key_in_force import check_in_force  # noqa: PLC0415 - most never changed it

        check_in_force(settings, log_key.key)


def _wired(
    settings: Settings,
    store: SqlStore,
    origin: str,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
) -> Desk:
    with store.reader() as reader:
        folder = settings.counterseal_policies
        bundle, files = law_to_open(reader, folder, POLICY_VERSION, origin, clock.now())
    check_rules(bundle.rules, bundle.approval)
    contracts = contracts_from(files)
    offered = _offered(settings, store)
    offered.seal()
    bench = Bench(
        store=offered,
        recorder=Recorder(offered, clock, ids, bundle.bundle_hash),
        ids=ids,
        feed=feed,
        broker=PaperBroker(),
        contracts=contracts,
        calendar=partial(desk_calendar, settings.counterseal_home, contracts.closures),
        bundle=bundle.amended(limits=tightened(bundle.limits, settings.limit_overrides())),
        credentials=SqliteCredentials(credentials_file(settings.counterseal_home)),
        origin=origin,
        trading_mode=settings.trading_mode,
        live_trading_enabled=settings.live_trading_enabled,
        broker_provider=settings.broker_provider,
    )
    return Desk(bench, _gateway(settings, bench))


def _gateway(settings: Settings, bench: Bench) -> Gateway | None:
    """Who works the orders of this home; None fills them where they are submitted."""
    if settings.counterseal_gateway == "none":
        return None
    from storage.paper_book import (  # noqa: PLC0415 - homes with a gateway only
        SqlitePaperBook,
        paper_book_file,
    )
    from storage.paper_gateway import PaperGateway  # noqa: PLC0415 - the same

    return PaperGateway(SqlitePaperBook(paper_book_file(settings.counterseal_home)), bench)


def _offered(settings: Settings, store: SqlStore) -> Store:
    """The store as the desk uses it: what it seals is offered to the witnesses of the settings."""
    if settings.counterseal_outside is None:
        return store
    from storage.offering import offering  # noqa: PLC0415 - homes with witnesses only

    return offering(settings, store)
