import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, strategies as st

from app import create_app
from app.cache.redis_servers import redis_client
from app.cli.serve import leave_threads_free
from app.connectors import connector_settings
from app.errors import ConfigurationError
from app.origins import is_loopback_host
from app.settings import (
    LIBRARY_AUDIENCE,
    Settings,
    check_settings,
    load_settings,
    settings_from_environment,
)
from app.settings.local import environment_of, provide_local_secrets
from app.settings.report import setting_lines, setting_names, unknown_settings, unused_secrets
from app.settings.settings import DECLARATIONS
from tests.host import JWT_SECRET, SIGNATURE_SECRET, TOKEN_SECRET

LOCAL = {"PLACARD_MODE": "local"}
SOUND = {"PLACARD_JWT_SECRETS": JWT_SECRET}
RSA_1024 = """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDdlatRjRjogo3WojgGHFHYLugdUWAY9iR3fy4arWNA1KoS8kVw33cJibXr8bvwUAUparCwlvdbH6dvEOfou0/gCFQsHUfQrSDv+MuSUMAe8jzKE4qW+jK+xQU9a03GUnKHkkle+Q0pX/g6jXZ7r1/xAK5Do2kQ+X5xK9cipRgEKwIDAQAB
-----END PUBLIC KEY-----"""


def test_defaults_are_those_of_the_house() -> None:
    assert load_settings({}) == Settings(
        mode="production",
        offline=False,
        verify="jwt",
        jwt_secrets=(),
        jwt_audience="placard",
        jwt_issuer=None,
        jwt_max_lifetime=600.0,
        jwt_require_qsh=False,
        signature_secrets=(),
        allowed_origins=("https://app.asana.com",),
        allowed_workspaces=(),
        error_envelope="nested",
        fetch_deadline=5.0,
        upstreams={},
        allow_private_hosts=(),
        cache_url="memory://",
        cache_bytes=64 * 1024 * 1024,
    )


def test_every_setting_is_declared_under_a_name_of_its_own() -> None:
    attributes = [entry.name for entry in fields(Settings)]
    others = ["connector_declarations", "connector_settings", "names_database", "tried_definitions"]
    assert attributes == [*DECLARATIONS, *others]
    names = setting_names(connector_settings())
    assert len(names) == len(set(names))


def test_a_default_is_what_its_own_text_gives() -> None:
    printed = {each.name: each.printed(each.default) for each in DECLARATIONS.values()}
    assert load_settings(printed) == load_settings({}) == Settings()


