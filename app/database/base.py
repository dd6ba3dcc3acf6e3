"""What all tables share. A room that keeps something declares its own, with this base."""

from typing import Final

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

ID_LENGTH: Final = 64
NAME_LENGTH: Final = 255


class Base(DeclarativeBase):
    """What all tables share: their names, and those of their constraints."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )
