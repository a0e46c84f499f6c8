"""Which model is asked: the environment wins, then the newest enabled row. Keys leave here only towards the model.

What is known of a model (prices, limits, what it can do) stands in the row of its name and address, also for a model
that the environment names: its row is then not enabled and holds no key.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from vibe.config import Config
from vibe.llm import capabilities, catalog, connect, local
from vibe.llm.message import Learned, Model
from vibe.models import ModelRow

OPENAI = "https://api.openai.com/v1"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
Tier = Literal["quick", "strong"]


def model_for(tier: Tier | Literal["vision"]) -> Model | None:
    """The model to ask now for quick work (plans, checks), for strong (writing), or to write what looks like a picture;
    None when there is none at all.

    For each tier the environment goes before the rows; where a tier has no model, the other one's is taken, the strong
    one where a picture was to be looked at. A model that its provider has ended is none.
    """
    if tier == "vision":
        return seeing() or model_for("strong")
    for wanted in _order(tier):
        if model := _named(wanted):
            row = row_of(model)
            return _priced(row.known_of(model) if row else model)
        if row := _enabled(wanted):
            return _priced(row.as_model())
    return None


def seeing() -> Model | None:
    """The model that is there to look at pictures: the newest enabled row of its tier that was not tested blind. Whoever
    put it there says that it sees."""
    row = next((one for one in _rows("vision") if one.capabilities.get("vision") is not False), None)
    return replace(_priced(row.as_model()), can=row.as_model().can | {"vision"}) if row else None


def current_model() -> Model | None:
    """The strong model to ask now, or None."""
    return model_for("strong")


def row_in_use(tier: Tier = "strong") -> ModelRow | None:
    """The stored row whose model is asked, or None (nothing is connected, or the environment names the model)."""
    for wanted in _order(tier):
        if _named(wanted):
            return None
        if row := _enabled(wanted):
            return row
    return None


def row_of(model: Model) -> ModelRow | None:
    """The row, enabled or not, that says what is known of this model."""
    return ModelRow.objects.filter(name=model.name, base_url=model.base_url).first()


def from_environment(config: Config, tier: Tier = "strong") -> Model | None:
    """The model that the environment names for a tier; with an address alone, the first one that its server lists."""
    if not config.model_key and not config.model_url:
        return None
    url = config.model_url or OPENAI
    name = config.model if tier == "strong" else config.quick_model
    if tier == "strong" and not name and not config.quick_model:
        name = _first_listed(url, config.model_key, int(time.time() // 60))
    if not name:
        return None
    return Model(name, url, config.model_key, local=urlsplit(url).hostname in LOOPBACK)


def _order(tier: Tier) -> tuple[Tier, Tier]:
    return ("quick", "strong") if tier == "quick" else ("strong", "quick")


def _named(tier: Tier) -> Model | None:
    """The model that the environment names for a tier, while there is one."""
    model = from_environment(settings.CONFIG, tier)
    row = row_of(model) if model else None
    return None if row and row.has_ended(_today()) else model


def _enabled(tier: Tier) -> ModelRow | None:
    return _rows(tier).first()


def _rows(tier: str) -> QuerySet[ModelRow]:
    """The enabled rows of a tier that their provider has not ended, the newest first."""
    return ModelRow.objects.filter(enabled=True, tier=tier).exclude(shutdown_date__lt=_today())


def _today() -> date:
    return timezone.now().date()


def ending(today: date) -> list[tuple[ModelRow, str]]:
    """What would be asked and ends soon or has ended: (its row, a sentence), the enabled ones and the environment's."""
    rows = list(ModelRow.objects.filter(enabled=True, shutdown_date__isnull=False))
    for tier in ("strong", "quick"):
        model = from_environment(settings.CONFIG, tier)
        if model and (row := row_of(model)) and row not in rows:
            rows.append(row)
    return [(row, said) for row in rows if (said := row.end_is_near(today))]


def read_dates() -> int:
    """Ask the servers of the enabled rows when their models end (a list, no paid call). How many dates are new."""
    fresh = 0
    for row in ModelRow.objects.filter(enabled=True):
        model = row.as_model()
        if connect.trouble_with(model.base_url):
            continue
        listed = capabilities.read_listed(connect.listing(model), model.name)
        if listed.shutdown and listed.shutdown != row.shutdown_date:
            fresh += ModelRow.objects.filter(pk=row.pk).update(shutdown_date=listed.shutdown)
    return fresh


