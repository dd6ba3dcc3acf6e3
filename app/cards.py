"""From an upstream's answer to the bytes of a checked card."""

import json
from collections.abc import Sequence
from typing import Any, Final

from marshmallow import ValidationError

from app import errors
from app.connectors import Connector, Match
from app.failures import raise_for_verdict
from app.telemetry import trace
from app.upstream.messages import UpstreamResponse
from templates_schemas import Fault, SummaryWithDetails, faults, payload
from templates_schemas.rules import faults_in

MOST_FAULTS: Final = 5


def card_of(connector: Connector, match: Match, response: UpstreamResponse) -> SummaryWithDetails:
    """Map an upstream's answer to a card; raises as `raise_for_verdict` and `load_resource` do."""
    with trace.step("map"):
        raise_for_verdict(response.verdict)
        resource = load_resource(connector, response)
        try:
            return connector.widget(resource, match)
        except ValueError as error:
            raise errors.BrokenCard(f"{connector.name}: $: {error}") from error


def load_resource(connector: Connector, response: UpstreamResponse) -> Any:
    """Load an upstream's answer with the connector's schema.

    Raises UpstreamUnreadable, with the JSON path of the value that is not as documented.
    """
    document = response.document
    try:
        return connector.load(document)
    except ValidationError as error:
        raise errors.UpstreamUnreadable(_first(faults_in(error))) from None


def checked(card: SummaryWithDetails, connector: Connector, match: Match) -> bytes:
    """Write a card as the bytes to send, after checking it against the host's contract.

    Raises BrokenCard, which names the connector, the JSON path and the rule.
    """
    with trace.step("check"):
        written = payload(card)
        _secure_icons(written["metadata"], connector, match)
        found = faults(written)
        if found:
            raise errors.BrokenCard(f"{connector.name}: {_first(found)}")
        return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()


def _secure_icons(card: dict[str, Any], connector: Connector, match: Match) -> None:
    """Give each icon an https address, or leave it out and record that in the trace."""
    for part in (card, card["footer"], *card["fields"]):
        for key in part.keys() & {"subicon_url", "icon_url"}:
            secure = connector.secure_icon(part[key], match)
            if secure is not None:
                part[key] = secure
                continue
            del part[key]
            with trace.step("dropped", part=key, why="http, on a page of https"):
                pass


def _first(found: Sequence[Fault]) -> str:
    """List the first few faults, and how many more there are."""
    listed = "; ".join(map(str, found[:MOST_FAULTS]))
    return listed if len(found) <= MOST_FAULTS else f"{listed}; and {len(found) - MOST_FAULTS} more"
