"""Says what works, what does not, and the one thing to do about it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.db import Error
from django.utils import timezone

from sandbox import catalog
from vibe import allowance, models_in_use, perform
from vibe.llm import connect
from vibe.llm.message import Model
from vibe.management import examining
from vibe.management.examining import Finding

MARKS = {True: "ok ", False: "NO ", None: "!! "}


class Command(BaseCommand):
    help = (
        "Say what works, what does not, and the one thing to do about it. 1 when something is broken, else 0."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        findings = [finding for check in CHECKS for finding in check()]
        for part, works, line in findings:
            self.stdout.write(f"  {MARKS[works]} {part:<18} {line}")
        if any(works is False for _, works, _ in findings):
            raise SystemExit(1)


def _model() -> Iterator[Finding]:
    try:
        model = models_in_use.current_model()
    except Error:
        yield "model", False, "cannot be told before the database answers"
        return
    if model is None:
        if settings.CONFIG.model_key or settings.CONFIG.model_url:  # asked for, and not to be had
            yield "model", False, models_in_use.why_none()
            return
        found = models_in_use.local_servers()
        hint = (
            f"{found[0].name} runs on this machine: connect it"
            if found
            else "To have new programs written, connect one"
        )
        yield "model", None, f"{models_in_use.why_none()} Recipes work without one. {hint} on /connect/."
        return
    yield from _one_model("model", model)
    quick = models_in_use.model_for("quick")
    if quick and quick != model:
        yield from _one_model("model, quick", quick)
    else:
        yield "model, quick", True, f"{model.name} also makes plans and checks"


def _one_model(part: str, model: Model) -> Iterator[Finding]:
    tested = connect.test(model)
    yield part, tested.ok, f"{model.name} at {model.base_url}: {tested.sentence}"


def _ends() -> Iterator[Finding]:
    """Models that end within a month or have ended: another one is asked in their place, if there is one."""
    with suppress(Error):
        for row, near in models_in_use.ending(timezone.now().date()):
            yield f"model{', quick' if row.tier == 'quick' else ''}", None, f"{row.name}: {near}"


def _money() -> Iterator[Finding]:
    try:
        off, today = allowance.off(), allowance.used_today()
        model = models_in_use.current_model()
    except Error:
        return
    if off:
        yield "making", None, f"switched off in the admin (Allowance of the site). People read: {off}"
    used = f"{(today.used.micro or 0) / 1e6:.4f} USD and {today.used.tokens} tokens used today"
    yield "allowance", True, f"{used}; {today.line or 'the site has no limit'}"
    unknown = model and not model.local and (model.price_in is None or model.price_out is None)
    if unknown and today.limit.micro is not None:
        line = f"the price of {model.name} is not known, so only limits in tokens hold for it: enter it in the admin"
        yield "allowance", None, line


def _boxes() -> Iterator[Finding]:
    engine = perform.engine()
    trouble = engine.available()
    yield "docker", not trouble, trouble or "the engine answers"
    if trouble:
        return
    for name in catalog.names():
        there = engine.has_image(name)
        missing = False if name in catalog.needed() else None
        about = catalog.settings(name)["about"]
        yield f"image {name}", there or missing, about if there else f"not built ({about}): run  make images"


CHECKS = (
    _model, _ends, _money, _boxes, examining.database, examining.broker, examining.worker, examining.addresses,
    examining.clock, examining.disk, examining.limits,
)  # fmt: skip
