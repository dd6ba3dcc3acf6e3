"""The local development mode: its file `.env`, and the secrets that it makes for itself."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values, set_key

LOCAL_FILE: Final = Path(".env")
LOCAL_SECRETS: Final = ("PLACARD_JWT_SECRETS", "PLACARD_SIGNATURE_SECRETS")


def environment_of(process: Mapping[str, str], local_file: Path = LOCAL_FILE) -> dict[str, str]:
    """Return the environment to read settings from: in the local mode `.env` stands behind it."""
    given = {name: value.strip() for name, value in process.items() if value.strip()}
    if given.get("PLACARD_MODE") != "local" or not local_file.is_file():
        return given
    written = {name: value for name, value in dotenv_values(local_file).items() if value}
    return written | given


def use_local_mode() -> None:
    """Set the local development mode, for this process and those that it starts."""
    os.environ["PLACARD_MODE"] = "local"


def provide_local_secrets(
    process: Mapping[str, str] = os.environ, local_file: Path = LOCAL_FILE
) -> None:
    """Put fresh secrets into `.env`, readable by its owner only, where the local mode has none."""
    known = environment_of(process, local_file)
    missing = [name for name in LOCAL_SECRETS if name not in known]
    if known.get("PLACARD_MODE") != "local" or not missing:
        return
    local_file.touch()
    local_file.chmod(0o600)
    written = local_file.read_text("utf-8")
    lines = "".join(f"{name}={secrets.token_hex(32)}\n" for name in missing)
    local_file.write_text(written + ("\n" if written and written[-1] != "\n" else "") + lines)


def keep_locally(name: str, value: str, local_file: Path = LOCAL_FILE) -> None:
    """Put a setting into `.env`, in the place of the one that is there, for its owner only."""
    local_file.touch()
    local_file.chmod(0o600)
    set_key(local_file, name, value, quote_mode="never")
    local_file.chmod(0o600)
