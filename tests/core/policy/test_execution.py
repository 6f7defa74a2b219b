"""Which model answers: the policy document decides, and nothing else."""

from pathlib import Path

import pytest

from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import read_document
from counterseal.policy.execution import (
    BarFillRule,
    ExecutionRules,
    QuoteFillRule,
    TapeFillRule,
)
from storage.policy_files import parse_yaml

FILE = Path(__file__).parents[3] / "policies/execution/2026.11.1/fill_models.yaml"
TAPE = {"model_version": "tape-fill-v1", "slippage_ticks": 2}


def rules(*choices: object) -> ExecutionRules:
    return read_document(ExecutionRules, {"schema_version": 1, "choices": [*choices]}, "x.yaml")  # type: ignore[list-item]  # parsed text


def test_without_a_choice_the_asked_quote_model_answers() -> None:
    """TX-J: the document in force changes nothing of `paper-broker-sim-v0.1`."""
    told = parse_yaml(FILE.read_bytes(), str(FILE))
    in_force = read_document(ExecutionRules, told, str(FILE))

    assert in_force == ExecutionRules()
    assert in_force.model_for("acct-1", "TX") == QuoteFillRule()
    assert in_force.model_for("acct-1", None) == QuoteFillRule()


def test_i1_the_first_choice_that_covers_an_order_decides() -> None:
    """Trading 5.3: by account, by contract root, or by both."""
    found = rules(
        {"account_id": "acct-1", "contract_root": "TX", "model": TAPE},
        {"account_id": "acct-1", "model": {"model_version": "bar-fill-v1"}},
        {"contract_root": "TX", "model": {"model_version": "tape-fill-v1"}},
    )

    assert found.model_for("acct-1", "TX") == TapeFillRule(slippage_ticks=2)
    assert found.model_for("acct-1", None) == BarFillRule()
    assert found.model_for("acct-2", "TX") == TapeFillRule()
    assert found.model_for("acct-2", "MTX") == QuoteFillRule()


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({"model": TAPE}, "POLICY_INVALID"),
        ({"account_id": "a", "model": {"model_version": "best-fill"}}, "POLICY_INVALID"),
        ({"account_id": "a", "model": {**TAPE, "participation_cap": "0"}}, "POLICY_INVALID"),
        ({"account_id": "a", "model": {**TAPE, "participation_cap": "1.01"}}, "POLICY_INVALID"),
        ({"account_id": "a", "model": {**TAPE, "latency_ms": -1}}, "POLICY_INVALID"),
        (
            {"account_id": "a", "model": {"model_version": "bar-fill-v1", "latency_ms": 5}},
            "POLICY_UNKNOWN_KEY",
        ),
    ],
)
def test_i2_a_parameter_that_the_version_does_not_have_is_refused(
    choice: dict[str, object], code: str
) -> None:
    """Governance part 4: an unknown key or value is an error, never a default."""
    with pytest.raises(PolicyError) as caught:
        rules(choice)

    assert caught.value.code == code
