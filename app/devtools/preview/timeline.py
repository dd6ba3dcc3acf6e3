"""The trace of a request as rows of a timeline, in words."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from jinja2.filters import do_filesizeformat

from app.devtools.preview.asking import ServiceAnswer
from app.telemetry.trace import Facts, Step

# A named part's beginning; and the pieces of a pattern, an escape or a set of characters being one.
_NAMED: Final = re.compile(r"\(\?P<(\w+)>")
_TOKEN: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
# By the result of the lookup and, where it matters, why the system was or was not asked.
RESULTS: Final = {
    "hit": "fresh: answered from the cache, nothing was asked",
    "miss": "miss: not kept yet, so it was fetched",
    "miss stale": "miss: kept for too long, so it was fetched again",
    "miss request": "miss: it was to be asked again, so it was fetched",
    "shared": "shared: another request was fetching it",
    "stale": "stale: answered from the cache, and refreshed behind",
    "stale trouble": "stale: answered from the cache; the last refresh failed",
    "stale stale": "stale: answered from the cache, since it could not be fetched",
    "stale request": "stale: answered from the cache, since it could not be fetched",
    "renewed": "renewed: the system said that nothing has changed",
}
PROOFS: Final = {
    "jwt": "by a token (JWT), bound to this request",
    "signature": "by the host's request signature",
    "off": "verification is off: nothing was checked",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One step: `start` and `width` are parts of the whole, from 0 to 100.

    `more` is told in small print; `pattern`, an expression that was tried, where somebody asks.
    """

    name: str
    words: str
    more: str
    pattern: str
    milliseconds: float
    start: float
    width: float
    failed: bool


def timeline(answer: ServiceAnswer) -> tuple[Row, ...]:
    """Tell what happened, step by step; the last row is the answer itself."""
    total = max(answer.milliseconds, 0.001)
    return (*(_row(step, total, answer) for step in answer.steps), _last(answer))


def _row(step: Step, total: float, answer: ServiceAnswer) -> Row:
    name, words, more, pattern = _described(step)
    failed = _failed(step, answer)
    if failed:
        words = f"stopped here: {answer.facts.get('detail') or answer.code}"
    start = min(100.0, step.began / total * 100)
    width = min(100.0 - start, max(0.5, step.milliseconds / total * 100))
    return Row(name, words, more, pattern, step.milliseconds, start, width, failed)


def _failed(step: Step, answer: ServiceAnswer) -> bool:
    """Tell the step that went wrong: the innermost of those that an error ended."""
    ended = [taken for taken in answer.steps if taken.failed]
    return bool(ended) and step is ended[-1]


def _described(step: Step) -> tuple[str, str, str, str]:
    """Name a step, and tell what is known of it: in words, more in small print, and a pattern."""
    name, tell = _STEPS.get(step.name, (step.name.capitalize(), _without_facts))
    pattern = readable(step.facts.get("pattern", "")) or step.facts.get("expression", "")
    return name, *tell(step.facts), pattern


def _verified(facts: Facts) -> tuple[str, str]:
    return PROOFS.get(facts.get("by", ""), ""), ""


def _looked_up(facts: Facts) -> tuple[str, str]:
    result = facts.get("result", "")
    outcome = RESULTS.get(f"{result} {facts.get('why', '')}") or RESULTS.get(result, "asked for it")
    return outcome, _as_of(facts)


def _mapped(_: Facts) -> tuple[str, str]:
    return "onto summary_with_details_v0", ""


def _checked(_: Facts) -> tuple[str, str]:
    return "against the host's contract", ""


def _left_out(facts: Facts) -> tuple[str, str]:
    return f"{facts['part']}: {facts['why']}", ""


def _blank(facts: Facts) -> tuple[str, str]:
    return f"in this answer: {', '.join(facts['parts'])}", ""


def _without_facts(_: Facts) -> tuple[str, str]:
    return "", ""


def _matched(facts: Facts) -> tuple[str, str]:
    values = " · ".join(f"{name} {value}" for name, value in facts.get("parts", {}).items())
    return f"the connector {facts.get('connector')}", values


def _accessed(facts: Facts) -> tuple[str, str]:
    whose = "the viewer's own" if facts.get("is_own") else "of who attached the page"
    return f"{facts['system']} as {facts.get('login') or 'somebody'}: the account is {whose}", ""


def readable(pattern: str) -> str:
    """Write a pattern for people: `{owner}` for the named part `(?P<owner>…)`."""
    shown, end = "", 0
    while found := _NAMED.search(pattern, end):
        shown += pattern[end : found.start()] + f"{{{found[1]}}}"
        end = _closing(pattern, found.end())
    return shown + pattern[end:]


def _closing(pattern: str, start: int) -> int:
    """Find the place after the bracket that closes the group around `start`."""
    depth = 1
    for token in _TOKEN.finditer(pattern, start):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if not depth:
            return token.end()
    return len(pattern)


def _fetched(facts: Facts) -> tuple[str, str]:
    call = f"{facts['method']} {facts['host']}{facts['path']}"
    if "status" not in facts:
        return "no answer came", call
    return f"{facts['status']} · {do_filesizeformat(facts['bytes'])}", call


def _as_of(facts: Facts) -> str:
    if "as_of" not in facts:
        return ""
    ttl = facts["ttl"]
    seconds = f"{abs(ttl)}\N{NO-BREAK SPACE}s"
    life = f"fresh for {seconds} more" if ttl > 0 else f"stale for {seconds}"
    return f"as of {facts['as_of'].replace('+00:00', 'Z')}, {life}"


_STEPS: Final[Mapping[str, tuple[str, Callable[[Facts], tuple[str, str]]]]] = {
    "verify": ("Verified", _verified),
    "match": ("Matched", _matched),
    "access": ("Account", _accessed),
    "cache": ("Looked up", _looked_up),
    "fetch": ("Fetched", _fetched),
    "map": ("Mapped", _mapped),
    "dropped": ("Left out", _left_out),
    "blank": ("No value", _blank),
    "check": ("Checked", _checked),
}


def _last(answer: ServiceAnswer) -> Row:
    words = " · ".join(_answered(answer))
    more = f"X-Request-Id {answer.headers['X-Request-Id']}"
    return Row("Answered", words, more, "", answer.milliseconds, 0.0, 100.0, not answer.is_card)


def _answered(answer: ServiceAnswer) -> Iterator[str]:
    yield f"{answer.status} · {do_filesizeformat(len(answer.body))}"
    yield f"Cache-Status {answer.headers['Cache-Status']}"
    origin = answer.headers.get("Access-Control-Allow-Origin")
    yield f"readable by pages of {origin}" if origin else "no page of another origin may read it"
