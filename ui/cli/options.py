"""Options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the installation.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
ActingAs = Annotated[str, typer.Option("--as", help="Who acts; proved by opening their key.")]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="First line is the passphrase.")
]
Key = Annotated[str | None, typer.Option("--key", help="Idempotency key; a fresh one by default.")]
QuoteFile = Annotated[
    Path | None, typer.Option("--quote", help="JSON file with bid, ask, sizes and event_time.")
]
