"""8. Cards: opened by their link, kept, thrown away, brought back, revoked, copied; and the shelf."""

import io
import uuid
from operator import attrgetter

import segno
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from vibe import cards, films, limits
from vibe import remix as remixes
from vibe import shelf as shelves
from vibe.models import Card, Program
from vibe.views import access, tools
from vibe.views.makers import maker_of, sure_maker
from vibe.views.replies import back

CLOSED = {
    "faded": ("faded", "This card has faded", "Cards last 7 days unless their maker pins them. Whoever made it can bring it back."),
    "thrown": ("removed", "This card was thrown away", "Its maker took it down. If that was you: for 24 hours it lies in the bin on your shelf."),
    "unknown": ("lost", "This link opens no card", "It may have been cut off on its way, or its maker ended it and made a new one. Ask whoever sent it."),
    "revoked": ("removed", "This card was taken down", "Nothing of it can be opened here."),
}  # fmt: skip


# --- by link ----------------------------------------------------------------------------------------------------


@require_GET
def open_card(request: HttpRequest, token: str) -> HttpResponse:
    card = cards.find(token)
    if card is None:
        return _closed(request, token)
    Card.objects.filter(pk=card.pk).update(opens=F("opens") + 1)
    card.opens += 1  # the page that is shown counts itself
    if card.version.is_tool:
        return tools.show(request, card.version, card, title=card.title)
    maker = maker_of(request)
    context = {
        "card": card,
        "version": card.version,
        "mine": bool(maker and card.maker_id == maker.pk),
        "films": films.of(card.version),
        "once": uuid.uuid4().hex,
    }
    return render(request, "cards/page.html", context)


@require_POST
def run(request: HttpRequest, token: str) -> HttpResponse:
    card = cards.find(token)
    if card is None:
        return _closed(request, token)
    if not card.version.is_tool:
        return redirect(card)
    return tools.run(request, card.version, card, title=card.title)


@require_POST
def remix(request: HttpRequest, token: str) -> HttpResponse:
    """Make it mine: anyone with the link gets a Program of their own that begins as the card."""
    card = cards.find(token)
    if card is None:
        return _closed(request, token)
    once = request.POST.get("once") or uuid.uuid4().hex
    program = remixes.remix(card, sure_maker(request), once, address=limits.address_of(request))
    return redirect(program)


