"""The settings and their sources, for `placard settings` and the page of settings."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from app.settings.declaration import ConnectorSetting, Declaration
from app.settings.local import LOCAL_FILE, environment_of
from app.settings.settings import DECLARATIONS, Settings, declarations_with

# What the variables begin with that are a connector's own.
PREFIXES: Final = tuple(each.prefix for each in DECLARATIONS.values() if each.prefix)


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting as `placard settings` shows it; a secret's value is masked."""

    name: str
    value: str
    source: str
    meaning: str


def unknown_settings(settings: Settings) -> dict[str, str | None]:
    """Map each `PLACARD_…` variable that is not a setting to the name that was probably meant."""
    given = {name for name in environment_of(os.environ) if name.startswith("PLACARD_")}
    if not given:
        return {}
    names = variable_names(settings.connector_declarations)
    unknown = sorted(name for name in given.difference(names) if not name.startswith(PREFIXES))
    return {name: next(iter(get_close_matches(name, names, n=1)), None) for name in unknown}


def unused_secrets(settings: Settings) -> dict[str, str]:
    """Map each secret that another setting leaves without a use to why that is."""
    verify = f"PLACARD_VERIFY is {settings.verify}; `either` takes tokens and signatures"
    found = {
        "PLACARD_SIGNATURE_SECRETS": settings.signature_secrets and not settings.takes_signatures,
        "PLACARD_JWT_SECRETS": settings.jwt_secrets and not settings.takes_tokens,
    }
    unused = {name: verify for name, is_unused in found.items() if is_unused}
    if settings.token_secrets and not settings.library:
        unused |= {"PLACARD_TOKEN_SECRETS": "the library is off; PLACARD_DATABASE_URL turns it on"}
    return unused


def setting_names(connector_settings: Iterable[ConnectorSetting]) -> list[str]:
    """List the names of all settings, as the environment has them."""
    return [declaration.name for declaration in declarations_with(connector_settings)]


def variable_names(connector_settings: Iterable[ConnectorSetting]) -> list[str]:
    """List all variables that are read: of settings, and of the files of those that are secret."""
    declared = declarations_with(connector_settings)
    files = (declaration.file_name for declaration in declared)
    return [*(declaration.name for declaration in declared), *filter(None, files)]


def setting_lines(settings: Settings, process: Mapping[str, str] = os.environ) -> list[SettingLine]:
    """Describe every setting: its value (secrets masked), where it is from, what it means."""
    environment = environment_of(process)
    return [
        SettingLine(
            name=declaration.name,
            value=declaration.printed(value),
            source=_source(declaration, process, environment),
            meaning=_meaning(declaration),
        )
        for declaration, value in settings.values()
    ]


def settings_table() -> list[str]:
    """Write README.md's table of settings, as lines of Markdown."""
    rows = [
        f"| `{each.name}` | {_default(each)} | {each.meaning}{' (secret)' if each.secret else ''} |"
        for each in DECLARATIONS.values()
    ]
    return ["| setting | default | meaning |", "|---|---|---|", *rows]


def _default(declaration: Declaration) -> str:
    text = declaration.printed(declaration.default)
    return declaration.unset or (f"`{text}`" if text else "")


def _meaning(declaration: Declaration) -> str:
    unset = f"; unset: {declaration.unset}" if declaration.unset else ""
    return declaration.meaning + unset


def _source(
    declaration: Declaration, process: Mapping[str, str], environment: Mapping[str, str]
) -> str:
    if file := environment.get(declaration.file_name):
        return f"file {file}"
    given = [name for name in environment if _is_of(declaration, name)]
    if any(process.get(name, "").strip() for name in given):
        return "environment"
    return str(LOCAL_FILE) if given else "default"


def _is_of(declaration: Declaration, name: str) -> bool:
    prefix = declaration.prefix
    return name.startswith(prefix) if prefix else name == declaration.name
