"""Every fill model, by its version.

Job: find the model that a request names.

Not here: the models, the choice between them (policy.execution).
Source: trading reference part 5.3.
"""

from collections.abc import Mapping
from typing import Final

from counterseal.broker.bars import BarFillModel
from counterseal.broker.model import SimulationRequest, SimulationResult
from counterseal.broker.paper import QuoteFillModel
from counterseal.broker.ports import FillModel
from counterseal.broker.tape import TapeFillModel

_ALL: Final[tuple[FillModel, ...]] = (
    QuoteFillModel("paper-broker-sim-v0.1"),
    QuoteFillModel("paper-broker-sim-v0.2"),
    TapeFillModel(),
    BarFillModel(),
)
MODELS: Final[Mapping[str, FillModel]] = {model.version: model for model in _ALL}
"""One model for each version that a policy may choose."""


def answer_of(request: SimulationRequest) -> SimulationResult:
    """The answer of the model that the request's rule names.

    Raises:
        InputError: codes of that model.
    """
    return MODELS[request.rule.model_version].answer(request)
