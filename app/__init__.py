"""Placard: the app server behind a host platform's widgets. The README has the map."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings

__all__ = ["create_app"]


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Make the application, with the settings of the environment unless some are given.

    Raises ConfigurationError, naming the setting, rather than start in an unsafe state.
    """
    # Only here: the command minds Ctrl-C before it loads the rest, which takes most of a second.
    from app import factory  # noqa: PLC0415

    return factory.create_app(settings)
