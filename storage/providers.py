"""Identity providers as a window uses them.

Job: discover the provider that the policy names, and verify the ID token that a browser brought.

Invariants
  I1  A token that nobody verified here under the provider's published key proves nothing.
  I2  Without PKCE (S256) at the provider there is no login by it, unless it is this machine's own.

Not here: the flow itself (the window's server runs it), judging claims (identity.oidc).
Source: governance part 5 (`st.login` traps).
"""

from pydantic import SecretStr

from counterseal.identity.oidc import Claims
from counterseal.kernel.errors import IntegrityError
from counterseal.policy.access import IssuerRule
from storage.oidc import Provider, Relying


def discovered(rule: IssuerRule) -> Provider:
    """What a provider says of itself.

    Raises:
        IntegrityError: `ISSUER_DIFFERS`, or `PROVIDER_WITHOUT_PKCE`.
        AdapterError: `PROVIDER_FAILED`.
    """
    import httpx  # noqa: PLC0415 - only who uses a provider needs it

    with httpx.Client() as http:
        found = Relying(rule, None, http).discover()
    if not found.pkce and rule.issuer.startswith("https:"):
        raise IntegrityError(
            "PROVIDER_WITHOUT_PKCE", "the provider does not take S256 challenges", got=rule.issuer
        )
    return found


def claims_of(rule: IssuerRule, token: SecretStr) -> Claims:
    """The verified claims of an ID token; who ran the flow has compared its nonce.

    Raises:
        IntegrityError: `TOKEN_INVALID`, `ISSUER_DIFFERS`.
        AdapterError: `PROVIDER_FAILED`.
    """
    import httpx  # noqa: PLC0415 - only who uses a provider needs it

    with httpx.Client() as http:
        relying = Relying(rule, None, http)
        return relying.verified(relying.discover(), token)
