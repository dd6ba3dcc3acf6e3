"""Secrets that stand in files: `NAME_FILE`, for each setting that is a secret."""

import os
import pwd
from pathlib import Path

import pytest

from app.connectors import connector_settings
from app.errors import ConfigurationError
from app.settings import load_settings
from app.settings.declaration import Declaration
from app.settings.local import provide_local_secrets
from app.settings.report import setting_lines, unknown_settings
from app.settings.settings import declarations_with
from tests.host import JWT_SECRET

DECLARED = declarations_with(connector_settings())
WITH_FILE = [each for each in DECLARED if each.file_name]


def written(folder: Path, text: str | bytes) -> str:
    file = folder / "secret"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def test_every_secret_and_every_address_with_a_password_has_a_file() -> None:
    assert {each.name for each in DECLARED if each.secret} <= {each.name for each in WITH_FILE}
    assert {"PLACARD_DATABASE_URL", "PLACARD_CACHE_URL", "GITHUB_TOKEN"} <= {
        each.name for each in WITH_FILE
    }
    assert "PLACARD_PUBLIC_URL" not in {each.name for each in WITH_FILE}
    names = [each.name for each in DECLARED]
    assert not {each.file_name for each in WITH_FILE} & set(names)


@pytest.mark.parametrize("declaration", WITH_FILE, ids=lambda each: each.name)
def test_what_a_file_holds_is_what_the_variable_would_say(
    tmp_path: Path, declaration: Declaration
) -> None:
    value = {
        "PLACARD_DATABASE_URL": "postgresql+psycopg://placard:hunter2@db/placard",
        "PLACARD_CACHE_URL": "redis://:hunter2@cache:6379/0",
        "PLACARD_CONNECTION_KEYS": "a-key-of-32-bytes-in-URL-safe-base64-made_u=",
    }.get(declaration.name, "a-secret-of-more-than-32-bytes-in-ascii")
    sound = {} if declaration.name == "PLACARD_JWT_SECRETS" else {"PLACARD_JWT_SECRETS": JWT_SECRET}
    by_file = load_settings(
        sound | {declaration.file_name: written(tmp_path, f"{value}\n")}, connector_settings()
    )
    by_variable = load_settings(sound | {declaration.name: value}, connector_settings())
    assert {each.name: got for each, got in by_file.values()} == {
        each.name: got for each, got in by_variable.values()
    }


def test_list_has_a_line_for_each_secret(tmp_path: Path) -> None:
    file = written(tmp_path, f"{'a' * 32}\n{'b' * 32}, {'c' * 32}\r\n\n")
    settings = load_settings({"PLACARD_JWT_SECRETS_FILE": file})
    assert settings.jwt_secrets == ("a" * 32, "b" * 32, "c" * 32)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b" \n", "holds nothing"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"x" * 70_000, "is over 65536 bytes"),
        (None, "missing cannot be read by {user}: No such file or directory"),
    ],
)
def test_file_without_a_secret_is_refused_and_not_shown(
    tmp_path: Path, text: bytes | None, said: str
) -> None:
    file = str(tmp_path / "missing") if text is None else written(tmp_path, text)
    with pytest.raises(ConfigurationError) as refused:
        load_settings({"PLACARD_JWT_SECRETS_FILE": file})
    told = said.replace("missing", file).format(user=pwd.getpwuid(os.geteuid()).pw_name)
    assert refused.value.detail == f"PLACARD_JWT_SECRETS_FILE: {told}"


def test_secret_and_its_file_cannot_both_be_set(tmp_path: Path) -> None:
    given = {"GITHUB_TOKEN": "one", "GITHUB_TOKEN_FILE": written(tmp_path, "two")}
    with pytest.raises(ConfigurationError, match=r"^GITHUB_TOKEN_FILE: GITHUB_TOKEN is set too"):
        load_settings(given, connector_settings())


def test_secret_that_is_too_short_is_refused_as_ever(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^PLACARD_JWT_SECRETS: .* 5 bytes"):
        load_settings({"PLACARD_JWT_SECRETS_FILE": written(tmp_path, "short")})


def test_report_names_the_file_and_masks_the_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"PLACARD_JWT_SECRETS_FILE": written(tmp_path, JWT_SECRET), "PLACARD_VERIFY_FILE": "x"}
    settings = load_settings(given)
    (line,) = [
        each for each in setting_lines(settings, given) if each.name == "PLACARD_JWT_SECRETS"
    ]
    assert (line.source, line.value) == (f"file {given['PLACARD_JWT_SECRETS_FILE']}", "********")
    monkeypatch.setattr("os.environ", given)
    assert set(unknown_settings(settings)) == {"PLACARD_VERIFY_FILE"}


def test_local_mode_makes_no_secret_that_a_file_holds(tmp_path: Path) -> None:
    process = {"PLACARD_MODE": "local", "PLACARD_JWT_SECRETS_FILE": written(tmp_path, JWT_SECRET)}
    provide_local_secrets(process, tmp_path / ".env")
    made = (tmp_path / ".env").read_text("utf-8")
    assert "PLACARD_JWT_SECRETS" not in made
    assert "PLACARD_TOKEN_SECRETS" in made
