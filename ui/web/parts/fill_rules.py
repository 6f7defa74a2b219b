"""What a fill model answered, rule by rule in the order in which it asks them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import streamlit as st

from counterseal.broker.model import SimulationOutcome, SimulationResult
from counterseal.desk.views.model_preview import RULES
from ui.web.parts.pieces import Mark, Tone, facts, table
from ui.web.parts.words import absent, lots, number
from ui.web.wording import say, term

MODEL: Final = "model"
"""The model's own answer, beside the words of `SimulationOutcome`."""


def answer_choice(key: str, words: Sequence[str]) -> str:
    """A chosen answer of the paper broker, or its model's own; the first word is the default."""
    return str(
        st.selectbox(
            say("fill_rules.answer"),
            words,
            key=key,
            format_func=lambda one: (
                say("fill_rules.by_model")
                if one == MODEL
                else say("fill_rules.selected", outcome=term(SimulationOutcome(one)))
            ),
        )
    )


def answer_words(result: SimulationResult) -> str:
    """The answer in one sentence."""
    filled, price = number(result.simulated_fill_quantity), result.simulated_fill_price
    at = "" if price is None else number(price)
    match result.simulation_outcome:
        case SimulationOutcome.FILL:
            return say("fill_rules.filled", quantity=filled, price=at)
        case SimulationOutcome.PARTIAL_FILL:
            left = number(result.remaining_quantity)
            return say("fill_rules.filled_in_part", quantity=filled, price=at, left=left)
        case SimulationOutcome.ACKNOWLEDGE:
            return say("fill_rules.rests")
        case SimulationOutcome.REJECT:
            return say("fill_rules.rejects")
        case SimulationOutcome.CANCEL:
            return say("fill_rules.cancels")


def rules(result: SimulationResult, numbers: Mapping[str, str]) -> None:
    """Each rule of the model in its order, and whether it held.

    Args:
        result: The answer.
        numbers: What a rule compared, by its name; without any the column is left out.
    """
    yes, no = say("fill_rules.yes"), Mark(say("fill_rules.no"), Tone.WARN)
    held = {check.name: yes if check.passed else no for check in result.checks}
    heads = ["", say("fill_rules.rule"), say("fill_rules.held")]
    rows: list[list[str | Mark]] = [
        [str(place), _words()[name], held[name]]
        for place, (name, _) in enumerate(RULES[result.model_version], 1)
    ]
    if numbers:
        heads.append(say("fill_rules.compared"))
        for row, (name, _) in zip(rows, RULES[result.model_version], strict=True):
            row.append(numbers.get(name, ""))
    table(say("fill_rules.rules"), heads, rows, numeric={0})


def met(result: SimulationResult) -> None:
    """The numbers of the answer; prices in points."""
    modelled = ", ".join(result.not_modelled).replace("_", " ")
    price = result.simulated_fill_price
    facts(
        (say("fill_rules.model"), f"{result.model_version}, {result.reason}"),
        (say("fill_rules.reference"), number(result.reference_price)),
        (
            say("fill_rules.price"),
            absent(say("fill_rules.no_fill")) if price is None else number(price),
        ),
        (say("fill_rules.spread"), number(result.spread_points)),
        (say("fill_rules.size"), lots(result.available_size)),
        (say("fill_rules.remaining"), lots(result.remaining_quantity)),
        (say("fill_rules.not_modelled"), modelled),
    )


def explained(result: SimulationResult, numbers: Mapping[str, str] = MappingProxyType({})) -> None:
    """Answer, rules (with what each compared, where that is known) and numbers."""
    st.markdown(f"**{answer_words(result)}**")
    if result.reason == "SELECTED_OUTCOME":
        st.caption(say("fill_rules.chosen", outcome=term(result.simulation_outcome)))
    rules(result, numbers)
    met(result)


def _words() -> dict[str, str]:
    return {
        "paper_only": say("fill_rules.paper_only"),
        "symbol_matches": say("fill_rules.symbol_matches"),
        "quote_fresh": say("fill_rules.quote_fresh"),
        "valid_spread": say("fill_rules.valid_spread"),
        "limit_marketable": say("fill_rules.limit_marketable"),
        "has_liquidity": say("fill_rules.has_liquidity"),
        "print_later": say("fill_rules.print_later"),
        "price_reached": say("fill_rules.price_reached"),
        "queue_cleared": say("fill_rules.queue_cleared"),
        "bar_later": say("fill_rules.bar_later"),
        "stop_first": say("fill_rules.stop_first"),
    }
