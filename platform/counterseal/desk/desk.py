"""All use cases on one screen.

Job: be what windows and flows call.

Not here: wiring (storage.desk), rules (the rooms).
"""

from counterseal.broker.ports import Gateway
from counterseal.desk.access import Access
from counterseal.desk.account_reconciling import AccountReconciling
from counterseal.desk.accounts import Accounts
from counterseal.desk.amendments import Amendments
from counterseal.desk.approvals import Approvals
from counterseal.desk.attestations import Attestations
from counterseal.desk.bench import Bench
from counterseal.desk.bookkeeping import Bookkeeping
from counterseal.desk.bulk import Bulk
from counterseal.desk.calibrating import Calibrating
from counterseal.desk.case_comments import CaseComments
from counterseal.desk.closing import Expiry
from counterseal.desk.delegations import Delegations
from counterseal.desk.delivery import DeadLetters, Delivery
from counterseal.desk.dispatch import Dispatch
from counterseal.desk.drills import Drills
from counterseal.desk.ingesting import Ingesting
from counterseal.desk.intake import Intake
from counterseal.desk.leaving import Leaving
from counterseal.desk.lifecycle import Lifecycle
from counterseal.desk.loss_watch import LossWatch
from counterseal.desk.mandates import Mandates
from counterseal.desk.market_watch import MarketWatch
from counterseal.desk.order_batches import OrderBatches
from counterseal.desk.orders import Orders
from counterseal.desk.people import People
from counterseal.desk.proposals import Proposals
from counterseal.desk.reconciling import Reconciling
from counterseal.desk.replacing import Replacing
from counterseal.desk.revocations import Revocations
from counterseal.desk.risk_overrides import RiskOverrides
from counterseal.desk.risk_switches import RiskSwitches
from counterseal.desk.rounds import Rounds
from counterseal.desk.sessions import Sessions
from counterseal.desk.setup import Setup
from counterseal.desk.timeout_scans import TimeoutScans
from counterseal.desk.waiting import Waiting


class Desk:
    """The use cases of one installation.

    Attributes:
        bench: Ports and law.
        gateway, delivery, ingesting: Who works orders, what hands them over and takes reports in;
            None fills them where they are submitted.
        setup, people, mandates, intake, approvals, revocations: Use cases before an order, by noun.
        bulk: Many reviews in one signing ceremony.
        delegations, amendments, comments, waiting: Reviewing for somebody, new versions of a
            request, what people say about it, what time does to it.
        accounts, access, sessions: Names with secrets, and the logins that they open.
        proposals, leaving: Keys and roles by two people, and the end of them.
        drills: That reviewers can still sign, on record.
        attestations: What people say of controls.
        dispatch, orders, order_batches, lifecycle: Use cases from the submit on.
        expiry: What time and the tape do to resting orders.
        replacing, reconciling, dead_letters: What changes an order, ends doubt, or is tried again.
        account_reconciling: Gateway, orders, books and log side by side, and the lock that follows.
        switches, overrides: What risk lets pass for an account, a strategy or all.
        bookkeeping: What changes a position beside fills.
        calibrating: How far fills stray from a tape, on record.
        rounds, timeout_scans, market_watch, loss_watch: What runs again and again.
    """

    def __init__(self, bench: Bench, gateway: Gateway | None = None) -> None:
        self.bench = bench
        self.gateway = gateway
        self.delivery = None if gateway is None else Delivery(bench, gateway)
        self.ingesting = None if gateway is None else Ingesting(bench, gateway)
        self.setup = Setup(bench)
        self.people = People(bench)
        self.proposals = Proposals(bench)
        self.leaving = Leaving(bench)
        self.drills = Drills(bench)
        self.attestations = Attestations(bench)
        self.accounts = Accounts(bench)
        self.access = Access(bench)
        self.sessions = Sessions(bench)
        self.mandates = Mandates(bench)
        self.approvals = Approvals(bench)
        self.bulk = Bulk(bench, self.approvals)
        self.intake = Intake(bench, self.approvals)
        self.revocations = Revocations(bench)
        self.delegations = Delegations(bench)
        self.amendments = Amendments(bench)
        self.comments = CaseComments(bench)
        self.waiting = Waiting(bench, self.approvals)
        self.switches = RiskSwitches(bench)
        self.overrides = RiskOverrides(bench)
        self.orders = Orders(bench, by_message=gateway is not None)
        self.order_batches = OrderBatches(bench, by_message=gateway is not None)
        self.dispatch = Dispatch(bench, self.order_batches)
        self.lifecycle = Lifecycle(bench)
        self.expiry = Expiry(bench, self.lifecycle)
        self.replacing = Replacing(bench)
        self.reconciling = Reconciling(bench)
        self.account_reconciling = AccountReconciling(bench)
        self.dead_letters = DeadLetters(bench)
        self.bookkeeping = Bookkeeping(bench)
        self.calibrating = Calibrating(bench)
        self.rounds = Rounds(bench)
        self.timeout_scans = TimeoutScans(bench, self.lifecycle, self.rounds)
        self.market_watch = MarketWatch(bench, self.rounds)
        self.loss_watch = LossWatch(bench, self.rounds)