def test_lists_are_comma_separated_and_blanks_do_not_count() -> None:
    loaded = load_settings({"PLACARD_ALLOWED_WORKSPACES": " 1, 2 ,,3 "})
    assert loaded.allowed_workspaces == ("1", "2", "3")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PLACARD_MODE", "staging", "one of"),
        ("PLACARD_OFFLINE", "perhaps", "boolean"),
        ("PLACARD_OFFLINE", "on", "only where PLACARD_MODE is local"),
        ("PLACARD_RECORDINGS", ".", "only where PLACARD_MODE is local: `placard --local …`"),
        ("PLACARD_RECORDINGS", "no/such/folder", "is not a folder"),
        ("PLACARD_VERIFY", "none", "one of"),
        ("PLACARD_VERIFY", "off", "only where PLACARD_MODE is local"),
        ("PLACARD_JWT_SECRETS", "x" * 31, "31 bytes; each needs at least 32"),
        ("PLACARD_JWT_SECRETS", f"{'x' * 32},short", "5 bytes; each needs at least 32"),
        ("PLACARD_JWT_PUBLIC_KEY", "-----BEGIN", "not a public key"),
        ("PLACARD_JWT_JWKS_URL", "keys.json", "URL"),
        ("PLACARD_JWT_JWKS_URL", "http://keys.example/jwks", "must be https"),
        ("PLACARD_JWT_ALGORITHMS", "none", "not in"),
        ("PLACARD_JWT_MAX_LIFETIME", "0", "more than 0"),
        ("PLACARD_JWT_MAX_LIFETIME", "nan", "not permitted"),
        ("PLACARD_SIGNATURE_SECRETS", "short", "5 bytes; each needs at least 16"),
        ("PLACARD_ALLOWED_ORIGINS", "*", "not an origin"),
        ("PLACARD_ALLOWED_ORIGINS", "https://app.asana.com/path", "not an origin"),
        ("PLACARD_ALLOWED_ORIGINS", "https://u@app.asana.com", "not an origin"),
        ("PLACARD_ALLOWED_ORIGINS", "https://app.asana.com:x", "not an origin"),
        ("PLACARD_ALLOWED_ORIGINS", "https://[", "not an origin"),
        ("PLACARD_ERROR_ENVELOPE", "round", "one of"),
        ("PLACARD_FETCH_DEADLINE", "five", "number"),
        ("PLACARD_FETCH_DEADLINE", "-1", "more than 0"),
        ("PLACARD_FETCH_DEADLINE", "61", "60 at most"),
        ("PLACARD_FETCH_PLACES", "0", "from 1 to 256"),
        ("PLACARD_FETCH_PLACES", "half", "integer"),
        ("PLACARD_FETCH_PLACES", "9" * 5000, "integer"),
        ("PLACARD_FETCH_TOTAL", "0", "from 1 to 256"),
        ("PLACARD_BREAKER_FAILURES", "0", "from 1 to 1000000"),
        ("PLACARD_BREAKER_REST", "0", "more than 0"),
        ("PLACARD_CACHE_TTL", "1e12", "604800 at most"),
        ("PLACARD_ALLOWED_WORKSPACES", ",", "no word"),
        ("PLACARD_CACHE_BYTES", "9" * 5000, "not a size"),
        ("PLACARD_JWT_JWKS_URL", "https://user:made_up@keys.example/", "without a user"),
        ("PROMETHEUS_MULTIPROC_DIR", "/no/such/folder", "not a folder"),
        ("PROMETHEUS_MULTIPROC_DIR", "/no\0such/folder", "not a folder"),
        ("REQUESTS_CA_BUNDLE", "/", "not a file of certificate authorities"),
        ("REQUESTS_CA_BUNDLE", __file__, "not a file of certificate authorities"),
        ("PLACARD_UPSTREAMS", "https://api.github.com", "not `https://first=https://second`"),
        ("PLACARD_UPSTREAMS", "https://api.github.com=here", "not an origin"),
        ("PLACARD_ALLOW_PRIVATE_HOSTS", "https://inside", "not `host` or `host:port`"),
        ("PLACARD_CACHE_URL", "memory", "memory://"),
        ("PLACARD_CACHE_URL", "redis://", "redis://host:port/0"),
        ("PLACARD_CACHE_URL", "http://cache", "redis://host:port/0"),
        ("PLACARD_CACHE_URL", "redis://cache/zero", "redis://host:port/0"),
        ("PLACARD_CACHE_URL", "redis://cache?password=x", "nothing behind the database"),
        ("PLACARD_CACHE_STALE", "-1", "must be 0 (never) to "),
        ("PLACARD_CACHE_STALE_IF_ERROR", "inf", "not permitted"),
        ("PLACARD_CACHE_BYTES", "64 MB", "not a size"),
        ("PLACARD_CACHE_BYTES", "0", "not a size"),
        ("PLACARD_CACHE_TTL", "inf", "not permitted"),
        ("PLACARD_DATABASE_URL", "placard.db", "not the address of a database"),
        ("PLACARD_DATABASE_URL", "sqlite:///:memory:", "not the address of a database"),
        ("PLACARD_DATABASE_URL", "sqlite://", "not the address of a database"),
        ("PLACARD_DATABASE_URL", "mysql://host/placard", "not the address of a database"),
        ("PLACARD_DATABASE_URL", "postgresql+psycopg://host", "not the address of a database"),
        ("PLACARD_DATABASE_URL", "postgresql+psycopg://host:x/db", "not the address of a database"),
        ("PLACARD_DATABASE_URL", "postgresql+psycopg://[/db", "not the address of a database"),
        ("PLACARD_DATABASE_URL", "postgresql+psycopg://h/db?password=x", "before the `@`"),
        ("PLACARD_PUBLIC_URL", "placard.example.com", "not an address such as https"),
        ("PLACARD_PUBLIC_URL", "https://placard.example.com/?a=b", "not an address such as https"),
        ("PLACARD_PUBLIC_URL", "https://user@placard.example.com", "not an address such as https"),
        ("PLACARD_TOKEN_SECRETS", "short", "5 bytes; each needs at least 32"),
        ("PLACARD_LIBRARY_API_KEYS", "short", "5 bytes; each needs at least 16"),
        ("PLACARD_LIBRARY_REQUESTS_PER_MINUTE", "0", "must be from 1 to 1000000"),
        ("PLACARD_LIBRARY", "perhaps", "boolean"),
        ("GITHUB_TOKEN", "ghp_made up", "one word of visible ASCII"),
        ("GH_ENTERPRISE_TOKEN", "ghp_made_up\nX-Other: 1", "one word of visible ASCII"),
        ("REQUESTS_CA_BUNDLE", "/no/such/file", "not a file of certificate authorities"),
    ],
)
def test_a_setting_that_does_not_parse_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({**SOUND, name: value}, connector_settings())
    assert caught.value.detail.startswith(f"{name}: ")
    assert said in caught.value.detail


