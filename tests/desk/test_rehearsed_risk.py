"""Rehearsed risk across accounts: as it is, and with one thing broken at a time."""

from collections.abc import Callable, Mapping

import pytest

from counterseal.desk import exposure, loss_watch, risk_facts
from counterseal.desk.ports import Reader
from counterseal.desk.readiness import Rehearsal
from counterseal.desk.rehearsed_orders import OrdersRehearsal
from counterseal.desk.rehearsed_risk import ACROSS, RiskRehearsal
from counterseal.desk.scratch import ScratchHouse
from counterseal.portfolio.model import Account
from counterseal.readiness.model import Exercise
from counterseal.risk import further_money
from counterseal.risk.losses import changed_loss
from storage import scratch
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import create_state
from storage.store import create_database
from tests.desk.test_rehearsed_orders import told

E = Exercise
Broken = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A scratch home whose two accounts hold contracts; rehearsals of risk leave it as it was."""
    settings = scratch._settings(Settings(), tmp_path_factory.mktemp("scratch"))
    create_database(settings.database_file, scratch._ORIGIN)
    create_state(settings.counterseal_signer_state, scratch._ORIGIN)
    files = read_policy_files(Settings().counterseal_policies, POLICY_VERSION)
    with scratch._desk(settings) as desk:
        made = ScratchHouse(desk, files, scratch.AT)
        Rehearsal(made).run()
        OrdersRehearsal(made, scratch._gateway(settings, desk)).run()
        yield made


def test_risk_across_accounts_is_as_it_should_be(house: ScratchHouse) -> None:
    """TX-L2: a tree of limits, tenants apart, losses watched between orders; and once more."""
    for _ in range(2):
        found = RiskRehearsal(house).run()
        assert told(found) == dict.fromkeys(ACROSS, True), [one.evidence for one in found]


def all_accounts(reader: Reader, account: Account | None, named: set[str]) -> Mapping[str, Account]:
    del account, named
    return {one.account_id: one for one in reader.find(Account)}


def mixed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exposure, "_of_tenant", all_accounts)


def boundless(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(further_money, "limit_of", lambda *_: None)


def lonely(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(risk_facts, "_account_group", lambda *_: None)


def unwatched(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(loss_watch, "changed_loss", lambda *_: None)


def forgetful(patch: pytest.MonkeyPatch) -> None:
    def anew(known: object, *told: object) -> object:
        del known
        return changed_loss(None, *told)  # type: ignore[arg-type]  # as it was called

    patch.setattr(loss_watch, "changed_loss", anew)


@pytest.mark.parametrize(
    ("broken", "name", "value"),
    [
        (boundless, E.ACCOUNT_TREE_LIMITS, False),
        (lonely, E.ACCOUNT_TREE_LIMITS, None),
        (mixed, E.TENANT_RISK_APART, False),
        (lonely, E.TENANT_RISK_APART, False),
        (unwatched, E.EQUITY_POLLED, False),
        (forgetful, E.EQUITY_POLLED, False),
    ],
)
def test_a_rehearsal_sees_what_is_broken(
    house: ScratchHouse,
    monkeypatch: pytest.MonkeyPatch,
    broken: Broken,
    name: Exercise,
    value: bool | None,
) -> None:
    """TX-L2, false sides: no limit, no group, tenants mixed, a watch that does nothing."""
    broken(monkeypatch)

    assert told(RiskRehearsal(house).run())[name] is value
