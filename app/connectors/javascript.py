"""The addresses that are served, as one regular expression of JavaScript: for the host's console.

The host matches an attachment's address with it, as it was pasted. We match it taken apart: the
host by itself, escapes decoded, the parameters in any order. So what is written here is a little
wider: it holds every address that is served, and of our hosts' other pages what looks like one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.origins import Server

_END: Final = r"(?![^?#])"
_TAIL: Final = r"(?:[?#].*)?$"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_/%-]")
_GROUP: Final = re.compile(r"\(\?P<\w+>|\(\?[:=!]|\(")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")


@dataclass(frozen=True, slots=True)
class PagePattern:
    """Pages: the names of their hosts, and what follows the host, in JavaScript."""

    hosts: frozenset[str]
    path: str


def javascript_pattern(patterns: Iterable[PagePattern], servers: Iterable[Server]) -> str:
    """Write one expression for all pages; `servers` are those with a path before their pages."""
    bases: dict[str, set[str]] = {}
    for server in servers:
        bases.setdefault(server.host, set()).add(server.base)
    by_hosts: dict[frozenset[str], list[str]] = {}
    for pattern in patterns:
        paths = by_hosts.setdefault(pattern.hosts, [])
        if pattern.path not in paths:
            paths.append(pattern.path)
    pages = (
        f"(?:{_hosts(hosts, bases)})(?:{'|'.join(paths)})" for hosts, paths in by_hosts.items()
    )
    return f"^{_any_case('http')}[sS]?://(?:{'|'.join(pages)}){_TAIL}"


def _hosts(names: Iterable[str], bases: dict[str, set[str]]) -> str:
    written = (_host(name) + _base(bases.get(name, {""})) for name in sorted(names))
    return "|".join(written)


def _host(name: str) -> str:
    child, parent = ("[A-Za-z0-9-]+", name[1:]) if name.startswith("*") else ("", name)
    # Browsers leave out the ports that need not be named; people may not.
    port = "" if ":" in name else "(?::(?:443|80)?)?"
    return f"{child}{_any_case(parent)}{port}"


def _base(bases: Iterable[str]) -> str:
    written = [escaped(base) for base in sorted(bases, key=len, reverse=True)]
    return written[0] if len(written) == 1 else f"(?:{'|'.join(written)})"


def _any_case(text: str) -> str:
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else escaped(c) for c in text)


def escaped(text: str) -> str:
    """Write a text so that it matches itself, its punctuation also percent-encoded."""
    return "".join(map(_literal, text))


def _literal(character: str) -> str:
    if _PLAIN.fullmatch(character):
        return character
    if character == ".":
        return r"\."
    plain = re.escape(character)
    codes = "".join(f"%{byte:02X}" for byte in character.encode())
    in_any_case = re.sub(r"[A-F]", lambda found: f"[{found[0]}{found[0].lower()}]", codes)
    return f"(?:{plain}|{in_any_case})"


class _Translation:
    """One pattern of a path, with what follows it, from Python's syntax into JavaScript's."""

    def __init__(self, source: str, parameters: Sequence[str], *, any_case: bool) -> None:
        self._source = source
        self._parameters = parameters
        self._any_case = any_case
        self._at = 0
        self._in_fragment = False

    def written(self) -> str:
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        while self._at < len(self._source):
            yield self._piece()

    def _piece(self) -> str:
        rest = self._source[self._at :]
        if rest.startswith(r"\?"):
            return self._query()
        if rest.startswith("\\"):
            self._at += 2
            return _END if rest[1] == "Z" else rest[:2]
        if found := _CLASS.match(rest):
            self._at += found.end()
            return self._class(found[0])
        if found := _GROUP.match(rest):
            self._at += found.end()
            return "(?:" if found[0].startswith("(?P") else found[0]
        self._at += 1
        return self._character(rest[0])

    def _character(self, character: str) -> str:
        if character == "#" and not self._in_fragment:
            self._in_fragment = True
            return r"(?:\?[^#]*)?#"
        if character == "|":
            self._in_fragment = False
        if character == "." and not self._in_fragment:
            return "[^?#]"
        if self._any_case and character.isalpha():
            return f"[{character.lower()}{character.upper()}]"
        return character

    def _class(self, given: str) -> str:
        negated, inner = given.startswith("[^"), given.removeprefix("[").removeprefix("^")[:-1]
        if self._any_case:
            inner += inner.swapcase() if re.search("[A-Za-z]", inner) else ""
        if negated and not self._in_fragment:
            inner += "".join(mark for mark in "?#" if mark not in inner)
        return f"[{'^' * negated}{inner}]"

    def _query(self) -> str:
        """Want one of the parameters that the rest of this alternative names, in any place."""
        rest, depth = self._source[self._at + 2 :], 0
        skipped = ""
        while rest:
            found = re.match(rf"\\.|{_CLASS.pattern}", rest)
            piece = found[0] if found else rest[0]
            if depth == 0 and piece in ("|", ")"):
                break
            depth += (piece == "(") - (piece == ")")
            skipped, rest = skipped + piece, rest[len(piece) :]
        self._at = len(self._source) - len(rest)
        names = [name for name in self._parameters if f"{name}=" in skipped]
        return rf"\?(?=(?:[^#]*&)?(?:{'|'.join(names)})=)[^#]*" if names else r"\?[^#]*"


def translated(source: str, parameters: Sequence[str] = (), *, any_case: bool = False) -> str:
    """Translate a pattern of a path, with the parameters that it may want after a `?`."""
    return _Translation(source, parameters, any_case=any_case).written()
