"""What an order is held against before it is created, and before it is changed.

Job: read, once for both, what the approval's recheck, the account's locks and risk are told.

Invariants
  I1  Facts of the case come from documents and the notional from the market, never from a caller.
  I2  A contract without terms has no exposure here; risk refuses it for having none.

Not here: the checks (approvals.execution, oms.decide, risk), using an approval up (desk.orders).
Source: TX-G; TX-I11 (amend or replace never bypasses risk).
"""

from datetime import datetime
from decimal import Decimal

from counterseal.approvals.execution import ExecutionCase
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.bench import Bench
from counterseal.desk.case_facts import case_facts, links_of_case
from counterseal.desk.discrepancies import check_not_locked
from counterseal.desk.exposure import market_notional, risk_intent, risk_snapshot
from counterseal.desk.ports import Reader
from counterseal.identity.people import Person
from counterseal.kernel.model import Refusal
from counterseal.market.contracts import ContractTable
from counterseal.market.instruments import contract_root
from counterseal.oms.decide import check_not_blocked
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.risk.decide import evaluate
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import PaperOrderIntent


def contract_ratio(contracts: ContractTable, symbol: str) -> Decimal:
    """TX-equivalents of one contract; 0 for a contract without terms."""
    spec = contracts.spec(contract_root(symbol))
    return Decimal(0) if spec is None else spec.tx_equivalent


def execution_case(
    reader: Reader,
    bench: Bench,
    case: tuple[ApprovalRequest, tuple[ApprovalDecision, ...]],
    intent: PaperOrderIntent,
    submitter: Person,
    now: datetime,
) -> ExecutionCase:
    """Everything that says whether an intent is approved.

    The request comes with the uses that count and its decisions in sequence, the submitter from
    the verified login; who is one person with whom is told from the request until `now` (UTC).
    """
    request, decisions = case
    facts = case_facts(reader, request, bench.bundle.approval.void_matrix)
    return ExecutionCase(
        request=request,
        decisions=decisions,
        person_keys=facts.person_keys,
        links=links_of_case(reader, request.payload.created_at, now),
        grants=facts.grants,
        earlier=facts.earlier,
        bundle=bench.bundle,
        intent=intent,
        ratio=contract_ratio(bench.contracts, intent.symbol),
        notional=market_notional(intent, bench.contracts),
        submitter=submitter,
    )


def check_may_trade(reader: Reader, account_id: str, symbol: str) -> Refusal | None:
    """What stands against more contracts: the account's lock, an order of unknown outcome.

    Refusals: `TRADING_ACCOUNT_LOCKED`, `UNKNOWN_ORDER_BLOCKS`.
    """
    unknown = OrderState.UNKNOWN_NEEDS_RECONCILIATION.value
    return check_not_locked(reader, account_id) or check_not_blocked(
        reader.find(Order, account_id=account_id, state=unknown),
        account_id=account_id,
        symbol=symbol,
    )


def risk_of(
    reader: Reader, bench: Bench, intent: PaperOrderIntent, key: str, now: datetime
) -> RiskEvaluation:
    """What risk says of an intent at `now` (UTC); its id follows from the command's key.

    Raises:
        InputError: as `desk.exposure.risk_snapshot`.
    """
    return evaluate(
        risk_intent(intent, bench.contracts),
        risk_snapshot(reader, bench, intent, now),
        bench.bundle.limits,
        evaluation_id=bench.ids.new("rsk", key, now),
        now=now,
    )