@pytest.mark.parametrize(
    ("threads", "places", "total"),
    [(1, 1, 1), (2, 1, 1), (3, 1, 2), (4, 2, 3), (5, 2, 3), (16, 8, 14), (5000, 256, 256)],
)
def test_threads_are_left_free(
    monkeypatch: pytest.MonkeyPatch, threads: int, places: int, total: int
) -> None:
    for part in ("FETCH_PLACES", "FETCH_TOTAL", "LIBRARY_THREADS", "THREADS"):
        monkeypatch.setenv(f"PLACARD_{part}", "")
    leave_threads_free(load_settings(SOUND), threads)
    settings = settings_from_environment()
    assert (settings.fetch_places, settings.fetch_total) == (places, total)
    assert settings.library_threads == places
    assert settings.threads == threads
    leave_threads_free(settings, 99)
    assert settings_from_environment() == replace(settings, threads=99)


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"PLACARD_MODE": "x", "PLACARD_CACHE_BYTES": "y"})
    lines = caught.value.detail.splitlines()
    assert [line.split(":")[0] for line in lines] == ["PLACARD_CACHE_BYTES", "PLACARD_MODE"]


def test_a_short_secret_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"PLACARD_JWT_SECRETS": "hunter2"})
    assert "hunter2" not in caught.value.detail


