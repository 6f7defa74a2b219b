"""`counterseal web`: the pages, in a server of their own on this machine.

Nothing of that server is loaded here.
"""

from typing import Annotated

import typer

from ui.cli.options import Home
from ui.cli.render import leave, notice
from ui.cli.session import settings_for

app = typer.Typer(invoke_without_command=True)


@app.callback()
def web(
    home: Home = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Instead of WEB_PORT.")
    ] = None,
) -> None:
    """Serve the pages of a home until told to stop; they listen on 127.0.0.1 only."""
    from storage.settings import Settings  # noqa: PLC0415 - the same
    from ui.web.launch import serve  # noqa: PLC0415 - help needs no server
    from ui.web.place import web_origin  # noqa: PLC0415 - the same

    settings = settings_for(home)
    if port is not None:
        settings = Settings(**{**dict(settings), "web_port": port}).check()
    notice(f"counterseal: the pages are at {web_origin(settings)}")
    leave(serve(settings))
