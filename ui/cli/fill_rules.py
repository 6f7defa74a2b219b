"""Which fill model a question is put to."""

from datetime import datetime

from pydantic import ValidationError

from counterseal.broker.models import MODELS
from counterseal.market.instruments import contract_root
from counterseal.policy.execution import ExecutionRules, FillRule
from storage.home_reader import read_home
from storage.settings import Settings
from ui.cli.render import reject


def rule_for(settings: Settings, symbol: str, model: str | None, now: datetime) -> FillRule:
    """The named model with its own parameters, or the one that the home's policy chooses."""
    if model is not None:
        try:
            return ExecutionRules.model_validate({"default": {"model_version": model}}).default
        except ValidationError:
            known = ", ".join(MODELS)
            reject("MODEL_UNKNOWN", f"the models are {known}", field="--model", got=model)
    if not settings.database.present():
        return ExecutionRules().default
    from storage.law import law_in_force  # noqa: PLC0415 - only a home has a policy

    root = contract_root(symbol)
    with read_home(settings) as reader:
        rules = law_in_force(reader, now).bundle.execution
    return rules.model_for("-", None if root is None else root.value)
