"""One request of a suite, by the product and by the bare model; with the connected model or from a cassette."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from vibe import models_in_use
from vibe.llm.cassette import BadCassette, Cassette, Player, Recorder
from vibe.management.measuring import bare, own, product, taped
from vibe.management.measuring.results import Measured
from vibe.management.measuring.suite import Asked
from vibe.models import ModelRow


class Unmeasured(Exception):
    """Raised when this one could not be measured; str() says why."""


@dataclass(frozen=True)
class Source:
    """Whom is asked: the connected model (`folder` None) or the cassettes of a folder. `name`: as the table has it."""

    name: str
    folder: Path | None = None


@dataclass(frozen=True)
class How:
    """The same for all requests of a measurement. record: the folder where cassettes are kept."""

    suite: str
    title: str
    autonomy: str
    effort: str
    bare: bool
    record: Path | None
    purse: taped.Purse


def measure(asked: Asked, nth: int, source: Source, how: How) -> list[Measured]:
    """The product's result and the bare model's. Raises Unmeasured, product.OurFault, KeyboardInterrupt."""
    kept = _cassette(source, asked, nth)
    with _connected(kept, source.name):
        first: Any = Player(taped.for_product(kept)) if kept else _client(how)
        made = product.make(asked, first, autonomy=how.autonomy, effort=how.effort)
        files = made.version.files if made.version else {}
        opinion = own.figures(made.job, files, asked.checks, first, 0)
        ways = {"product": _with_recorded({**made.figures, **opinion}, first)}
        second: Any = None
        if how.bare and not how.purse.empty:
            second = Player(taped.for_bare(kept)) if kept else _client(how)
            figures, files = bare.measure(made, second)
            opinion = own.figures(made.job, files, asked.checks, second, 1)
            ways["bare"] = _with_recorded({**figures, **opinion}, second)
    if how.purse.empty:  # a call of it was not made, so it says nothing about the model
        raise Unmeasured(f"The limit of ${how.purse.most:.2f} is reached.")
    if how.record and not kept:
        takes = [*first.takes, *(taped.as_bare(second.takes) if second else [])]
        path = taped.cassette_path(how.record, asked.id, nth)
        taped.save(path, Cassette(_head(asked, source, how), takes))
    common = {
        "suite": how.suite, "request": asked.id, "nth": nth, "set": source.name, "autonomy": how.autonomy,
        "effort": how.effort, "played": kept is not None, "at": timezone.now().isoformat(timespec="seconds"),
    }  # fmt: skip
    return [Measured(way=way, **common, **figures) for way, figures in ways.items()]  # type: ignore[arg-type]


def _cassette(source: Source, asked: Asked, nth: int) -> Cassette | None:
    if source.folder is None:
        return None
    path = taped.cassette_path(source.folder, asked.id, nth)
    try:
        return taped.load(path)
    except (OSError, BadCassette) as problem:
        raise Unmeasured(f"{path} cannot be played: {problem}") from problem


def _client(how: How) -> Recorder:
    return Recorder(taped.Limited(import_string(settings.LLM_CLIENT)(), how.purse))


def _with_recorded(figures: dict[str, Any], client: Any) -> dict[str, Any]:
    """The seconds of a model that was recorded are part of what it took."""
    return {**figures, "seconds": round(figures["seconds"] + getattr(client, "seconds", 0.0), 1)}


@contextmanager
def _connected(kept: Cassette | None, name: str) -> Iterator[None]:
    """While a cassette is played its model is the connected one, at its own price, whatever is connected here."""
    before = settings.CONFIG
    if kept:
        name = kept.one("model", name)
        played = {"model_key": "played", "model_url": taped.NOWHERE, "model": name, "quick_model": ""}
        settings.CONFIG = replace(before, **played)
        price_in, price_out = kept.one("price-in") or None, kept.one("price-out") or None
        known = {"enabled": False, "price_in": price_in, "price_out": price_out}
        ModelRow.objects.update_or_create(name=name, base_url=taped.NOWHERE, defaults=known)
    try:
        yield
    finally:
        settings.CONFIG = before


def _head(asked: Asked, source: Source, how: How) -> dict[str, list[str]]:
    model = models_in_use.current_model()
    prices = {"price-in": model.price_in, "price-out": model.price_out} if model else {}
    said = {
        "suite": how.title, "request": asked.text, "model": source.name, "recorded": f"{timezone.now():%Y-%m-%d}",
        "autonomy": how.autonomy, "effort": how.effort, **{k: str(v) for k, v in prices.items() if v is not None},
    }  # fmt: skip
    return {key: [value] for key, value in said.items()}
