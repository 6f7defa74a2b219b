"""Policy documents, limits, modes and role questions."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from counterseal.kernel.errors import InputError, PolicyError
from counterseal.policy.authorize import Action, allowed_roles, authorize
from counterseal.policy.bundle import bundle_hash, hash_files, read_document
from counterseal.policy.limits import RiskLimits, tightened
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.retention import RetentionRules
from counterseal.policy.safety import check_mode
from counterseal.policy.words import Role

POLICIES = Path(__file__).parents[3] / "policies"


def params() -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load(
        (POLICIES / "approval/2026.11.1/params.yaml").read_text()
    )
    return loaded


def limits() -> RiskLimits:
    value = yaml.safe_load((POLICIES / "risk/2026.11.1/limits.yaml").read_text())
    return read_document(RiskLimits, value, "limits.yaml")


def test_the_shipped_documents_load_with_the_defaults() -> None:
    """TX-A2: exposure, loss and quote age; an unknown root has size zero."""
    loaded = limits()
    facts = (loaded.max_tx_equivalent_exposure, loaded.daily_loss_max_twd)
    assert [str(f) for f in facts] == ["0.25", "5000"]
    assert loaded.order_size_limit("TMF") == 20
    assert loaded.order_size_limit("XYZ") == 0
    rules = yaml.safe_load((POLICIES / "retention/2026.11.1/retention.yaml").read_text())
    assert read_document(RetentionRules, rules, "retention.yaml").keep_years("approvals") == 6


def _drop_stage(value: dict[str, object]) -> None:
    value["stages"] = [value["stages"][0]]  # type: ignore[index] # parsed YAML


def _no_quorum(value: dict[str, object]) -> None:
    value["stages"][0]["quorum"] = 0  # type: ignore[index] # parsed YAML


def _swap(value: dict[str, object]) -> None:
    value["stages"] = list(reversed(value["stages"]))  # type: ignore[call-overload] # parsed YAML


@pytest.mark.parametrize("spoil", [_drop_stage, _no_quorum, _swap])
def test_i1_a_policy_without_two_ordered_quorate_stages_does_not_load(
    spoil: Callable[[dict[str, object]], None],
) -> None:
    """TX-F7: dual review cannot be configured away."""
    value = params()
    spoil(value)
    with pytest.raises(PolicyError) as caught:
        read_document(ApprovalParameters, value, "params.yaml")  # type: ignore[arg-type] # parsed
    assert caught.value.code == "POLICY_INVALID"


def test_an_unknown_key_or_a_float_names_its_field() -> None:
    """TX-A3: fail closed on documents."""
    for value, code in (({**params(), "quorom": 1}, "UNKNOWN_KEY"), ({"x": 0.5}, "INVALID")):
        with pytest.raises(PolicyError, match=f"POLICY_{code}.*field"):
            read_document(ApprovalParameters, value, "params.yaml")  # type: ignore[arg-type] # parsed


def test_i1_the_hash_covers_path_and_bytes_in_any_order() -> None:
    """TX-F4: another byte or path, another bundle."""
    base = bundle_hash(hash_files({"a": b"1", "b": b"2"}))
    assert base == bundle_hash(hash_files({"b": b"2", "a": b"1"}))
    assert base != bundle_hash(hash_files({"a": b"1", "b": b"3"}))
    assert base != bundle_hash(hash_files({"a": b"1", "c": b"2"}))


@given(st.integers(min_value=0, max_value=10_000))
def test_i1_settings_only_tighten(loss: int) -> None:
    """TX-A2: equal or lower passes, higher is refused."""
    override = {"MAX_DAILY_LOSS_TWD": str(loss), "APP_ENV": "x"}
    if loss <= 5000:
        assert tightened(limits(), override).daily_loss_max_twd == loss
    else:
        with pytest.raises(InputError, match="LIMIT_LOOSENED"):
            tightened(limits(), override)


@pytest.mark.parametrize("text", ["", "nan", "-1", "1e1"])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    """TX-A2: no silent default."""
    with pytest.raises(InputError, match="BAD_LIMIT"):
        tightened(limits(), {"STALE_QUOTE_SECONDS": text})


@pytest.mark.parametrize("flag", [False, True])
@pytest.mark.parametrize("mode", ["paper", "shadow", "live", "", "PAPER"])
@pytest.mark.parametrize("provider", ["paper", "sim", ""])
def test_only_paper_safe_settings_start(mode: str, provider: str, flag: bool) -> None:
    """TX-A3: each bad combination."""
    if mode in {"paper", "shadow"} and provider == "paper" and not flag:
        check_mode(mode, flag, provider)
    else:
        with pytest.raises(InputError, match="UNSAFE_SETTINGS"):
            check_mode(mode, flag, provider)


@pytest.mark.parametrize("action", list(Action))
def test_i1_every_action_has_a_rule_and_refuses_everybody_else(action: Action) -> None:
    """TX-F20: fail closed."""
    for role in Role:
        assert (authorize(action, [role]) is None) == (role in allowed_roles(action))
    for outcome in (authorize(action, []), authorize(action, Role, active=False)):
        assert outcome is not None


def test_i1_an_unknown_action_is_refused() -> None:
    """TX-F20: no rule is a refusal."""
    refusal = authorize("order.live", Role)
    assert refusal is not None
    assert refusal.code == "POLICY_ERROR"
