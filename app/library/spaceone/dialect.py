"""The dialect as the library knows it."""

import re
from typing import Final

from app.library.http.authentication import BEARER
from app.library.http.dialect import Dialect
from app.library.spaceone.api import blueprint, error_response, operations
from app.library.spaceone.examples import EXAMPLES
from app.library.spaceone.samples import SAMPLES
from app.library.spaceone.transfer import TRANSFER

DIALECT: Final = Dialect(
    name="SpaceONE",
    blueprint=blueprint,
    paths=re.compile(r"/dashboard/v1/"),
    token=BEARER,
    error_response=error_response,
    title="Custom widgets, as SpaceONE has them",
    operations=operations.declared,
    examples=EXAMPLES,
    transfer=TRANSFER,
    reach=lambda grant: ", ".join(grant.domains) or "no domain (--domain opens one)",
    samples=SAMPLES,
)
