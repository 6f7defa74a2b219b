"""The last look at every boundary that this server asked for.

Job: run the readiness command in a process of its own, one at a time, and keep what it told.

A look takes many seconds (it rehearses a whole case on a scratch store) and measures what it did
itself. In the server's own process it would measure the other sessions, too.

Invariants
  I1  What is shown was told by the command, or is marked as not checked.
  I2  One look at a time, whoever asks; a failed one leaves no result behind.

Not here: probes (storage.probes), what is shown of them (views.readiness).
Source: TX-L8, UI-25.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from threading import Lock, Thread
from time import perf_counter
from typing import Final

import streamlit as st
from pydantic import ValidationError

from counterseal.readiness.model import Observation
from counterseal.readiness.report import Readiness, readiness_of
from storage.probes import settings_seen
from ui.web import house

SECONDS_MAX: Final = 300
COMMAND: Final = (sys.executable, "-m", "ui.cli.app", "readiness", "--json")


def told_by_command() -> str:
    """What the readiness command prints about the home of these pages.

    Raises:
        OSError: the command cannot be started.
        SubprocessError: it does not end.
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(  # noqa: S603 - this very interpreter and module
        COMMAND,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    return done.stdout


class Prober:
    """The looks of this server.

    Attributes:
        told: What the last one found; None when there was none, or it failed.
        seconds: How long it took.
        since: When the running one began (UTC); None when none runs.
        failed: When the last one failed (UTC); None when it did not.
    """

    def __init__(self) -> None:
        self.told: Readiness | None = None
        self.seconds = 0
        self.since: datetime | None = None
        self.failed: datetime | None = None
        self.thread: Thread | None = None
        self._turn = Lock()

    def start(self, ask: Callable[[], str], now: datetime) -> None:
        """Look, unless somebody does already."""
        with self._turn:
            if self.since is None:
                self.since = now
                self.thread = Thread(target=self._look, args=(ask, now), daemon=True)
                self.thread.start()

    def _look(self, ask: Callable[[], str], now: datetime) -> None:
        began = perf_counter()
        try:
            told = Readiness.model_validate_json(ask())
        except (OSError, subprocess.SubprocessError, ValidationError):
            told = None
        with self._turn:
            self.told, self.seconds = told, round(perf_counter() - began)
            self.failed = now if told is None else None
            self.since = None


@st.cache_resource(max_entries=2, show_spinner=False)
def _prober(database: str) -> Prober:
    del database
    return Prober()


def prober() -> Prober:
    """The one for the home of these pages."""
    return _prober(house.settings().database.name)


def unprobed(now: datetime) -> Readiness:
    """What the settings alone tell; everything else says that it was not looked at."""
    return readiness_of(Observation(at=now, settings=settings_seen(house.settings())))
