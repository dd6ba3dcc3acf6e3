"""The dialect as the library knows it."""

import re
from typing import Final

from app.library.datadog.api import blueprint, error_response, operations
from app.library.datadog.examples import EXAMPLES
from app.library.datadog.samples import SAMPLES
from app.library.datadog.transfer import TRANSFER
from app.library.http.authentication import APPLICATION_KEY
from app.library.http.dialect import Dialect

DIALECT: Final = Dialect(
    name="Datadog",
    blueprint=blueprint,
    paths=re.compile(r"/api/v2/"),
    token=APPLICATION_KEY,
    error_response=error_response,
    title="Saved widgets, as Datadog has them",
    operations=operations.declared,
    examples=EXAMPLES,
    transfer=TRANSFER,
    reach=lambda grant: ", ".join(grant.experiences) or "every experience type",
    samples=SAMPLES,
)
