"""Assertions about cards and errors, with differences that people can read."""

import json
from collections.abc import Iterator, Mapping
from difflib import ndiff, unified_diff
from typing import Any

from werkzeug.test import TestResponse

from templates_schemas import faults

# A text, or for a pill a text with its colour: "Open", ("Open", "green").
Shown = str | tuple[str, str]
Made = TestResponse | Mapping[str, Any]


def assert_card(
    answer: Made,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    fields: Mapping[str, Shown] | None = None,
    footer: str | None = None,
    num_comments: int | None = None,
) -> None:
    """Hold an answer to be a card that the host accepts, and that shows what is given.

    What is not given may be anything. `fields` are all fields, in their order, by their names; a
    time is `2026-01-02T03:04:05.000Z`. `footer` is `created …`, `updated …` or its text.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    metadata = card_of(answer)["metadata"]
    wanted = {"title": title, "subtitle": subtitle, "footer": footer, "num_comments": num_comments}
    expected = {name: value for name, value in wanted.items() if value is not None}
    made = {**metadata, "footer": _footer(metadata["footer"])}
    expected_lines = [f"{name}: {value}" for name, value in expected.items()]
    made_lines = [f"{name}: {made.get(name, '(none)')}" for name in expected]
    if fields is not None:
        expected_lines += [f"{name} = {_worded(value)}" for name, value in fields.items()]
        made_lines += list(_fields(metadata["fields"], fields))
    if changed := _changed(expected_lines, made_lines):
        raise AssertionError(f"the card shows something else (- expected, + made)\n{changed}")


def assert_error(answer: TestResponse, status: int, sentence: str = "") -> None:
    """Hold an answer to be an error in the host's form, of a status, that says a sentence."""
    __tracebackhide__ = True
    body = answer.get_json(silent=True)
    if answer.status_code != status:
        raise AssertionError(f"expected {status}, came {answer.status_code}: {body}")
    found = error_of(body)
    if found is None:
        raise AssertionError(f"the body is not an error in the host's form: {answer.text[:300]}")
    if sentence not in found:
        raise AssertionError(f"expected {sentence!r} in {found!r}")


def card_of(answer: Made) -> Mapping[str, Any]:
    """Return the payload of an answer; raises AssertionError where it is not a valid card.

    Where a connector raised an exception, that is the cause.
    """
    __tracebackhide__ = True
    body: Any = answer
    if isinstance(answer, TestResponse):
        body = answer.get_json(silent=True)
        if answer.status_code != 200:
            message = f"no card came, but {answer.status_code}: {body}"
            raise AssertionError(message) from getattr(answer, "failure", None)
    if broken := faults(body):
        lines = "\n".join(map(str, broken))
        raise AssertionError(f"the host would not take this card:\n{lines}")
    card: Mapping[str, Any] = body
    return card


def error_of(body: Any) -> str | None:
    """Return the sentence of an error in any of the host's forms; None where it is not one."""
    outer = body if isinstance(body, Mapping) else {}
    inner = outer.get("data") if isinstance(outer.get("data"), Mapping) else {}
    sentence = outer.get("error") or (inner or {}).get("error")
    return sentence if isinstance(sentence, str) else None


def difference(made: Any, expected: Any) -> str:
    """Write how two JSON values differ, line by line; empty where they are equal."""
    if made == expected:
        return ""
    changed = unified_diff(_lines(expected), _lines(made), lineterm="", n=2)
    return "\n".join(list(changed)[2:])


def _lines(value: Any) -> list[str]:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).splitlines()


def _fields(made: list[Mapping[str, Any]], expected: Mapping[str, Shown]) -> Iterator[str]:
    for field in made:
        text = field.get("text", field.get("datetime"))
        with_color = isinstance(expected.get(field["name"]), tuple)
        yield f"{field['name']} = {_worded((text, field.get('color', '')) if with_color else text)}"


def _worded(shown: Any) -> str:
    return f"{shown[0]} ({shown[1]})" if isinstance(shown, tuple) else str(shown)


def _footer(footer: Mapping[str, Any]) -> str:
    kind = footer.get("footer_type")
    if kind == "created":
        return f"created {footer.get('created_at')}"
    if kind == "updated":
        return f"updated {footer.get('last_updated_at')}"
    return str(footer.get("text", ""))


def _changed(expected: list[str], made: list[str]) -> str:
    if expected == made:
        return ""
    return "\n".join(line for line in ndiff(expected, made) if not line.startswith("?"))
