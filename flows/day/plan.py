"""What a governed day is to show.

Job: state people, reviews, orders and delays of a replayed day, so that the report can repeat them.

Invariants
  I1  A plan is data: the same plan, market and seed give the same day.
  I2  Everybody in a plan is labelled automatic.

Not here: when the market moves (markets), what happens (loop).
Source: the demo's parameters; TX-F7 (order of reviews), TX-F17 (self-approval refused).
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import Field

from counterseal.identity.people import Role
from counterseal.kernel.model import DomainModel, Name, Text
from counterseal.kernel.money import Exact, Quantity
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import OrderType, TimeInForce

AUTOMATIC: Final = "demo-automatic"
"""Label of every person of a demo home."""

QUANT, RESEARCH, RISK, COMPLIANCE = "quant", "research", "risk", "compliance"
OPERATOR, OFFICERS = "operator", ("officer-1", "officer-2")
ROLES: Final = {
    QUANT: (Role.REQUESTER, Role.RESEARCH_REVIEWER),
    RESEARCH: (Role.RESEARCH_REVIEWER,),
    RISK: (Role.RISK_REVIEWER,),
    COMPLIANCE: (Role.COMPLIANCE_REVIEWER,),
    OPERATOR: (Role.OPERATOR,),
}
ACCOUNT: Final = "acct-demo-1"
TENANT: Final = "demo"


class Topic(StrEnum):
    """What a case is there to show."""

    USUAL = "approved and executed"
    REJECTION = "rejected by a reviewer"
    NEEDS_DATA = "sent back for data"
    SELF_APPROVAL = "self-approval refused, then approved by others"
    EXPIRED = "approved, never submitted, expired"
    STALE = "risk rejection on a stale quote"
    CANCEL = "rests and is cancelled"
    TIME_OUT = "rests and times out"
    LARGEST = "the largest order that the limits allow, with the compliance stage"


class Verdict(DomainModel):
    """One review to come, `after_seconds` from the request."""

    person_id: Name
    word: DecisionWord
    reason: Text
    after_seconds: int = Field(ge=0)


class CasePlan(DomainModel):
    """What people do with one signal.

    Attributes:
        time_in_force: How long an order works; DAY ends with the session.
        limit_offset_points: Added to a BUY limit and taken from a SELL limit; negative rests.
        verdicts: In the order in which they are tried.
        submit_after_seconds: When the dispatcher looks for it, from the request.
        cancel_after_seconds: When the operator cancels what still works, from the submit.
    """

    topic: Topic = Topic.USUAL
    strategy_id: Name
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_offset_points: Exact = Decimal(0)
    quantity: Quantity
    verdicts: tuple[Verdict, ...]
    submit_after_seconds: int = Field(ge=0)
    cancel_after_seconds: int | None = None


class DayPlan(DomainModel):
    """A whole day.

    Attributes:
        seed: Feeds ids, keys, nonces and salts; the home's secrets are public by it.
        mandated: Strategies that the operator's mandate lets the day submit.
        tx_equivalent_max: Largest exposure of one order under that mandate.
        strategy_version, confidence, stop_distance_points: Stated by every signal of the day;
            confidence 0..1, the stop in points. None of them is estimated from the market.
        order_timeout_seconds: Age at which a working order is marked timed out.
        script: Plans of the first cases; later ones are `usual` of their contract root.
    """

    seed: Name
    opening_cash: Exact = Decimal(1_000_000)
    mandated: tuple[Name, ...] = Field(min_length=1)
    tx_equivalent_max: Exact = Decimal(1)
    strategy_version: Name = "1.0.0"
    confidence: Exact = Field(default=Decimal("0.65"), ge=0, le=1)
    stop_distance_points: Quantity = Decimal(20)
    order_timeout_seconds: int = Field(ge=1, le=86_400)
    script: tuple[CasePlan, ...] = ()
    usual: tuple[CasePlan, ...] = Field(min_length=1)
    roots: tuple[Name, ...] = Field(min_length=1)

    def case(self, ordinal: int, root: str) -> CasePlan:
        """The plan of a case: scripted, or the usual one of its contract root."""
        if ordinal < len(self.script):
            return self.script[ordinal]
        return self.usual[self.roots.index(root)]


_W: Final = DecisionWord


def approvals(*, compliance: bool, delay_seconds: int) -> tuple[Verdict, ...]:
    """Research, risk and, above the threshold, compliance: one delay after the other."""
    chain = [
        (RESEARCH, _W.RESEARCH_APPROVED, "the evidence supports the signal"),
        (RISK, _W.APPROVED_FOR_PAPER, "size and stop are acceptable on paper"),
    ]
    if compliance:
        chain.append((COMPLIANCE, _W.APPROVED_FOR_PAPER, "above the threshold; nothing forbids it"))
    return tuple(
        Verdict(person_id=person, word=word, reason=reason, after_seconds=delay_seconds * place)
        for place, (person, word, reason) in enumerate(chain, 1)
    )
