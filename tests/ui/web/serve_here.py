"""A server of the pages in this process: what `counterseal web` does, and the server it starts.

Apart from `forked`, which stands on much that no server has.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

ROOT: Final = Path(__file__).parents[3]


def serve_here(environment: Mapping[str, str], said: Path) -> None:
    """Serve until told to stop, in this environment; a file takes what the server says."""
    from streamlit.web import cli  # noqa: PLC0415 - who forks this process has loaded it

    from storage.settings import load_settings  # noqa: PLC0415 - the same
    from ui.web.launch import SCRIPT, prepared  # noqa: PLC0415 - the same

    with said.open("wb") as out:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(out.fileno(), stream.fileno())
    signal.signal(signal.SIGTERM, _left)
    with tempfile.TemporaryDirectory(prefix="counterseal-web-") as name:
        _stand(environment, ROOT)
        _stand(prepared(load_settings(None), Path(name)), Path(name))
        cli.main(["run", str(SCRIPT)])


def _stand(environment: Mapping[str, str], folder: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)


def _left(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    sys.exit(128 + number)
