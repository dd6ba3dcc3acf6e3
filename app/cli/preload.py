"""What each worker has from its birth; imported by the process that the workers are forked from."""

import gc

from app.cli.workers import end_with_parent
from app.connectors import service_settings
from app.errors import ConfigurationError
from app.telemetry.metrics import count_with_others

end_with_parent()
count_with_others()
try:
    settings = service_settings()
except ConfigurationError:
    pass  # the first process says it
else:
    import granian.server.mp  # noqa: F401

    import app.factory
    from app.upstream.transport import tls_context

    tls_context(settings.ca_bundle)
    if settings.library:
        import app.library.wiring
    if settings.has_sign_in:
        import app.access.wiring
        import app.web.sign_in  # noqa: F401
# What is here now stays: a collection in a worker would write to the pages that they share.
gc.collect()
gc.freeze()
