"""Every panel of one home says of a flag what its probe says."""

import json
from collections.abc import Iterator, Sequence

import pytest

from counterseal.readiness.flags import PROBE_OF
from tests.world import World
from ui.cli.app import run

PANELS: dict[str, Sequence[str]] = {
    "the log": ("audit", "status"),
    "risk": ("risk", "show"),
    "books": ("portfolio", "show"),
    "orders": ("orders", "list"),
    "messages": ("orders", "outbox"),
    "time-outs": ("orders", "timeouts"),
    "requests": ("approvals", "list"),
}
SAME_AS = {
    "live_trading_flag": "live_trading_enabled",
    "worm_ledger": "worm_ledger_enabled",
    "centralized_audit_service": "centralized_audit_service_enabled",
    "immutable_audit_log": "immutable_audit_log_enabled",
}
"""Words of a panel for a flag that has another name among the probes."""


def flags_in(value: object) -> Iterator[tuple[str, bool]]:
    """Every truth in parsed JSON that goes by the name of a flag."""
    if isinstance(value, list):
        for one in value:
            yield from flags_in(one)
    if isinstance(value, dict):
        for name, inner in value.items():
            known = SAME_AS.get(str(name), str(name))
            if isinstance(inner, bool) and known in PROBE_OF:
                yield known, inner
            yield from flags_in(inner)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One filled order, one that rests, and a log that is sealed."""
    made = World(tmp_path_factory.mktemp("flags") / "home")
    made.done(made.submitted(made.approved(quantity=1), quantity=1))
    made.quote(size=0)
    made.done(made.submitted(made.approved(quantity=1), quantity=1))
    made.store.close()
    return made


def told(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    capsys.readouterr()
    run([*words, "--home", str(world.home), "--json"])
    shown: dict[str, object] = json.loads(capsys.readouterr().out)
    return shown


def test_as16_no_flag_of_a_panel_disagrees_with_its_probe(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """AS-16, TX-L8: whatever panel repeats a flag, by its own name or by the panel's."""
    flags = told(world, capsys, "readiness")["flags"]
    assert isinstance(flags, list)
    probed = {flag["name"]: flag["value"] for flag in flags}
    assert {*probed} == {*PROBE_OF}
    seen: set[str] = set()
    for panel, words in PANELS.items():
        for name, value in flags_in(told(world, capsys, *words)):
            assert value is probed[name], (panel, name)
            seen.add(name)
    assert {*SAME_AS.values(), "paper_only", "broker_api_called", "local_sqlite_only"} <= seen
