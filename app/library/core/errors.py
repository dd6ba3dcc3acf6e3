"""What a request to the library is refused for; each dialect writes it into its own envelope.

Refusal
├── Malformed            400  parameters or a body that cannot be read
├── Unidentified         401  no token, or a false one; `reason` is the word for the log
├── NotAllowed           403  a scope or a domain is lacking
├── Missing              404
├── WrongMethod          405
├── Conflict             409  the version that was given is stale
├── TooLarge             413
├── TooManyRequests      429  `retry_after` in seconds
└── Broken               500  our fault, or the database's
"""

from typing import ClassVar


class Refusal(Exception):
    """The root. `sentence` is for the caller: what is wrong, where, and what would be right.

    `status` is HTTP's own view, which a dialect may change; `code` is for log and metrics.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "broken"

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


class Malformed(Refusal):
    """Parameters are missing, repeated or unreadable; the sentence begins with where.

    `rule` is a word such as `required` or `type`, for dialects that tell them apart; `others` are
    the sentences of further faults that were found at once.
    """

    status = 400
    code = "malformed"

    def __init__(
        self, what: str, *, where: str = "", rule: str = "invalid", others: tuple[str, ...] = ()
    ) -> None:
        self.where = where
        self.rule = rule
        self.others = others
        super().__init__(f"{where}: {what}" if where else what)


class Unidentified(Refusal):
    """No token, or a false one. The caller is not told why; the log is."""

    status = 401
    code = "unidentified"

    def __init__(self, reason: str, sentence: str = "Authorization required.") -> None:
        self.reason = reason
        super().__init__(sentence)


class NotAllowed(Refusal):
    """The caller is known, but lacks a scope or a domain."""

    status = 403
    code = "not_allowed"


class Missing(Refusal):
    """There is no such thing, or none that the caller may know of."""

    status = 404
    code = "missing"


class WrongMethod(Refusal):
    """The address does not take this method; `allowed` are those that it takes."""

    status = 405
    code = "wrong_method"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(f"Method not allowed; this address takes {', '.join(allowed)}.")


class Conflict(Refusal):
    """The version that was given is not the current one, and nothing was changed."""

    status = 409
    code = "conflict"


class TooLarge(Refusal):
    """The body is over the size limit."""

    status = 413
    code = "too_large"


class TooManyRequests(Refusal):
    """The token has no request left; `retry_after` is in seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many requests; try again in {retry_after} s.")


class Broken(Refusal):
    """Our fault: an error that nobody foresaw, or a database that does not answer."""
