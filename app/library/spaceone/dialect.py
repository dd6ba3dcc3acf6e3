"""The dialect as the library knows it."""

import re
from typing import Final

from app.library.http.authentication import BEARER
from app.library.http.dialect import Dialect
from app.library.spaceone.api import OPERATIONS, blueprint, refuse
from app.library.spaceone.transfer import TRANSFER

DIALECT: Final = Dialect(
    blueprint=blueprint,
    paths=re.compile(r"/dashboard/v1/"),
    token=BEARER,
    answer_error=refuse,
    title="Custom widgets, as SpaceONE has them",
    operations=OPERATIONS,
    transfer=TRANSFER,
)
