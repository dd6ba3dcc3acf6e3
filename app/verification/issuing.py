"""Makes the host's tokens, for trying a service out."""

import time

import jwt

from app.settings import Settings


def issue_token(settings: Settings, secret: str, expires_in: float, **bound: str) -> str:
    """Make a token that holds for `expires_in` seconds, or as long as the settings let one.

    `bound` are the claims that bind it to one request.
    """
    now = int(time.time())
    claims = {
        "aud": settings.jwt_audience,
        "iat": now,
        "exp": now + int(min(expires_in, settings.jwt_max_lifetime)),
        **({"iss": settings.jwt_issuer} if settings.jwt_issuer else {}),
        **bound,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
