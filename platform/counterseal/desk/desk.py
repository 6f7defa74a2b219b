"""All use cases on one screen.

Job: be what windows and flows call.

Not here: wiring (storage.desk), rules (the rooms).
"""

from counterseal.desk.approvals import Approvals
from counterseal.desk.bench import Bench
from counterseal.desk.intake import Intake
from counterseal.desk.lifecycle import Lifecycle
from counterseal.desk.orders import Orders
from counterseal.desk.people import People
from counterseal.desk.setup import Setup


class Desk:
    """The use cases of one installation.

    Attributes:
        bench: Ports and law.
        setup, people, intake, approvals, orders, lifecycle: Use cases by noun.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.setup = Setup(bench)
        self.people = People(bench)
        self.intake = Intake(bench)
        self.approvals = Approvals(bench)
        self.orders = Orders(bench)
        self.lifecycle = Lifecycle(bench)
