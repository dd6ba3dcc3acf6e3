"""The keys of a large answer that the expressions of a definition read.

An expression is followed over the nodes of a document that its value may come from. Lists do not
count: `labels[].name` reads `name` of each label. Where that is not possible, the node is read as a
whole.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.connectors.definitions.expressions import compiled
from app.upstream.excerpt import Shape

# Of these only what is next to it counts: an index of a list, or the value itself.
_SAME: Final = frozenset({"index", "slice", "current", "identity"})
_ONE_BY_ONE: Final = frozenset({"subexpression", "index_expression", "pipe", "projection"})
_EACH: Final = frozenset(
    {"or_expression", "multi_select_list", "multi_select_dict", "key_val_pair"}
)
# They look at no more than whether there is something, and how much.
_COUNTING: Final = frozenset({"length", "type"})
Node = Mapping[str, Any]


class ReadNode:
    """A node of a document, and what an expression reads of it."""

    def __init__(self) -> None:
        self.is_read_in_full = False
        self.is_tested = False
        self._inner: dict[str, ReadNode] = {}

    def at(self, key: str) -> "ReadNode":
        """Return the node of a key, and mark it as read."""
        return self._inner.setdefault(key, ReadNode())

    @property
    def shape(self) -> Shape | None:
        """The keys that are read; None for all of them."""
        # An object is true where it holds anything: one that is only tested is kept as it is.
        if self.is_read_in_full or (self.is_tested and not self._inner):
            return None
        return {key: source.shape for key, source in self._inner.items()}


def shape_read(definition: Mapping[str, Any]) -> Shape | None:
    """Return the keys that a definition reads of an answer; None for all of them."""
    root, answer = ReadNode(), dict(definition["answer"])
    resource = _follow(compiled(answer.pop("resource")).parsed, [root])
    for text in answer.values():
        if isinstance(text, str):
            _test(_follow(compiled(text).parsed, [root]))
    for text in _expressions(definition["card"]):
        _read_in_full(_follow(compiled(text).parsed, resource))
    return root.shape


def _expressions(card: Mapping[str, Any]) -> Iterable[str]:
    shown = ("title", "subtitle", "subicon_url", "num_comments", "text", "datetime", "icon_url")
    holders = (card, card["footer"], *card["fields"])
    for part in holders:
        yield from (part[key] for key in (*shown, "color", "updated", "created") if key in part)


def _follow(node: Node, at: list[ReadNode]) -> list[ReadNode]:
    """Return the nodes that a value may come from; `at` are those that it is evaluated at."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        return [source.at(node["value"]) for source in at]
    if kind in _SAME:
        return at
    if kind in _ONE_BY_ONE:
        for child in children:
            at = _follow(child, at)
        return at
    if kind == "and_expression":
        _test(_follow(children[0], at))
        return _follow(children[1], at)
    if kind in _EACH:
        return [source for child in children for source in _follow(child, at)]
    return _looked_at(node, at)


def _looked_at(node: Node, at: list[ReadNode]) -> list[ReadNode]:
    """Follow what filters, compares or computes."""
    kind, children = node["type"], node["children"]
    if kind == "flatten":
        return _follow(children[0], at)
    if kind == "filter_projection":
        found = _follow(children[0], at)
        _read_in_full(_follow(children[2], found))
        return _follow(children[1], found)
    inner = [source for child in children for source in _follow(child, at)]
    if kind == "not_expression":
        _test(inner)
    elif not _only_counts(node):
        _read_in_full(inner)
    return []


def _only_counts(node: Node) -> bool:
    """Tell a function that counts, and a comparison with a literal that is empty."""
    if node["type"] == "function_expression":
        return node["value"] in _COUNTING
    return any(child["type"] == "literal" and not child["value"] for child in node["children"])


def _test(nodes: Iterable[ReadNode]) -> None:
    for source in nodes:
        source.is_tested = True


def _read_in_full(nodes: Iterable[ReadNode]) -> None:
    for source in nodes:
        source.is_read_in_full = True