@require_GET
def download(request: HttpRequest, token: str) -> HttpResponse:
    """A copy that runs without us."""
    card = _open(token)
    name, kind, data = cards.copy_of(card.version, card.title)
    return HttpResponse(
        data,
        headers={
            "Content-Type": "application/octet-stream" if kind.startswith("text/html") else kind,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


@require_GET
@cache_control(private=True, max_age=60)
def qr(request: HttpRequest, token: str) -> HttpResponse:
    out = io.BytesIO()
    segno.make(_open(token).link, error="m").save(out, kind="svg", scale=4, dark="#10201c", light="#fff")
    return HttpResponse(out.getvalue(), content_type="image/svg+xml")


def _open(token: str) -> Card:
    card = cards.find(token)
    if card is None:
        raise Http404
    return card


def _closed(request: HttpRequest, token: str) -> HttpResponse:
    """A revoked link is forgotten, so it cannot be told from one that never was: one sentence serves both."""
    card, maker = cards.of_link(token), maker_of(request)
    why = "unknown" if card is None else "revoked" if card.revoked else "thrown" if card.thrown else "faded"
    art, title, words = CLOSED[why]
    mine = bool(card and maker and card.maker_id == maker.pk)
    context = {
        "art": art,
        "title": title,
        "words": words,
        "back": card if mine and cards.can_come_back(card) else None,
    }
    return render(request, "cards/closed.html", context, status=404 if card is None else 410)


# --- by their maker ---------------------------------------------------------------------------------------------


@require_GET
def mine(request: HttpRequest, pk: str) -> HttpResponse:
    """From a card's id to its link, for its maker: ids stand in event logs, links never do."""
    return redirect(access.card_of(request, pk))


@require_POST
def keep(request: HttpRequest, pk: str) -> HttpResponse:
    card = access.card_of(request, pk)
    if card.is_open:
        cards.keep(card, request.POST.get("pinned") == "1")
    if request.htmx:  # type: ignore[attr-defined]
        # Only the shelf has the counts that change with it; htmx reports a swap that has no target.
        on_shelf = (request.htmx.current_url_abs_path or "").startswith(reverse("shelf"))  # type: ignore[attr-defined]
        counts = _counts(cards.shelf(card.maker).filter(thrown=None)) if on_shelf else None
        return render(request, "cards/_kept.html", {"card": card, "counts": counts})
    if card.is_open:
        kept = "Pinned. The link stays until you throw the card away."
        messages.success(request, kept if card.is_pinned else "Not pinned any more. The link stays 7 days.")
    return redirect(back(request, "/shelf/"))


@require_POST
def throw(request: HttpRequest, pk: str) -> HttpResponse:
    card = access.card_of(request, pk)
    cards.throw(card)
    return redirect(f"/shelf/?thrown={card.pk}")


@require_POST
def bring_back(request: HttpRequest, pk: str) -> HttpResponse:
    card = access.card_of(request, pk)
    if not cards.bring_back(card) and not card.is_open:
        messages.warning(request, "This card is gone: it cannot be brought back.")
    return redirect(back(request, "/shelf/").split("?")[0])


@require_POST
def throw_program(request: HttpRequest, pk: str) -> HttpResponse:
    """A program of which nothing came; one with a version goes with its card."""
    program = access.program_of(request, pk)
    if shelves.throw(program):
        return redirect(f"/shelf/?thrown={program.pk}")
    messages.warning(
        request, "I am working on it, or it is done by now. Stop me first; or throw its card away."
    )
    return redirect("/shelf/")


@require_POST
def bring_back_program(request: HttpRequest, pk: str) -> HttpResponse:
    if not shelves.bring_back(access.program_of(request, pk)):
        messages.warning(request, "The 24 hours are over: this program is gone.")
    return redirect("/shelf/")


@require_POST
def revoke(request: HttpRequest, pk: str) -> HttpResponse:
    card = access.card_of(request, pk)
    cards.revoke(card)
    messages.success(request, "The old link opens nothing any more. The card has a new one.")
    return redirect(card.program)


@require_POST
def rename(request: HttpRequest, pk: str) -> HttpResponse:
    cards.rename(access.card_of(request, pk), request.POST.get("title", ""))
    return redirect(back(request, "/shelf/"))


@require_POST
def show_version(request: HttpRequest, pk: str) -> HttpResponse:
    card = access.card_of(request, pk)
    number = request.POST.get("number", "")
    version = card.program.versions.filter(
        number=int(number) if number.isdecimal() and len(number) < 10 else -1
    ).first()
    if version is None:
        raise Http404
    cards.show_version(card, version)
    messages.success(request, f"The link shows version {version.number} now.")
    return redirect(card.program)


@require_GET
@cache_control(private=True, max_age=60)
def shot(request: HttpRequest, pk: str) -> HttpResponse:
    return tools.picture(access.card_of(request, pk).version)


def _counts(there: QuerySet[Card]) -> dict[str, int]:
    """Of these cards: how many there are, and how many are pinned."""
    return there.aggregate(total=Count("pk"), pinned=Count("pk", filter=Q(expires=None)))


@require_GET
def shelf(request: HttpRequest) -> HttpResponse:
    maker = maker_of(request)
    words = " ".join(request.GET.get("q", "").split())[:100]
    rows = cards.shelf(maker) if maker else Card.objects.none()
    there = rows.filter(thrown=None)
    page = Paginator(shelves.mentioning(there, words), shelves.PAGE).get_page(request.GET.get("page"))
    page.object_list = list(there.filter(pk__in=list(page.object_list)))
    tossed: list[Card | Program] = [*rows.exclude(thrown=None).order_by("-thrown")[: shelves.MOST]]
    tossed += shelves.thrown(maker) if maker else []
    context = {
        "page": page,
        **_counts(there),
        "words": words,
        "bin": sorted(tossed, key=attrgetter("thrown"), reverse=True),
        "thrown_now": next((one for one in tossed if one.pk == request.GET.get("thrown")), None),
        "faded": cards.faded(maker)[: shelves.MOST] if maker else [],
        "unfinished": list(shelves.unfinished(maker)) if maker else [],
        "near": limits.near(maker),
        "once": uuid.uuid4().hex,
    }
    return render(request, "cards/shelf.html", context)
