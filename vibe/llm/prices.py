"""Public price files: read what they say of a model, refuse what is none. Nothing is fetched here and nothing guessed.

Two shapes are read: a JSON object or list of models with USD per token (name, input_cost_per_token,
output_cost_per_token, cache_read_input_token_cost, max_input_tokens, max_output_tokens, deprecation_date), and
{"prices": [...]} with USD per million (id, input, output, input_cached).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

MOST_BYTES = 16 << 20  # the largest public file that was seen has 3 MB
DEAREST = 10_000.0  # USD per million tokens: beyond that somebody mistook the unit


class BadPrices(Exception):
    """Raised when the text is no price file; `sentence` says what to paste instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Price:
    """USD per million tokens, sizes in tokens; None where the file says nothing."""

    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    context: int | None = None
    max_out: int | None = None
    shutdown_date: date | None = None

    def known(self) -> dict[str, Any]:
        """Only what the file says."""
        return {name: value for name, value in vars(self).items() if value is not None}


def read(text: str) -> dict[str, Price]:
    """The prices by name. Raises BadPrices. Entries without both prices are left out."""
    if len(text) > MOST_BYTES:
        raise BadPrices("That is more than 16 MB. Use the part of the file with your models.")
    try:
        data = json.loads(text)
    except ValueError as problem:
        raise BadPrices(f"That is not JSON: {problem}.") from problem
    found = {name: price for name, row in _rows(data) if (price := _price(name, row))}
    if not found:
        raise BadPrices(
            "There are no prices in it. Use a list of models with name, input_cost_per_token and output_cost_per_token."
        )
    return found


def write(found: Mapping[str, Price]) -> list[dict[str, Any]]:
    """These prices in the shape that `read` takes: what a page keeps between showing them and using them."""
    return [
        {
            "name": name,
            "input_cost_per_token": (price.price_in or 0) / 1e6,
            "output_cost_per_token": (price.price_out or 0) / 1e6,
            "cache_read_input_token_cost": None if price.price_cached is None else price.price_cached / 1e6,
            "max_input_tokens": price.context,
            "max_output_tokens": price.max_out,
            "deprecation_date": price.shutdown_date.isoformat() if price.shutdown_date else None,
        }
        for name, price in found.items()
    ]


def match(name: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of the model of this name: by the whole name, else by what follows the provider's name and a slash,
    if all that are called so agree. None when there is none, or when it cannot be told which one it is."""
    if name in prices:
        return prices[name]
    bare = name.rsplit("/", 1)[-1]
    alike = {price for other, price in prices.items() if other.rsplit("/", 1)[-1] == bare}
    return alike.pop() if len(alike) == 1 else None


def _rows(data: Any) -> list[tuple[str, Mapping[str, Any]]]:
    if isinstance(data, dict) and isinstance(data.get("prices"), list):
        return [(str(row.get("id", "")), _per_token(row)) for row in data["prices"] if isinstance(row, dict)]
    if isinstance(data, dict):
        return [(name, row) for name, row in data.items() if isinstance(row, dict)]
    if isinstance(data, list):
        named = [row for row in data if isinstance(row, dict)]
        return [(str(row.get("name") or row.get("id") or row.get("model") or ""), row) for row in named]
    return []


def _per_token(row: Mapping[str, Any]) -> dict[str, Any]:
    names = {"input": "input_cost_per_token", "output": "output_cost_per_token"}
    names["input_cached"] = "cache_read_input_token_cost"
    return {new: row[old] / 1e6 for old, new in names.items() if isinstance(row.get(old), int | float)}


def _price(name: str, row: Mapping[str, Any]) -> Price | None:
    price_in, price_out = _usd(row, "input_cost_per_token"), _usd(row, "output_cost_per_token")
    if not name or price_in is None or price_out is None:
        return None
    return Price(
        price_in,
        price_out,
        _usd(row, "cache_read_input_token_cost"),
        _tokens(row, "max_input_tokens"),
        _tokens(row, "max_output_tokens"),
        _day(row.get("deprecation_date")),
    )


def _usd(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    price = round(value * 1e6, 4)
    return price if 0 <= price <= DEAREST else None


def _tokens(row: Mapping[str, Any], key: str) -> int | None:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
