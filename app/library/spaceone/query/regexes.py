r"""Regular expressions that mean the same on both databases, over casefolded texts.

These are accepted: characters, `.`, `^`, `$`, `|`, groups, classes `[a-z]`, `\d \w \s \D \W \S` (of
ASCII), `\b \B`, `* + ? {m,n}`, lazy too. What the two engines read differently, or what
makes them slow, is refused: look-around, back-references, flags, named classes, repeats of large
repeats.
"""

from dataclasses import dataclass
from typing import Final

import regex

from app.database.columns import folded

LONGEST: Final = 256
MOST_REPEATS: Final = 255
# What an expression weighs once its repeats are written out.
HEAVIEST: Final = 2000
_CLASSES: Final = {"d": "0-9", "w": "a-zA-Z0-9_", "s": r" \t\n\r\f\v"}
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_BOUND: Final = regex.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}", regex.ASCII)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One regular expression, as each database wants it; both are matched with regard to case."""

    sqlite: str
    postgresql: str


def read_pattern(given: str) -> Pattern:
    """Read a regular expression; raises ValueError, which says what cannot be taken."""
    if len(given) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    reader = _PatternReader(given)
    reader.alternatives()
    if reader.at < len(given):
        raise ValueError("closes a group that was never opened")
    return Pattern(
        "".join(python for python, _ in reader.made), "".join(other for _, other in reader.made)
    )


class _PatternReader:
    """Reads from left to right; `made` has each piece for SQLite's engine, and for PostgreSQL's."""

    def __init__(self, given: str) -> None:
        self.given = given
        self.at = 0
        self.made: list[tuple[str, str]] = []

    def alternatives(self) -> int:
        weight = self._branch()
        while self._take("|"):
            self._make("|")
            weight += self._branch()
        return weight

    def _branch(self) -> int:
        weight = 1
        while self.at < len(self.given) and self.given[self.at] not in "|)":
            repeatable, atom_weight = self._atom()
            weight += self._repeated(atom_weight) if repeatable else self._not_repeated()
            if weight > HEAVIEST:
                raise ValueError("repeats too much")
        return weight

    def _atom(self) -> tuple[bool, int]:
        char = self._next()
        if char in "^$":
            self._make("^") if char == "^" else self.made.append((r"\Z", "$"))
            return False, 1
        if char == "(":
            return True, self._group()
        if char == "[":
            return True, self._class()
        if char == "\\":
            return self._escape(), 1
        if char == ".":
            self._make(".")
        elif char in "*+?":
            raise ValueError(f"has {char} with nothing to repeat")
        else:
            self._literal(char)
        return True, 1

    def _group(self) -> int:
        if self._take("?") and not self._take(":"):
            raise ValueError("has a group (?…) of a kind that is not taken: only (?:…) is")
        self._make("(?:")
        weight = self.alternatives()
        if not self._take(")"):
            raise ValueError("has a group that is not closed")
        self._make(")")
        return weight

    def _escape(self) -> bool:
        char = self._next()
        if char in "bB":
            self.made.append((f"\\{char}", {"b": r"\y", "B": r"\Y"}[char]))
            return False
        if char in _CLASSES:
            self._make(f"[{_CLASSES[char]}]")
        elif char.lower() in _CLASSES:
            self._make(f"[^{_CLASSES[char.lower()]}]")
        else:
            self._literal(_plain(char))
        return True

    def _repeated(self, weight: int) -> int:
        bound = _BOUND.match(self.given, self.at)
        if bound is not None:
            self.at = bound.end()
            least, most = int(bound[1]), int(bound[3] or bound[1])
            if not least <= most <= MOST_REPEATS:
                raise ValueError(f"has {bound[0]}: from 0 to {MOST_REPEATS} repeats are taken")
            self._make(bound[0])
            weight *= max(1, most)
        elif self.at < len(self.given) and self.given[self.at] in "*+?":
            self._make(self._next())
        else:
            return weight
        self._take("?")  # lazy: whether there is a match is the same
        self._not_repeated()
        return weight

    def _not_repeated(self) -> int:
        rest = self.given[self.at :]
        if rest[:1] in ("*", "+", "?") or _BOUND.match(rest):
            raise ValueError(f"repeats what cannot be repeated, at character {self.at + 1}")
        return 1

    def _class(self) -> int:
        negated = "^" if self._take("^") else ""
        items: list[str] = []
        longer: set[str] = set()
        while not items or not self._take("]"):
            items.append(self._class_item(longer))
        bracket = f"[{negated}{''.join(items)}]"
        if negated or not longer:
            self._make(bracket)
            return 1
        self._make(f"(?:{'|'.join((bracket, *sorted(longer)))})")
        return 1 + sum(map(len, longer))

    def _class_item(self, longer: set[str]) -> str:
        first = self._class_char()
        if len(first) > 1:
            return first
        range_follows = self.given[self.at : self.at + 1] == "-"
        if not range_follows or self.given[self.at + 1 : self.at + 2] in ("]", ""):
            if len(folded(first)) > 1:  # ß is ss in the texts
                longer.add("".join(map(_escaped, folded(first))))
            return _escaped(_folded_char(first))
        self._next()
        last = self._class_char()
        if len(last) > 1 or last < first:
            raise ValueError(f"has a range from {first} that ends wrongly")
        return _range(first, last)

    def _class_char(self) -> str:
        char = self._next()
        if char == "[" and self.given[self.at : self.at + 1] in (":", ".", "="):
            raise ValueError("has a class of a name, such as [:alpha:], which is not taken")
        if char != "\\":
            return char
        escaped = self._next()
        return _CLASSES.get(escaped) or _plain(escaped)

    def _literal(self, char: str) -> None:
        small = folded(char)
        text = "".join(map(_escaped, small))
        self._make(text if len(small) == 1 else f"(?:{text})")

    def _make(self, piece: str) -> None:
        self.made.append((piece, piece))

    def _next(self) -> str:
        if self.at >= len(self.given):
            raise ValueError("ends too early")
        self.at += 1
        return self.given[self.at - 1]

    def _take(self, char: str) -> bool:
        found = self.given[self.at : self.at + 1] == char
        self.at += found
        return found


def _plain(escaped: str) -> str:
    """Return what an escape stands for, where it stands for one character."""
    if escaped in _CONTROLS:
        return _CONTROLS[escaped]
    if escaped.isalnum():
        raise ValueError(f"has \\{escaped}, which is not taken")
    return escaped


def _escaped(char: str) -> str:
    return char if char.isalnum() or char == "_" or not char.isascii() else f"\\{char}"


def _folded_char(char: str) -> str:
    small = folded(char)
    return small if len(small) == 1 else char


def _range(first: str, last: str) -> str:
    """Write a range, and beside it what it is in small letters: the texts are casefolded."""
    ranges = [(first, last)]
    if first <= "Z" and last >= "A":
        ranges.append((max(first, "A").lower(), min(last, "Z").lower()))
    small = _folded_char(first), _folded_char(last)
    if last > "\x7f" and small[0] <= small[1]:
        ranges.append(small)
    return "".join(f"{_escaped(low)}-{_escaped(high)}" for low, high in ranges)
