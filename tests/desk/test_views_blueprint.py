"""The eight areas of a production order system, and what is proven of them."""

import pytest

from counterseal.desk.views.blueprint import AreaStatus, Blueprint, BlueprintArea, blueprint
from counterseal.readiness.flags import CRITERION_FLAGS, PROBE_OF
from counterseal.readiness.model import Flag

AREAS = (
    "durable_queue_outbox",
    "async_order_processing",
    "duplicate_prevention_across_sessions",
    "timeout_handling_productionization",
    "execution_report_model",
    "reconciliation_loop",
    "amend_replace_cancel_lifecycle",
    "partial_fill_quantity_accounting",
)
SAFETY = (
    *("paper_only", "read_only", "live_trading_enabled", "broker_api_called", "order_created"),
    *("queue_worker_started", "async_processing_enabled", "hosted_database_connected"),
    *("database_written", "external_db_written", "credentials_collected"),
    *("production_oms_enabled", "production_trading_ready", "broker_provider"),
)


def flag(name: str, value: bool | None) -> Flag:
    return Flag(name=name, row="TX-L4", value=value, probe="p", looks_at="a fact", evidence="seen")


PROBES = tuple(
    sorted({c.probe.flag for area in blueprint(()).areas for c in area.acceptance_criteria})
)
ALL_TRUE = tuple(flag(name, value=True) for name in PROBES)


def area(shown: Blueprint, area_id: str) -> BlueprintArea:
    return next(a for a in shown.areas if a.area_id == area_id)


def test_the_blueprint_has_the_asked_areas_steps_and_flags() -> None:
    """TX-I11: eight areas with every field, version v1, eight steps each, the safety flags."""
    shown = blueprint(())

    assert tuple(a.area_id for a in shown.areas) == AREAS
    assert (shown.version, shown.state) == ("v1", "blueprint_only_no_production_oms")
    assert len(set(shown.processing_flow)) == len(set(shown.delivery_order)) == 8
    assert tuple(f.name for f in shown.safety_flags) == SAFETY
    for one in shown.areas:
        assert all((one.title, one.current_state, one.production_gap))
        assert all((one.design_artifacts, one.runtime_components))
        assert len(one.acceptance_criteria) == 3
        assert (one.status, one.disabled_in_current_release) == (AreaStatus.NOT_ENABLED, True)
    assert {f.flag for f in shown.safety_flags} | set(PROBES) <= set(PROBE_OF)
    assert (shown.paper_only, shown.live_trading_enabled) == (True, False)


def test_all_areas_are_enabled_when_every_criterion_was_seen_to_hold() -> None:
    """TX-I11: and even then it stays on paper."""
    shown = blueprint(ALL_TRUE)

    assert {a.status for a in shown.areas} == {AreaStatus.ENABLED}
    assert shown.state == "all_areas_enabled_still_paper_only"
    assert not any(a.disabled_in_current_release for a in shown.areas)
    assert shown.live_trading_enabled is False


@pytest.mark.parametrize("value", [False, None, "absent"])
@pytest.mark.parametrize("name", PROBES)
def test_an_area_without_one_of_its_criteria_is_not_enabled(
    name: str, value: bool | str | None
) -> None:
    """TX-I11, TX-L8: an area shows enabled only when the probe of each criterion says so."""
    others = [f for f in ALL_TRUE if f.name != name]
    told = [] if isinstance(value, str) else [flag(name, value)]
    shown = blueprint([*others, *told])
    unmet = [c for a in shown.areas for c in a.acceptance_criteria if not c.met]
    places = {c.criterion_id.partition(".")[0] for c in unmet}

    assert unmet
    assert {c.probe.flag for c in unmet} == {name}
    assert {a.area_id for a in shown.areas if a.status is not AreaStatus.ENABLED} == places
    assert all(area(shown, place).disabled_in_current_release for place in places)
    assert shown.state == "blueprint_only_no_production_oms"


@pytest.mark.parametrize("name", PROBES)
def test_one_criterion_alone_proves_an_area_in_part(name: str) -> None:
    """TX-I11: the criteria that were seen are told, and the area stays off."""
    shown = blueprint([flag(name, value=True)])
    met = [c for a in shown.areas for c in a.acceptance_criteria if c.met]

    assert {c.probe.flag for c in met} == {name}
    for criterion in met:
        place = criterion.criterion_id.partition(".")[0]
        assert area(shown, place).status is AreaStatus.PARTLY_PROVEN


def test_every_criterion_has_a_probe_of_its_own_or_that_of_a_flag() -> None:
    """TX-I11: none is met by a word of anybody."""
    assert set(PROBES) <= set(PROBE_OF)
    assert set(CRITERION_FLAGS) <= set(PROBES)
    assert not any(PROBE_OF[name].certification for name in PROBES)
