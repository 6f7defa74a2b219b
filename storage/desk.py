"""The one composition root.

Job: wire ports, law and store into a desk.

Invariants
  I1  Unsafe settings open nothing.
  I2  The policy files must be those that were activated; others refuse to start.

Not here: creating a home (founding), use cases (desk).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from counterseal.audit.note import NoteSigner
from counterseal.broker.gateway import PaperBroker
from counterseal.desk.bench import Bench
from counterseal.desk.desk import Desk
from counterseal.desk.installation import PolicyActivation
from counterseal.desk.recorder import Recorder
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.ids import IdSource
from counterseal.market.ports import MarketFeed
from counterseal.policy.bundle import check_bundle_hash
from counterseal.policy.limits import tightened
from storage.journal import AfterStep, no_observer
from storage.policy_files import bundle_from, contracts_from, read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import EmbeddedSigner
from storage.store import SqlStore
from storage.trading_calendar import desk_calendar


def open_desk(
    settings: Settings,
    log_key: NoteSigner,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep = no_observer,
) -> Desk:
    """Open the desk of an existing home, and seal what a crash left behind.

    Raises:
        InputError: `UNSAFE_SETTINGS`, `LIMIT_LOOSENED`.
        PolicyError: when the policy files are invalid or not those activated.
        IntegrityError: guards or the signer's memory differ.
        AdapterError: the database cannot be opened.
        CountersealError: another of these, raised again when everything is closed.
    """
    store = _opened(settings, log_key, clock, after_step)
    try:
        return _wired(settings, store, log_key.key.name, clock=clock, ids=ids, feed=feed)
    except CountersealError:
        store.close()
        raise


@contextmanager
def closing_desk(
    settings: Settings,
    log_key: NoteSigner,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep = no_observer,
) -> Iterator[Desk]:
    """A desk for a while, with every connection closed behind it; errors of `open_desk`."""
    store = _opened(settings, log_key, clock, after_step)
    try:
        yield _wired(settings, store, log_key.key.name, clock=clock, ids=ids, feed=feed)
    finally:
        store.close()


def _opened(
    settings: Settings, log_key: NoteSigner, clock: Clock, after_step: AfterStep
) -> SqlStore:
    settings.check()
    signer = EmbeddedSigner(log_key, settings.counterseal_signer_state)
    return SqlStore(settings.database, signer, clock, after_step)


def _wired(
    settings: Settings,
    store: SqlStore,
    origin: str,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
) -> Desk:
    files = read_policy_files(settings.counterseal_policies, POLICY_VERSION)
    with store.reader() as reader:
        activations = reader.find(PolicyActivation)
    active = max(activations, key=lambda a: a.effective_from, default=None)
    effective_from = clock.now() if active is None else active.effective_from
    bundle = bundle_from(files, POLICY_VERSION, effective_from)
    if active is not None:
        check_bundle_hash(bundle, active.bundle_hash)
    contracts = contracts_from(files)
    store.seal()
    return Desk(
        Bench(
            store=store,
            recorder=Recorder(store, clock, ids),
            ids=ids,
            feed=feed,
            broker=PaperBroker(),
            contracts=contracts,
            calendar=partial(desk_calendar, settings.counterseal_home, contracts.closures),
            bundle=bundle.amended(limits=tightened(bundle.limits, settings.limit_overrides())),
            origin=origin,
            trading_mode=settings.trading_mode,
            live_trading_enabled=settings.live_trading_enabled,
            broker_provider=settings.broker_provider,
        )
    )