@pytest.mark.parametrize(
    ("given_settings", "named"),
    [
        ({}, "PLACARD_JWT_SECRETS"),
        ({"PLACARD_VERIFY": "signature"}, "PLACARD_SIGNATURE_SECRETS"),
        ({"PLACARD_VERIFY": "either", **SOUND}, "PLACARD_SIGNATURE_SECRETS"),
        ({**SOUND, "PLACARD_JWT_ALGORITHMS": "RS256"}, "PLACARD_JWT_ALGORITHMS"),
        ({"PLACARD_JWT_PUBLIC_KEY": RSA_1024}, "PLACARD_JWT_PUBLIC_KEY"),
    ],
)
def test_a_service_that_could_not_verify_does_not_start(
    given_settings: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{named}: "):
        create_app(load_settings(given_settings, connector_settings()))


def test_the_local_mode_is_offline_unless_it_is_told_otherwise() -> None:
    assert load_settings({"PLACARD_MODE": "local"}).offline
    assert not load_settings({"PLACARD_MODE": "local", "PLACARD_OFFLINE": "off"}).offline


def test_dotenv_stands_behind_the_environment_in_the_local_mode_only(tmp_path: Path) -> None:
    written = tmp_path / ".env"
    written.write_text("PLACARD_JWT_AUDIENCE=file\nGITHUB_TOKEN=file\n")
    written.chmod(0o600)
    local = environment_of({"PLACARD_MODE": "local", "GITHUB_TOKEN": "process"}, written)
    assert (local["PLACARD_JWT_AUDIENCE"], local["GITHUB_TOKEN"]) == ("file", "process")
    assert environment_of({"GITHUB_TOKEN": "process"}, written) == {"GITHUB_TOKEN": "process"}


def test_local_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    written = tmp_path / ".env"
    provide_local_secrets(LOCAL, written)
    first = written.read_text()
    provide_local_secrets(LOCAL, written)
    assert written.read_text() == first
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    loaded = load_settings(environment_of({"PLACARD_MODE": "local"}, written))
    assert len(loaded.jwt_secrets[0]) == 64


def test_local_secrets_leave_what_stands_before_them_alone(tmp_path: Path) -> None:
    written = tmp_path / ".env"
    written.write_text("GITHUB_TOKEN=ghp_made_up")
    written.chmod(0o600)
    provide_local_secrets(LOCAL, written)
    assert environment_of(LOCAL, written)["GITHUB_TOKEN"] == "ghp_made_up"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_dotenv_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    written = tmp_path / ".env"
    written.write_text("GITHUB_TOKEN=ghp_made_up")
    written.chmod(mode)
    for read in (environment_of, provide_local_secrets):
        with pytest.raises(ConfigurationError, match=r"others can read it; chmod 600 .*\.env$"):
            read(LOCAL, written)
    assert environment_of({}, written) == {}


LIBRARY = {**SOUND, "PLACARD_DATABASE_URL": "sqlite:///x.db"}


@pytest.mark.parametrize("name", ["PLACARD_JWT_SECRETS", "PLACARD_SIGNATURE_SECRETS"])
def test_a_secret_of_the_host_makes_no_token_of_the_library_in_production(name: str) -> None:
    shared = "a secret that both of them know: 32 bytes"
    given_settings = {name: f"another {shared},{shared}", "PLACARD_TOKEN_SECRETS": shared}
    with pytest.raises(ConfigurationError, match=r"^PLACARD_TOKEN_SECRETS: holds a secret of the"):
        load_settings({**LIBRARY, **given_settings})
    assert load_settings({**LOCAL, **given_settings}).token_secrets == (shared,)


def test_the_library_takes_no_secret_of_the_host_s_in_place_of_its_own() -> None:
    with pytest.raises(ConfigurationError, match=r"^PLACARD_TOKEN_SECRETS: is missing"):
        check_settings(load_settings(LIBRARY), serving=True)


def test_the_host_s_tokens_have_not_the_audience_of_the_library_s() -> None:
    with pytest.raises(ConfigurationError, match=r"^PLACARD_JWT_AUDIENCE: must not be placard-lib"):
        load_settings({**LIBRARY, "PLACARD_JWT_AUDIENCE": LIBRARY_AUDIENCE})


@pytest.mark.parametrize(
    "upstreams",
    [
        "https://api.github.com=http://ann:hunter2@127.0.0.1:9000",
        "https://ann:hunter2@api.github.com=http://127.0.0.1:9000",
        "https://api.github.com=http://ann:hun=ter2@127.0.0.1",
        "https://ann:hunter2,x@api.github.com=http://127.0.0.1",
        "ann:hunter2@127.0.0.1",
    ],
)
def test_a_bad_stand_in_is_reported_without_its_user(upstreams: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^PLACARD_UPSTREAMS: must be without") as caught:
        load_settings({**SOUND, "PLACARD_UPSTREAMS": upstreams})
    assert "ann" not in caught.value.detail
    assert "hun" not in caught.value.detail


def test_no_secrets_are_made_outside_the_local_mode(tmp_path: Path) -> None:
    provide_local_secrets({}, tmp_path / ".env")
    assert not (tmp_path / ".env").exists()


def test_an_origin_is_kept_as_browsers_write_it() -> None:
    loaded = load_settings(
        {"PLACARD_ALLOWED_ORIGINS": "https://App.Asana.com:443/,http://[::1]:80"}
    )
    assert loaded.allowed_origins == ("https://app.asana.com", "http://[::1]")


def test_local_secrets_that_are_set_are_kept(tmp_path: Path) -> None:
    written = tmp_path / ".env"
    own = {
        "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET,
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        "PLACARD_CONNECTION_KEYS": Fernet.generate_key().decode(),
    }
    provide_local_secrets({**LOCAL, **SOUND, **own}, written)
    assert not written.exists()


@pytest.mark.parametrize(
    "url",
    [
        "redis://hunter2@cache",
        "redis://:hunter2@cache/x",
        "redis://:hunter2@cache:port",
        "redis://:hunter2/hunter2@cache",
        "redis://cache?password=hunter2",
        "redis://[hunter2@cache",
        "redis://:hunter2@cache/1?cluster=true",
        "redis+sentinel://:hunter2@cache:26379",
        "redis+sentinel://:hunter2@cache:port/placard",
        "redis+sentinel://:hunter2@cache:99999/placard",
        "redis+sentinel://hunter2@cache/placard",
    ],
)
def test_a_wrong_address_of_the_cache_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({**SOUND, "PLACARD_CACHE_URL": url})
    assert caught.value.detail.startswith("PLACARD_CACHE_URL: must be memory://, or redis://")
    assert "hunter2" not in caught.value.detail


@pytest.mark.parametrize("user", ["", "placard"])
@pytest.mark.parametrize(
    "address",
    [
        "rediss://{}@cache.example.com:6380/1",
        "rediss://{}@cache.example.com:6380?cluster=true",
        "redis+sentinel://{}@one.example.com,two.example.com:26380/placard/1",
        "rediss+sentinel://{}@one.example.com/placard",
    ],
)
def test_the_cache_s_password_is_a_secret(user: str, address: str) -> None:
    given_settings = {**SOUND, "PLACARD_CACHE_URL": address.format(f"{user}:hunter%402")}
    loaded = load_settings(given_settings)
    lines = {line.name: line.value for line in setting_lines(loaded, given_settings)}
    assert lines["PLACARD_CACHE_URL"] == address.format(f"{user}:********")
    assert {"hunter%402", "hunter@2"} <= set(loaded.secrets)
    assert "hunter" not in repr(loaded)


@given(
    st.text()
    | st.from_regex(
        r"rediss?://([a-z:@%0-9/]{0,9}@)?[a-z0-9.:\[\]]{1,12}(/\d{0,4})?(\?cluster=true)?",
        fullmatch=True,
    )
    | st.from_regex(
        r"rediss?\+sentinel://([a-z:@%0-9/]{0,9}@)?[a-z0-9.:,\[\]]{1,20}/[a-z]{0,3}(/\d{0,4})?",
        fullmatch=True,
    )
)
def test_any_address_of_a_cache_is_refused_or_one_that_a_client_takes(text: str) -> None:
    try:
        loaded = load_settings({**SOUND, "PLACARD_CACHE_URL": text})
    except ConfigurationError as error:
        assert error.detail.startswith("PLACARD_CACHE_URL: ")
    else:
        if loaded.cache_url != "memory://":
            redis_client(loaded.cache_url).close()


def test_secrets_are_masked_and_the_source_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    given_settings = {
        **SOUND,
        "GITHUB_TOKEN": "ghp_made_up",
        "PLACARD_UPSTREAMS": "https://a=http://b",
    }
    loaded = load_settings(given_settings, connector_settings())
    lines = {line.name: line for line in setting_lines(loaded, given_settings)}
    assert lines["PLACARD_JWT_SECRETS"].value == "********"
    assert lines["GITHUB_TOKEN"].value == "********"
    assert lines["GITHUB_TOKEN"].source == "environment"
    assert lines["PLACARD_UPSTREAMS"].value == "https://a:443=http://b"
    assert (lines["PLACARD_OFFLINE"].value, lines["PLACARD_OFFLINE"].source) == ("off", "default")
    assert list(lines) == setting_names(connector_settings())
    assert JWT_SECRET not in repr(loaded)
    assert "ghp_made_up" not in repr(loaded)
    assert set(loaded.secrets) == {JWT_SECRET, "ghp_made_up"}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql+psycopg://alice:hunter2@db/x", "postgresql+psycopg://alice:********@db/x"),
        ("postgresql+psycopg://a:hun@ter2@db/x?a=@", "postgresql+psycopg://a:********@"),
        ("postgresql+psycopg://alice@/x?host=/run", "postgresql+psycopg://alice@/x?host=/run"),
        ("sqlite:////var/placard.db", "sqlite:////var/placard.db"),
    ],
)
def test_the_password_of_a_database_is_masked(address: str, shown: str) -> None:
    given_settings = {**SOUND, "PLACARD_DATABASE_URL": address}
    loaded = load_settings(given_settings)
    lines = {line.name: line.value for line in setting_lines(loaded, given_settings)}
    assert lines["PLACARD_DATABASE_URL"] == shown
    assert "ter2" not in repr(loaded)


