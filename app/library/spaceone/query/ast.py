"""A query as a syntax tree. `where` is the JSON path in the request, for error sentences."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: `value` is any JSON."""

    key: str
    operator: str
    value: Any
    where: str


@dataclass(frozen=True, slots=True)
class Order:
    """A key to sort by."""

    key: str
    descending: bool
    where: str


@dataclass(frozen=True, slots=True)
class Page:
    """Rows from the 1-based `start` on, at most `limit`; all where `limit` is None."""

    start: int = 1
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects widgets of a domain: all of `every` hold, one of `some` if any, and the keyword."""

    domain_id: str
    every: tuple[Condition, ...] = ()
    some: tuple[Condition, ...] = ()
    keyword: str = ""


@dataclass(frozen=True, slots=True)
class Unwind:
    """A row for each element of the list at `path`, if it meets all conditions."""

    path: str
    where: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A query of `list`: `only` are the keys to show, all where it is None.

    With `unwind`, each widget comes once for each element of a list of its own.
    """

    search: Selection
    orders: tuple[Order, ...] = ()
    page: Page = field(default_factory=Page)
    only: tuple[str, ...] | None = None
    count_only: bool = False
    unwind: Unwind | None = None


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What rows are grouped by; `date_format`, such as `%Y-%m`, is for datetimes."""

    key: str
    name: str
    date_format: str
    where: str


@dataclass(frozen=True, slots=True)
class GroupField:
    """A value computed for each group; `fields` are the keys and names of objects to `push`."""

    name: str
    operator: str
    key: str
    fields: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...]
    where: str


@dataclass(frozen=True, slots=True)
class GroupRows:
    """A row for each group; all rows are one group where there are no keys."""

    keys: tuple[GroupKey, ...]
    fields: tuple[GroupField, ...]
    where: str


@dataclass(frozen=True, slots=True)
class CountRows:
    """One row: the number of rows, under a name."""

    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Sort:
    """The same rows in another order."""

    orders: tuple[Order, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Limit:
    """The first rows."""

    rows: int
    where: str


@dataclass(frozen=True, slots=True)
class Skip:
    """All but the first rows."""

    rows: int
    where: str


@dataclass(frozen=True, slots=True)
class ProjectField:
    """A value under a name: what is at `key`, or its `size`, the number of elements."""

    key: str
    name: str
    operator: str
    where: str


@dataclass(frozen=True, slots=True)
class ProjectFields:
    """Rows of other fields; the keys of a group stay, unless `exclude_keys`."""

    fields: tuple[ProjectField, ...]
    exclude_keys: bool
    where: str


Stage = Unwind | GroupRows | CountRows | Sort | Limit | Skip | ProjectFields


@dataclass(frozen=True, slots=True)
class Statistics:
    """A query of `stat`: the different values at a key, or what comes of the stages."""

    search: Selection
    distinct: str | None = None
    stages: tuple[Stage, ...] = ()
    page: Page = field(default_factory=Page)
