"""A demo home, opened to visitors.

Job: let a demo go on where its day ended: a clock, accounts for its people, a request that waits.

Invariants
  I1  Only a demo is opened: everybody's secrets are told, and all know the passphrase of its keys.
  I2  Time goes on, never back, to an hour at which the exchange is open for a while.
  I3  Opening again adds nothing that is there already.

Not here: the replayed day (flows.day), what runs for visitors (serve), what they type
(storage.demo_visitors).
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from pydantic import SecretStr

from counterseal.approvals.draft import RequestTerms
from counterseal.approvals.model import UNDER_REVIEW, ApprovalRequest
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.identity.accounts import LocalAccount
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import Clock, parse_utc
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Refusal
from counterseal.market.sessions import expiry_date, session_at, trading_day
from counterseal.market.trading_days import TradingCalendar
from counterseal.market.waves import wave_quote
from counterseal.signals.model import Direction, Provenance, SignalReason, StrategySignal
from flows.day.people import AutomaticPeople
from flows.day.plan import ACCOUNT, OFFICERS, QUANT, ROLES
from storage.demo_visitors import Visitor, code_at, keep_visitors, visitors
from storage.homes import keys_folder, read_home
from storage.keyring import DEMO_PASSPHRASE
from storage.settings import Settings

DEMO: Final = "demo"
"""Mode of a home that may be opened."""
STAYS_OPEN: Final = timedelta(hours=2)
"""How long the exchange goes on after the hour at which a visit begins."""
LOOK: Final = timedelta(minutes=5)
LOOKS_MAX: Final = 30 * 24 * 12
HALF_MINUTE: Final = timedelta(seconds=30)
STRATEGY: Final = "visited-by-hand"
LOTS: Final = Decimal(2)
TARGET: Final = Decimal("0.1")


def mode_of(settings: Settings) -> str:
    """What a home says it is: `demo` or `paper`; errors of `storage.home_reader.read_home`.

    Raises:
        IntegrityError: `INSTALLATION_MISSING`.
    """
    with read_home(settings) as reader:
        installation = reader.get(Installation, INSTALLATION_ID)
    if installation is None:
        raise IntegrityError("INSTALLATION_MISSING", "this home does not say what it is")
    return installation.mode


def begins_at(settings: Settings, calendar: TradingCalendar, now: datetime) -> datetime:
    """When a visit begins (UTC): behind now and the newest record, with hours of trading to come.

    Outsiders saw the day at the machine's time, so nothing that follows may be older than that.

    Raises:
        InputError: `CALENDAR_RANGE` where nobody knows when the exchange opens.
        IntegrityError: `LOG_EMPTY` for a home without a record.
    """
    at = max(_newest(settings), now) + timedelta(seconds=1)
    for _ in range(LOOKS_MAX):
        session = session_at(at, calendar)
        if session is not None and session.opens_at <= at < session.closes_at - STAYS_OPEN:
            return at
        at = at.replace(second=0, microsecond=0) + LOOK
    raise InputError("CALENDAR_RANGE", "the exchange does not open for a month", got=at)


class Visit:
    """A demo that is made ready for visitors.

    Args:
        desk: Opened under the visited clock.
        settings: Of the home.
        clock: The visited clock.
        ids: Of what is new.

    Raises:
        InputError: `NOT_A_DEMO_HOME`.
    """

    def __init__(self, desk: Desk, settings: Settings, clock: Clock, ids: IdSource) -> None:
        self._desk, self._settings, self._clock, self._ids = desk, settings, clock, ids
        self._people = AutomaticPeople(desk, keys_folder(settings), mode_of(settings), clock, ids)

    def prepare(self) -> None:
        """Accounts for everybody, and a request that waits for its first review.

        Raises:
            IntegrityError: `DEMO_SETUP_REFUSED`.
        """
        with read_home(self._settings) as reader:
            known = {one.name: one for one in visitors(self._settings, reader)}
            named = {account.account_id for account in reader.find(LocalAccount)}
            waiting = [r for r in reader.find(ApprovalRequest) if self._waits(r)]
        names = (*ROLES, *OFFICERS)
        if not known.keys() >= set(names):
            told = [known.get(name) or self._visitor(name, new=name not in named) for name in names]
            keep_visitors(self._settings, told)
        if not waiting:
            self.ask()

    def _waits(self, request: ApprovalRequest) -> bool:
        return request.status in UNDER_REVIEW and request.review_expires_at > self._clock.now()

    def _visitor(self, name: str, *, new: bool) -> Visitor:
        """An account whose password everybody knows, and whose codes are kept.

        Raises:
            IntegrityError: `DEMO_SETUP_REFUSED`.
        """
        officer = self._people.actor(next(one for one in OFFICERS if one != name))
        accounts = self._desk.accounts
        if new:
            _done(accounts.open(name, name, officer, key=self._key()))
        issued = accounts.issue(name, officer, key=self._key())
        _done(issued.outcome)
        right = issued.token
        if right is None:
            raise IntegrityError("DEMO_SETUP_REFUSED", "no token was issued", got=name)
        password = SecretStr(DEMO_PASSPHRASE)
        _done(accounts.set_password(name, password, right, key=self._key()))
        offer = accounts.offer_codes(name, right)
        if isinstance(offer, Refusal):
            raise IntegrityError("DEMO_SETUP_REFUSED", offer.message, got=offer.code)
        secret = offer.secret.get_secret_value()
        code = SecretStr(code_at(secret, self._clock.now() - HALF_MINUTE))
        _done(accounts.confirm_codes(name, code, key=self._key()))
        return Visitor(name=name, codes=secret)

    def ask(self, direction: Direction = Direction.LONG, lots: Decimal = LOTS) -> None:
        """A signal of now, and the request for the order that follows from it.

        Raises:
            IntegrityError: `DEMO_SETUP_REFUSED`.
        """
        now, key, quant = self._clock.now(), self._key(), self._people.actor(QUANT)
        signal = StrategySignal(
            signal_id=self._ids.new("sig", "visit", now),
            strategy_id=STRATEGY,
            strategy_version="1.0.0",
            timestamp=now,
            direction=direction,
            target_tx_equivalent=TARGET,
            confidence=Decimal("0.7"),
            stop_distance_points=Decimal(20),
            reason=SignalReason(signals_only=True),
        )
        provenance = Provenance(
            source="demo-visit",
            source_digest=signal.digest,
            data_version="simulated",
            code_version="1.0.0",
            parameters_hash=digest(None),
        )
        intake = self._desk.intake
        _done(intake.propose(signal, provenance, quant, key=f"{key}:signal"))
        terms = RequestTerms(
            account_id=ACCOUNT,
            symbol=f"TMF{_month(now, self._desk.bench.calendar())}",
            max_quantity=lots,
            price=wave_quote("TMF", 0).last.to_integral_value(),
            request_reason="a visitor is to review this simulated order of the demo",
            author_ids=(QUANT,),
        )
        _done(intake.request(signal.signal_id, terms, quant, now=now, key=f"{key}:request"))

    def _key(self) -> str:
        return self._ids.new("cmd", "visit", self._clock.now())


def _newest(settings: Settings) -> datetime:
    with read_home(settings) as reader:
        ends = reader.ends()
        rows = () if ends is None else tuple(reader.records(ends[1] - 1, ends[1]))
    if not rows:
        raise IntegrityError("LOG_EMPTY", "this home has no record", got=settings.counterseal_home)
    return parse_utc(rows[0].recorded_at)


def _month(now: datetime, calendar: TradingCalendar) -> str:
    """The nearest month (`202601`) that trades for more than today."""
    today = trading_day(now, calendar)
    this, later = f"{today:%Y%m}", f"{today.replace(day=1) + timedelta(days=32):%Y%m}"
    return this if expiry_date(this, calendar) > today else later


def _done(outcome: Outcome) -> None:
    refusal = outcome.refusal
    if refusal is not None:
        raise IntegrityError("DEMO_SETUP_REFUSED", refusal.message, got=refusal.code)
