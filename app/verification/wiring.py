"""Makes what verifies a request, and the sources of its keys, from the settings."""

from functools import partial
from urllib.parse import urlsplit

from app.errors import UpstreamFailed
from app.origins import host_of
from app.settings import FETCH_PLACES, Settings
from app.upstream.client import Fetcher
from app.upstream.messages import UpstreamRequest
from app.verification import (
    FixedKeys,
    KeySet,
    KeySource,
    TokenRules,
    Verifier,
    allowed_algorithms,
    public_key,
    shared_secret_keys,
)


def build_verifier(settings: Settings, sources: tuple[KeySource, ...]) -> Verifier:
    """Make what verifies a request, by the kinds of proof that the settings allow."""
    public_host = urlsplit(settings.public_url or "").hostname or ""
    others = {
        "PLACARD_JWT_SECRETS": settings.jwt_secrets,
        "PLACARD_TOKEN_SECRETS": settings.token_secrets,
    }
    if not settings.takes_tokens:
        return Verifier(settings.verify, None, settings.signature_secrets, public_host, others)
    rules = TokenRules(
        sources=sources,
        algorithms=allowed_algorithms(sources, settings.jwt_algorithms),
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        max_lifetime=settings.jwt_max_lifetime,
        require_qsh=settings.jwt_require_qsh,
    )
    return Verifier(settings.verify, rules, settings.signature_secrets, other_secrets=others)


def build_key_sources(settings: Settings, fetcher: Fetcher) -> tuple[KeySource, ...]:
    """List the sources of keys, where tokens are taken at all."""
    if not settings.takes_tokens:
        return ()
    fixed = shared_secret_keys(settings.jwt_secrets)
    if settings.jwt_public_key:
        fixed.append(public_key(settings.jwt_public_key))
    sources: list[KeySource] = [FixedKeys(fixed)] if fixed else []
    if settings.jwt_jwks_url:
        sources.append(
            KeySet(
                partial(_key_set, fetcher, settings.jwt_jwks_url),
                patience=settings.fetch_deadline,
                most_waiting=settings.fetch_places or FETCH_PLACES,
            )
        )
    return tuple(sources)


def _key_set(fetcher: Fetcher, url: str) -> bytes:
    answer = fetcher.fetch(UpstreamRequest(url, hosts=frozenset({host_of(urlsplit(url))})))
    if answer.status != 200:
        raise UpstreamFailed(f"the key set's address answered {answer.status}")
    return answer.body
