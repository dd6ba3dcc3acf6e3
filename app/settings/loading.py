"""Reads the settings from the environment, once, at the start."""

import os
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError

from app.errors import ConfigurationError
from app.settings.checks import check_settings
from app.settings.declaration import ConnectorSetting, Declaration
from app.settings.local import environment_of
from app.settings.secret_files import with_files
from app.settings.settings import DECLARATIONS, Settings, declarations_with
from templates_schemas.rules import faults_in


def settings_from_environment(connector_settings: Iterable[ConnectorSetting] = ()) -> Settings:
    """Load the settings of this process; raises ConfigurationError as `load_settings` does."""
    return load_settings(environment_of(os.environ), connector_settings)


def load_settings(
    environment: Mapping[str, str], connector_settings: Iterable[ConnectorSetting] = ()
) -> Settings:
    """Check all settings, those that connectors declare included, and return them.

    Raises ConfigurationError, which names each setting that is wrong and what would be right.
    """
    declared = tuple(connector_settings)
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    texts = with_files(given, _declarations(declared))
    try:
        loaded = _schema(declared).load({**texts, **_by_connector(texts)})
    except ValidationError as error:
        lines = [str(fault).removeprefix("$.") for fault in faults_in(error)]
        raise ConfigurationError("\n".join(sorted(lines))) from None
    values: dict[str, Any] = {
        attribute: loaded[declaration.name]
        for attribute, declaration in DECLARATIONS.items()
        if declaration.name in loaded
    }
    local = values.get("mode") == "local"
    defaults: dict[str, Any] = {"offline": local, "library": local or "database_url" in values}
    settings = Settings(
        **(defaults | values),
        names_database="database_url" in values,
        connector_declarations=declared,
        connector_settings={each.name: loaded.get(each.name) for each in declared},
    )
    check_settings(settings)
    return settings


def _by_connector(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Gather the variables of each setting that has one for each connector."""
    return {
        each.name: found
        for each in DECLARATIONS.values()
        if each.prefix
        if (
            found := {
                name.removeprefix(each.prefix).lower(): text
                for name, text in texts.items()
                if name.startswith(each.prefix)
            }
        )
    }


@cache
def _declarations(
    connector_settings: tuple[ConnectorSetting, ...],
) -> tuple[Declaration, ...]:
    return tuple(declarations_with(connector_settings))


@cache
def _schema(connector_settings: tuple[ConnectorSetting, ...]) -> Schema:
    kinds = {each.name: each.kind for each in _declarations(connector_settings)}
    return Schema.from_dict({**kinds})(unknown=EXCLUDE)
