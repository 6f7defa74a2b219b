"""`counterseal flows`: run, deploy, serve.

Flows live in a program of their own, `python -m flows`. This process becomes that program, so
that no signal is lost between two and nothing of the engine is loaded here.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

import typer

from ui.cli.options import AsJson, Home

app = typer.Typer(no_args_is_help=True)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def run(words: typer.Context) -> None:
    """Run a flow by hand: intake FILE, execute BATCH ATTEMPT, verify-log, heartbeat, time-stamp.

    The flow notify tells people what waits for them; end-of-day states accounts, and retention
    plans what may go. Add --temporary for a server of its own.
    The answer is one JSON document, with or without --json.
    """
    become(*words.args)


@app.command()
def deploy(home: Home = None, as_json: AsJson = False) -> None:
    """Bring prefect.yaml to the resident workflow server."""
    del as_json
    become("deploy", *_home(home))


@app.command()
def serve(home: Home = None, as_json: AsJson = False) -> None:
    """Server, deployments and worker, until told to stop."""
    del as_json
    become("serve", *_home(home))


def _home(home: Path | None) -> tuple[str, ...]:
    return () if home is None else ("--home", str(home))


def become(*words: str) -> NoReturn:
    """Go on as `python -m flows` with these words."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "flows", *words])  # noqa: S606 - our own interpreter, no shell
