"""A tool's form, filled by its maker or by a visitor, and the run that it starts."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from vibe import films, jobs, limits, perform
from vibe.generation import tool
from vibe.live.fragments import spec_of
from vibe.models import Card, Run, Version
from vibe.views import uploads
from vibe.views.makers import maker_of, sure_maker
from vibe.views.replies import later

# One grey pixel: what stands where no picture of a card was taken.
NO_PICTURE = bytes.fromhex(
    "47494638396101000100800000e6e6e600000021f90400000000002c00000000010001000002024401003b"
)


def show(
    request: HttpRequest,
    version: Version,
    card: Card | None,
    *,
    title: str,
    back: str = "",
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """The tool's page: its form, and beside it the result of `run` when there is one."""
    maker = maker_of(request)
    context = {
        "version": version,
        "card": card,
        "mine": bool(card and maker and card.maker_id == maker.pk),
        "title": title,
        "back": back,
        "films": films.of(version) if card else {},
        "spec": spec_of(version),
        "action_url": f"/c/{card.token}/run/" if card else f"/programs/{version.program_id}/run/",
        "once": uuid.uuid4().hex,
        "near": limits.near(maker, runs=True) if spec_of(version) else [],
        "boxes": perform.why_not_run(version.files) if spec_of(version) else perform.engine().available(),
        **more,
    }
    return render(request, "cards/tool.html", context, status=status)


def run(
    request: HttpRequest, version: Version, card: Card | None, *, title: str, back: str = ""
) -> HttpResponse:
    """Start a run on what was typed and chosen, or show the form again with what to change."""
    spec = spec_of(version)
    given = {
        name: request.POST[name]
        for name in request.POST
        if name not in {"once", "after", "csrfmiddlewaretoken"}
    }
    if spec is None:
        return show(request, version, card, title=title, back=back, status=422)
    if why := perform.why_not_run(version.files):
        wrong = {"once": f"Tools can’t run on this machine now: {why}"}
        return show(request, version, card, title=title, back=back, status=503, given=given, wrong=wrong)

    def not_now(said: jobs.Enough) -> HttpResponse:
        wrong = {"once": said.sentence}
        again = show(request, version, card, title=title, back=back, status=429, given=given, wrong=wrong)
        return later(again, said)

    try:
        uploads.room_for_files(request)
    except jobs.Enough as said:
        return not_now(said)
    files = {
        **_of_last_run(request, version, spec),
        **{
            name: (upload.name or "file", upload.read(tool.MAX_FILE + 1))
            for name, upload in request.FILES.items()
        },
    }
    cleaned = tool.clean(spec, given, files)
    if isinstance(cleaned, tool.Wrong):
        return show(
            request, version, card, title=title, back=back, status=422, given=given, wrong=cleaned.sentences
        )
    once = request.POST.get("once", "")[:64] or uuid.uuid4().hex
    try:
        made = jobs.run(
            version, sure_maker(request), values=cleaned.values, files=cleaned.files, once=once, card=card,
            address=limits.address_of(request),
        )  # fmt: skip
    except jobs.Enough as said:
        return not_now(said)
    return redirect(f"{made.get_absolute_url()}#result")


def _of_last_run(request: HttpRequest, version: Version, spec: tool.ToolSpec) -> dict[str, tuple[str, bytes]]:
    """The files of the visitor's run that the form stood beside: they count where no other one is chosen."""
    maker = maker_of(request)
    last = Run.objects.filter(pk=request.POST.get("after", "")[:16], version=version, visitor=maker).first()
    return {
        one.name: (row.name.removeprefix("in/"), row.path.read_bytes())
        for one in spec.inputs
        if last and one.type == "file" and (row := last.given_file(one.name))
    }


def picture(version: Version | None) -> HttpResponse:
    """The screenshot that the check took, or nothing much."""
    return as_picture(bytes(version.shot) if version and version.shot else None)


def as_picture(png: bytes | None) -> HttpResponse:
    data = png or NO_PICTURE
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/gif"
    return HttpResponse(data, content_type=kind)
