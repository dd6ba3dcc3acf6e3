"""Connectors without code: a TOML definition gives the address, the request and the card.

"A connector without code" in this folder's README has an example of a whole file.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit

import regex
from marshmallow import Schema

from app.connectors.base import Connector, Match, ResourceUrl
from app.connectors.definitions.expressions import ExpressionError, compiled, evaluated
from app.origins import host_of
from app.telemetry.trace import step
from app.upstream.messages import UpstreamRequest
from templates_schemas import (
    Created,
    CustomText,
    DatetimeWithIcon,
    Field,
    Footer,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
    Updated,
)
from templates_schemas.limits import PILL_COLORS, PillColor
from templates_schemas.text import first_text

PART: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?::((?:[^{}]|\{[0-9,]+\})+))?\}")
PLAIN_PART: Final = re.compile(r"\{[a-z][a-z0-9_]*\}")
MATCH_SECONDS: Final = 0.05
# What JavaScript holds exactly; NaN and the infinities compare as none of it.
LARGEST_NUMBER: Final = 2**53 - 1
_ANY_PART: Final = r"[^/?#%]{1,200}"


class DefinedConnector(Connector):
    """One definition, checked by `definitions.DefinitionSchema` before it gets here."""

    schema: ClassVar[type[Schema]] = Schema

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.name = definition["name"]  # type: ignore[misc]
        self.label = definition["label"]  # type: ignore[misc]
        self.example = definition["example"]  # type: ignore[misc]
        self.hosts = frozenset(host.lower() for host in definition["hosts"])
        self.path = pattern_of(definition["path"])  # type: ignore[misc]
        self._request = definition["request"]
        self._card = definition["card"]

    def match(self, address: ResourceUrl) -> Match | None:
        """Match as all do, where no named part is empty or a step up."""
        match = super().match(address)
        if match is None or len(match.parts) < len(self.path.groupindex):
            return None
        # With dots, whoever writes the address would choose what the API is asked for.
        return None if {".", ".."} & set(match.parts.values()) else match

    def match_path(self, target: str) -> re.Match[str] | None:
        """Match as all do, but within a time: the pattern may be of any kind."""
        pattern: Any = self.path
        try:
            matched: re.Match[str] | None = pattern.fullmatch(target, timeout=MATCH_SECONDS)
        except TimeoutError:
            return None
        return matched

    def load(self, document: Any) -> Any:
        """Take the answer as it is: the expressions are its schema."""
        return document

    def request_for(self, match: Match) -> UpstreamRequest:
        """Fill the named parts into the request's templates."""
        escaped = {name: quote(part, safe="") for name, part in match.parts.items()}
        url = filled(self._request["url"], escaped)
        body = self._request.get("body")
        return UpstreamRequest(
            url,
            hosts=frozenset({host_of(urlsplit(self._request["url"].partition("{")[0]))}),
            method=self._request["method"],
            headers=filled(self._request["headers"], escaped),
            body=None if body is None else json.dumps(filled(body, match.parts)).encode(),
        )

    def widget(self, resource: Any, match: Match) -> SummaryWithDetails:
        """Evaluate the card's expressions; what fails is left out, and told in the trace."""
        card = _Evaluation(resource)
        where = f"{self.label} {' '.join(match.parts.values())}"
        shown = [card.field(given) for given in self._card["fields"]]
        return SummaryWithDetails(
            title=first_text(card.text(self._card, "title"), where),
            subtitle=card.text(self._card, "subtitle"),
            subicon_url=card.text(self._card, "subicon_url"),
            fields=shown if any(shown) else [TextWithIcon("Source", self.label)],
            footer=card.footer(self._card["footer"]) or CustomText(self.label),
            num_comments=card.count(self._card, "num_comments"),
        )


class _Evaluation:
    """The expressions of one card, over one resource."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    def value(self, given: Mapping[str, Any], key: str) -> Any:
        if key not in given:
            return None
        try:
            return evaluated(compiled(given[key]), self._resource)
        except ExpressionError as error:
            with step("dropped", part=key, expression=given[key], why=str(error)):
                return None

    def text(self, given: Mapping[str, Any], key: str) -> str | None:
        value = self.value(given, key)
        is_number = type(value) in (int, float) and abs(value) <= LARGEST_NUMBER
        return str(value) if is_number or isinstance(value, str) else None

    def count(self, given: Mapping[str, Any], key: str) -> int | None:
        value = self.value(given, key)
        return value if type(value) is int and 0 <= value <= LARGEST_NUMBER else None

    def time(self, given: Mapping[str, Any], key: str) -> str | None:
        """A time as `time()` gives it; the function is put around what is not one yet."""
        if key not in given:
            return None
        found = self.value({key: f"time({given[key]})"}, key)
        return found if isinstance(found, str) else None

    def color(self, given: Mapping[str, Any]) -> PillColor:
        """A colour of the host; any other is told in the trace, and is none."""
        found = self.text(given, "color")
        for known in PILL_COLORS:
            if known == found:
                return known
        if found is not None:
            with step("dropped", part="color", expression=given["color"], why="no colour of pills"):
                pass
        return "none"

    def field(self, given: Mapping[str, Any]) -> Field | None:
        name, icon = given["name"], self.text(given, "icon_url")
        match given["type"]:
            case "pill":
                return Pill(name, self.text(given, "text"), self.color(given))
            case "datetime_with_icon":
                return DatetimeWithIcon(name, self.time(given, "datetime"), icon)
        return TextWithIcon(name, self.text(given, "text"), icon)

    def footer(self, given: Mapping[str, Any]) -> Footer | None:
        if updated := self.time(given, "updated"):
            return Updated(updated)
        if created := self.time(given, "created"):
            return Created(created)
        text = first_text(self.text(given, "text"))
        return CustomText(text, self.text(given, "icon_url")) if text else None


def pattern_of(path: str) -> re.Pattern[str]:
    """Make the pattern of a path such as `/incidents/{id}` or `/builds/{number:[0-9]+}`.

    Raises ValueError where a named part is no regular expression.
    """
    written, end = "", 0
    for found in PART.finditer(path):
        written += re.escape(path[end : found.start()])
        written += f"(?P<{found[1]}>{found[2] or _ANY_PART})"
        end = found.end()
    try:
        return regex.compile(written + re.escape(path[end:]) + "/?")  # type: ignore[return-value]
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error


def parts_of(template: str) -> Iterable[str]:
    """List the named parts in a template."""
    return [found[1] for found in PART.finditer(template)]


def filled(template: Any, parts: Mapping[str, str]) -> Any:
    """Fill the named parts into every string of a JSON template."""
    if isinstance(template, str):
        return PART.sub(lambda found: parts[found[1]], template)
    if isinstance(template, Mapping):
        return {key: filled(inner, parts) for key, inner in template.items()}
    return [filled(inner, parts) for inner in template] if isinstance(template, list) else template
