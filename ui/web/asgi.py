"""The server's edge: what every answer carries, before any page is drawn.

Job: wrap the pages with headers, a handle for the browser, and an answer for probes.

Invariants
  I1  Nothing from another host is loaded, and no other page frames ours.
  I2  A browser has one random handle, which no script can read; it is no login by itself.
  I3  A page that fails shows an incident's number, never what was wrong inside.

Not here: the pages (ui.web.app), what watchers ask (ui.web.watching), the settings of a start
(ui.web.launch).
Source: ui part 5.
"""

import base64
import hashlib
import logging
import re
import secrets
import traceback
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.telling import Told
from ui.web.house import origin
from ui.web.parts.panels import incident
from ui.web.place import HANDLE, browser_cookie
from ui.web.watching import ROUTES, pages_log

_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_log: Final = logging.getLogger("counterseal.web")


def policy() -> str:
    """The content security policy, with the digest of the one script that stands in the page."""
    index = Path(st.__file__).with_name("static") / "index.html"
    inline = (
        base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        for code in _INLINE.findall(index.read_text("utf-8"))
    )
    scripts = " ".join(f"'sha256-{digest}'" for digest in inline)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' blob: 'wasm-unsafe-eval' {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data:",
            "worker-src 'self' blob:",
            "frame-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "object-src 'none'",
        )
    )


HEADERS: Final = {
    "Content-Security-Policy": policy(),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Edge:
    """Adds the headers to every answer, gives a handle to a browser without one, hides metrics.

    Behind TLS every cookie is marked Secure, also those of the sign-in, which leaves that out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._secure = origin().startswith("https:")
        self._handle = browser_cookie(origin())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith("/_stcore/metrics"):
            await PlainTextResponse("not found", status_code=404)(scope, receive, send)
            return
        sent_back = HTTPConnection(scope).cookies.get(self._handle, "")
        known = HANDLE.fullmatch(sent_back) is not None

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(MutableHeaders(scope=message), known=known)
            await send(message)

        await self._app(scope, receive, sent)

    def _dress(self, headers: MutableHeaders, *, known: bool) -> None:
        headers.update(HEADERS)
        if not known and headers.get("content-type", "").startswith("text/html"):
            handle = f"{self._handle}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; SameSite=Lax"
            headers.append("set-cookie", f"{handle}; Max-Age=2592000")
        if self._secure:
            cookies = headers.getlist("set-cookie")
            del headers["set-cookie"]
            for cookie in cookies:
                marked = cookie if "; secure" in cookie.lower() else f"{cookie}; Secure"
                headers.append("set-cookie", marked)


async def healthz(request: Request) -> Response:
    """Whether this server answers; pages say for themselves whether their store does."""
    del request
    return PlainTextResponse("ok")


def failed(error: Exception) -> bool:
    """Show a number instead of an error, and write the error's kind and place beside it."""
    number = secrets.token_hex(4)
    places = [
        f" at {frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    own = [place for place in places if place.startswith(" at ui.web.")]
    _log.error("incident %s: %s%s", number, type(error).__name__, "".join(own[-1:] + places[-1:]))
    pages_log()(Told.PAGE_FAILED, error, incident=number)
    incident(number)
    return True


app = st.App(
    Path(__file__).with_name("app.py"),
    routes=[Route("/healthz", healthz), *ROUTES],
    middleware=[Middleware(Edge)],
    on_script_error=failed,
)
