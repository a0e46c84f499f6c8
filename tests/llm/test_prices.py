"""Price files as they are published: read, or refused with a sentence."""

import json
from datetime import date

import pytest

from vibe.llm import prices
from vibe.llm.message import Model, Usage
from vibe.llm.prices import BadPrices, Price

ROW = {
    "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05,
    "cache_read_input_token_cost": 2.5e-07,
    "max_input_tokens": 128000,
    "max_output_tokens": 16384,
    "deprecation_date": "2026-12-11",
    "mode": "chat",
}
READ = Price(2.5, 10.0, 0.25, 128000, 16384, date(2026, 12, 11))


@pytest.mark.parametrize("data", [{"m": ROW}, [{"name": "m", **ROW}], [{"id": "m", **ROW}]])
def test_a_price_per_token_becomes_one_per_million(data):
    assert prices.read(json.dumps(data)) == {"m": READ}


def test_a_price_per_million_stays_one():
    data = {"prices": [{"id": "m", "vendor": "v", "input": 2.5, "output": 10, "input_cached": None}]}
    assert prices.read(json.dumps(data)) == {"m": Price(2.5, 10.0)}


@pytest.mark.parametrize(
    "text",
    ["", "no", "[]", "{}", "7", '{"m": 3}', '{"m": {"input_cost_per_token": "1", "output_cost_per_token": 1}}',
     '[{"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}]',
     '{"m": {"input_cost_per_token": 2.5, "output_cost_per_token": 10}}',
     '{"m": {"input_cost_per_token": -1e-6, "output_cost_per_token": 1e-6}}'],
)  # fmt: skip
def test_what_is_no_price_file_is_refused_with_a_sentence(text):
    with pytest.raises(BadPrices) as caught:
        prices.read(text)
    assert caught.value.sentence.endswith(".")


def test_a_name_is_found_with_and_without_its_provider_and_never_guessed():
    one, other = Price(1, 2), Price(3, 4)
    assert prices.match("m", {"azure/m": one}) == one
    assert prices.match("openai/m", {"m": one}) == one
    assert prices.match("m", {"m": one, "azure/m": other}) == one
    assert prices.match("m", {"azure/m": one, "aws/m": other}) is None
    assert prices.match("m", {"m-large": one}) is None


def test_what_was_read_before_costs_its_own_price():
    model = Model("m", "http://x", price_in=2, price_out=10, price_cached=0.2)
    assert Usage(1_000_000, 0, cached=500_000).cost_usd(model) == pytest.approx(1.1)
    assert Usage(1_000_000, 0, cached=500_000).cost_usd(Model("m", "x", price_in=2, price_out=1)) == 2
    assert Usage(1, 1).cost_usd(Model("m", "http://x", price_in=2)) is None
