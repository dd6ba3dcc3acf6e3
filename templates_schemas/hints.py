"""What was probably meant by a word that the host does not know."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

# A longer word is not a typing error, and comparing it would take long.
LONGEST: Final = 40
_NO_OTHERS: Final[Mapping[str, str]] = MappingProxyType({})


def did_you_mean(given: Any, known: Iterable[str], others: Mapping[str, str] = _NO_OTHERS) -> str:
    """Return `; did you mean "…"?` for the known word that is nearest, or ''.

    `others` maps further names to the known word that they mean; cases and dashes do not matter.
    """
    if not isinstance(given, str) or len(given) > LONGEST:
        return ""
    words = {_folded(word): word for word in known}
    named = others.get(given.casefold())
    near = [named] if named else get_close_matches(_folded(given), words, n=1)
    return f'; did you mean "{words.get(near[0], near[0])}"?' if near else ""


def _folded(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")
