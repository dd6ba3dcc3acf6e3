"""Errors in the envelope of Azure DevOps: `typeKey` names the kind, as its service does.

Its official client repeats what is answered with a 500: a caller's fault is never one.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask import Response

from app.errors import InvalidInput, NotAuthenticated, NotFound, PlacardError
from app.library.http.response import json_response

NAMESPACE: Final = "Microsoft.TeamFoundation.Dashboards.WebApi"
KEYS_BY_STATUS: Final[Mapping[int, str]] = {
    401: "UnauthorizedRequestException",
    403: "InsufficientPermissionsException",
    405: "HttpMethodNotSupportedException",
    408: "RequestTimeoutException",
    409: "WidgetETagConflictException",
    413: "RequestTooLargeException",
    429: "RequestBlockedException",
    500: "WidgetServiceUnavailableException",
    503: "WidgetServiceUnavailableException",
    507: "WidgetServiceUnavailableException",
}
KEYS_BY_RESOURCE: Final[Mapping[str, str]] = {
    "": "ResourceNotFoundException",
    "dashboard": "DashboardDoesNotExistException",
    "project": "ProjectDoesNotExistException",
    "widget": "WidgetDoesNotExistException",
}
KEYS_BY_RULE: Final[Mapping[str, str]] = {
    "api_version": "VssVersionOutOfRangeException",
    "has_id": "CreateWidgetWithExistingIdException",
    "dashboard_has_id": "CreateDashboardWithExistingIdException",
    "without_id": "WidgetWithoutIdException",
    "too_many": "WidgetLimitExceededException",
    "too_many_dashboards": "DashboardCountLimitExceededException",
    "required": "ArgumentNullException",
}


def error_response(error: PlacardError) -> Response:
    """Write an error as Azure DevOps does."""
    response = json_response(error_document(error), error.status)
    if isinstance(error, NotAuthenticated):
        response.headers["WWW-Authenticate"] = 'Basic realm="Placard", charset="UTF-8"'
    return response


def error_document(error: PlacardError) -> dict[str, Any]:
    """Write the body of an error: its message has every fault that was found."""
    others = error.others if isinstance(error, InvalidInput) else ()
    key = type_key(error)
    return {
        "$id": "1",
        "innerException": None,
        "message": " ".join([error.sentence, *others]),
        "typeName": f"{NAMESPACE}.{key}, {NAMESPACE}",
        "typeKey": key,
        "errorCode": 0,
        "eventId": 3000,
    }


def type_key(error: PlacardError) -> str:
    match error:
        case InvalidInput(rule=rule):
            return KEYS_BY_RULE.get(rule, "ArgumentException")
        case NotFound(resource=resource):
            return KEYS_BY_RESOURCE[resource]
    return KEYS_BY_STATUS[error.status]
