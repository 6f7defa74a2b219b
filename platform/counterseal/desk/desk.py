"""All use cases on one screen.

Job: be what windows and flows call.

Not here: wiring (storage.desk), rules (the rooms).
"""

from counterseal.desk.access import Access
from counterseal.desk.accounts import Accounts
from counterseal.desk.amendments import Amendments
from counterseal.desk.approvals import Approvals
from counterseal.desk.bench import Bench
from counterseal.desk.bulk import Bulk
from counterseal.desk.case_comments import CaseComments
from counterseal.desk.delegations import Delegations
from counterseal.desk.dispatch import Dispatch
from counterseal.desk.intake import Intake
from counterseal.desk.leaving import Leaving
from counterseal.desk.lifecycle import Lifecycle
from counterseal.desk.mandates import Mandates
from counterseal.desk.orders import Orders
from counterseal.desk.people import People
from counterseal.desk.proposals import Proposals
from counterseal.desk.revocations import Revocations
from counterseal.desk.sessions import Sessions
from counterseal.desk.setup import Setup
from counterseal.desk.waiting import Waiting


class Desk:
    """The use cases of one installation.

    Attributes:
        bench: Ports and law.
        setup, people, mandates, intake, approvals, revocations: Use cases before an order, by noun.
        bulk: Many reviews in one signing ceremony.
        delegations, amendments, comments, waiting: Reviewing for somebody, new versions of a
            request, what people say about it, what time does to it.
        accounts, access, sessions: Names with secrets, and the logins that they open.
        proposals, leaving: Keys and roles by two people, and the end of them.
        dispatch, orders, lifecycle: Use cases from the submit on.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.setup = Setup(bench)
        self.people = People(bench)
        self.proposals = Proposals(bench)
        self.leaving = Leaving(bench)
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
        self.orders = Orders(bench)
        self.dispatch = Dispatch(bench, self.orders)
        self.lifecycle = Lifecycle(bench)
