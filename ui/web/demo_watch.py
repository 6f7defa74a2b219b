"""Watching the demo's engine at work.

Job: play a session's clicks again and note every module whose functions ran meanwhile.

Invariants
  I1  What is noted is what ran in this thread, between begin and end: nothing is assumed.
  I2  A profiler that was there before is there again afterwards.
  I3  What the garbage collector would end meanwhile is another's, and waits.

Not here: what the modules mean (counterseal.desk.demo.flags).
Source: features TX-C17, TX-D5.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from counterseal.desk.demo.flags import DemoSeen, host_of, kept_of
from counterseal.desk.demo.model import DemoSession
from counterseal.desk.demo.play import played
from storage.collection import uncollected
from ui.web import house

_T = TypeVar("_T")


def watched(play: Callable[[], _T]) -> tuple[_T, tuple[str, ...]]:
    """What `play` gives, and the modules whose functions ran for it, C functions included."""
    ran: set[str] = set()

    def note(frame: FrameType, event: str, called: object) -> None:
        if event == "call":
            ran.add(_named(str(frame.f_globals.get("__name__", "unknown"))))
        elif event == "c_call":
            ran.add(_module_of(called))

    before = sys.getprofile()
    with uncollected():
        sys.setprofile(note)
        try:
            given = play()
        finally:
            sys.setprofile(before)
    return given, tuple(sorted(ran - {__name__, "sys"}))


def _named(module: str) -> str:
    """The constructor of a named tuple is written by `collections` and calls itself otherwise."""
    return "collections" if module.startswith("namedtuple_") else module


def _module_of(called: object) -> str:
    own = getattr(called, "__module__", None)
    return str(own or type(getattr(called, "__self__", None)).__module__)


def look_at(session: DemoSession) -> DemoSeen:
    """What is seen of a session when its clicks are played again, now and here."""
    again, ran = watched(lambda: played(session.market, session.clicks))
    return DemoSeen(
        host=host_of(sys.platform),
        modules=ran,
        same=again == session,
        live_trading_enabled=house.settings().live_trading_enabled,
        kept=kept_of(session.clicks),
    )
