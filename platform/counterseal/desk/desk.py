"""All use cases on one screen.

Job: be what windows and flows call.

Not here: wiring (storage.desk), rules (the rooms).
"""

from counterseal.desk.approvals import Approvals
from counterseal.desk.bench import Bench
from counterseal.desk.dispatch import Dispatch
from counterseal.desk.intake import Intake
from counterseal.desk.lifecycle import Lifecycle
from counterseal.desk.mandates import Mandates
from counterseal.desk.orders import Orders
from counterseal.desk.people import People
from counterseal.desk.revocations import Revocations
from counterseal.desk.setup import Setup


class Desk:
    """The use cases of one installation.

    Attributes:
        bench: Ports and law.
        setup, people, mandates, intake, approvals, revocations: Use cases before an order, by noun.
        dispatch, orders, lifecycle: Use cases from the submit on.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.setup = Setup(bench)
        self.people = People(bench)
        self.mandates = Mandates(bench)
        self.approvals = Approvals(bench)
        self.intake = Intake(bench, self.approvals)
        self.revocations = Revocations(bench)
        self.orders = Orders(bench)
        self.dispatch = Dispatch(bench, self.orders)
        self.lifecycle = Lifecycle(bench)
