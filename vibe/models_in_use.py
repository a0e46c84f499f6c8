"""Which model is asked: the environment wins, then the newest enabled row. Keys leave here only towards the model."""

from __future__ import annotations

import time
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from vibe.config import Config
from vibe.llm import catalog, connect, local
from vibe.llm.message import Model
from vibe.models import ModelRow

OPENAI = "https://api.openai.com/v1"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def current_model() -> Model | None:
    """The strong model to ask now, or None."""
    if model := from_environment(settings.CONFIG):
        return model
    row = ModelRow.objects.filter(enabled=True, tier=ModelRow.Tier.STRONG).first()
    return _priced(row.as_model()) if row else None


def row_in_use() -> ModelRow | None:
    """The stored row that is asked, or None (nothing is connected, or the environment wins)."""
    if from_environment(settings.CONFIG):
        return None
    return ModelRow.objects.filter(enabled=True, tier=ModelRow.Tier.STRONG).first()


def from_environment(config: Config) -> Model | None:
    """The model that the environment names; with an address alone, the first one that its server lists."""
    if not config.model_key and not config.model_url:
        return None
    url = config.model_url or OPENAI
    name = config.model or _first_listed(url, config.model_key, int(time.time() // 60))
    if not name:
        return None
    return _priced(Model(name, url, config.model_key, local=urlsplit(url).hostname in LOOPBACK))


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


def connect_model(name: str, base_url: str, key: str, *, is_local: bool) -> ModelRow:
    """Keep this model, its key encrypted, and use it from now on."""
    row = ModelRow(name=name, base_url=base_url, local=is_local, tested=timezone.now())
    row.set_key(key)
    ModelRow.objects.filter(tier=row.tier, enabled=True).update(enabled=False)
    row.save()
    return row


def disconnect_models() -> None:
    ModelRow.objects.update(enabled=False)


def client():  # type: ignore[no-untyped-def]
    """The model client that settings name."""
    return import_string(settings.LLM_CLIENT)()
