"""Servers of the pages as `counterseal web` starts them, forked from a process that is warm.

A server takes seconds of a processor to load what never differs, and a run starts a dozen. The
command itself serves in `test_ui_walk`, in `tests/bench` and for the screenshots (`serving`).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final

from flows.engine import free_port
from tests.ui.web.serve_here import serve_here
from tests.ui.web.web_room import WebHouse, until_healthy

ENDS_WITHIN_SECONDS: Final = 20
_WARM: Final = get_context("forkserver")
_WARM.set_forkserver_preload(["tests.ui.web.warmed"])


@contextmanager
def served(
    house: WebHouse, more: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[str]:
    """The origin of the pages of a house, in a process of their own."""
    port = port or free_port()
    told = {**os.environ, **house.environment(), **(more or {}), "WEB_PORT": str(port)}
    said = house.home.parent / "server.log"
    running = _WARM.Process(target=serve_here, args=(told, said), daemon=True)
    running.start()
    try:
        until_healthy(port, running.is_alive, said)
        yield f"http://localhost:{port}"
    finally:
        running.terminate()
        running.join(ENDS_WITHIN_SECONDS)
        assert not running.is_alive(), said.read_text()
