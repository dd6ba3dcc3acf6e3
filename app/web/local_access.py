"""Whether a request comes from this machine: the pages of the local mode hold proofs and tokens."""

from typing import Final

from flask import request

from app.origins import is_loopback_host, name_in_host_header

# What a proxy adds: then whoever asks is not the one who seems to.
FORWARDED: Final = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"}
)


def is_from_this_machine() -> bool:
    """Tell whether the client is on this machine, and no proxy is between."""
    # The name that the browser was sent to: a foreign one may lead here by its DNS.
    name = name_in_host_header(request.host)
    at_home = is_loopback_host(request.remote_addr or "") and is_loopback_host(name)
    return at_home and not FORWARDED & {name.lower() for name, _ in request.headers}