@lru_cache(maxsize=4)
def _first_listed(url: str, key: str, minute: int) -> str:
    """Asked at most once a minute: no model name stands in our code, so the server's own list has to say."""
    if url == OPENAI:  # a list of dozens, most of them no chat models: VIBE_MODEL must choose
        return ""
    names = connect.list_models(Model("", url, key))
    return names[0] if names else ""


def _priced(model: Model) -> Model:
    if model.local or model.price_in is not None:
        return model
    return catalog.priced(model)


def why_none(*, with_address: bool = True) -> str:
    """One sentence on what is missing, for the home page and `doctor`. An address is for those who may change it."""
    config: Config = settings.CONFIG
    ended = [row for row, _ in ending(_today()) if row.has_ended(_today())]
    if ended:
        on = f"{ended[0].shutdown_date:%d %B %Y}".lstrip("0")
        return f"The AI model {ended[0].name} was ended by its provider on {on}, and no other one is connected."
    if config.model_key and not config.model:
        return "OPENAI_API_KEY is set but VIBE_MODEL is not: name the model to use."
    if config.model_url:
        return (
            f"No model answers at {config.model_url}." if with_address else "The AI model does not answer now."
        )
    return "No AI model is connected yet."


def local_servers() -> list[local.Found]:
    """Model servers found on this machine, within 300 ms."""
    return local.detect(own_port=settings.CONFIG.port)


def connect_model(model: Model, report: capabilities.Report, tier: Tier = "strong") -> ModelRow:
    """Keep this model, its key encrypted, with what it was seen to do, and use it from now on.

    "strong" is for everything: a quick model that was connected before is no longer asked.
    """
    row = row_of(model) or ModelRow(name=model.name, base_url=model.base_url)
    row.local, row.tier, row.enabled = model.local, tier, True
    row.set_key(model.key)
    replaced: tuple[Tier, ...] = ("strong", "quick") if tier == "strong" else ("quick",)
    ModelRow.objects.filter(tier__in=replaced, enabled=True).update(enabled=False)
    _write_down(row, report)
    return row


def try_out(model: Model, row: ModelRow | None = None) -> capabilities.Report:
    """Find out what a model can do, and keep it in its row (made when there is none; never a key of the environment).

    A model that does not answer leaves its row as it is."""
    report = capabilities.detect(model)
    if report.ok:
        _write_down(row or row_of(model) or _unused(model), report)
    return report


def _write_down(row: ModelRow, report: capabilities.Report) -> None:
    """What was seen replaces what was seen before; what an admin entered (limits, prices) stays."""
    listed = report.listed
    row.capabilities, row.tested = report.capabilities, timezone.now()
    row.shutdown_date = listed.shutdown or row.shutdown_date
    row.context = row.context or report.context
    row.max_out = row.max_out or report.max_out
    if row.price_in is None and row.price_out is None and listed.price_in is not None:
        row.price_in, row.price_out = listed.price_in, listed.price_out  # type: ignore[assignment]
    row.save()


def learn(model: Model, learned: Learned) -> None:
    """Remember for good what a call found out: in the model's row, which is made for one that the environment names."""
    row = (row_of(model) or _row_for_environments(model)) if learned else None
    if row is None:
        return
    row.capabilities = {**row.capabilities, **dict.fromkeys(learned.refuses, False)}
    row.max_out = learned.max_out or row.max_out
    row.context = learned.context or row.context
    row.save(update_fields=["capabilities", "max_out", "context"] if row.pk else None)


def _row_for_environments(model: Model) -> ModelRow | None:
    """A fresh row, not enabled and without the key; None for a model whose row was deleted while it was asked."""
    tiers: tuple[Tier, ...] = ("strong", "quick")
    named = [from_environment(settings.CONFIG, tier) for tier in tiers]
    if (model.name, model.base_url) not in [(one.name, one.base_url) for one in named if one]:
        return None
    return _unused(model)


def _unused(model: Model) -> ModelRow:
    """A row that only says what is known of the model: its key stays where it is."""
    return ModelRow(name=model.name, base_url=model.base_url, local=model.local, enabled=False)


def disconnect_models() -> None:
    ModelRow.objects.update(enabled=False)
