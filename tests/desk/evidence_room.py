"""Evidence documents of a real desk, made as windows make them."""

import atexit
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from counterseal.audit.evidence import Evidence
from counterseal.desk.demo.evidence import evidence_of, evidence_text
from counterseal.desk.demo.flags import DemoSeen, Host, flags_of
from counterseal.desk.demo.model import Act, Click, DemoMarket, DemoSession
from counterseal.desk.demo.play import played
from counterseal.desk.views.evidence_files import EvidenceKind
from counterseal.desk.views.model_preview import preview_model
from counterseal.desk.views.simulation import SimulationForm
from counterseal.oms.model import Order
from counterseal.policy.execution import QuoteFillRule
from tests.world import START, World
from ui.evidence_texts import (
    Made,
    demo_evidence,
    evidence_json,
    fill_evidence,
    integrity_evidence,
    risk_evidence,
)

MARKET = "counterseal.market.regimes"


@cache
def traded_world() -> tuple[World, Order]:
    """A desk on which one approved order was filled; nothing is added to it."""
    place = mkdtemp()
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    world = World(Path(place) / "home")
    request_id = world.approved()
    world.done(world.submitted(request_id))
    with world.store.reader() as reader:
        return world, reader.find(Order, approval_request_id=request_id)[0]


@cache
def demo() -> bytes:
    session = played(DemoMarket.REGIMES, (Click(act=Act.TICK),))
    assert isinstance(session, DemoSession)
    seen = DemoSeen(
        host=Host.SERVER, modules=(MARKET,), same=True, live_trading_enabled=False, kept=()
    )
    return evidence_text(evidence_of(session, flags_of(session, seen), seen)).encode()


@cache
def paper_demo() -> bytes:
    world, order = traded_world()
    return _bytes(demo_evidence(world.settings, order.approval_request_id, START))


@cache
def broker() -> bytes:
    world, _ = traded_world()
    form, rule = SimulationForm(), QuoteFillRule()
    result = preview_model(form, rule, START)
    return _bytes(fill_evidence(world.settings, form, rule, result, START))


@cache
def risk() -> bytes:
    world, order = traded_world()
    return _bytes(risk_evidence(world.settings, order.order_id, START))


@cache
def audit() -> bytes:
    world, _ = traded_world()
    return _bytes(integrity_evidence(world.settings, Evidence(), None, START))


def _bytes(made: Made) -> bytes:
    return evidence_json(made).encode()


MADE: dict[EvidenceKind, Callable[[], bytes]] = {
    EvidenceKind.PAPER_DEMO: paper_demo,
    EvidenceKind.DEMO: demo,
    EvidenceKind.BROKER_SIMULATION: broker,
    EvidenceKind.RISK_GUARDRAIL: risk,
    EvidenceKind.AUDIT_INTEGRITY: audit,
}
