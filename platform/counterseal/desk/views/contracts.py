"""The contract table as people compare it.

Job: one row per contract with its terms and what it is worth in the others, and whose a symbol is.

Invariants
  I1  The equivalences follow from the sizes of the contracts; none is typed in.

Not here: the terms (policies/contracts), limits (views.risk).
Source: TX-A4, TX-A6.
"""

from decimal import Decimal

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Currency, Exact, NonNegative, Quantity
from counterseal.market.contracts import SYMBOL_GROUP, UNITS, ContractTable
from counterseal.market.instruments import ContractRoot, contract_month, contract_root
from counterseal.policy.limits import RiskLimits


class ContractRow(DomainModel):
    """One contract.

    Attributes:
        multiplier: Currency units per index point.
        tick: Index points.
        tx_equivalent: The same as `in_tx`, from the contract document.
        in_tx, in_mtx, in_tmf: How many of that contract one of this contract equals.
    """

    contract_root: Name
    trading_code: Name
    symbol_group: Name = SYMBOL_GROUP
    multiplier: Quantity
    tick: Quantity
    currency: Currency
    tx_equivalent: Quantity
    in_tx: Exact
    in_mtx: Exact
    in_tmf: Exact


def contract_rows(table: ContractTable) -> tuple[ContractRow, ...]:
    """Every contract, in the order of the table."""
    return tuple(
        ContractRow(
            contract_root=spec.root,
            trading_code=spec.trading_code,
            multiplier=spec.multiplier,
            tick=spec.tick,
            currency=table.currency,
            tx_equivalent=spec.tx_equivalent,
            in_tx=_worth(spec.root, ContractRoot.TX),
            in_mtx=_worth(spec.root, ContractRoot.MTX),
            in_tmf=_worth(spec.root, ContractRoot.TMF),
        )
        for spec in table.contracts
    )


def _worth(one: ContractRoot, other: ContractRoot) -> Decimal:
    return Decimal(UNITS[one]) / UNITS[other]


class SymbolTerms(DomainModel):
    """What a symbol stands for.

    Attributes:
        contract_root, month: None where the symbol names none of ours.
        multiplier, tx_equivalent: Of one contract; None for an unknown one.
        quantity_max: Largest order in contracts; zero for an unknown one, so that each is refused.
    """

    symbol: Name
    contract_root: Name | None
    month: Name | None
    multiplier: Quantity | None
    tx_equivalent: Quantity | None
    quantity_max: NonNegative


def symbol_terms(symbol: str, table: ContractTable, limits: RiskLimits) -> SymbolTerms:
    """The contract that a symbol's prefix names, with its largest order (TX-A6)."""
    root = contract_root(symbol)
    spec = table.spec(root)
    return SymbolTerms(
        symbol=symbol,
        contract_root=root,
        month=contract_month(symbol),
        multiplier=None if spec is None else spec.multiplier,
        tx_equivalent=None if spec is None else spec.tx_equivalent,
        quantity_max=limits.order_size_limit(root),
    )
