"""`/preview`: a page that makes the real request and draws what the host would show.

In the local development mode only, and for this machine only. All of it is drawn on the server: the
first state of an address is whole without JavaScript, and an update is the same template again.

page.py             who may see it, what it may load, and what is around each view
asking.py           a signed request, through the whole application
drawing.py          a payload made ready to be drawn; marks.py has what stands for its icons
meters.py           how much of each limit it uses
timeline.py         the trace, in words
advice.py           what to do about each thing that can go wrong
gallery.py          the samples and recordings, one click away
lookup.py           the host's lookup box: what it offers for a typed text
editor.py           a payload as somebody types it; presets.py has some to begin with
grammar.py          what may stand in it, for whoever completes what is typed
json_text.py        its text: laid out, coloured, and where each part stands
signature_check.py  does a request from a log prove itself?
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_urlsafe
from types import MappingProxyType
from typing import Any, Final

from flask import Flask, Response, current_app, g, redirect, request

from app.devtools.local_provider import EXTENSION as LOCAL_PROVIDER, LocalPerson, LocalProvider
from app.devtools.preview import lookup, signature_check
from app.devtools.preview.advice import advice_for
from app.devtools.preview.asking import PreviewRequest, ServiceAnswer, ask
from app.devtools.preview.drawing import draw
from app.devtools.preview.editor import LONGEST, edit
from app.devtools.preview.gallery import CurrentGallery, Gallery
from app.devtools.preview.grammar import grammar_of
from app.devtools.preview.json_text import formatted, highlighted, written
from app.devtools.preview.lookup import OF_A_TASK
from app.devtools.preview.meters import limits_of, shortened
from app.devtools.preview.page import blueprint, rendered
from app.devtools.preview.presets import NAMES, blocks, preset
from app.devtools.preview.timeline import timeline
from app.devtools.signed_calls import ATTACH, CONTEXT, curl_line, sign_line
from app.errors import ConfigurationError, MalformedRequest
from app.settings import Settings
from app.web import service
from app.web.cors import PREVIEW
from templates_schemas import TEMPLATES
from templates_schemas.limits import PILL_COLORS
from templates_schemas.summary_with_details import TEMPLATE

# What is pasted into the signature check, beside a secret.
PASTED: Final = ("line", "header", "body")


def init_preview(app: Flask, settings: Settings) -> None:
    """Serve the preview, and lead from the service's root to it."""
    app.extensions[PREVIEW] = CurrentGallery(settings)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.register_blueprint(blueprint)
    app.add_url_rule("/", "root", lambda: redirect(blueprint.url_prefix or "/"))


@blueprint.get("")
def show() -> Response:
    """Ask for the widget of `url`, and show the answer and how it came about.

    `fresh`, or a browser's hard reload, has the upstream asked whatever is kept.
    """
    gallery = gallery_of_now()
    given = request.args.get("url", gallery.featured or "")
    asked = PreviewRequest.of(given, request.args, service().settings, _usual())
    refresh = "fresh" in request.args or bool(request.cache_control.no_cache)
    context = _answered(asked, gallery, refresh=refresh) if asked.url else {}
    return rendered(
        "preview", gallery=gallery, asked=asked, names=CONTEXT, people=_people(), **context
    )


@blueprint.get("/lookup")
def show_lookup() -> Response:
    """Show what the host's lookup box would offer for what is typed."""
    return _looked_up(request.args)


@blueprint.post("/lookup")
def pick() -> Response:
    """Attach what was picked, and ask for its card as the host would after that."""
    settings, base = service().settings, request.host_url
    picked = request.form.get("value", "")
    asked = PreviewRequest.of(picked, request.form, settings, _usual(OF_A_TASK))
    try:
        attached = ask(current_app, settings, asked, base, component=ATTACH)
    except ConfigurationError as error:
        return rendered("lookup", asked=asked, names=CONTEXT, unsigned=error.detail)
    more: dict[str, Any] = {"attached": attached, "attached_json": highlighted(attached.payload)}
    if attached.status == 200:
        address = attached.payload["resource_url"]
        answer = ask(current_app, settings, replace(asked, url=address), base)
        more |= {"answered": attached.payload, "answer": answer}
        more |= {"card": draw(answer.payload, now())} if answer.is_card else {}
    return _looked_up(request.form, **more)


@blueprint.get("/editor")
def show_editor() -> Response:
    """Draw the payload in the address, or one of the presets."""
    name, time = request.args.get("preset", "usual"), now()
    text = request.args.get("payload")
    if text is None:
        text = written(preset(name if name in NAMES else "usual", time))
    if "format" in request.args and edit(text).is_json:
        text = formatted(text)
    return _edited(text, time)


