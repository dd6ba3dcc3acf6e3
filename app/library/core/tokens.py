"""The library's own tokens: issued, listed, revoked and verified.

A token is a JWT that proves its `jti`; what it allows is read from the store. So a token that was
revoked is refused at once, and whoever else knows the secret can grant nothing.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from sqlalchemy import bindparam, select

from app.database.base import NAME_LENGTH
from app.database.columns import to_milliseconds
from app.database.store import Store
from app.errors import InvalidInput, NotAuthenticated
from app.library.core.callers import Caller, Person
from app.library.core.models import TokenRow, UserRow
from app.library.core.users import find_or_add_user, person_of, upsert_user
from app.settings import LIBRARY_AUDIENCE
from app.verification import FixedKeys, TokenRules, shared_secret_keys, token_claims

LONGEST_LIFETIME: Final = timedelta(days=3660)
_TOKEN: Final = TokenRow.__table__.c
_USER: Final = UserRow.__table__.c
# Made once: every request asks for its token.
_ONE: Final = (
    select(*_TOKEN, _USER.id, _USER.handle, _USER.name)
    .join_from(TokenRow.__table__, UserRow.__table__)
    .where(_TOKEN.jti == bindparam("jti"))
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A token to issue: for whom, what it allows, and for how long.

    Without a `name` the user keeps the stored one, or else has the subject as a name. `places` and
    `experiences` confine it, as a Caller has them; whoever makes it has checked them.
    """

    subject: str
    name: str | None
    scopes: tuple[str, ...]
    domains: tuple[str, ...]
    lifetime: timedelta
    places: tuple[str, ...] = ()
    experiences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredToken:
    """An issued token, without its text, which is not stored."""

    jti: str
    person: Person
    scopes: tuple[str, ...]
    domains: tuple[str, ...]
    places: tuple[str, ...]
    experiences: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return `valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was just issued, with its text."""

    text: str = field(repr=False)
    stored: StoredToken


def utc_now() -> datetime:
    return datetime.now(UTC)


class TokenStore:
    """The tokens of a store: the first of `secrets` signs, any of them verifies.

    `scopes` are those that a new token may have.
    """

    def __init__(
        self,
        store: Store,
        secrets: Sequence[str],
        scopes: Sequence[str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._scopes = tuple(scopes)
        self._store = store
        self._secrets = tuple(secrets)
        self._now = now
        self._rules = TokenRules(
            sources=(FixedKeys(shared_secret_keys(secrets)),),
            algorithms=frozenset({"HS256"}),
            audience=LIBRARY_AUDIENCE,
            issuer=None,
            max_lifetime=LONGEST_LIFETIME.total_seconds(),
            require_qsh=False,
        )

    def create(self, grant: Grant) -> IssuedToken:
        """Issue a token and store its `jti`; raises InvalidInput for an invalid grant."""
        check_grant(grant, self._scopes)
        now = to_milliseconds(self._now())
        row = TokenRow(
            jti=uuid.uuid4().hex,
            scopes=list(dict.fromkeys(grant.scopes)),
            domains=list(dict.fromkeys(grant.domains)),
            places=list(dict.fromkeys(grant.places)),
            experiences=list(dict.fromkeys(grant.experiences)),
            created_at=now,
            expires_at=now + grant.lifetime,
        )
        with self._store.writing() as session:
            keep = find_or_add_user if grant.name is None else upsert_user
            row.user_id = keep(session, grant.subject, grant.name or grant.subject, now).id
            session.add(row)
            session.flush()
            stored = _stored_token(row, person_of(row.user))
        return IssuedToken(self._signed(stored), stored)

    def listed(self) -> list[StoredToken]:
        """List all issued tokens, the newest first."""
        newest = select(TokenRow).order_by(TokenRow.created_at.desc(), TokenRow.jti)
        with self._store.reading() as session:
            return [_stored_token(row, person_of(row.user)) for row in session.scalars(newest)]

    def revoke(self, jti: str) -> bool:
        """Revoke a token; tell whether there was one that was not revoked already."""
        with self._store.writing() as session:
            row = session.get(TokenRow, jti, with_for_update={"of": TokenRow})
            if row is None or row.revoked_at is not None:
                return False
            row.revoked_at = self._now()
            return True

    def caller(self, text: str) -> Caller:
        """Return the caller of a token.

        Raises NotAuthenticated with the reason: of `token_claims`, or `unknown_token`, `revoked`.
        """
        claims = token_claims(text, self._rules)
        stored = self._find(claims.get("jti"))
        if stored is None or stored.person.handle != claims.get("sub"):
            raise NotAuthenticated("unknown_token")
        if (state := stored.state(self._now())) != "valid":
            raise NotAuthenticated(state)
        return Caller(
            person=stored.person,
            scopes=frozenset(stored.scopes),
            domains=frozenset(stored.domains),
            jti=stored.jti,
            places=stored.places,
            experiences=stored.experiences,
        )

    def _find(self, jti: object) -> StoredToken | None:
        if not isinstance(jti, str) or not jti.isalnum() or not jti.isascii():
            return None
        row = self._store.find(_ONE, {"jti": jti})
        return None if row is None else _stored_token(row, Person(*row[-3:]))

    def _signed(self, stored: StoredToken) -> str:
        claims = {
            "sub": stored.person.handle,
            "aud": LIBRARY_AUDIENCE,
            "iat": int(stored.created_at.timestamp()),
            "exp": int(stored.expires_at.timestamp()),
            "jti": stored.jti,
        }
        return jwt.encode(claims, self._secrets[0], algorithm="HS256")


def check_grant(grant: Grant, scopes: Sequence[str]) -> None:
    """Raise InvalidInput, with what would be right, for a grant that cannot be issued."""
    named = [("sub", grant.subject), *(("domain", d) for d in grant.domains)]
    if grant.name is not None:
        named.append(("name", grant.name))
    for what, given in named:
        if not given.strip() or len(given) > NAME_LENGTH or not given.isprintable():
            raise InvalidInput(f"must be 1 to {NAME_LENGTH} printable characters", where=what)
    if strangers := [scope for scope in grant.scopes if scope not in scopes]:
        raise InvalidInput(f"{strangers[0]!r} is not one of {', '.join(scopes)}", where="scope")
    if not timedelta(0) < grant.lifetime <= LONGEST_LIFETIME:
        raise InvalidInput(
            f"must be more than 0 and {LONGEST_LIFETIME.days}d at most", where="expires"
        )


def _stored_token(row: Any, person: Person) -> StoredToken:
    return StoredToken(
        jti=row.jti,
        person=person,
        scopes=tuple(row.scopes),
        domains=tuple(row.domains),
        places=tuple(row.places),
        experiences=tuple(row.experiences),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
