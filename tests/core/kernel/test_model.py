from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from counterseal.kernel.model import (
    Document,
    Event,
    Name,
    Subject,
    parse_document,
    refuse,
)
from counterseal.kernel.money import Price


class Note(Document):
    KIND = "notes"
    KEY = "note_id"
    note_id: Name
    price: Price


NOTE = Note.model_validate({"note_id": "n1", "price": "1.5"})


def test_i1_values_are_frozen_and_amended_only_by_validation() -> None:
    with pytest.raises(ValidationError):
        NOTE.note_id = "n2"  # type: ignore[misc]  # wrong on purpose
    with pytest.raises(ValidationError):
        NOTE.amended(price=1.5)
    with pytest.raises(ValidationError):
        NOTE.amended(colour="red")
    assert NOTE.amended(note_id="n2").key == "n2"


def test_i2_an_event_carries_its_documents_whole_and_they_read_back_equal() -> None:
    event = Event(
        type="note.written",
        stream="case:1",
        subject=Subject(type="note", id="n1"),
        action="write",
        documents=(NOTE,),
    )

    after = event.after()

    assert after["documents"] == {"notes": [{"note_id": "n1", "price": "1.5"}]}
    assert parse_document(Note, b'{"note_id": "n1", "price": "1.5"}') == NOTE


def test_i3_a_refusal_names_its_facts() -> None:
    refusal = refuse(
        "NOT_FOUND", "No such request.", request="apr_1", at=datetime(2026, 1, 1, tzinfo=UTC)
    )

    assert refusal.codes == ("NOT_FOUND",)
    assert [d.name for d in refusal.details] == ["request", "at"]
