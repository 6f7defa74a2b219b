"""A governed world in which every kind of document was made at least once."""

from decimal import Decimal
from functools import partial
from typing import TypeVar

import pytest

from counterseal.broker.calibration import CalibrationTerms
from counterseal.desk.calibrating import CalibrationTape
from counterseal.desk.comparing import LogDifference
from counterseal.desk.day_end import DayEnd
from counterseal.desk.delivery import Delivery
from counterseal.desk.discrepancies import KIND as RESOLUTION
from counterseal.desk.discrepancies import ResolutionTerms, resolution_statement
from counterseal.desk.orders import Submission
from counterseal.desk.risk_overrides import OverrideAsked
from counterseal.desk.risk_switches import SwitchOrder
from counterseal.desk.views.people import access_list
from counterseal.identity.access_reviews import AccessClaim, review_statement
from counterseal.kernel.canonical import digest
from counterseal.oms.model import Order
from counterseal.policy.access import AccessRules, IssuerRule
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.policy.words import Stage
from counterseal.portfolio.settlement import SettlementPrice
from counterseal.risk.facts import TradingState
from counterseal.risk.override import override_statement
from counterseal.risk.switches import RiskScope
from counterseal.signals.model import Direction
from storage.paper_gateway import PaperGateway
from tests.core.broker.markets import tape
from tests.desk.access_room import Room as AccessRoom
from tests.desk.bulk_room import RESEARCH
from tests.desk.bulk_room import Room as BulkRoom
from tests.desk.casework import delegated
from tests.desk.followed import following
from tests.desk.keeping import KeptWorld
from tests.desk.policy_room import PolicyWorld, a_sample_is_enough
from tests.desk.test_controls import claim as word_about_a_control
from tests.desk.test_controls import said as said_of_a_control
from tests.storage.memory_book import MemoryBook
from tests.storage.rollback_record import record_a_rollback
from tests.world import ACCOUNT, SYMBOL, World

ISSUER = "https://login.example"
LINKED = AccessRules(issuers=(IssuerRule(issuer=ISSUER, client_id="desk"),))
SHORT = Direction.SHORT
REPEATS = OverrideAsked(
    check=FurtherCheck.REPEATED_EXECUTION, account_id=ACCOUNT, reason="a series", seconds=600
)

OtherWorld = TypeVar("OtherWorld", bound=World)


def everything_of(world: World) -> None:
    """Trade, talk, log in, attest, vote and keep records, until no kind of document lacks."""
    trade(world)
    watch(world)
    keep_books(world)
    restrain(world)
    doubt(world)
    talk(world)
    log_in(seen_as(AccessRoom, world))
    attest(world)
    vote(seen_as(PolicyWorld, world))
    end_days(world)
    seen_as(KeptWorld, world).kept()
    record_a_rollback(world)


def seen_as(room: type[OtherWorld], world: World) -> OtherWorld:
    """The same world, with its one clock, desk and count, in the hands of another room."""
    other = room.__new__(room)
    other.__dict__ = world.__dict__
    return other


def trade(world: World) -> None:
    """One order by hand, and one by the platform under a mandate."""
    world.done(world.submitted(world.approved()))
    world.approved(quantity=1)
    claimed = world.desk.dispatch.claim(world.mandate(), world.service(), key=world.key())
    [outcome] = world.desk.dispatch.execute(world.done(claimed), 1, world.service())
    world.done(outcome)


def watch(world: World) -> None:
    """Marks, a clean comparison, a loss beyond the limit and one after it, a calibration."""
    for marked in following(world).market_watch.look(world.service()):
        world.done(marked)
    comparing = world.desk.account_reconciling
    world.done(comparing.compare(None, (), world.service(), key=world.key()))
    world.quote(bid="10000", ask="10001")
    [crossed] = world.desk.loss_watch.look(world.service())
    world.done(crossed)
    world.quote()
    freed = SwitchOrder(
        scope=RiskScope.ACCOUNT, subject=ACCOUNT, state=TradingState.ACTIVE, reason="looked at"
    )
    world.done(world.desk.switches.switch(freed, world.actor("risk"), key=world.key()))
    prints = tape([(100 + number % 3, 5) for number in range(300)])
    terms = CalibrationTerms(every_seconds=60, span_seconds=200, sizes=(1,))
    told = CalibrationTape(SYMBOL, prints, Decimal(1), digest("a file"))
    operator, key = world.actor("operator"), world.key()
    world.done(world.desk.calibrating.run(told, terms, operator, key=key))


