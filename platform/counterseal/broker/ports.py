"""The port behind which brokers live.

Job: say what a broker promises. Only the paper broker exists.

Not here: the model (broker.paper), the gate in front of it (broker.gateway).
Source: TX-G1, TX-G6, TX-J.
"""

from datetime import datetime
from typing import Protocol

from counterseal.broker.model import SimulationRequest, SimulationResult


class Broker(Protocol):
    """Answers orders.

    MUST answer the same request with the same result. MUST name its model version in each result.
    MUST NOT reach a network, a real broker or real money. MUST NOT be called for an order that the
    gateway did not accept. Callers MUST NOT assume a fill: every outcome is normal.
    """

    @property
    def provider(self) -> str:
        """`paper`, and nothing else."""

    def heartbeat(self, now: datetime) -> datetime | None:
        """When the broker last gave a sign of life (aware), asked at `now`; None for never."""

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """What happens to the order at this quote.

        Raises:
            InputError: when the request cannot be understood.
        """
