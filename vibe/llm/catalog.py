"""Known prices and contexts by a model's name. What is not known stays None and is shown as not known."""

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from vibe.llm.message import Model


@cache
def _rows() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("catalog.toml").read_text(encoding="utf-8"))


def priced(model: Model) -> Model:
    """`model` with the price and context that the catalog knows for its name, where it has none of its own."""
    bare = model.name.rsplit("/", 1)[-1]
    known = [name for name in _rows() if bare.startswith(name)]
    if not known:
        return model
    row = _rows()[max(known, key=len)]
    return replace(
        model,
        context=model.context or row.get("context"),
        price_in=row.get("price_in") if model.price_in is None else model.price_in,
        price_out=row.get("price_out") if model.price_out is None else model.price_out,
    )
