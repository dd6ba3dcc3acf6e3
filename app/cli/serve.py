"""The production start: granian, several threads, a graceful stop."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EADDRINUSE
from functools import partial
from typing import Any

import click
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from app import create_app
from app.cli.activation import take_sockets
from app.cli.connections import provide_connections
from app.cli.server import DrainingServer
from app.cli.workers import begin_to_load, load_application
from app.connectors import all_connectors
from app.devtools.local_provider import PEOPLE
from app.devtools.signed_calls import Proving, curl_line, signed_call
from app.errors import ConfigurationError, StoreUnavailable
from app.origins import is_loopback_host
from app.settings import MOST_CONCURRENT_CALLS, Settings
from app.telemetry.logs import other_lines
from app.telemetry.metrics import serve_metrics
from app.telemetry.processes import forget_ended

# A worker that stops has the fetch deadline for requests in flight, and this much more.
GRACE_SECONDS = 10
# How long a connection may be without a whole head of a request: at first, and between two.
IDLE_SECONDS = 10


def serve_application(
    settings: Settings, *, host: str, port: int, workers: int, threads: int
) -> None:
    """Serve until told to stop (SIGTERM, SIGINT); requests in flight are answered first.

    Where systemd has handed over listening sockets, they take the place of `host` and `port`.
    Raises ConfigurationError before it listens, if the settings are unsafe, or the library's tables
    are not those of this release.
    """
    given = take_sockets(workers)
    if given:
        host, port = given[0].getsockname()[:2]
    if settings.local and not is_loopback_host(host):
        raise ConfigurationError(f"PLACARD_MODE: local listens on this machine only, not on {host}")
    if not given:
        refuse_a_port_in_use(host, port)
    connections = provide_connections(threads)
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    with _environment_of_workers(settings, base, workers, threads) as metrics_folder:
        begin_to_load()
        check_start(settings)
        server = DrainingServer(
            "wsgi:app",
            address=host,
            port=port,
            workers=workers,
            blocking_threads=threads,
            backpressure=connections,
            **_server_options(settings),
        )
        server.given = given
        if metrics_folder:
            server.before_each_worker(partial(forget_ended, metrics_folder))
        if metrics_folder and settings.metrics_port:
            _serve_metrics(metrics_folder, host, settings.metrics_port)
        if settings.local:
            hello = greeting(settings, base, _library_token(settings))
            server.on_startup(lambda: click.echo(hello))
        server.serve(target_loader=load_application)


@contextmanager
def _environment_of_workers(
    settings: Settings, base: str, workers: int, threads: int
) -> Iterator[str | None]:
    """Say in the environment what the workers need to know; yield the folder of their metrics."""
    leave_threads_free(settings, threads)
    if settings.local and settings.public_url is None:
        # They recognise the addresses of their own saved widgets by it.
        os.environ["PLACARD_PUBLIC_URL"] = base
    if settings.metrics_folder or not (workers > 1 or settings.metrics_port):
        yield settings.metrics_folder
        return
    with _temporary_folder() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield folder


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="placard-metrics-")
    except OSError as error:
        raise ConfigurationError(
            f"TMPDIR: no folder for the counters of the workers can be made: {error.strerror}"
        ) from None


def _server_options(settings: Settings) -> dict[str, Any]:
    """Return granian's options; it logs as we do, and only errors where the local mode greets."""
    greets = settings.local and settings.log_level == "info"
    level = LogLevels.error if greets else LogLevels(settings.log_level)
    return {
        "interface": Interfaces.WSGI,
        "http": HTTPModes.http1,
        "http1_settings": HTTP1Settings(header_read_timeout=1000 * IDLE_SECONDS),
        "websockets": False,
        "respawn_failed_workers": True,
        "workers_kill_timeout": int(settings.fetch_deadline) + GRACE_SECONDS,
        "log_level": level,
        "log_dictconfig": other_lines(local=settings.local, level=level.value),
    }


