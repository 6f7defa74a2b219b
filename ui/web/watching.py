"""What programs that watch the house ask its pages: whether it lives, is ready, and its numbers.

Job: answer `/health/live`, `/health/ready` and `/metrics`, each by looking anew.

Invariants
  I1  Nothing is kept between two answers: what cannot be looked at is not ready and counts nothing.
  I2  An answer has counts and codes: no name, price, key, place or word of a person.
  I3  Who asks under another host's name is turned away, as browsers are from the pages.

Not here: the checks (readiness.running), the numbers (storage.gauges), who listens (ui.web.launch).
Source: issue "Always on", point 4.
"""

from collections.abc import Callable
from functools import cache, wraps
from threading import Lock

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from counterseal.readiness.running import Running
from storage.gauge_text import CONTENT_TYPE, gauge_text
from storage.running import running_now
from storage.telling import House, Tell, Told, telling
from ui.web import house
from ui.web.place import allowed_hosts

_TURNED_AWAY = 403
_NOT_READY = 503
_FRESH = {"Cache-Control": "no-store"}
_Answer = Callable[[Request], Response]


def _here(answer: _Answer) -> _Answer:
    """Answers only who asks for a name of this server; each in a thread of its own."""

    @wraps(answer)
    def checked(request: Request) -> Response:
        if request.url.hostname not in allowed_hosts(house.origin()):
            return PlainTextResponse("not this host", status_code=_TURNED_AWAY)
        return answer(request)

    return checked


@_here
def live(request: Request) -> Response:
    """This process answers; it says nothing about its home."""
    del request
    return JSONResponse({"live": True}, headers=_FRESH)


@_here
def ready(request: Request) -> Response:
    """Every check of a house at work, as `counterseal readiness --running` tells them."""
    del request
    running = running_now(house.settings(), house.CLOCK.now())
    _standing().hear(running)
    status = 200 if running.ready else _NOT_READY
    told = {"simulated": True, **running.json_value()}
    return JSONResponse(told, status_code=status, headers=_FRESH)


@_here
def metrics(request: Request) -> Response:
    """Numbers of the home in Prometheus's text format."""
    del request
    content = gauge_text(house.settings(), house.CLOCK.now())
    return Response(content, headers={"Content-Type": CONTENT_TYPE, **_FRESH})


def pages_log() -> Tell:
    """The log of the pages."""
    return telling(house.settings().counterseal_home, House.PAGES, house.CLOCK)


class Standing:
    """Tells when a house became ready, or what it fails for changed; threads share it."""

    def __init__(self) -> None:
        self._codes: tuple[str, ...] | None = None
        self._turn = Lock()

    def hear(self, running: Running) -> None:
        """Hear of one look."""
        codes = tuple(check.code for check in running.checks if not check.ok)
        with self._turn:
            before, self._codes = self._codes, codes
        if codes == before:
            return
        if codes:
            pages_log()(Told.NOT_READY, codes=",".join(codes), needs_failed=len(codes))
        else:
            pages_log()(Told.READY)


@cache
def _standing() -> Standing:
    return Standing()


ROUTES = (
    Route("/health/live", live),
    Route("/health/ready", ready),
    Route("/metrics", metrics),
)
