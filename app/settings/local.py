"""The local development mode: the file `.env`, and the secrets that the mode makes for itself."""

import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from dotenv import dotenv_values, set_key

from app.errors import ConfigurationError

LOCAL_FILE: Final = Path(".env")
LOCAL_SECRETS: Final[Mapping[str, Callable[[], str]]] = {
    "PLACARD_JWT_SECRETS": lambda: secrets.token_hex(32),
    "PLACARD_SIGNATURE_SECRETS": lambda: secrets.token_hex(32),
    "PLACARD_TOKEN_SECRETS": lambda: secrets.token_hex(32),
    "PLACARD_CONNECTION_KEYS": lambda: Fernet.generate_key().decode(),
}


def environment_of(process: Mapping[str, str], local_file: Path = LOCAL_FILE) -> dict[str, str]:
    """Return the variables to read settings from, without the empty ones.

    In the local mode `.env` gives what the environment of the process does not. Raises
    ConfigurationError where others can read that file.
    """
    variables = {name: value.strip() for name, value in process.items() if value.strip()}
    if variables.get("PLACARD_MODE") != "local" or not local_file.is_file():
        return variables
    if not is_private(local_file):
        raise ConfigurationError(f"{local_file}: others can read it; chmod 600 {local_file}")
    in_file = {name: value for name, value in dotenv_values(local_file).items() if value}
    return in_file | variables


def is_private(file: Path) -> bool:
    """Tell whether only its owner can read a file."""
    return not stat.S_IMODE(file.stat().st_mode) & 0o077


def use_local_mode() -> None:
    """Set the local development mode, for this process and those that it starts."""
    os.environ["PLACARD_MODE"] = "local"


def provide_local_secrets(
    process: Mapping[str, str] = os.environ, local_file: Path = LOCAL_FILE
) -> Path | None:
    """Append new secrets to `.env`, readable by its owner only, where the local mode lacks them.

    Returns that file if it was written; raises ConfigurationError where it cannot be.
    """
    variables = environment_of(process, local_file)
    missing = [name for name in LOCAL_SECRETS if not {name, f"{name}_FILE"} & variables.keys()]
    if variables.get("PLACARD_MODE") != "local" or not missing:
        return None
    lines = "".join(f"{name}={LOCAL_SECRETS[name]()}\n" for name in missing)
    with _writing(local_file):
        text = local_file.read_text("utf-8")
        local_file.write_text(text + ("\n" if text and text[-1] != "\n" else "") + lines)
    return local_file.absolute()


def write_local_setting(name: str, value: str) -> None:
    """Write a setting to `.env`, readable by its owner only; it replaces an earlier value."""
    with _writing(LOCAL_FILE):
        set_key(LOCAL_FILE, name, value, quote_mode="never")
        LOCAL_FILE.chmod(0o600)


@contextmanager
def _writing(local_file: Path) -> Iterator[None]:
    """Make the file, readable by its owner only; raises ConfigurationError where that fails."""
    try:
        local_file.touch()
        local_file.chmod(0o600)
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{local_file}: cannot be written in {Path.cwd()} ({error.strerror}); the local mode "
            "keeps its secrets there, so run it in a folder that you can write to"
        ) from None
