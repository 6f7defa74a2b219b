"""What a model tells is taken as it is: its types leave nothing to look for."""

from collections.abc import Iterator
from typing import ClassVar

import pytest
from pydantic import ValidationError

import counterseal.desk.desk  # noqa: F401 - every model of the house is known then
from counterseal.kernel.canonical import Told, canonical_bytes, digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Detail, Document, DomainModel, Name, details


class Note(Document):
    """A document with something in it."""

    KIND: ClassVar[str] = "notes_of_this_test"
    KEY: ClassVar[str] = "name"

    name: Name
    number: int = 0
    told: tuple[Detail, ...] = ()


NOTE = Note(name="one", told=details(a="1", b="\u00f6"))


def models(kind: type[DomainModel] = DomainModel) -> Iterator[type[DomainModel]]:
    for one in kind.__subclasses__():
        yield one
        yield from models(one)


def open_types(schema: object, path: str) -> Iterator[str]:
    """Where a JSON schema allows a float, or an object of any members."""
    if isinstance(schema, dict):
        loose = schema.get("type") == "object" and schema.get("additionalProperties") is not False
        if schema.get("type") == "number" or (loose and "properties" not in schema):
            yield path
        for name, inner in schema.items():
            yield from open_types(inner, f"{path}.{name}")
    elif isinstance(schema, list):
        for inner in schema:
            yield from open_types(inner, path)


def test_i2_no_model_can_tell_a_float_or_members_that_it_does_not_name() -> None:
    """Canonical I2: therefore nobody looks through what a model told."""
    own = [kind for kind in models() if kind.__module__.startswith("counterseal.")]
    found = [
        place
        for kind in own
        for place in open_types(kind.model_json_schema(mode="serialization"), kind.__qualname__)
    ]

    assert len(own) > 100
    assert found == []


def test_i1_told_values_have_the_bytes_of_equal_plain_ones() -> None:
    """Canonical I1: whole, in its parts, and among others."""
    told = NOTE.json_value()
    plain = {**told}

    assert type(told) is Told
    assert type(plain) is dict
    assert canonical_bytes(told) == canonical_bytes(plain)
    assert canonical_bytes({"in": [told]}) == canonical_bytes({"in": [plain]})
    assert told.part("told") == canonical_bytes(plain["told"])


def test_i2_what_types_do_not_exclude_is_still_refused() -> None:
    """Canonical I2: integers beyond 2^53; a model takes no lone surrogate at all."""
    with pytest.raises(InputError, match="NOT_CANONICAL"):
        canonical_bytes(Note(name="one", number=2**53).json_value())
    with pytest.raises(ValidationError):
        details(a="\ud800")


def test_a_digest_is_worked_out_once_and_never_told() -> None:
    """Model I1: an amended value has its own; the kept one is no part of the value."""
    first = NOTE.digest
    other = NOTE.amended(number=1)

    assert first == NOTE.digest == digest({**NOTE.json_value()})
    assert other.digest not in {first, ""}
    assert dict(NOTE) == dict(Note.model_validate(dict(NOTE)))
    assert NOTE.json_value() == Note.model_validate(dict(NOTE)).json_value()
    assert Note.model_validate(dict(NOTE)) == NOTE
