"""What a start of the pages writes, and what every answer carries."""

import asyncio
import tomllib
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.policy.access import IssuerRule
from storage import providers, window_notes
from storage.oidc import Provider, Relying
from storage.settings import Settings
from storage.window_notes import WindowNotes, window_notes_file
from tests.household import START
from ui.cli.app import run
from ui.web import launch
from ui.web.asgi import Edge
from ui.web.place import browser_cookie, web_origin

BROWSER = browser_cookie("http://localhost:3000")
RULE = IssuerRule(issuer="https://login.example", client_id="desk", acr_values=("mfa",))


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "client"
    path.write_text("told by the provider\n", "utf-8")
    monkeypatch.setenv("COUNTERSEAL_OIDC_CLIENT_SECRET_FILE", str(path))
    return path


def test_a_start_is_private_quiet_and_on_this_machine_only(tmp_path: Path) -> None:
    """UI part 5: loopback, named hosts, origin checks on, nothing told to anybody."""
    environment = launch.prepared(Settings(counterseal_home=tmp_path / "home"), tmp_path)
    folder = tmp_path / ".streamlit"
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["allowedHosts"] == ["127.0.0.1", "localhost"]
    assert (config["server"]["enableCORS"], config["server"]["enableXsrfProtection"]) == (
        True,
        True,
    )
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
    assert config["secrets"]["files"] == [str(folder / "secrets.toml")]
    assert {oct(p.stat().st_mode & 0o777) for p in folder.iterdir()} == {"0o600"}
    assert launch.TOLD not in environment
    assert Path(environment["COUNTERSEAL_HOME"]).is_absolute()


def test_both_providers_ask_for_what_they_need_in_the_address_itself(secret: Path) -> None:
    """Governance 5: age and level stand in authorize_params, the prompt is explicit, no name has an
    underscore, and only the ID token is exposed.
    """
    text = launch._toml(launch.auth_of(RULE, "http://localhost:3000"))
    auth = tomllib.loads(text)["auth"]
    assert set(auth) - {"redirect_uri", "cookie_secret", "expose_tokens"} == {"default", "signing"}
    assert auth["expose_tokens"] == ["id"]
    assert len(auth["cookie_secret"]) == 43
    assert auth["signing"]["authorize_params"] == {"acr_values": "mfa", "max_age": "0"}
    assert auth["default"]["authorize_params"] == {"acr_values": "mfa"}
    for provider in (auth["default"], auth["signing"]):
        assert provider["client_kwargs"] == {"scope": "openid", "prompt": "login"}
        assert provider["client_secret"] == secret.read_text().strip()


def test_a_provider_elsewhere_without_pkce_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Governance 5: S256 only if it is advertised, so that is checked at the start."""
    told = {name: f"https://login.example/{name}" for name in ("a", "t", "j")}
    found = Provider(
        issuer=RULE.issuer,
        authorization_endpoint=told["a"],
        token_endpoint=told["t"],
        jwks_uri=told["j"],
        pkce=False,
    )
    monkeypatch.setattr(Relying, "discover", lambda _: found)
    with pytest.raises(IntegrityError, match="PROVIDER_WITHOUT_PKCE"):
        providers.discovered(RULE)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:3000", "http://desk.example", "localhost"])
def test_an_origin_that_no_passkey_could_be_bound_to_is_refused(
    origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WebAuthn: a secure context, and a name that stays."""
    monkeypatch.setenv("COUNTERSEAL_WEB_ORIGIN", origin)
    with pytest.raises(InputError, match="SETTING_INVALID"):
        web_origin(Settings())


async def _page(request: Request) -> Response:
    del request
    response = HTMLResponse("<p>here</p>")
    response.set_cookie("_streamlit_user", "x", httponly=True, samesite="lax")
    return response


async def _metrics(request: Request) -> Response:
    del request
    return PlainTextResponse("cache names")


def answer(path: str = "/", handle: str | None = None) -> httpx.Response:
    """What the edge makes of an answer."""
    app = Starlette(routes=[Route("/", _page), Route("/_stcore/metrics", _metrics)])
    app.add_middleware(Edge)
    sent = {} if handle is None else {"cookie": f"{BROWSER}={handle}"}

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as http:
            return await http.get(path, headers=sent)

    return asyncio.run(asked())


def cookies_of(told: httpx.Response) -> list[str]:
    return told.headers.get_list("set-cookie")


def test_every_answer_carries_the_headers_and_hides_the_metrics() -> None:
    """UI part 5: no frame, no foreign source, no sniffing; cache names are nobody's business."""
    told = answer()
    policy = told.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "'sha256-" in policy
    assert "unsafe-eval'" not in policy.replace("wasm-unsafe-eval'", "")
    assert told.headers["x-frame-options"] == "DENY"
    assert told.headers["x-content-type-options"] == "nosniff"
    assert answer("/_stcore/metrics").status_code == 404


def test_behind_tls_every_cookie_is_secure_and_out_of_a_scripts_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Governance test 14: Streamlit leaves Secure out; the edge adds it."""
    monkeypatch.setenv("COUNTERSEAL_WEB_ORIGIN", "https://desk.example")
    cookies = cookies_of(answer())
    assert len(cookies) == 2
    assert any(cookie.startswith("__Host-") for cookie in cookies)
    for cookie in cookies:
        assert {"Secure", "HttpOnly"} <= {part.strip() for part in cookie.split(";")}
        assert "samesite=lax" in cookie.lower()
    monkeypatch.delenv("COUNTERSEAL_WEB_ORIGIN")
    assert all("Secure" not in cookie for cookie in cookies_of(answer()))


def test_a_handle_that_is_none_of_ours_is_replaced() -> None:
    """A cookie is what somebody sends: only 32 random bytes count as a handle."""
    assert any(cookie.startswith(BROWSER) for cookie in cookies_of(answer(handle="short")))
    assert not any(cookie.startswith(BROWSER) for cookie in cookies_of(answer(handle="a" * 43)))


def test_notes_are_private_taken_once_and_gone_in_time(tmp_path: Path) -> None:
    """Governance 5: what a window remembers is its owner's alone and no handle stands in it."""
    path = window_notes_file(tmp_path)
    notes, handle = WindowNotes(path), "b" * 43
    assert notes.bound(handle) is None
    notes.bind(handle, "ses-1", START)
    notes.keep("a draft", START, "draft", "ann", "apr-1", "1")
    assert (notes.bound(handle), notes.take(START, "draft", "ann", "apr-1", "2")) == ("ses-1", None)
    assert notes.take(START, "draft", "annapr-1", "", "1") is None
    assert notes.take(START, "draft", "ann", "apr-1", "1") == "a draft"
    assert notes.take(START, "draft", "ann", "apr-1", "1") is None
    notes.unbind(handle)
    assert notes.bound(handle) is None
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert handle.encode() not in path.read_bytes()


def test_choices_are_bounded_and_the_newest_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Governance 5: who chose again stays, who chose longest ago is guessed anew."""
    monkeypatch.setattr(window_notes, "CHOICES_MAX", 3)
    notes = WindowNotes(window_notes_file(tmp_path))
    for name in ("ann", "bob", "cid", "ann", "dan"):
        notes.choose("zh-Hant", "language", "person", name)
    kept = [
        name for name in ("ann", "bob", "cid", "dan") if notes.choice("language", "person", name)
    ]
    assert kept == ["ann", "cid", "dan"]


def test_the_command_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The pages are a noun of the command line."""
    assert run(["web", "--help"]) == 0
    assert "127.0.0.1 only" in capsys.readouterr().out
