"""Risk without a browser: states, switches, limits with their use, judgements, overrides."""

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.risk_overrides import OverrideAsked
from counterseal.desk.views.risk import _RULES, GUARDRAIL_NOTES
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.risk.facts import TradingState
from counterseal.risk.model import RiskEvaluation, RiskState
from counterseal.risk.override import override_statement
from counterseal.risk.switches import RiskSwitch
from tests.household import ACCOUNT
from tests.ui.web.window import Window, at_page, labels, pressed, spoken, words
from ui.web.views import risk_limits
from ui.web.wording import catalogue

pytestmark = pytest.mark.usefixtures("exchange")
SWITCH = "Switch and record"


def tab(window: Window, name: str = "operator", **params: str) -> AppTest:
    return at_page(window.entered(name), "risk", **params)


def trade(window: Window, quantity: int = 1, target: str = "0.05") -> None:
    house = window.house
    request_id = house.approved(quantity=quantity, target=target)
    house.quote()
    house.submitted(request_id, quantity=quantity, selected=SimulationOutcome.FILL)


def chosen(at: AppTest, **fields: str) -> AppTest:
    for name, value in fields.items():
        at = at.selectbox(key=f"switch-{name}").set_value(value).run()
    return at


def switched(window: Window) -> tuple[RiskSwitch, ...]:
    with window.house.store.reader() as reader:
        return reader.find(RiskSwitch)


def test_a_home_that_never_traded_shows_its_live_state_and_no_judgement(window: Window) -> None:
    """TX-H16, UI-19: loss 0 TWD, position 0, keys 0, updated; every absent value has its reason."""
    at = tab(window)
    said = words(at)
    for expected in ("Active", "0.00 TX-eq", "0 TWD", "kill switch off", "nothing judged yet"):
        assert expected in said, expected
    assert "None" not in said
    at = at_page(at, "risk", view="judged")
    assert "No order was judged yet." in words(at)
    at = at_page(at, "risk", view="overrides")
    assert "Nobody has overridden a check." in words(at)
    assert not at.exception


def test_limits_show_how_much_of_each_is_used(window: Window) -> None:
    """TX-H17, TX-G14: the values of the policy by scope, and what booked fills use of them."""
    trade(window)
    said = words(tab(window, view="limits"))
    for expected in (
        *("0.05 of 0.25 TX-eq", "12 of 5,000 TWD", "50,000 TWD", "2.00%", "3 s", "5,000 TWD"),
        *("The fourteen checks", "Strategy mean-reversion", "Instrument TMF202601"),
        *("Limits by contract", "hard", "soft: two people may override"),
    ):
        assert expected in said, expected


def test_the_fourteen_rules_and_six_notes_are_those_of_the_core() -> None:
    """TX-H17: what the page says is what the core says; the two cannot drift apart."""
    told = catalogue()
    english = {told[key]["en"] for key in told if key.startswith("risk.rule_")}
    assert english == {rule for rule, _ in _RULES.values()}
    noted = {told[key]["en"] for key in told if key.startswith("risk.note_")}
    assert noted == {*GUARDRAIL_NOTES}
    assert risk_limits.__doc__


def test_every_judgement_shows_every_check_with_its_numbers(window: Window) -> None:
    """TX-H1 to TX-H14, UI-07: the newest first; a refused one names what refused it."""
    trade(window)
    house = window.house
    house.done(
        house.desk.setup.switch(
            ACCOUNT, house.actor("operator"), active=True, reason="stop at once", key=house.key()
        )
    )
    trade(window, 2, "0.10")
    at = tab(window, view="judged")
    said = words(at)
    assert said.index("rejected") < said.index("approved")
    assert "Kill switch off" in said
    assert "exposure tx equivalent 0.05" in said
    with house.store.reader() as reader:
        assert len(reader.find(RiskEvaluation)) == 2
    assert [one.label for one in at.expander] == ["Every check and its numbers"] * 2


def test_an_operator_stops_an_account_and_the_page_says_so_at_once(window: Window) -> None:
    """TX-H13: one record, with the reason; the banner turns from active to stopped."""
    at = tab(window)
    assert labels(at)[SWITCH] is False
    assert "Choose what to switch first." in words(at)
    at = chosen(at, kill="on")
    at.text_area(key="switch-why").set_value("the feed is frozen")
    at = pressed(at, SWITCH)
    with window.house.store.reader() as reader:
        state = reader.get(RiskState, ACCOUNT)
    assert state is not None
    assert state.kill_switch_active
    said = words(at)
    assert "Kill switch on" in said
    assert f"account:{ACCOUNT}" in said
    assert not at.exception


