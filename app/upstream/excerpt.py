"""Reads the keys of a large JSON document that are shown, and drops the rest."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import ijson

from app.errors import UpstreamTooLarge, UpstreamUnreadable

# What of a document is shown, by the keys of its objects; None is all of a value. It goes through
# lists: their length is kept, and of each item what the shape names.
Shape = Mapping[str, "Shape | None"]

MOST_NESTED: Final = 100
_STARTS: Final = frozenset({"start_map", "start_array"})
_ENDS: Final = frozenset({"end_map", "end_array"})
_LEFT_OUT: Final[Shape] = {}


def excerpt(chunks: Iterable[bytes], shape: Shape, longest: int) -> bytes:
    """Return the JSON of what a document has within a shape, of `longest` bytes at most.

    Raises UpstreamUnreadable where the document is not JSON, UpstreamTooLarge where what is shown
    of it is too large.
    """
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    builder = _Builder(shape, longest)
    try:
        for chunk in chunks:
            parser.send(chunk)
            builder.take(events)
            del events[:]
        parser.close()
        builder.take(events)
    except (ijson.JSONError, ValueError):
        raise UpstreamUnreadable("$: is not JSON") from None
    return json.dumps(builder.document).encode()


@dataclass(slots=True)
class _Frame:
    """An object or a list that is being read, and what of it is shown."""

    made: dict[str, Any] | list[Any]
    shape: Shape | None
    key: str = ""


class _Builder:
    """Builds a document of a parser's events, without what is not shown."""

    def __init__(self, shape: Shape, longest: int) -> None:
        self.document: Any = None
        self._frames: list[_Frame] = []
        self._shape = shape
        self._room = longest
        self._depth_left_out = 0

    def take(self, events: Iterable[tuple[str, Any]]) -> None:
        for event, value in events:
            if self._depth_left_out:
                self._depth_left_out += (event in _STARTS) - (event in _ENDS)
            elif event == "map_key":
                self._frames[-1].key = value
            elif event in _ENDS:
                self._frames.pop()
            else:
                self._begin(event, value)

    def _begin(self, event: str, value: Any) -> None:
        """Begin an object or a list, or take a value that is whole."""
        shape = self._shape_here()
        if shape is _LEFT_OUT:
            self._depth_left_out = int(event in _STARTS)
            return
        made: Any = {"start_map": {}, "start_array": []}.get(event, value)
        self._keep(made)
        if event in _STARTS:
            self._frames.append(_Frame(made, shape))
        if len(self._frames) > MOST_NESTED:
            raise UpstreamUnreadable(f"$: is over {MOST_NESTED} levels deep")

    def _shape_here(self) -> Shape | None:
        if not self._frames:
            return self._shape
        frame = self._frames[-1]
        if isinstance(frame.made, list) or frame.shape is None:
            return frame.shape
        return frame.shape.get(frame.key, _LEFT_OUT)

    def _keep(self, made: Any) -> None:
        self._room -= 8 + (len(made) if isinstance(made, str) else 0)
        if self._room < 0:
            raise UpstreamTooLarge("what is shown of the answer is too large")
        if not self._frames:
            self.document = made
        elif isinstance(parent := self._frames[-1].made, list):
            parent.append(made)
        else:
            parent[self._frames[-1].key] = made
