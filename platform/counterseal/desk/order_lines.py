"""Orders that somebody hands in as text.

Job: read the rows of a text as the submits of a batch, each under its key.

Invariants
  I1  A column or member that no submit has is refused, never passed over.
  I2  A row without a key has the key that its place in the text gives it: the same text under the
      same key is the same batch.

Not here: lines and columns (signals.text_rows), submitting (desk.order_batches).
Source: ADR 0023.
"""

from pydantic import ValidationError

from counterseal.desk.order_batches import KeyedSubmission
from counterseal.desk.orders import Submission
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.signals.text_rows import LineError, TextFormat, read_rows


class _Row(Submission):
    """A submit as a row of a text; its key when it brings its own."""

    key: Name | None = None


class ParsedOrders(DomainModel):
    """The batch in the order of the text, and the errors; with an error there is no batch."""

    batch: tuple[KeyedSubmission, ...]
    errors: tuple[LineError, ...]


def parse_orders(text: str, layout: TextFormat, *, key: str) -> ParsedOrders:
    """Parse a text; rows without a key of their own are `<key>:<place>`, places from 0.

    Raises:
        InputError: `TEXT_TOO_LONG` beyond 10 million characters or 10,000 rows.
    """
    rows, errors = read_rows(text, layout, _row, invalid="ORDER_INVALID")
    batch = [] if errors else [_keyed(row, f"{key}:{place}") for place, row in enumerate(rows)]
    return ParsedOrders(batch=tuple(batch), errors=tuple(errors))


def _row(row: object) -> _Row | InputError | ValidationError:
    if not isinstance(row, dict):
        return InputError("NOT_AN_OBJECT", "an order is an object", got=type(row).__name__)
    try:
        return _Row.model_validate_json(canonical_bytes(row))
    except (InputError, ValidationError) as error:
        return error


def _keyed(row: _Row, fallback: str) -> KeyedSubmission:
    told = {name: value for name, value in row if name != "key"}
    return KeyedSubmission(key=row.key or fallback, asked=Submission.model_validate(told))
