"""What to do about each thing that can go wrong: for the preview, where the host says little."""

from typing import Final

ADVICE: Final[dict[str, str]] = {
    "malformed_request": "Write the whole address of the resource, as the browser shows it: "
    "https://, the host, the path.",
    "workspace_not_served": "PLACARD_ALLOWED_WORKSPACES leaves this workspace out; add it there.",
    "connection_needed": "The host offers this person to sign in: at /auth, where accounts are "
    "connected. PLACARD_ACCESS says whose account shows a page.",
    "no_person": "PLACARD_ACCESS has pages shown by a person's own account, and the request names "
    "nobody: say a user and a workspace, or choose a person under the address.",
    "budget_spent": "PLACARD_COLD_FETCHES_PER_MINUTE bounds how many new pages one person has "
    "fetched, and how many texts searched for, in a minute. Wait, or raise it.",
    "sign_in_failed": "Begin the sign-in again, in the same browser.",
    "forbidden": "The system refuses us: see the credential that the settings name for it.",
    "upstream_refused": "The system refuses our credential, or there is none. Set the one that "
    "`placard connectors` names for it, and see that it may read this page.",
    "upstream_signed_out": "The system shows its sign-in page: our credential is missing or has "
    "expired. Make a new one, and set it as `placard connectors` names it.",
    "not_found": "The service has no such path.",
    "no_connector": "No connector serves this address. `placard connectors` lists the addresses "
    "that are served; self-hosted systems want their hosts in a setting, and a new system a "
    "definition or a connector of its own.",
    "resource_missing": "The system says that there is no such page, or hides it from our "
    "credential. Open the address in a browser, and see that the credential may read it.",
    "internal_error": "This is a fault of the service. The log has the place, beside the "
    "X-Request-Id.",
    "keys_unavailable": "The key set at PLACARD_JWT_JWKS_URL could not be fetched yet; /readyz "
    "says why.",
    "broken_definition": "A file of definitions was edited, and cannot be used. The reason names "
    "its lines; `placard lint` tells the same.",
    "broken_card": "The connector built a card that the host would refuse. The reason names the "
    "path and the rule: mend the connector there.",
    "store_unavailable": "The library's database does not answer: see PLACARD_DATABASE_URL.",
    "store_full": "The disk of the library's database is full: make room there.",
    "upstream_error": "The system answered with an error; try again.",
    "upstream_timeout": "The system did not answer within PLACARD_FETCH_DEADLINE. Try again, or "
    "see whether the address can be reached from this machine.",
    "upstream_unreachable": "No connection could be made. Offline only the samples answer; live, "
    "see the network, the host's name, and PLACARD_ALLOW_PRIVATE_HOSTS for a private address.",
    "upstream_rate_limited": "The system asks us to wait. A credential of your own has a larger "
    "allowance than none.",
    "upstream_resting": "The system kept failing, so it is left alone for PLACARD_BREAKER_REST "
    "seconds. Wait, and ask again.",
    "upstream_busy": "As many calls to this system are under way as may be (PLACARD_FETCH_PLACES), "
    "or to all systems (PLACARD_FETCH_TOTAL). Ask again.",
    "upstream_failed": "The system answered with a status that it should not have; see its own "
    "status page.",
    "upstream_unreadable": "The answer is not what the system's documentation promises. The reason "
    "has the JSON path: compare the schema of the connector with it.",
    "upstream_too_large": "The answer is over the limit of 1 MiB, which no card needs.",
    "address_refused": "The address guard did not let this connection through: a private address "
    "wants PLACARD_ALLOW_PRIVATE_HOSTS, and a redirect must stay with the connector's hosts.",
}
REFUSED: Final = (
    "The proof did not hold. See the reason, and try the request line and the header, of a POST "
    "the body too, in the signature check."
)


def advice_for(code: str) -> str:
    """Say what to do about an error; a code without advice of its own is a refused proof's."""
    return ADVICE.get(code, REFUSED)
