"""What the library's bench does with saved widgets, by the modules that the service calls."""

from collections.abc import Callable
from dataclasses import dataclass

from app.database.store import Store
from app.library.datadog.search import SearchFilter, SearchPage
from app.library.datadog.store import SavedWidgetDraft, SavedWidgets
from app.library.spaceone.query.ast import (
    Condition,
    GroupField,
    GroupKey,
    GroupRows,
    Listing,
    Order,
    Page as Rows,
    Selection,
    Statistics,
)
from app.library.spaceone.records import CustomWidgetDraft
from app.library.spaceone.store import CustomWidgets
from tests.bench.library_rows import (
    DOMAIN,
    EXPERIENCE,
    caller,
    custom_id,
    definition,
    document,
    person,
    saved_id,
    team,
    title,
)

PAGE = 50
# So that calls after each other ask for rows far from each other.
_STRIDE = 7919


@dataclass(frozen=True)
class Operation:
    """Something to do, each time with another number."""

    name: str
    call: Callable[[int], object]


def operations_of(store: Store, widgets: int) -> list[Operation]:
    """List what is done on a store that has so many widgets of either dialect."""
    return [*_datadog(SavedWidgets(store), widgets), *_spaceone(CustomWidgets(store), widgets)]


def _datadog(kept: SavedWidgets, widgets: int) -> list[Operation]:
    who, page = caller(), SearchPage(size=PAGE)
    first, deep = (
        SearchPage(sort="title", size=PAGE),
        SearchPage("title", False, widgets // 2 // PAGE, PAGE),
    )

    def at(number: int) -> int:
        return number * _STRIDE % widgets

    def create(number: int) -> object:
        tags = (f"team:{team(number)}", "env:prod")
        return kept.create(who, EXPERIENCE, SavedWidgetDraft(definition(number), tags))

    def search(asked: SearchFilter, page: SearchPage = page) -> object:
        with kept.search(who, EXPERIENCE, asked, page) as found:
            return list(found.widgets)

    return [
        Operation("Datadog: create", create),
        Operation("Datadog: get", lambda n: kept.get(who, EXPERIENCE, saved_id(at(n)))),
        Operation("Datadog: by a part of the title", lambda n: search(SearchFilter(_part(at(n))))),
        Operation(
            "Datadog: by two characters of it",
            lambda n: search(SearchFilter(_part(at(n + 1))[-2:])),
        ),
        Operation("Datadog: by a word of three in eight", lambda _: search(SearchFilter("COST"))),
        Operation("Datadog: by tag", lambda n: search(SearchFilter(tags=(f"team:{team(at(n))}",)))),
        Operation("Datadog: by a tag of all", lambda _: search(SearchFilter(tags=("env:prod",)))),
        Operation(
            "Datadog: by creator",
            lambda n: search(SearchFilter(creator_handle=person(at(n)).handle)),
        ),
        Operation("Datadog: by title, first page", lambda _: search(SearchFilter(), first)),
        Operation("Datadog: by title, deep", lambda _: search(SearchFilter(), deep)),
    ]


def _spaceone(kept: CustomWidgets, widgets: int) -> list[Operation]:
    who = caller()

    def at(number: int) -> int:
        return number * _STRIDE % widgets

    def create(number: int) -> object:
        draft = CustomWidgetDraft(DOMAIN, "costReport", title(number), "v1", document(number))
        return kept.create(who, draft)

    def find(*every: Condition, start: int = 1, keyword: str = "") -> object:
        page = Rows(start, PAGE)
        orders = (Order("title", descending=False, where="query.sort"),)
        search = Selection(DOMAIN, every, keyword=keyword)
        with kept.find(who, Listing(search, orders, page)) as found:
            return list(found.widgets)

    def group() -> object:
        with kept.statistics(who, _GROUPED) as found:
            return list(found.values)

    def asked(key: str, operator: str, value: str) -> Condition:
        return Condition(key, operator, value, "query.filter.0")

    return [
        Operation("SpaceONE: create", create),
        Operation("SpaceONE: get", lambda n: kept.get(who, DOMAIN, custom_id(at(n)))),
        Operation(
            "SpaceONE: by a part of the title",
            lambda n: find(asked("title", "contain", _part(at(n)))),
        ),
        Operation("SpaceONE: by keyword", lambda n: find(keyword=_part(at(n)))),
        Operation("SpaceONE: by label", lambda n: find(asked("labels", "eq", team(at(n))))),
        Operation("SpaceONE: by a label of all", lambda _: find(asked("labels", "eq", "Cost"))),
        Operation("SpaceONE: by tag", lambda n: find(asked("tags.team", "eq", team(at(n))))),
        Operation("SpaceONE: by title, first page", lambda _: find()),
        Operation("SpaceONE: by title, deep", lambda _: find(start=widgets // 2 + 1)),
        Operation("SpaceONE: stat, a group by widget_name", lambda _: group()),
    ]


_GROUPED = Statistics(
    Selection(DOMAIN),
    stages=(
        GroupRows(
            (GroupKey("widget_name", "name", "", "query.aggregate.0"),),
            (GroupField("count", "count", "", (), (), "query.aggregate.0"),),
            "query.aggregate.0",
        ),
    ),
)


def _part(number: int) -> str:
    """Return a part of ten titles, in another case."""
    return title(number)[-15:-1].upper()
