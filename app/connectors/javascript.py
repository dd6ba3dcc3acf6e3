"""The addresses that are served, as one regular expression of JavaScript: for the host's console.

The host matches an attachment's address with it, as it was pasted. We match it taken apart: the
host by itself, escapes decoded, the parameters in any order. So what is written here is a little
wider: it holds every address that is served, and of our hosts' other pages what looks like one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import idna

from app.origins import Server

_END: Final = r"(?![^?#])"
_TAIL: Final = r"(?:[?#].*)?$"
# No step of a path goes up, or stays.
_NO_DOTS: Final = r"(?![^?#]*/\.\.?(?:[/?#]|$))"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_/%-]")
_GROUP: Final = re.compile(r"\((?:\?(?:P<\w+>|i:|[:=!]))?")
# The same text once more, for which there is a name in Python only: any step will do.
_SAME: Final = re.compile(r"\(\?P=\w+\)")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")


@dataclass(frozen=True, slots=True)
class PagePattern:
    """Pages: the names of their hosts, and what follows the host, in JavaScript.

    Children of a host that stands for many are none of its pages' where `others` names them.
    """

    hosts: frozenset[str]
    path: str
    others: frozenset[str] = frozenset()


def javascript_pattern(patterns: Iterable[PagePattern], servers: Iterable[Server]) -> str:
    """Write one expression for all pages; `servers` are those with a path before their pages."""
    bases: dict[str, set[str]] = {}
    for server in servers:
        bases.setdefault(server.host, set()).add(server.base)
    by_hosts: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}
    for pattern in patterns:
        paths = by_hosts.setdefault((pattern.hosts, pattern.others), [])
        if pattern.path not in paths:
            paths.append(pattern.path)
    pages = (
        f"{_not_of(others)}(?:{_hosts(hosts, bases)})(?:{'|'.join(paths)})"
        for (hosts, others), paths in by_hosts.items()
    )
    return f"^{_any_case('http')}[sS]?://{_NO_DOTS}(?:{'|'.join(pages)}){_TAIL}"


def _not_of(children: Iterable[str]) -> str:
    written = "|".join(map(_any_case, sorted(children)))
    return rf"(?!(?:{written})\.)" if written else ""


def _hosts(names: Iterable[str], bases: dict[str, set[str]]) -> str:
    written = (_host(name) + _base(bases.get(name, {""})) for name in sorted(names))
    return "|".join(written)


def _host(name: str) -> str:
    child, parent = ("[A-Za-z0-9-]+", name[1:]) if name.startswith("*") else ("", name)
    # Browsers leave out the ports that need not be named; people may not.
    port = "" if ":" in name else "(?::(?:443|80)?)?"
    spelled = [_any_case(parent)]
    if "xn--" in parent:
        # As DNS holds it, and as people write it.
        spelled.append(_any_case(idna.decode(parent.strip("."))))
    named = spelled[0] if len(spelled) == 1 else f"(?:{'|'.join(spelled)})"
    return f"{child}{named}{port}"


def _base(bases: Iterable[str]) -> str:
    written = [escaped(base) for base in sorted(bases, key=len, reverse=True)]
    return written[0] if len(written) == 1 else f"(?:{'|'.join(written)})"


def _any_case(text: str) -> str:
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else escaped(c) for c in text)


def parameter(names: Iterable[str]) -> str:
    """Want one of some parameters, with a value, in any place of a query; names may be encoded."""
    written = "|".join("".join(map(_maybe_encoded, name)) for name in names)
    return rf"\?(?:[^#]*&)?(?:{written})=[^&#]"


def _maybe_encoded(character: str) -> str:
    return f"(?:{re.escape(character)}|%{ord(character):02x}|%{ord(character):02X})"


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
        # Of the groups that are open: whether case matters within.
        self._any_case = [any_case]
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
        if found := _SAME.match(rest):
            self._at += found.end()
            return "[^/?#]+"
        if found := _GROUP.match(rest):
            self._at += found.end()
            self._any_case.append(self._any_case[-1] or found[0] == "(?i:")
            return "(?:" if found[0].startswith(("(?P", "(?i")) else found[0]
        self._at += 1
        return self._character(rest[0])

    def _character(self, character: str) -> str:
        if character == "#" and not self._in_fragment:
            self._in_fragment = True
            return r"(?:\?[^#]*)?#"
        if character == "|":
            self._in_fragment = False
        if character == ")":
            self._any_case.pop()
        if character == "." and not self._in_fragment:
            return "[^?#]"
        if self._any_case[-1] and character.isalpha():
            return f"[{character.lower()}{character.upper()}]"
        return character

    def _class(self, given: str) -> str:
        negated, inner = given.startswith("[^"), given.removeprefix("[").removeprefix("^")[:-1]
        if self._any_case[-1]:
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
        return f"(?={parameter(names)})" if names else r"(?=\?)"


def translated(source: str, parameters: Sequence[str] = (), *, any_case: bool = False) -> str:
    """Translate a pattern of a path, with the parameters that it may want after a `?`."""
    return _Translation(source, parameters, any_case=any_case).written()
