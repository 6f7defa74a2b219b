"""How a text that a command reads is laid out."""

from typing import Annotated

import typer

from counterseal.kernel.errors import InputError
from counterseal.signals.text_rows import TextFormat

Layout = Annotated[
    TextFormat | None, typer.Option("--format", help="By the file's name when absent.")
]


def layout_of(file: str, told: TextFormat | None) -> TextFormat:
    """As told, or by the name of the file.

    Raises:
        InputError: `FORMAT_UNKNOWN`.
    """
    if told is not None:
        return told
    suffix = file.rsplit(".", 1)[-1].lower()
    known = {"csv": TextFormat.CSV, "jsonl": TextFormat.JSON_LINES, "json": TextFormat.JSON}
    if suffix in known:
        return known[suffix]
    raise InputError(
        "FORMAT_UNKNOWN", "say --format json, jsonl or csv", field="--format", got=file
    )
