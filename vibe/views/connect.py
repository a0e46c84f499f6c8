"""Connect a model: one found on this machine with one click, or any other by address and key."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from vibe import models_in_use
from vibe.llm import capabilities
from vibe.llm import connect as connecting
from vibe.llm.message import Model

TIERS: tuple[tuple[models_in_use.Tier, str], ...] = (
    ("strong", "For everything"),
    ("quick", "Only for plans and checks"),
)
_PASSED_ON = {"HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA"}


def may_connect(request: HttpRequest) -> bool:
    """The person at this machine, while it serves nobody else; otherwise the admins who may change models: whoever
    connects one reads what everybody here asks for."""
    return (settings.LOCAL_ONLY and not _came_through(request)) or request.user.has_perm("vibe.change_modelrow")


def _came_through(request: HttpRequest) -> bool:
    """Whether somebody passed this on to us: a tunnel may well rewrite the Host to ours, for the whole internet."""
    return any(name in _PASSED_ON or name.startswith("HTTP_X_FORWARDED") for name in request.META)


@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest) -> HttpResponse:
    said: dict[str, Any] = {}
    if request.method == "POST":
        if not may_connect(request):
            said = {
                "said": "Only the admins of this server connect a model. Nothing was changed.",
                "status": 403,
            }
        else:
            said = _do(request)
    allowed = may_connect(request)
    model = models_in_use.current_model()
    quick = models_in_use.model_for("quick")
    row = models_in_use.row_in_use()
    known = models_in_use.row_of(model) if model else None
    context = {
        "here": "connect",
        "allowed": allowed,
        "model": model,
        "quick": quick if quick != model else None,
        "known": capabilities.told(known.capabilities) if known else "",
        "tested": known.tested if known else None,
        "ends": known.end_is_near(timezone.now().date()) if known else "",
        "tiers": TIERS,
        "from_environment": model is not None and row is None,
        "key_end": row.key_end if row and allowed else "",
        "why_none": "" if model else models_in_use.why_none(with_address=allowed),
        "found": models_in_use.local_servers() if allowed else [],
        "given": said.get("given", {}),
        "wrong": said.get("wrong", {}),
        "listed": said.get("listed", []),
        "said": said.get("said", ""),
        "good": said.get("good", False),
    }
    return render(request, "connect.html", context, status=said.get("status", 200))


def _do(request: HttpRequest) -> dict[str, Any]:
    match request.POST.get("do"):
        case "local":
            return _use_local(request)
        case "connect":
            return _use_other(request)
        case "test":
            return _test()
        case "disconnect":
            models_in_use.disconnect_models()
            return {"said": "Disconnected. Recipes still work.", "good": True}
    return {"said": "I don’t know what to do with this.", "status": 400}


def _test() -> dict[str, Any]:
    """Each model that is in use, one sentence each."""
    both = [model for tier, _ in TIERS if (model := models_in_use.model_for(tier))]
    reports = {model.name: models_in_use.try_out(model) for model in dict.fromkeys(both)}
    if not reports:
        return {"said": "There is none to test."}
    if len(reports) == 1:
        said = next(iter(reports.values())).sentence
    else:
        said = " ".join(f"{name}: {report.sentence}" for name, report in reports.items())
    return {"said": said, "good": all(report.ok for report in reports.values())}


def _use_local(request: HttpRequest) -> dict[str, Any]:
    url, name = request.POST.get("base_url", ""), request.POST.get("model", "")
    there = any(s.base_url == url and name in s.models for s in models_in_use.local_servers())
    if not there:
        return {"said": "That server does not answer any more. Start it and try again.", "status": 422}
    return _test_and_keep(request, Model(name, url, local=True), {})


def _use_other(request: HttpRequest) -> dict[str, Any]:
    url = request.POST.get("base_url", "").strip().rstrip("/")
    key, name = request.POST.get("key", "").strip(), request.POST.get("model", "").strip()[:120]
    given = {"base_url": url[:300], "model": name, "tier": request.POST.get("tier", "")}
    if trouble := connecting.trouble_with(url) if url else "Fill in the address of the server.":
        return {"given": given, "wrong": {"base_url": trouble}, "status": 422}
    if any(ord(c) < 33 or ord(c) > 126 for c in key):
        return {
            "given": given,
            "wrong": {"key": "Use the key as it was given to you: letters, digits and signs only."},
            "status": 422,
        }
    if not name:
        listed = connecting.list_models(Model("", url, key))
        if len(listed) != 1:
            why = (
                "Choose one of these."
                if listed
                else "The server lists no models to this key. Type the model’s name, or check address and key."
            )
            return {"given": given, "listed": listed, "wrong": {"model": why}, "status": 422}
        name = listed[0]
    return _test_and_keep(request, Model(name, url, key), given)


def _test_and_keep(request: HttpRequest, model: Model, given: dict[str, str]) -> dict[str, Any]:
    tier: models_in_use.Tier = "quick" if request.POST.get("tier") == "quick" else "strong"
    report = capabilities.detect(model)
    if not report.ok:
        return {"given": given, "said": f"{model.name} was not connected. {report.sentence}", "status": 422}
    models_in_use.connect_model(model, report, tier)
    return {"said": f"Connected: {model.name}. {report.sentence}", "good": True}