def test_a_state_is_switched_for_all_with_who_when_and_why(window: Window) -> None:
    """Trading 4: REDUCING for the tenant; the page names who switched it."""
    at = chosen(tab(window), scope="all", state="REDUCING")
    at.text_area(key="switch-why").set_value("wind down before the holiday")
    at = pressed(at, SWITCH)
    [switch] = switched(window)
    assert switch.state is TradingState.REDUCING
    said = words(at)
    assert "only what reduces a position may pass" in said
    assert "wind down before the holiday" in said


def test_making_it_freer_is_refused_to_an_operator_and_what_was_typed_stays(
    window: Window,
) -> None:
    """TX-H13, UI states refused: stopping needs one role, letting go another."""
    at = chosen(tab(window), scope="all", state="HALTED")
    at.text_area(key="switch-why").set_value("stop everything")
    at = pressed(at, SWITCH)
    at = chosen(at, state="ACTIVE")
    at.text_area(key="switch-why").set_value("go on")
    at = pressed(at, SWITCH)
    assert "ROLE" in words(at)
    assert at.text_area(key="switch-why").value == "go on"
    assert [one.state for one in switched(window)] == [TradingState.HALTED]


def test_a_switch_without_a_reason_is_refused_inline(window: Window) -> None:
    """UI-13: no record is made."""
    at = pressed(chosen(tab(window), kill="on"), SWITCH)
    assert "REASON_TOO_SHORT" in words(at)
    assert switched(window) == ()


def test_who_may_not_switch_is_told_who_may(window: Window) -> None:
    """UI states, not permitted: the page shows everything and names the roles."""
    at = tab(window, "researcher")
    assert "Switching needs one of these roles: compliance reviewer, operator" in words(at)
    assert SWITCH not in labels(at)


def test_a_silent_broker_is_told_before_any_state(window: Window) -> None:
    """TX-H14, W2: nothing reads as active while no order could pass."""
    house = window.house
    operator = house.actor("operator")
    house.done(house.desk.setup.heartbeat(ACCOUNT, operator, healthy=False, key=house.key()))
    said = words(tab(window))
    assert "heartbeat is missing" in said
    assert "Orders within the limits may pass." not in said


def test_an_override_names_its_signers_and_is_ended_with_a_reason(window: Window) -> None:
    """Trading 4: what counts now is said; one person ends it, at once, and says why."""
    house = window.house
    asked = OverrideAsked(
        check=FurtherCheck.ACTIVE_ORDERS, account_id=ACCOUNT, reason="a series", seconds=600
    )
    terms = house.desk.overrides.terms(asked, "tenant-1", house.clock.now(), key=house.key())
    for name in ("risk", "compliance"):
        [signature] = house.signed_by("override", override_statement(terms), name)
        house.done(house.desk.overrides.sign(signature, house.actor(name), key=house.key()))
    at = tab(window, view="overrides")
    said = words(at)
    for expected in ("Active orders", "counts now", "risk, compliance", "a series"):
        assert expected in said, expected
    at = pressed(at, "End it now")
    assert "REASON_TOO_SHORT" in words(at)
    at.text_input(key=f"end-why:{terms.override_id}").set_value("the series is over")
    at = pressed(at, "End it now")
    said = words(at)
    assert "ended" in said
    assert "counts now" not in said
    assert "End it now" not in labels(at)
    assert not at.exception


def test_an_order_that_is_only_tried_meets_every_check_and_leaves_no_trace(
    window: Window,
) -> None:
    """TX-H15 to TX-H17, TX-H1 to TX-H14: passes, is refused by name with its numbers; no record."""
    at = tab(window, view="trial")
    before = len(window.house.log())
    assert "Every check that refuses passes." in words(at)
    for key, value, failed in (
        ("trial-quantity", 21, "Size of the order"),
        ("trial-age", 4, "4 of 3 s"),
        ("trial-last", 21_000, "Price near the reference"),
    ):
        at = at.number_input(key=key).set_value(value).run()
        assert failed in words(at), key
        assert "Would be refused" in words(at), key
    at = at.text_input(key="trial-key").set_value("  ").run()
    said = words(at)
    assert "Idempotency key present" in said
    assert said.index("Size of the order") < said.index("Live trading off")
    assert len(window.house.log()) == before
    with window.house.store.reader() as reader:
        assert reader.find(RiskEvaluation) == ()
    assert "風控將如何判斷" in words(spoken(at))
    assert not at.exception


def test_the_page_speaks_chinese(window: Window) -> None:
    """TX-B7."""
    trade(window)
    at = spoken(tab(window, view="limits"))
    said = words(at)
    for expected in ("風控護欄", "十四項檢查", "保證金估計"):
        assert expected in said, expected
    assert "within the limit" not in said
