"""What goes wrong, in the envelope of Azure DevOps: `typeKey` names the kind, as its service does.

Its official client repeats what is answered with a 500: a caller's fault is never one.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask import Response

from app.library.azure_devops.records import DashboardMissing, WidgetMissing
from app.library.core.errors import (
    Conflict,
    Malformed,
    Missing,
    NotAllowed,
    Refusal,
    TooLarge,
    TooManyRequests,
    Unidentified,
    WrongMethod,
)
from app.library.http.response import json_response

NAMESPACE: Final = "Microsoft.TeamFoundation.Dashboards.WebApi"
OTHERWISE: Final = "WidgetServiceUnavailableException"
# The first that fits.
KEYS: Final[tuple[tuple[type[Refusal], str], ...]] = (
    (Conflict, "WidgetETagConflictException"),
    (WidgetMissing, "WidgetDoesNotExistException"),
    (DashboardMissing, "DashboardDoesNotExistException"),
    (Missing, "ResourceNotFoundException"),
    (Unidentified, "UnauthorizedRequestException"),
    (NotAllowed, "InsufficientPermissionsException"),
    (WrongMethod, "HttpMethodNotSupportedException"),
    (TooLarge, "RequestTooLargeException"),
    (TooManyRequests, "RequestBlockedException"),
)
KEYS_BY_RULE: Final[Mapping[str, str]] = {
    "api_version": "VssVersionOutOfRangeException",
    "has_id": "CreateWidgetWithExistingIdException",
    "dashboard_has_id": "CreateDashboardWithExistingIdException",
    "without_id": "WidgetWithoutIdException",
    "too_many": "WidgetLimitExceededException",
    "too_many_dashboards": "DashboardCountLimitExceededException",
    "required": "ArgumentNullException",
}


def refuse(refusal: Refusal) -> Response:
    """Write a refusal as Azure DevOps does."""
    response = json_response(document_of(refusal), refusal.status)
    if isinstance(refusal, Unidentified):
        response.headers["WWW-Authenticate"] = 'Basic realm="Placard", charset="UTF-8"'
    return response


def document_of(refusal: Refusal) -> dict[str, Any]:
    """Write the body of a refusal: its message has every fault that was found."""
    others = refusal.others if isinstance(refusal, Malformed) else ()
    key = type_key(refusal)
    return {
        "$id": "1",
        "innerException": None,
        "message": " ".join([refusal.sentence, *others]),
        "typeName": f"{NAMESPACE}.{key}, {NAMESPACE}",
        "typeKey": key,
        "errorCode": 0,
        "eventId": 3000,
    }


def type_key(refusal: Refusal) -> str:
    """Name the kind of a refusal."""
    if isinstance(refusal, Malformed):
        return KEYS_BY_RULE.get(refusal.rule, "ArgumentException")
    return next((key for kind, key in KEYS if isinstance(refusal, kind)), OTHERWISE)