@blueprint.post("/editor")
def draw_edited() -> Response:
    """Draw the payload that is the request's body, as it is being typed."""
    return _edited(_body(), now())


@blueprint.post("/editor/format")
def format_edited() -> Response:
    """Lay out the payload that is the request's body; 400 where it is no JSON."""
    text = _body()
    edited = edit(text)
    if not edited.is_json:
        raise MalformedRequest(str(edited.faults[0].fault))
    return Response(formatted(edited.text), mimetype="text/plain")


@blueprint.get("/signature")
def show_signature_check() -> Response:
    return rendered("signature", **dict.fromkeys(PASTED, ""))


@blueprint.post("/signature")
def check_signature() -> Response:
    """Say whether a pasted request proves itself; nothing that was pasted is kept."""
    context: dict[str, Any] = {part: request.form.get(part, "") for part in PASTED}
    try:
        secret = request.form.get("secret", "").strip()
        context["verdict"] = signature_check.check(
            verifier=service().verifier, secret=secret, **context
        )
    except signature_check.UnreadableRequest as unreadable:
        context["unreadable"] = str(unreadable)
    return rendered("signature", **context)


def now() -> datetime:
    """Return the time that relative times are told from."""
    return datetime.now(UTC)


def _people() -> Sequence[LocalPerson]:
    """List who can look at a page, where it matters who does: the local provider's people."""
    provider: LocalProvider | None = current_app.extensions.get(LOCAL_PROVIDER)
    return provider.people if provider and service().settings.person_modes else ()


def _usual(context: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, str]:
    """Return what the host sends where nothing is chosen: it names the first person, if any."""
    return next(({**context, **person.context} for person in _people()), context)


def gallery_of_now() -> Gallery:
    """Return what there is to try, as the files of now have it."""
    kept: CurrentGallery = current_app.extensions[PREVIEW]
    return kept.current()


def _looked_up(given: Mapping[str, str], **more: Any) -> Response:
    settings = service().settings
    asked = PreviewRequest.of(given.get("query", ""), given, settings, _usual(OF_A_TASK))
    context: dict[str, Any] = {"asked": asked, "names": CONTEXT, **more}
    try:
        gallery = gallery_of_now()
        found = lookup.suggest(current_app, settings, gallery, asked, request.host_url)
    except ConfigurationError as error:
        return rendered("lookup", **context, unsigned=error.detail)
    return rendered("lookup", **context, found=found)


def _answered(asked: PreviewRequest, gallery: Gallery, *, refresh: bool) -> dict[str, Any]:
    """Make the request, and lay out its answer."""
    try:
        answer = ask(current_app, service().settings, asked, request.host_url, refresh=refresh)
    except ConfigurationError as error:
        return {"unsigned": error.detail}
    context = {
        "answer": answer,
        "raw": written(answer.payload),
        "rows": timeline(answer),
        "sign": sign_line(asked.url, request.host_url.rstrip("/"), asked.context),
        "curl": curl_line(answer.call),
        "json": highlighted(answer.payload),
        "system": gallery.labels.get(answer.facts.get("connector", ""), ""),
    }
    return context | (_card(answer) if answer.is_card else _envelope(answer))


def _card(answer: ServiceAnswer) -> dict[str, Any]:
    return {
        "card": draw(answer.payload, now()),
        "limits": limits_of(answer.payload),
        "shortened": shortened(answer.changes, answer.payload),
    }


def _envelope(answer: ServiceAnswer) -> dict[str, Any]:
    flat = answer.payload.get("data", answer.payload)
    return {"sentence": flat["error"], "advice": advice_for(answer.code)}


def _body() -> str:
    request.max_content_length = 4 * LONGEST  # a character has four bytes at most
    return request.get_data().decode("utf-8", "replace")


def _edited(text: str, time: datetime) -> Response:
    edited = edit(text)
    g.style_nonce = token_urlsafe(16)
    return rendered(
        "editor",
        edited=edited,
        card=draw(edited.payload, time),
        limits=limits_of(edited.payload),
        colors=PILL_COLORS,
        presets=NAMES,
        blocks=blocks(time),
        helps={
            "grammar": grammar_of(TEMPLATES[TEMPLATE]),
            "blocks": blocks(time),
            "presets": {name: written(preset(name, time)) for name in NAMES},
        },
    )
