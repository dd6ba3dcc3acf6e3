"""What the settings are and where each is from, for `placard settings` and the start."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from app.settings import Settings
from app.settings.fields import password_in
from app.settings.local import LOCAL_FILE, environment_of
from app.settings.schema import ConnectorSetting, schema_with

MASK: Final = "********"


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting as `placard settings` shows it; a secret's value is masked."""

    name: str
    value: str
    source: str
    meaning: str


def unknown_settings(settings: Settings) -> dict[str, str | None]:
    """Map each `PLACARD_…` variable that is no setting to the name that was probably meant."""
    known = setting_names(settings.connector_declarations)
    strangers = (name for name in environment_of(os.environ) if name.startswith("PLACARD_"))
    return {
        name: next(iter(get_close_matches(name, known, n=1)), None)
        for name in strangers
        if name not in known
    }


def setting_names(declarations: Sequence[ConnectorSetting]) -> list[str]:
    """List the names of all settings, as the environment has them."""
    return [str(kind.data_key) for kind in schema_with(declarations).fields.values()]


def setting_lines(settings: Settings, process: Mapping[str, str] = os.environ) -> list[SettingLine]:
    """Describe every setting: its value (secrets masked), where it is from, what it means."""
    known = environment_of(process)
    return [
        SettingLine(
            name=str(kind.data_key),
            value=_shown(value, secret=kind.metadata["secret"]),
            source=_source(str(kind.data_key), process, known),
            meaning=kind.metadata["meaning"],
        )
        for kind, value in settings.held()
    ]


def _shown(value: Any, *, secret: bool) -> str:
    if not value and not isinstance(value, bool):
        return ""
    if secret:
        count = len(value) if isinstance(value, tuple) else 1
        return ", ".join([MASK] * count)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{first}={second}" for first, second in value.items())
    if isinstance(value, str) and (password := password_in(value)):
        return value.replace(f":{password}@", f":{MASK}@")
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _source(name: str, process: Mapping[str, str], known: Mapping[str, str]) -> str:
    if process.get(name, "").strip():
        return "environment"
    return str(LOCAL_FILE) if name in known else "default"
