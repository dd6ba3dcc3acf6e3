"""The checks with a proof, by each kind: of a query, of a body, of a card, of what is looked up."""

from collections.abc import Iterator
from typing import Final

from app.devtools.doctor import calls
from app.devtools.doctor.answers import ReceivedAnswer
from app.devtools.doctor.calls import Make, Patient, Proof
from app.devtools.doctor.check import NOT_PLACARD, PROXY, Check
from app.devtools.doctor.expectations import (
    CARD,
    FINDS,
    ITEMS,
    READABLE,
    RESOURCE,
    VARIES,
    Expectation,
    enveloped,
    no_refusal,
    of_placard,
    refusal,
    sentence_of,
    status,
    valid,
)

# A word that many systems have something for; who finds nothing answers no items.
SEARCHED: Final = "release"
LOG: Final = "The service's log says why, on the line of this request."
MISSING: Final = "Does the proxy pass /attach and /typeahead on, and has this release both?"
REFUSED: Final = refusal(
    "It must be refused. Is PLACARD_VERIFY off, or does a cache answer in Placard's place?"
)


SHOWN: Final = status(
    200,
    advice=LOG,
    by_status={
        400: "The address is not one that the host would send: give another one by --resource-url.",
        403: "The workspace is not served (PLACARD_ALLOWED_WORKSPACES; name it by --workspace), or "
        "the other system refuses the credential: the log says which.",
        404: "No connector serves {patient.resource_url}, or there is no such resource, or the "
        "credential does not see it: give an address that this service should show by "
        "--resource-url.",
        500: "The other system is slow, down or unreadable, or this is a bug: the log's `outcome` "
        "and `detail` say which.",
    },
)


def _holds(by: Proof, name: str, about: str, call: Make) -> Check:
    secret = {"jwt": "PLACARD_JWT_SECRETS", "signature": "PLACARD_SIGNATURE_SECRETS"}[by]
    return Check(
        name,
        about,
        call,
        (
            no_refusal(
                f"The proof was refused: is {secret} the service's own (in the local mode: was the "
                "service started in this folder), does a proxy rewrite the query or the body, or "
                "drop the header? The service's log names the reason, and what would have "
                "matched.",
                {0: "The service answers some requests, but not this one: see its log."},
            ),
            of_placard(NOT_PLACARD),
        ),
        needs=("placard",),
    )


def of_proof(by: Proof) -> Iterator[Check]:
    """Yield what is expected of a GET, whose proof is over the query."""
    yield _holds(by, f"{by}_proof", f"a proof by {by} holds", calls.proven(by))
    for name, about, call in (
        ("altered", "of another query", calls.altered(by)),
        ("expired", "that has expired", calls.proven(by, expires_in=calls.EXPIRED)),
        ("forged", "by another secret", calls.forged(by)),
    ):
        title = f"a {by} {about} is refused"
        yield Check(f"{by}_{name}", title, call, (REFUSED,), needs=(f"{by}_proof",))


def of_body(by: Proof) -> Iterator[Check]:
    """Yield what is expected of a POST, whose proof is over the text of `data`."""
    yield _holds(by, f"{by}_body", f"a proof of a body by {by} holds", calls.attach(by))
    altered = calls.attach(by, change=calls.altered_body, how="with an altered body")
    expired = calls.attach(by, expires_in=calls.EXPIRED, how="with an expiry that is past")
    for name, about, call in (
        ("altered", "of another body", altered),
        ("expired", "of a body that has expired", expired),
    ):
        title = f"a {by} {about} is refused"
        yield Check(f"{by}_body_{name}", title, call, (REFUSED,), needs=(f"{by}_body",))
    yield Check(
        f"{by}_body_inner",
        "a body that is the inner object alone is refused",
        calls.attach(by, change=calls.inner_alone, how="with the inner object as its body"),
        (
            status(400, advice=f"What is signed is the text of `data`. {PROXY}"),
            enveloped(NOT_PLACARD),
        ),
        needs=(f"{by}_body",),
    )


def _unconnected(answer: ReceivedAnswer, patient: Patient) -> str:
    """Say why no card came, where a person is rightly asked to connect an account."""
    said = sentence_of(answer)
    if not (patient.settings.person_modes and answer.status == 401 and "onnect your" in said):
        return ""
    return (
        f"“{said}” is the right answer to a person without an account; for a card, name one who "
        "has connected theirs by --user, and --workspace"
    )


def of_card(by: Proof) -> Iterator[Check]:
    """Yield what is expected of a card."""
    yield Check(
        "card",
        "a card is answered",
        calls.of_a_card(by),
        (
            SHOWN,
            valid(CARD, "The host would show an error: the log names the rule that is broken."),
        ),
        needs=(f"{by}_proof",),
        untried=_unconnected,
    )
    yield Check(
        "cors_200",
        "the host's page can read a card",
        calls.of_a_card(by),
        (READABLE, VARIES),
        needs=("card",),
    )


def _answered(advice: str) -> Expectation:
    return status(200, advice=advice, by_status={404: MISSING})


def of_lookup(by: Proof) -> Iterator[Check]:
    """Yield what is expected of attach and typeahead, for what is shown as a card."""
    yield Check(
        "attach",
        "what is shown can be attached",
        calls.attach(by),
        (_answered(LOG), valid(RESOURCE, f"The host does not attach it. {LOG}"), READABLE),
        needs=("card", f"{by}_body", "preflight_attach"),
    )
    yield Check(
        "typeahead",
        "what is shown can be picked by its address",
        calls.typed(by),
        (_answered(LOG), valid(ITEMS, LOG), FINDS, READABLE),
        needs=("card",),
    )
    yield Check(
        "search",
        "a search is answered",
        calls.typed(by, SEARCHED),
        (_answered(LOG), valid(ITEMS, f"The host shows nothing to pick. {LOG}"), READABLE),
        needs=("card",),
    )