def check_start(settings: Settings) -> None:
    """Do what a start does before it listens; raises ConfigurationError as it does.

    A database is refused that somebody must see to; one that is down may come back by itself.
    """
    create_app(settings)
    if not settings.needs_database:
        return
    from app.cli.library_tokens import prepared_store  # noqa: PLC0415 - as below

    with suppress(StoreUnavailable), prepared_store(settings):
        pass


def _library_token(settings: Settings) -> str | None:
    if not settings.library:
        return None
    from app.cli.library_tokens import local_token  # noqa: PLC0415 - only here is a database needed

    return local_token(settings)


def _serve_metrics(folder: str, host: str, port: int) -> None:
    try:
        serve_metrics(folder, host, port)
    except OSError as error:
        raise ConfigurationError(f"--metrics-port: {host} {port}: {error.strerror}") from None


def refuse_a_port_in_use(host: str, port: int) -> None:
    """Refuse a port that is in use: granian would share it, and its requests, with the other."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            way_out = (
                "; --port takes another (make run PORT=8081)" if error.errno == EADDRINUSE else ""
            )
            message = f"--host, --port: {host} {port}: {error.strerror}{way_out}"
            raise ConfigurationError(message) from None


def greeting(settings: Settings, base: str, library_token: str | None = None) -> str:
    """Return what to open and to try, with a new token for the host's request and the library's."""
    connectors = all_connectors(settings)
    example = next(each.example for each in connectors if each.name == "github")
    lines = [
        f"Placard answers in the local mode, {'offline' if settings.offline else 'live'}. Open",
        "",
        f"  {base}/preview",
        "",
        "or ask it yourself:",
        f"  {base}/healthz  is it alive",
        f"  {base}/readyz   can it answer cards",
        f"  {base}/metrics  what has it counted",
        f"  {base}/docs     every operation, to read and to try",
        *(_of_the_library(base, library_token) if library_token else []),
    ]
    if settings.verify == "off":
        return "\n".join([*lines, "", "VERIFICATION IS OFF."])
    by = "jwt" if settings.takes_tokens else "signature"
    person = PEOPLE[0] if settings.person_modes and not settings.host_client_id else None
    context = person.context if person else {}
    call = signed_call(settings, base, {"resource_url": example, **context}, Proving(by, 300))
    tail = ["", "Ask for a card (the proof holds for five minutes):", f"  {curl_line(call)}"]
    options = "".join(f" --{name} {value}" for name, value in context.items())
    again = [f"Another: placard --local sign URL --base {base}{options}"]
    if person:
        again.append(f"It is shown to {person.login}, one of the two people who are made up.")
    return "\n".join([*lines, *tail, *again])


def _of_the_library(base: str, token: str) -> list[str]:
    from app.library.wiring import DIALECTS  # noqa: PLC0415 - as above

    return [
        "",
        f"The widget library: {base}/api/v2/widgets/…; its token, for DD-APPLICATION-KEY, for",
        "Authorization: Bearer, or as the password of Basic:",
        f"  {token}",
        "Samples are saved in it; ask the preview for one, or draw it by placard --local render:",
        *(f"  {base}{dialect.samples.path}" for dialect in DIALECTS),
    ]


def leave_threads_free(settings: Settings, threads: int) -> None:
    """Tell the workers how many threads they have, and set how many of them others may take.

    Unless that is set: calls to one host half of them, calls to all hosts all but two (of four or
    fewer, all but one), and the library half.
    """
    os.environ["PLACARD_THREADS"] = str(threads)
    half = str(min(max(1, threads // 2), MOST_CONCURRENT_CALLS))
    if settings.fetch_places is None:
        os.environ["PLACARD_FETCH_PLACES"] = half
    if settings.library_threads is None:
        os.environ["PLACARD_LIBRARY_THREADS"] = half
    if settings.fetch_total is None:
        free = 2 if threads > 4 else 1
        os.environ["PLACARD_FETCH_TOTAL"] = str(min(max(1, threads - free), MOST_CONCURRENT_CALLS))
