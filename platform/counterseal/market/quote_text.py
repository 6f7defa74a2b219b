"""Quotes as people and programs write them: one JSON object each.

Job: read `bid`, `ask`, `bid_size`, `ask_size`, `event_time`, and more when it is known, as a quote.

Invariants
  I1  A number is read as the text that it was written as: nothing passes through a float.
  I2  What the reader states of a quote's origin stands, whatever the text says of it.

Not here: files (storage.quote_file, the command line), how old is too old (risk).
Source: trading part 2, rules 1 and 5.
"""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from counterseal.kernel.canonical import Json, canonical_bytes, digest
from counterseal.kernel.errors import InputError
from counterseal.market.quotes import Quote

_USUAL: Mapping[str, Json] = {
    "last": None,
    "liquidity_score": "1",
    "method": "none",
    "method_version": "1",
}


def parse_quote(
    text: str | bytes, *, stated: Mapping[str, Json], usual: Mapping[str, Json], field: str
) -> Quote:
    """The quote of a text.

    Args:
        text: A JSON object; prices and sizes may be numbers or texts.
        stated: Fields that the reader knows, such as `source`; they stand whatever the text says.
        usual: Fields where the text is silent; `receive_time` is the `event_time` then, and a
            `quote_id` follows from the text.
        field: Where the text came from, for errors.

    Raises:
        InputError: `QUOTE_INVALID`.
    """
    try:
        told = json.loads(text, parse_float=str, parse_int=str)
        if not isinstance(told, dict):
            raise InputError("QUOTE_INVALID", "a quote is an object", field=field)
        value: dict[str, Json] = {**_USUAL, **usual, **told, **stated}
        value.setdefault("receive_time", value.get("event_time"))
        value.setdefault("quote_id", f"quote-{digest(told)[7:23]}")
        return Quote.model_validate_json(canonical_bytes(value))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError("QUOTE_INVALID", first["msg"], field=place) from None
    except (ValueError, RecursionError) as error:
        raise InputError("QUOTE_INVALID", f"not JSON: {error}", field=field) from None
