"""What a governed day is to show.

Job: state people, reviews, orders and delays of a replayed day, so that the report can repeat them.

Invariants
  I1  A plan is data: the same plan, market and seed give the same day.
  I2  Everybody in a plan is labelled automatic.

Not here: when the market moves (markets), what happens (loop).
Source: the demo's parameters; TX-F7 (order of reviews), TX-F17 (self-approval refused);
governance rules 2.3 (amending), 2.6 (delegation), 2.7 (many decisions, one signature).
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import Field

from counterseal.identity.people import Role
from counterseal.kernel.model import DomainModel, Name, Text
from counterseal.kernel.money import Exact, Quantity
from counterseal.policy.words import DecisionWord, Stage
from counterseal.signals.intent import OrderType, TimeInForce

AUTOMATIC: Final = "demo-automatic"
"""Label of every person of a demo home."""

QUANT, RESEARCH, RISK, COMPLIANCE = "quant", "research", "risk", "compliance"
DEPUTY: Final = "deputy"
OPERATOR, AUDITOR, OFFICERS = "operator", "auditor", ("officer-1", "officer-2")
ROLES: Final = {
    QUANT: (Role.REQUESTER, Role.RESEARCH_REVIEWER),
    RESEARCH: (Role.RESEARCH_REVIEWER,),
    RISK: (Role.RISK_REVIEWER,),
    COMPLIANCE: (Role.COMPLIANCE_REVIEWER,),
    DEPUTY: (),
    OPERATOR: (Role.OPERATOR,),
    AUDITOR: (Role.AUDITOR,),
}
OWN_MACHINES: Final = frozenset({COMPLIANCE})
"""Who signs with an SSH key of the own machine; everybody else with a key file of the home."""
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
    ASKED_AGAIN = "the data is given, in a new request that cites the old one"
    SUPERSEDED = "made smaller by the requester after the research review"
    AMENDED = "the smaller version: research carries, risk decides"
    DELEGATED = "risk review by a deputy under a signed grant"
    BATCH = "research review of two cases under one signature"


class Verdict(DomainModel):
    """One review to come, `after_seconds` from the request.

    Attributes:
        in_the_name_of: The delegator, for who acts under that person's grant of the day.
        ceremony: Reviews of one ceremony are signed as one, when the last of them is due.
    """

    person_id: Name
    word: DecisionWord
    reason: Text
    after_seconds: int = Field(ge=0)
    in_the_name_of: Name | None = None
    ceremony: Name | None = None


class Remark(DomainModel):
    """A comment in a case's thread, in reply to the one before; seconds from the request."""

    person_id: Name
    text: Text
    after_seconds: int = Field(ge=0)


class StandIn(DomainModel):
    """A grant of the day: who may review for whom, what, and up to which size."""

    delegator: Name
    delegate: Name
    stages: tuple[Stage, ...]
    strategies: tuple[Name, ...]
    instruments: tuple[Name, ...]
    tx_equivalent_max: Exact
    notional_max: Exact
    reason: Text


class CasePlan(DomainModel):
    """What people do with one signal.

    Attributes:
        strategy_id: Whose case it is; None for the strategy that spoke.
        time_in_force: How long an order works; DAY ends with the session.
        limit_offset_points: Added to a BUY limit and taken from a SELL limit; negative rests.
        verdicts: In the order in which they are tried.
        submit_after_seconds: When the dispatcher looks for it, from the request.
        cancel_after_seconds: When the operator cancels what still works, from the submit.
        remarks: What is said about the case, in this order.
        then: What the requester asks instead, `then_after_seconds` from the request: a smaller
            version of it (`AMENDED`), or the same again with a citation (`ASKED_AGAIN`).
    """

    topic: Topic = Topic.USUAL
    strategy_id: Name | None = None
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_offset_points: Exact = Decimal(0)
    quantity: Quantity
    verdicts: tuple[Verdict, ...]
    submit_after_seconds: int = Field(ge=0)
    cancel_after_seconds: int | None = None
    remarks: tuple[Remark, ...] = ()
    then: "CasePlan | None" = None
    then_after_seconds: int = Field(default=0, ge=0)


class DayPlan(DomainModel):
    """A whole day.

    Attributes:
        seed: Feeds ids, keys, nonces and salts; the home's secrets are public by it.
        mandated: Strategies that the operator's mandate lets the day submit.
        tx_equivalent_max: Largest exposure of one order under that mandate.
        confidence, stop_distance_points: Stated by every signal whose strategy left them open;
            confidence 0..1, the stop in points. Neither is estimated from the market.
        stand_ins: Grants that are signed before the market opens and end with the day.
        order_timeout_seconds: Age at which a working order is marked timed out; None leaves it to
            its time in force.
        script: Plans of the first cases; later ones are `usual` of their contract root.
    """

    seed: Name
    opening_cash: Exact = Decimal(1_000_000)
    mandated: tuple[Name, ...] = Field(min_length=1)
    tx_equivalent_max: Exact = Decimal(1)
    confidence: Exact = Field(default=Decimal("0.65"), ge=0, le=1)
    stop_distance_points: Quantity = Decimal(20)
    stand_ins: tuple[StandIn, ...] = ()
    order_timeout_seconds: int | None = Field(ge=1, le=86_400)
    script: tuple[CasePlan, ...] = ()
    usual: tuple[CasePlan, ...] = Field(min_length=1)
    roots: tuple[Name, ...] = Field(min_length=1)

    def case(self, ordinal: int, root: str) -> CasePlan:
        """The plan of a case: scripted, or the usual one of its contract root."""
        if ordinal < len(self.script):
            return self.script[ordinal]
        return self.usual[self.roots.index(root)]

    def gathered(self, ceremony: str) -> int:
        """How many reviews are signed in a ceremony."""
        verdicts = (verdict for case in self.script for verdict in case.verdicts)
        return sum(verdict.ceremony == ceremony for verdict in verdicts)


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
