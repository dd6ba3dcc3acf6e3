"""Looks for secrets by value, in each form in which one could have been written down.

What the tests' provider of OAuth gives, codes and tokens, has one mark. After each test it is
looked for in what was logged, in the labels of all metrics and in the file of SQLite; in what each
process has logged and measured, as it ends; and at the end in all that PostgreSQL and Redis have
written.
"""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

import pytest

MARK: Final = re.compile(rb"gh[chor]_[0-9a-f]{32}")
_BEGINNINGS: Final = tuple(b"gh%c_" % kind for kind in b"chor")
# The values that labels of metrics were given, since they were last looked at.
_labels: Final[set[object]] = set()


def forms(secret: str) -> set[bytes]:
    """Write a secret plainly, escaped for an address, in hex, and as any part of a base64 text."""
    plain = secret.encode()
    escaped = (quote(secret, safe=""), quote_plus(secret), quote(secret))
    texts = {plain, *(text.encode() for text in escaped)}
    texts |= {plain.hex().encode(), plain.hex().upper().encode()}
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):
            # Of the first and the last characters, some bits are those of the neighbours.
            encoded = encode(bytes(before) + plain).rstrip(b"=")
            cut = len(encoded) - (1 if (before + len(plain)) % 3 else 0)
            texts.add(encoded[(0, 2, 3)[before] : cut])
    return texts


def leaks(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """List which secret stands where."""
    known = {name: forms(secret) for name, secret in secrets.items()}
    return [
        (name, place)
        for place, text in places.items()
        for name, written in known.items()
        if any(form in text for form in written)
    ]


def marked(text: bytes) -> bool:
    """Tell whether a token of the tests' provider stands in a text."""
    # In a gigabyte, a search for four fixed letters takes a tenth of what the pattern takes.
    return any(beginning in text for beginning in _BEGINNINGS) and MARK.search(text) is not None


def marked_files(files: Iterable[Path]) -> list[str]:
    """List the files in which a token of the tests' provider stands."""
    return [file.name for file in files if file.is_file() and marked(file.read_bytes())]


def noting_labels(inner: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what gives a metric its labels: of all that is exposed, only these are made at run."""

    def labels(metric: Any, *values: object, **named: object) -> Any:
        _labels.update(values, named.values())
        return inner(metric, *values, **named)

    return labels


def fail_where_written(report: pytest.TestReport) -> None:
    """Let a test fail that has written a token of the tests' provider down.

    That is into its log or output, or into a label of a metric.
    """
    # As a whole: other threads go on giving labels.
    labels = list(_labels)
    _labels.difference_update(labels)
    written = [*(text for _, text in report.sections), *labels]
    if report.passed and any(marked(str(text).encode()) for text in written):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: a token was logged, printed, or made a label"


def written_by_postgresql(folder: Path) -> Iterator[Path]:
    """List the files that hold all that a server has written: its log, and that of all changes."""
    yield folder / "log"
    yield from (folder / "data" / "pg_wal").glob("*")
