"""The contract table as people compare it.

Job: one row per contract with its terms and what it is worth in the others.

Invariants
  I1  The equivalences follow from the sizes of the contracts; none is typed in.

Not here: the terms (policies/contracts), limits (views.risk).
Source: TX-A4.
"""

from decimal import Decimal

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Currency, Exact, Quantity
from counterseal.market.contracts import SYMBOL_GROUP, UNITS, ContractTable
from counterseal.market.instruments import ContractRoot


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
