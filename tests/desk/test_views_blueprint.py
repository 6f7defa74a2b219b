"""The eight areas of a production order system, and what is proven of them."""

import pytest

from counterseal.desk.views.blueprint import (
    CRITERIA,
    AreaStatus,
    Blueprint,
    BlueprintArea,
    blueprint,
)
from counterseal.readiness.flags import PROBE_OF
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
    sorted(
        {
            criterion.probe.flag
            for area in blueprint(()).areas
            for criterion in area.acceptance_criteria
            if criterion.probe is not None
        }
    )
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


def test_all_areas_are_enabled_when_every_test_passed_and_no_probe_objects() -> None:
    """TX-I11: and even then it stays on paper."""
    shown = blueprint(ALL_TRUE, CRITERIA)

    assert {a.status for a in shown.areas} == {AreaStatus.ENABLED}
    assert shown.state == "all_areas_enabled_still_paper_only"
    assert not any(a.disabled_in_current_release for a in shown.areas)
    assert shown.live_trading_enabled is False


@pytest.mark.parametrize("missing", CRITERIA)
def test_an_area_without_one_of_its_criteria_is_not_enabled(missing: str) -> None:
    """TX-I11: an area shows enabled only when its criteria tests pass, each of them."""
    shown = blueprint(ALL_TRUE, set(CRITERIA) - {missing})
    place = missing.partition(".")[0]

    assert area(shown, place).status is AreaStatus.PARTLY_PROVEN
    assert area(shown, place).disabled_in_current_release
    assert [a.area_id for a in shown.areas if a.status is not AreaStatus.ENABLED] == [place]
    assert shown.state == "blueprint_only_no_production_oms"


@pytest.mark.parametrize("value", [False, None])
@pytest.mark.parametrize("name", PROBES)
def test_a_probe_that_says_no_or_nothing_outweighs_a_passed_test(
    name: str, value: bool | None
) -> None:
    """TX-I11, TX-L8: a flag is a probe result; no panel disagrees with it."""
    flags = [f for f in ALL_TRUE if f.name != name]
    shown = blueprint([*flags, flag(name, value)], CRITERIA)
    unmet = [c for a in shown.areas for c in a.acceptance_criteria if not c.met]

    assert unmet
    assert {c.probe.flag for c in unmet if c.probe is not None} == {name}
    assert all(c.test_passed for c in unmet)


def test_a_true_probe_without_a_passed_test_meets_nothing() -> None:
    """TX-I11: the criteria tests decide."""
    shown = blueprint(ALL_TRUE)
    assert {a.status for a in shown.areas} == {AreaStatus.NOT_ENABLED}
