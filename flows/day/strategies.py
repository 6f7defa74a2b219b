"""The strategies of a day, by name.

Job: find a strategy among the samples, or load somebody else's from a module of theirs.

Invariants
  I1  A strategy of another module is named with the digest of that module's text, so that a home is
      never gone on with under another rule of the same name.
  I2  Loading is all that is done with the module: what a strategy says goes through the desk.

Not here: what a strategy is (signals.strategies), who calls it (signals.hearing).
"""

import inspect
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.errors import CountersealError, InputError
from counterseal.kernel.model import Detail, DomainModel, Name, Sha256
from counterseal.market.replay import Moment
from counterseal.signals.hearing import Listener, Spoken, hear, listening
from counterseal.signals.strategies import Strategy
from counterseal.signals.strategies_samples import SAMPLES

OfAnyState = Strategy[Any]
"""A strategy, whatever its state is made of."""

_FIELD: Final = "--strategy"
_OURS: Final = "counterseal."
_NAME: Final = TypeAdapter[str](Name)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A strategy of a day, and the code that it runs: our version, or the digest of its module."""

    strategy: OfAnyState
    code: str

    @property
    def name(self) -> str:
        """The id that its signals carry."""
        return self.strategy.name

    @property
    def identity(self) -> Sha256:
        """Digest of name, version and parameters."""
        return self.strategy.identity

    def stated(self) -> Iterator[Detail]:
        """Name, version, code and every parameter, for the report."""
        told = self.strategy
        yield Detail(name="strategy", value=f"{told.name} {told.version}, code {self.code}")
        for name, value in told.parameters.json_value().items():
            yield Detail(name=f"{told.name}.{name}", value=str(value))


class Ensemble:
    """The strategies of a day while they listen, each on every symbol.

    Args:
        chosen: The strategies; their order is the order of what they say at one instant.
        symbols: What each of them hears.
        cooldown: How long one is not heard on a symbol after it spoke.
    """

    def __init__(
        self, chosen: Sequence[Chosen], symbols: Collection[str], cooldown: timedelta
    ) -> None:
        with _blamed():
            self._listeners: tuple[Listener, ...] = tuple(
                ear for one in chosen for ear in listening(one.strategy, symbols, cooldown)
            )

    def hear(self, moment: Moment) -> tuple[Spoken, ...]:
        """What is said at a moment; moments come in their order, each once.

        Raises:
            InputError: `STRATEGY_FAILED` for what a strategy raised.
        """
        with _blamed():
            self._listeners, spoken = hear(self._listeners, moment)
        return spoken


def chosen_from(words: Sequence[str]) -> tuple[Chosen, ...]:
    """Strategies by name, or as `module:NAME`, an instance or a class that takes nothing.

    Raises:
        InputError: `STRATEGY_UNKNOWN` when it is not found, `STRATEGY_INVALID` when it is none,
            or when two have one name.
    """
    found = tuple(_chosen(word) for word in words)
    if len({one.name for one in found}) < len(found):
        raise InputError("STRATEGY_INVALID", "two strategies have one name", field=_FIELD)
    return found


def ours(strategy: OfAnyState) -> Chosen:
    """A strategy of this program."""
    return Chosen(strategy, f"counterseal-{version('counterseal')}")


def _chosen(word: str) -> Chosen:
    samples = {sample.name: sample for sample in SAMPLES}
    if word in samples:
        return ours(samples[word])
    if ":" not in word:
        raise InputError(
            "STRATEGY_UNKNOWN",
            "no sample has this name; somebody else's is named module:NAME",
            field=_FIELD,
            expected=", ".join(samples),
            got=word,
        )
    strategy = _checked(_loaded(word), word)
    module = inspect.getmodule(type(strategy))
    if module is None or module.__name__.startswith(_OURS):
        return ours(strategy)
    with _blamed():
        text = inspect.getsource(module).encode()
    return Chosen(strategy, f"{module.__name__}@{sha256_hex(text)[:16]}")


def _loaded(word: str) -> object:
    """Whatever lies under `module:NAME`; a class is called.

    Raises:
        InputError: `STRATEGY_UNKNOWN`.
    """
    try:
        found: object = resolve_name(word)
        return found() if isinstance(found, type) else found
    except Exception as error:
        raise InputError(
            "STRATEGY_UNKNOWN",
            "this module or name could not be loaded",
            field=_FIELD,
            expected="module:NAME",
            got=f"{word}: {error}",
        ) from error


def _checked(found: object, word: str) -> OfAnyState:
    problem = "it is no counterseal.signals.strategies.Strategy"
    if isinstance(found, Strategy):
        with _blamed():
            state: object = found.start()
        parameters: object = found.parameters
        if isinstance(parameters, DomainModel) and isinstance(state, DomainModel):
            try:
                _NAME.validate_python(found.name)
                _NAME.validate_python(found.version)
            except ValidationError:
                problem = "name and version are printable ASCII without blanks"
            else:
                return found
        else:
            problem = "parameters and state are models of counterseal.kernel.model.DomainModel"
    raise InputError("STRATEGY_INVALID", problem, field=_FIELD, got=word)


@contextmanager
def _blamed() -> Iterator[None]:
    """Names what somebody else's code raised.

    Raises:
        InputError: `STRATEGY_FAILED`.
        CountersealError: one of ours, as it is.
    """
    try:
        yield
    except CountersealError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise InputError("STRATEGY_FAILED", "a strategy failed", field=_FIELD, got=told) from error