def keep_books(world: World) -> None:
    """A sale that closes a part of a lot, its reversal, and the settlement of the day."""
    world.quote()
    sold = world.done(world.submitted(world.approved(quantity=1, direction=SHORT), quantity=1))
    [fill] = [fill for fill in world.fills() if fill.order_id == sold]
    books, key = world.desk.bookkeeping, world.key()
    world.done(books.reverse(fill.fill_id, world.actor("operator"), reason="busted", key=key))
    told = SettlementPrice(
        symbol=SYMBOL, price=Decimal(20000), source="told", trading_day=fill.trading_day
    )
    world.done(books.settle(ACCOUNT, told, world.service(), key=world.key()))


def end_days(world: World) -> None:
    """A statement of every trading day that has ended; the first ends meanwhile."""
    world.after(6 * 3600)
    for stated in DayEnd(world.desk.bench).end_days(world.service()):
        world.done(stated)


def restrain(world: World) -> None:
    """A strategy is halted, and a soft check overridden by two people."""
    halt = SwitchOrder(
        scope=RiskScope.STRATEGY, subject="idle", state=TradingState.HALTED, reason="a drill"
    )
    world.done(world.desk.switches.switch(halt, world.actor("operator"), key=world.key()))
    overrides, now = world.desk.overrides, world.clock.now()
    terms = overrides.terms(REPEATS, "tenant-1", now, key=world.key())
    for name in ("risk", "compliance"):
        [signature] = world.signed_by("override", override_statement(terms), name)
        world.done(overrides.sign(signature, world.actor(name), key=world.key()))


def doubt(world: World) -> None:
    """An order at a gateway is cancelled there; a difference locks the account and is accepted."""
    bench, service, operator = world.desk.bench, world.service(), world.actor("operator")
    gateway = PaperGateway(MemoryBook(), bench)
    delivery = Delivery(bench, gateway)
    approved = world.approved(quantity=1, direction=SHORT)
    asked = Submission(approval_request_id=approved, quantity=Decimal(1))
    world.quote(size=0)
    order_id = world.done(world.desk.orders.enqueue(asked, operator, key=world.key()))
    with world.store.reader() as reader:
        [order] = reader.find(Order, approval_request_id=asked.approval_request_id)
    for act in (None, partial(world.desk.lifecycle.cancel, order.order_id, operator, reason="x")):
        if act is not None:
            world.done(act(key=world.key()))
        for message in delivery.due(world.clock.now()):
            delivery.deliver(message, "worker", service)
        world.after(1)
    comparing = world.desk.account_reconciling
    differs = LogDifference(row="orders", got=order_id)
    world.done(comparing.compare(gateway, [differs], service, key=world.key()))
    risk = world.actor("risk")
    terms = comparing.terms(ACCOUNT, risk, reason="a drill")
    assert isinstance(terms, ResolutionTerms)
    [signature] = world.signed_by(RESOLUTION, resolution_statement(terms), "risk")
    world.done(comparing.resolve(terms, signature, risk, key=world.key()))


def talk(world: World) -> None:
    """A review in a batch of one, a stand-in for the next stage, and a comment."""
    request_id = world.requested()
    BulkRoom(world).reviewed("researcher", RESEARCH, request_id)
    delegated(world, "risk", "quant", Stage.RISK)
    comment, actor = world.desk.comments.comment, world.actor("risk")
    world.done(comment(request_id, "is the stop right?", actor, key=world.key()))


def log_in(room: AccessRoom) -> None:
    """A login under a name with a password, and a name of an identity provider."""
    room.furnish(rules=LINKED)
    room.logged_in(room.named())
    officer = room.actor("officer-1")
    room.done(room.desk.accounts.link(ISSUER, "subject", "operator", officer, key=room.key()))


def attest(world: World) -> None:
    """An officer's look at who may do what, and a word about a control."""
    with world.store.reader() as reader:
        seen = access_list(reader)
    claim = AccessClaim(terms=world.terms(), list_digest=seen.digest, people_count=len(seen.people))
    (signature,) = world.signed_by("attest", review_statement(claim), "officer-1")
    officer = world.actor("officer-1")
    world.done(world.desk.leaving.attest_review(claim, signature, officer, key=world.key()))
    world.done(said_of_a_control(world, word_about_a_control(world)))


def vote(world: PolicyWorld) -> None:
    """A new version of the law with one vote; a sample of the sweep is enough here."""
    world.staffed().version()
    world.after(1)
    with pytest.MonkeyPatch.context() as patch:
        a_sample_is_enough(patch)
        proposal_id = world.done(world.proposed())
    world.done(world.voted(proposal_id, "vera"))