def test_the_password_of_a_database_is_a_secret_however_it_is_written() -> None:
    address = "postgresql+psycopg://alice:hunt%40er2@db/x"
    loaded = load_settings({**SOUND, "PLACARD_DATABASE_URL": address})
    assert set(loaded.secrets) == {JWT_SECRET, "hunt%40er2", "hunt@er2"}


def test_a_refused_address_of_a_database_is_not_told() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"PLACARD_DATABASE_URL": "postgres://alice:hunter2@db/x"})
    assert "hunter2" not in caught.value.detail


@pytest.mark.parametrize(
    ("given_settings", "on"),
    [
        (SOUND, False),
        (LOCAL, True),
        ({**LOCAL, "PLACARD_LIBRARY": "off"}, False),
        ({**SOUND, "PLACARD_LIBRARY": "on"}, True),
        ({**SOUND, "PLACARD_DATABASE_URL": "sqlite:///x.db"}, True),
        ({**SOUND, "PLACARD_DATABASE_URL": "sqlite:///x.db", "PLACARD_LIBRARY": "off"}, False),
    ],
)
def test_the_library_is_on_where_it_is_wanted(given_settings: dict[str, str], on: bool) -> None:
    assert load_settings(given_settings).library is on


def test_a_public_address_is_kept_as_addresses_are_written() -> None:
    given_settings = {"PLACARD_PUBLIC_URL": "https://Placard.example.com:443/under/"}
    assert load_settings(given_settings).public_url == "https://placard.example.com/under"


