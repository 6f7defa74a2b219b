"""Documents that leave through a window: the same bytes from a command and from a page."""

import json
from collections.abc import Mapping

from counterseal.kernel.canonical import Json


def document_text(value: Mapping[str, Json]) -> str:
    """A JSON document as commands print it and pages hand it out."""
    return json.dumps(value, indent=2, sort_keys=True) + "\n"
