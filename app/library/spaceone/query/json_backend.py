"""JSON values in SQL: the operations of filters and stages, for SQLite and for PostgreSQL.

A value is a `Node`: JSON as the database carries it between the parts of a statement, which is text
on SQLite and JSONB on PostgreSQL. What is missing is SQL's NULL; JSON's null is a node.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause

_LONGEST_INDEX: Final = 9

Node = ColumnElement[Any]
Test = ColumnElement[bool]


def is_index(step: str) -> bool:
    """Say whether a step may be the number of an element."""
    return step.isascii() and step.isdecimal() and len(step) <= _LONGEST_INDEX


class Reader(ABC):
    """Looks at one value. What asks for a kind is NULL, or false, where it is of another."""

    @property
    @abstractmethod
    def rank(self) -> ColumnElement[int]:
        """0 for null and what is missing, 1 number, 2 text, 3 object, 4 list, 5 boolean."""

    @property
    @abstractmethod
    def number(self) -> ColumnElement[float]:
        """The value of a number."""

    @property
    @abstractmethod
    def text(self) -> ColumnElement[str]:
        """The value of a text, which is compared by code points."""

    @property
    @abstractmethod
    def boolean(self) -> ColumnElement[int]:
        """1 or 0 for a boolean."""

    @property
    @abstractmethod
    def is_null(self) -> Test:
        """Whether it is JSON's null."""

    @property
    @abstractmethod
    def node(self) -> Node:
        """The value itself."""

    @abstractmethod
    def equals_any(self, values: Sequence[Any]) -> Test:
        """Whether it equals one of the values, which are canonical, and not null."""


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of a list, one a row, or the value itself where it is not a list.

    `container` is the element where it may have members; `index` orders the elements.
    """

    table: FromClause
    index: ColumnElement[int]
    element: Reader
    container: Node


class JsonSql(ABC):
    """The operations of a database on JSON."""

    @abstractmethod
    def document(self, column: ColumnElement[Any]) -> Node:
        """Make a node of a column that keeps JSON."""

    @abstractmethod
    def of_text(self, text: ColumnElement[Any]) -> Node:
        """Make a node of a text of SQL."""

    @abstractmethod
    def of_number(self, number: ColumnElement[Any]) -> Node:
        """Make a node of a number of SQL; NULL gives JSON's null."""

    @abstractmethod
    def of_boolean(self, number: ColumnElement[Any]) -> Node:
        """Make a node of 1 or 0; NULL gives NULL."""

    @abstractmethod
    def of_datetime(self, column: ColumnElement[Any]) -> Node:
        """Make a node of a datetime: the text `2024-01-15T00:00:00.000Z`."""

    @abstractmethod
    def of_fields(self, fields: Sequence[tuple[str, Node]]) -> Node:
        """Make an object; a value that is missing becomes null."""

    @abstractmethod
    def or_null(self, node: Node) -> Node:
        """Return the node, or JSON's null where it is missing."""

    @abstractmethod
    def read(self, node: Node) -> Reader:
        """Look at a node."""

    @abstractmethod
    def member(self, node: Node, key: str) -> Node:
        """Return the member of an object; of a list, where the key is a number, the element."""

    @abstractmethod
    def elements(self, node: Node) -> Elements:
        """Return the elements of a list."""

    @abstractmethod
    def first(self, node: Node) -> Node:
        """Return the first element of a list, or another value itself."""

    @abstractmethod
    def size(self, node: Node) -> ColumnElement[int]:
        """Return the number of elements of a list, NULL for other values."""

    @abstractmethod
    def replaced(self, node: Node, steps: Sequence[str], inner: Node) -> Node:
        """Return the node with another value at the end of the steps, which is there."""

    @abstractmethod
    def collect_list(self, node: Node, position: ColumnElement[Any]) -> Node:
        """Aggregate the nodes of a group to a list, in the order of their position."""

    @abstractmethod
    def collect_set(self, node: Node) -> Node:
        """Aggregate the distinct nodes of a group to a list, in no order."""

    @abstractmethod
    def in_order(self, node: Node) -> Node:
        """Return a list with its elements in the order of their JSON."""

    @abstractmethod
    def first_or_last(self, node: Node, position: ColumnElement[Any], *, last: bool) -> Node:
        """Aggregate a group to its first node, or its last."""

    @abstractmethod
    def to_json_text(self, node: Node) -> ColumnElement[Any]:
        """Return a node as JSON: a text, or its bytes."""

    @abstractmethod
    def size_of(self, written: Sequence[ColumnElement[Any]]) -> ColumnElement[int]:
        """Return how many bytes the values of a row have; 0 where they are bounded elsewhere."""

    @abstractmethod
    def by_index(self, node: Node, key: str, values: Sequence[Any], test: Test) -> Test:
        """Return a test that is true where `test` is, and for which an index may be used.

        `test` asks whether one of the values is at the key: `labels`, or one in `tags`.
        """

    @abstractmethod
    def contains(self, text: ColumnElement[str], part: str) -> Test:
        """Whether a text has the part."""

    @abstractmethod
    def matches(self, text: ColumnElement[str], sqlite: str, postgresql: str) -> Test:
        """Whether a text has a match of the regular expression."""
