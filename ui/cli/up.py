"""`counterseal up`: pages and flows of a home, in one command.

What runs lives in programs of their own; this process becomes the one that starts them.
"""

from pathlib import Path
from typing import Final

import typer

from storage.settings import Settings
from ui.cli.flows import become
from ui.cli.options import Home
from ui.cli.session import settings_for

app = typer.Typer(invoke_without_command=True)
DEMO: Final = Path("var/demo")


@app.callback()
def up(home: Home = None) -> None:
    """Serve pages and flows until told to stop; without a home of your own, those of the demo."""
    told = home or (DEMO if _only_demo(settings_for(None)) else None)
    become("up", *(() if told is None else ("--home", str(told))))


def _only_demo(settings: Settings) -> bool:
    """Whether nobody named a home, there is none at its usual place, and a demo lies there."""
    named = {"counterseal_home", "counterseal_database_url"} & settings.model_fields_set
    here = bool(named) or settings.database.present()
    return not here and settings_for(DEMO).database.present()