def test_a_misspelt_setting_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_JWT_SECERTS", "x")
    assert unknown_settings(load_settings({}))["PLACARD_JWT_SECERTS"] == "PLACARD_JWT_SECRETS"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True), ("127.9.9.9", True),
     ("0.0.0.0", False), ("192.168.1.1", False), ("placard.example", False)],
)  # fmt: skip
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback_host(host) is expected


@given(st.dictionaries(st.sampled_from(setting_names(connector_settings())), st.text(max_size=40)))
def test_any_environment_gives_settings_or_names_what_is_wrong(environment: dict[str, str]) -> None:
    try:
        load_settings(environment, connector_settings())
    except ConfigurationError as error:
        assert all(
            line.split(":")[0] in setting_names(connector_settings())
            for line in error.detail.splitlines()
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLACARD_CACHE_STALE", "0"),
        ("PLACARD_CACHE_TTL", "0.5"),
        ("PLACARD_CACHE_BYTES", "96 KiB"),
        ("PLACARD_CACHE_BYTES", "1000001"),
        ("PLACARD_OFFLINE", "off"),
        ("PLACARD_ALLOWED_WORKSPACES", "1, 2"),
        ("PLACARD_UPSTREAMS", "https://a.example:443=http://b.example"),
        ("PLACARD_JIRA_HOSTS", "jira.example:8443"),
    ],
)
def test_a_setting_is_printed_as_it_may_be_set(name: str, value: str) -> None:
    environment = {name: value}
    loaded = load_settings(environment, connector_settings())
    lines = {line.name: line.value for line in setting_lines(loaded, environment)}
    assert lines[name] == value


def test_no_empty_database_takes_the_place_of_one_that_is_not_named() -> None:
    keys = {"PLACARD_CONNECTION_KEYS": "a-key-of-32-bytes-in-URL-safe-base64-made_u="}
    for needs in ({"PLACARD_LIBRARY": "on", "PLACARD_TOKEN_SECRETS": "t" * 32}, keys):
        settings = load_settings({"PLACARD_JWT_SECRETS": "j" * 32, **needs})
        with pytest.raises(ConfigurationError, match="PLACARD_DATABASE_URL: is missing"):
            check_settings(settings, serving=True)


def test_secrets_that_nothing_uses_are_told() -> None:
    host = {"PLACARD_JWT_SECRETS": "j" * 32, "PLACARD_SIGNATURE_SECRETS": "s" * 32}
    library = {"PLACARD_TOKEN_SECRETS": "t" * 32}
    assert list(unused_secrets(load_settings({**host, **library}))) == [
        "PLACARD_SIGNATURE_SECRETS",
        "PLACARD_TOKEN_SECRETS",
    ]
    by_signature = load_settings({**host, "PLACARD_VERIFY": "signature"})
    assert list(unused_secrets(by_signature)) == ["PLACARD_JWT_SECRETS"]
    assert unused_secrets(load_settings({**host, "PLACARD_VERIFY": "either"})) == {}
