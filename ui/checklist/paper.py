"""The governed path, walked in throw-away homes: submit, each outcome, what stays, the log."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.scratch import ACCOUNT, OTHER_ACCOUNT, ScratchHouse
from counterseal.desk.views.integrity import integrity
from counterseal.desk.views.marks import unsafe_flags
from counterseal.desk.views.preview import WorkflowInput, preview
from counterseal.desk.views.records import ACTION_PREFIX
from counterseal.desk.views.workflow import WorkflowView, run_detail, run_oms_events
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import Refusal
from counterseal.oms.model import Order, OrderEvent
from storage.data_keys import data_keys
from storage.home_integrity import outside_evidence
from storage.home_reader import read_home
from storage.reconcile import reconcile
from storage.seeded_home import house_in, seeded_settings
from storage.settings import Settings
from ui.checklist.checked import Checked, equal

_BEGUN: Final = "CREATE RISK_APPROVE SUBMIT ACKNOWLEDGE"
SEQUENCES: Final[Mapping[SimulationOutcome, str]] = {
    SimulationOutcome.REJECT: f"{_BEGUN} REJECT",
    SimulationOutcome.CANCEL: f"{_BEGUN} CANCEL_REQUEST CANCEL",
    SimulationOutcome.PARTIAL_FILL: f"{_BEGUN} PARTIAL_FILL",
    SimulationOutcome.FILL: f"{_BEGUN} FILL",
    SimulationOutcome.ACKNOWLEDGE: _BEGUN,
}
"""TX-G8: the steps of each answer of the paper broker."""
ACTIONS: Final = (
    *("approval_request_verified", "intent_created", "risk_evaluated"),
    *("paper_broker_simulated", "oms_lifecycle_recorded"),
)
"""The five actions that every filled run leaves in the log."""


def submitted(settings: Settings) -> list[Checked]:
    """One approved order, filled: its steps and what the log says of it."""
    with TemporaryDirectory() as place:
        folder = Path(place) / "house"
        with house_in(settings, folder) as house:
            order = _order(house, SimulationOutcome.FILL, ACCOUNT)
            steps = _steps(house, order)
        view = _detail(seeded_settings(settings, folder), order)
    if isinstance(view, Refusal):
        return [equal("the run is stored", view.code, "")]
    said = [event.action.removeprefix(ACTION_PREFIX) for event in view.audit_events]
    missing = [action for action in ACTIONS if action not in said]
    return [
        equal("steps", steps, SEQUENCES[SimulationOutcome.FILL]),
        equal("state", view.oms_state.value, "FILLED"),
        equal("handed to the paper broker", view.paper_broker_gateway_called, True),
        equal("actions of the log that are missing", missing, []),
        equal("flags that do not say paper", unsafe_flags(view.json_value()), ()),
    ]


def executed(settings: Settings) -> list[Checked]:
    """Each answer of the paper broker, and a preview that leaves nothing behind."""
    found = []
    with (
        TemporaryDirectory() as place,
        house_in(settings, Path(place) / "house") as house,
    ):
        found.append(_previewed(house))
        for outcome, steps in SEQUENCES.items():
            last = outcome is SimulationOutcome.ACKNOWLEDGE
            order = _order(house, outcome, OTHER_ACCOUNT if last else ACCOUNT)
            found.append(equal(outcome.value, _steps(house, order), steps))
    return found


def persisted(settings: Settings) -> list[Checked]:
    """What was stored is there after closing, as the log rebuilds it; looking creates nothing."""
    with TemporaryDirectory() as place:
        folder, away = Path(place) / "house", Path(place) / "away"
        with house_in(settings, folder) as house:
            order = _order(house, SimulationOutcome.FILL, ACCOUNT)
            before = _steps(house, order)
        kept = seeded_settings(settings, folder)
        with read_home(kept) as reader:
            told = run_oms_events(reader, order.workflow_run_id)
        after = told.code if isinstance(told, Refusal) else _line(told.events)
        differences = reconcile(kept.database, data_keys(kept)).differences
        return [
            equal("steps after closing", after, before),
            equal("rows that differ from the log", len(differences), 0),
            equal("a home that is not there", _looked_away(seeded_settings(settings, away)), ""),
            equal("files made by looking", away.exists(), False),
        ]


def verified(settings: Settings) -> list[Checked]:
    """The log of a home, whole and in good order, and the same log without its end or altered."""
    with read_home(settings) as reader:
        rows, notes = tuple(reader.records()), tuple(reader.checkpoints())
        evidence = outside_evidence(reader, settings)
    middle = len(rows) // 2
    changed = rows[middle]._replace(body=rows[middle].body + b" ")
    altered = (*rows[:middle], changed, *rows[middle + 1 :])
    return [
        equal("the log", integrity(rows, notes, evidence).state.value, "verified"),
        equal("without its last", integrity(rows[:-1], notes, evidence).state.value, "broken"),
        equal("with one altered", integrity(altered, notes, evidence).state.value, "broken"),
    ]


def _order(house: ScratchHouse, outcome: SimulationOutcome, account: str) -> Order:
    """An approved order that the paper broker answered so."""
    request_id = house.approved(account_id=account)
    house.done(house.submit(request_id, outcome))
    with house.desk.bench.store.reader() as reader:
        return reader.find(Order, approval_request_id=request_id)[0]


def _steps(house: ScratchHouse, order: Order) -> str:
    with house.desk.bench.store.reader() as reader:
        return _line(reader.find(OrderEvent, order_id=order.order_id))


def _line(events: tuple[OrderEvent, ...]) -> str:
    return " ".join(one.event.value for one in sorted(events, key=lambda one: one.sequence))


def _detail(settings: Settings, order: Order) -> WorkflowView | Refusal:
    with read_home(settings) as reader:
        return run_detail(reader, reader.records(), order.workflow_run_id)


def _previewed(house: ScratchHouse) -> Checked:
    asked = WorkflowInput(approval_request_id=house.approved())
    with house.desk.bench.store.reader() as reader:
        before = reader.count(Order)
        run = preview(reader, house.desk.bench, asked, house.operator, house.now, key="preview")
        after = reader.count(Order)
    state = run.code if isinstance(run, Refusal) else f"{run.oms_state}, stored {run.persisted}"
    return equal("preview, and orders that it stored", (state, after - before), (_ACCEPTED, 0))


_ACCEPTED: Final = "ACCEPTED, stored False"


def _looked_away(settings: Settings) -> str:
    """Empty when reading a home that is not there says that there is none."""
    try:
        with read_home(settings):
            return "it was read"
    except AdapterError as error:
        return "" if error.code == "DATABASE_MISSING" else error.code
