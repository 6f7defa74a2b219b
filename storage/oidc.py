"""An identity provider, reached from this machine.

Job: discover a provider, send a browser to it, and trade what comes back for verified claims.

Invariants
  I1  A provider is its issuer, byte by byte: what another one says of itself is refused.
  I2  Every request is bound to its answer by a fresh state, nonce and, where the provider can,
      PKCE (S256); each is used once.
  I3  Freshness is asked for in the authorization address itself: `max_age=0`, `prompt=login`.
  I4  Answers are bounded in size and time, and redirects are not followed.

Not here: whether a token's signature holds (storage.oidc_tokens), what its claims prove
    (identity.oidc), whose they are (desk.access).
Source: OpenID Connect Core 1.0 (3.1.2.1), Discovery 1.0 (4.3); RFC 7636 (PKCE), RFC 9207 (iss).
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode

from pydantic import SecretStr, StringConstraints, ValidationError

from counterseal.identity.oidc import Claims
from counterseal.kernel.canonical import parse_json
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import DomainModel
from counterseal.policy.access import Issuer, IssuerRule
from storage.oidc_tokens import verified_claims

if TYPE_CHECKING:
    import httpx

ANSWER_BYTES_MAX: Final = 200_000
TIMEOUT_SECONDS: Final = 10
_DISCOVERY: Final = "/.well-known/openid-configuration"
_SECRET_SIZE: Final = 32
Address = Annotated[
    str,
    StringConstraints(
        max_length=500,
        pattern=r"^(https://[!-~]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[!-~]*)?)$",
    ),
]
"""Https, or plain http on this machine."""


class Provider(DomainModel):
    """What a provider says of itself.

    Attributes:
        pkce: Whether it says that it takes S256 challenges.
    """

    issuer: Issuer
    authorization_endpoint: Address
    token_endpoint: Address
    jwks_uri: Address
    pkce: bool


class Departure(DomainModel):
    """A browser sent away; to be kept here until it comes back, and used once.

    Attributes:
        url: Where to.
        state, nonce: Come back beside the code, and inside the token.
        verifier: Proves at the token endpoint who sent the browser.
    """

    url: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: SecretStr


class Relying:
    """This application, as a client of one provider.

    Args:
        rule: The provider, as the policy names it.
        secret: The client's secret; None for a public client.
        http: Sends requests; without redirects.
    """

    def __init__(self, rule: IssuerRule, secret: SecretStr | None, http: "httpx.Client") -> None:
        self._rule = rule
        self._secret = secret
        self._http = http

    def discover(self) -> Provider:
        """What the provider says of itself.

        Raises:
            IntegrityError: `ISSUER_DIFFERS` when it calls itself otherwise.
            AdapterError: `PROVIDER_FAILED`.
        """
        issuer = self._rule.issuer
        told = _members(self._fetched("GET", f"{issuer.rstrip('/')}{_DISCOVERY}"))
        if told.get("issuer") != issuer:
            raise IntegrityError(
                "ISSUER_DIFFERS",
                "this is another provider",
                expected=issuer,
                got=told.get("issuer"),
            )
        methods = told.get("code_challenge_methods_supported")
        try:
            return Provider(
                issuer=issuer,
                authorization_endpoint=str(told.get("authorization_endpoint")),
                token_endpoint=str(told.get("token_endpoint")),
                jwks_uri=str(told.get("jwks_uri")),
                pkce=isinstance(methods, list) and "S256" in methods,
            )
        except ValidationError:
            raise AdapterError(
                "PROVIDER_FAILED", "an address of the provider is missing or not safe", got=issuer
            ) from None

    def depart(
        self, provider: Provider, redirect_uri: str, ids: IdSource, *, key: str, step_up: bool
    ) -> Departure:
        """Where to send a browser.

        Args:
            provider: As discovered.
            redirect_uri: Where it comes back to.
            ids: Draws state, nonce and verifier.
            key: Names this departure.
            step_up: Whether the person has to authenticate again, now.
        """
        state, nonce, verifier = (
            _text(ids.secret(f"{word}:{key}", _SECRET_SIZE))
            for word in ("state", "nonce", "verifier")
        )
        asked = {
            "response_type": "code",
            "client_id": self._rule.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
        }
        if provider.pkce:
            challenge = hashlib.sha256(verifier.encode()).digest()
            asked |= {"code_challenge": _text(challenge), "code_challenge_method": "S256"}
        if step_up:
            asked |= {"prompt": "login", "max_age": "0"}
        if self._rule.acr_values:
            asked["acr_values"] = " ".join(self._rule.acr_values)
        joint = "&" if "?" in provider.authorization_endpoint else "?"
        return Departure(
            url=f"{provider.authorization_endpoint}{joint}{urlencode(asked)}",
            redirect_uri=redirect_uri,
            state=state,
            nonce=nonce,
            verifier=SecretStr(verifier),
        )

    def arrive(
        self, provider: Provider, departure: Departure, answer: Mapping[str, str]
    ) -> tuple[Claims, SecretStr]:
        """Trade what a browser brought back for verified claims and the ID token itself.

        The claims are not judged yet: their nonce is to be compared with the departure's.

        Raises:
            InputError: `LOGIN_CALLBACK`: a foreign state or issuer, or the provider's refusal.
            IntegrityError: `TOKEN_INVALID`.
            AdapterError: `PROVIDER_FAILED`.
        """
        code = answer.get("code")
        foreign = answer.get("iss", provider.issuer) != provider.issuer
        if answer.get("state") != departure.state or foreign or not code:
            raise InputError(
                "LOGIN_CALLBACK",
                "this is no answer to the login that began here",
                field="state",
                got=answer.get("error"),
            )
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": departure.redirect_uri,
            "client_id": self._rule.client_id,
        }
        if provider.pkce:
            form["code_verifier"] = departure.verifier.get_secret_value()
        token = _members(self._fetched("POST", provider.token_endpoint, form)).get("id_token")
        if not isinstance(token, str):
            raise IntegrityError("TOKEN_INVALID", "the provider gave no ID token")
        return self.verified(provider, SecretStr(token)), SecretStr(token)

    def verified(self, provider: Provider, token: SecretStr) -> Claims:
        """The claims of an ID token, whose signature holds under a key that the provider shows now.

        Raises:
            IntegrityError: `TOKEN_INVALID`.
            AdapterError: `PROVIDER_FAILED`.
        """
        claims = verified_claims(token, self._fetched("GET", provider.jwks_uri))
        if claims.issuer != provider.issuer:
            raise IntegrityError("TOKEN_INVALID", "the token names another issuer than its key's")
        return claims

    def _fetched(self, method: str, url: str, form: Mapping[str, str] | None = None) -> bytes:
        import httpx  # noqa: PLC0415 - only who uses a provider needs it

        auth = None
        if form is not None and self._secret is not None:
            auth = httpx.BasicAuth(self._rule.client_id, self._secret.get_secret_value())
        try:
            with self._http.stream(
                method, url, data=form, auth=auth, timeout=TIMEOUT_SECONDS, follow_redirects=False
            ) as response:
                content = b""
                for part in response.iter_bytes():
                    content += part
                    if len(content) > ANSWER_BYTES_MAX:
                        raise AdapterError("PROVIDER_FAILED", "the answer is too long", got=url)
                status = response.status_code
        except httpx.HTTPError as error:
            raise AdapterError(
                "PROVIDER_FAILED", type(error).__name__, retriable=True, got=url
            ) from None
        if status != httpx.codes.OK:
            raise AdapterError("PROVIDER_FAILED", f"the provider answered {status}", got=url)
        return content


def _members(content: bytes) -> dict[str, object]:
    """The members of a JSON object.

    Raises:
        AdapterError: `PROVIDER_FAILED`.
    """
    try:
        value = parse_json(content)
    except InputError:
        value = None
    if not isinstance(value, dict):
        raise AdapterError("PROVIDER_FAILED", "the provider's answer is no object")
    return value


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
