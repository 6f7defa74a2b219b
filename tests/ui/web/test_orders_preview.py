"""A fill tried at a quote of one's own, without a browser."""

from streamlit.testing.v1 import AppTest

from tests.ui.test_cli_broker import preview
from tests.ui.web.window import Window, at_page, spoken, words

RULES = 6


def tab(window: Window, name: str = "researcher") -> AppTest:
    return at_page(window.entered(name), "orders", view="preview")


def chosen(at: AppTest, **fields: object) -> AppTest:
    for name, value in fields.items():
        key = f"try-{name.replace('_', '-')}"
        fields_of = [*at.number_input, *at.selectbox]
        [field] = [one for one in fields_of if one.key == key]
        field.set_value(value)
    return at.run()


def records(window: Window) -> int:
    return len(window.house.log())


def test_the_form_begins_with_the_asked_numbers_and_stores_nothing(window: Window) -> None:
    """TX-J12, TX-J10: the defaults, a fill of 2 at 20,000, six rules with what each compared."""
    at = tab(window)
    before = records(window)
    fields = {one.key: one.value for one in [*at.number_input, *at.selectbox]}
    assert (fields["try-symbol"], fields["try-side"], fields["try-type"]) == (
        "TMF",
        "BUY",
        "MARKET",
    )
    told = [fields[f"try-{name}"] for name in ("quantity", "bid", "ask", "last", "bid-size")]
    assert told == [2, 19_999, 20_000, 19_999.5, 5]
    told = [fields[f"try-{name}"] for name in ("ask-size", "age", "score", "spread", "stale")]
    assert told == [5, 0, 1, 5, 3]
    [quantity] = [one for one in at.number_input if one.key == "try-quantity"]
    assert (quantity.min, quantity.max) == (1, 20)
    said = words(at)
    for expected in ("Simulated fill: 2 at 20,000", "0 of 3 s", "1 of 5 points"):
        assert expected in said, expected
    assert said.count("<td>yes</td>") == RULES
    assert "None" not in said
    at = chosen(at, quantity=3)
    assert records(window) == before
    assert not at.exception


CASES: tuple[tuple[dict[str, object], dict[str, object], str, str], ...] = (
    ({"age": 3.01}, {"age": 0.0}, "Rejected by the paper broker", "3.01 of 3 s"),
    ({"ask": 20_004.5}, {}, "Acknowledged: nothing fills now", "5.5 of 5 points"),
    ({"ask": 19_998.0}, {"ask": 20_000.0}, "Rejected by the paper broker", "\u22121 of 5 points"),
    ({"ask_size": 0}, {"ask_size": 5}, "Acknowledged: nothing fills now", "0 lots"),
    ({"quantity": 7}, {}, "Simulated partial fill: 5 at 20,000, 2 left", "up to 5 lots"),
    ({"score": 0.1}, {"score": 1.0}, "Simulated partial fill: 1 at 20,000", "up to 1 lots"),
    ({"answer": "chosen: reject"}, {}, "Rejected by the paper broker", "The answer was chosen"),
)
"""What is asked, what is asked back after it, the answer, and what the deciding rule compared."""


def test_each_rule_says_when_it_does_not_hold(window: Window) -> None:
    """TX-J2 to TX-J9: the answer, and the numbers of the rule that decided, one after another."""
    at = tab(window)
    for asked, back, answer, compared in CASES:
        said = words(chosen(at, **asked))
        assert answer in said, asked
        assert compared in said, asked
        barred = {"age", "ask", "ask_size"} & asked.keys()
        assert said.count(">no</span>") == len(barred), asked
        if back:
            chosen(at, **back)
    assert not at.exception


def test_a_limit_needs_its_price_and_what_was_typed_stays(window: Window) -> None:
    """TX-J5, UI states refused: refused by its code, then acknowledged, then filled at the ask."""
    at = chosen(tab(window), type="limit", quantity=3)
    assert "LIMIT_PRICE_MISSING" in words(at)
    assert "Simulated fill" not in words(at)
    at = chosen(at, limit=19_999.5)
    assert "limit 19,999.5, quote 20,000" in words(at)
    assert "Acknowledged: nothing fills now" in words(at)
    at = chosen(at, limit=20_001.0)
    assert "Simulated fill: 3 at 20,000" in words(at)


def test_a_quote_of_another_contract_is_refused(window: Window) -> None:
    """TX-J1, TX-B7: by its code, and its sentence in the page's language; the form stays."""
    at = chosen(tab(window), of_TMF="MTX")
    assert "The quote is for another symbol than the order." in words(at)
    at = spoken(at)
    assert "QUOTE_SYMBOL_MISMATCH" in words(at)
    assert "報價與委託不是同一商品" in words(at)
    assert not at.exception


def test_the_command_beside_the_answer_asks_the_same(window: Window) -> None:
    """TX-J11, TX-J12: page and terminal have one answer, field by field."""
    at = chosen(tab(window), quantity=7, side="Sell", age=1.25)
    [command] = [one.value for one in at.code if one.value.startswith("counterseal broker")]
    assert command == ("counterseal broker preview --side SELL --quantity 7 --age-seconds 1.25")
    result = preview(window.house.home, *command.split()[3:])["result"]
    assert (result["simulated_fill_quantity"], result["simulated_fill_price"]) == ("5", "19999")
    assert "Simulated partial fill: 5 at 19,999, 2 left" in words(at)


def test_the_view_speaks_chinese(window: Window) -> None:
    """TX-B7."""
    said = words(spoken(tab(window)))
    assert "模擬券商將如何回應" in said
    assert "What the paper broker" not in said
