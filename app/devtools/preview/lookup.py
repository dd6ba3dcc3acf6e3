"""The host's lookup box: what it offers for the text that a person types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask

from app.devtools.preview.asking import PreviewRequest, ServiceAnswer, ask
from app.devtools.preview.drawing import Icon, icon_of
from app.devtools.preview.gallery import Gallery
from app.devtools.signed_calls import TYPEAHEAD
from app.settings import Settings

# What the host always sends; these stand for a task that there is not.
OF_A_TASK: Final[Mapping[str, str]] = {"workspace": "12345", "task": "23456", "user": "34567"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What can be picked, by its `value`; what else the host shows of it."""

    title: str
    value: str
    subtitle: str = ""
    icon: Icon | None = None


@dataclass(frozen=True, slots=True)
class SearchedSystem:
    """A system that was searched: how long it took, in milliseconds, and what kept it out."""

    label: str
    milliseconds: float | None
    left_out: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The service's answer, its items, and who was searched."""

    answer: ServiceAnswer
    header: str
    items: tuple[Suggestion, ...]
    searched: tuple[SearchedSystem, ...]


def suggest(
    app: Flask, settings: Settings, gallery: Gallery, asked: PreviewRequest, base: str
) -> Suggestions:
    """Ask typeahead for what was typed; raises ConfigurationError as `ask` does."""
    answer = ask(app, settings, asked, base, component=TYPEAHEAD)
    items = tuple(_item(given) for given in answer.payload.get("items", ()))
    return Suggestions(
        answer=answer,
        header=answer.payload.get("header", ""),
        items=items,
        searched=tuple(_searched(answer.facts, gallery)),
    )


def _item(given: Mapping[str, Any]) -> Suggestion:
    icon = icon_of(given.get("icon_url"), given["title"])
    return Suggestion(given["title"], given["value"], given.get("subtitle", ""), icon)


def _searched(facts: Mapping[str, Any], gallery: Gallery) -> Iterator[SearchedSystem]:
    took, left_out = facts.get("search_ms", {}), facts.get("left_out", {})
    for name in facts.get("searched", ()):
        yield SearchedSystem(gallery.labels.get(name, name), took.get(name), left_out.get(name, ""))
