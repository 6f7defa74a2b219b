"""What servers of the pages stand on, loaded once: the process that `forked` forks them from.

The pages themselves (ui.web) are loaded by each server, as they are behind the command: they tell
Streamlit what they consist of, which only a running server may be told.
"""

import gc
import re
import warnings
from importlib import import_module
from pathlib import Path
from typing import Final

import exchange_calendars

ROOT: Final = Path(__file__).parents[3]
BELOW: Final = re.compile(
    r"^\s*(?:from|import) ((?:counterseal|storage|evidence|altair)\S*)", re.MULTILINE
)
"""What a module of the pages imports from under the pages, and for its charts."""
SERVER: Final = (
    "streamlit.web.cli",
    "streamlit.web.bootstrap",
    "streamlit.web.server.app_discovery",
    "streamlit.web.server.starlette.starlette_app",
    "streamlit.web.server.starlette.starlette_server",
    "streamlit.components.v2.manifest_scanner",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "anyio._backends._asyncio",
    "argon2",
    "cedarpy",
    "itsdangerous",
)

_named = {n for path in ROOT.glob("ui/web/**/*.py") for n in BELOW.findall(path.read_text("utf-8"))}
for _name in (*SERVER, *sorted(_named)):
    import_module(_name)
with warnings.catch_warnings():  # as in storage.trading_calendar
    warnings.simplefilter("ignore")
    exchange_calendars.get_calendar("XTAI")
gc.freeze()
