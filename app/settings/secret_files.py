"""Secrets that stand in files, as container engines hand them over: `NAME_FILE` beside `NAME`."""

import os
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from app.errors import ConfigurationError
from app.settings.declaration import Declaration
from app.settings.fields import WordList

MOST_BYTES: Final = 1 << 16


def with_files(
    environment: Mapping[str, str], declarations: Iterable[Declaration]
) -> dict[str, str]:
    """Return the environment with each secret that a file holds, under the secret's own name.

    In the file of a list each secret has a line, or commas stand between them. Raises
    ConfigurationError, which names each variable that is wrong.
    """
    declared = {each.file_name: each for each in declarations if each.file_name}
    found, faults = dict(environment), []
    for variable in declared.keys() & environment.keys():
        name = declared[variable].name
        if environment.get(name, "").strip():
            faults.append(f"{variable}: {name} is set too; set one of them")
            continue
        try:
            found[name] = _read(Path(environment[variable].strip()), declared[variable])
        except ValueError as error:
            faults.append(f"{variable}: {error}")
    if faults:
        raise ConfigurationError("\n".join(sorted(faults)))
    return found


def _read(file: Path, declaration: Declaration) -> str:
    """Read the secret of a file; raises ValueError with what is wrong with the file."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except OSError as error:
        user = pwd.getpwuid(os.geteuid()).pw_name
        raise ValueError(f"{file} cannot be read by {user}: {error.strerror}") from None
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None
    if not text or len(raw) > MOST_BYTES:
        raise ValueError("holds nothing" if not text else f"is over {MOST_BYTES} bytes")
    return ",".join(text.splitlines()) if isinstance(declaration.kind, WordList) else text
