"""Measure, and write the results: `python -m tests.bench [NAME …]`."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

import click

from tests.bench import (
    attacks,
    cold,
    durable,
    isolation,
    kills,
    library,
    memory,
    preview,
    revalidation,
    warm,
    workers,
)
from tests.bench.machine import described
from tests.bench.tables import RESULTS, Missing, Table, read_sections, section, write_sections


@dataclass(frozen=True)
class Bench:
    """One bench: its name, what it measures, and the function that does."""

    name: str
    title: str
    measure: Callable[[], Table]


# To add one: a module with a function that returns a Table, and its line here.
BENCHES = (
    Bench("warm", "requests a second for a kept card", warm.measure),
    Bench("workers", "the same with one worker and two, in memory and in Redis", workers.measure),
    Bench("cold", "what Placard adds to an upstream of 50 ms", cold.measure),
    Bench("isolation", "warm requests beside 32 that hang", isolation.measure),
    Bench("attacks", "cards during six attacks on the service", attacks.measure),
    Bench("revalidation", "what the cache saves the upstream", revalidation.measure),
    Bench("preview", "from the address box to the drawn card", preview.measure),
    Bench("library", "a hundred thousand saved widgets, on both databases", library.measure),
    Bench("durable", "what it costs that an acknowledged write is on the disk", durable.measure),
    Bench("kills", "kill -9 of any process under writes", kills.measure),
    Bench("memory", "held while a million resources pass", memory.measure),
)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([bench.name for bench in BENCHES]))
def main(names: tuple[str, ...]) -> None:
    """Run the benches that are named, or all, one after the other."""
    # So that the servers are stopped, whatever stops this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sections = read_sections()
    for bench in BENCHES:
        if names and bench.name not in names:
            continue
        click.echo(f"{bench.name}: {bench.title} …")
        try:
            table = bench.measure()
        except Missing as error:
            click.echo(f"skipped: {error}", err=True)
            table = Table(("bench", "result"), [[bench.name, f"skipped: {error}"]])
        sections[bench.name] = section(bench.name, bench.title, described(), table)
        click.echo(sections[bench.name])
        write_sections(sections, [bench.name for bench in BENCHES])
    click.echo(f"written to {RESULTS}")


if __name__ == "__main__":
    sys.exit(main())
