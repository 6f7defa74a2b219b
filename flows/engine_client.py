"""A client of the resident server that loads nothing of the engine.

Job: ask over the server's own interface, as a proper client does: with the secret, and with a token
of the server's own.

Invariants
  I1  A server that does not answer, or not as it should, is an error and never an empty answer.

Not here: what is asked (told_runs, serve), starting and ending the server (engine).
Source: workflow part 2.
"""

import http.client
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

from pydantic import TypeAdapter

from counterseal.kernel.errors import AdapterError
from flows.engine import HOST, Engine, credentials

ANSWER_SECONDS_MAX: Final = 5
Rows = list[dict[str, Any]]
ROWS: Final[TypeAdapter[Rows]] = TypeAdapter(Rows)
UNREADABLE: Final = (OSError, http.client.HTTPException, KeyError, ValueError)
"""What asking a server, or reading its answer, may raise."""


class EngineClient:
    """One connection to one server; any of `UNREADABLE` when it does not answer as it should."""

    def __init__(self, engine: Engine) -> None:
        self._wire = http.client.HTTPConnection(HOST, engine.port, timeout=ANSWER_SECONDS_MAX)
        self._headers = {"Content-Type": "application/json", **credentials(engine)}
        who = f"counterseal-{os.getpid()}-{threading.get_ident()}"
        token = self._asked("GET", f"/api/csrf-token?client={who}", None)
        told = json.loads(token)["token"]
        self._headers |= {"Prefect-Csrf-Token": str(told), "Prefect-Csrf-Client": who}

    def rows(self, kind: str, asked: Mapping[str, object]) -> Rows:
        """Rows of a kind that a filter lets through."""
        return ROWS.validate_json(self._asked("POST", f"/api/{kind}/filter", json.dumps(asked)))

    def pause_pool(self, name: str) -> None:
        """Let a pool give out no more runs; those that run go on."""
        self._asked("PATCH", f"/api/work_pools/{name}", json.dumps({"is_paused": True}))

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()

    def _asked(self, method: str, path: str, body: str | None) -> bytes:
        self._wire.request(method, path, body, self._headers)
        answer = self._wire.getresponse()
        content = answer.read()
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - the success codes of HTTP
            raise http.client.HTTPException(answer.reason)
        return content


@contextmanager
def asking(engine: Engine) -> Iterator[EngineClient]:
    """A client for the time of a block.

    Raises:
        AdapterError: `ENGINE_UNREACHABLE` when the server's answers inside cannot be read.
    """
    try:
        with closing(EngineClient(engine)) as client:
            yield client
    except UNREADABLE as error:
        told = "the workflow server gave no answer that can be read"
        raise AdapterError("ENGINE_UNREACHABLE", told, retriable=True) from error
