"""What a model can do, found out by asking it: four cheap calls and a look at the server's list.

A model that does what it was asked can do it; one that refuses cannot; where a call failed for another reason
nothing is said (None). Only what the portable subset of client.py needs is asked about.
"""

import base64
import json
import re
import struct
import time
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from vibe.llm import connect
from vibe.llm.client import CAPS, Client, OpenAIClient
from vibe.llm.errors import ModelFault
from vibe.llm.message import Call, Learned, Message, Model, Reply

# What is found out, and how it is told to a person.
ABILITIES: dict[str, tuple[str, str]] = {
    "usage": ("says how much it used", "does not say how much it used, so I estimate"),
    "reasoning_effort": ("takes “how hard should I try”", "has no setting for how hard to try"),
    "json_schema": ("keeps to a given form", "does not keep to a given form"),
    "vision": ("sees pictures", "does not see pictures"),
}
# What stands with the abilities and is a parameter: False means that it was refused, so it is not sent again.
PARAMETERS = frozenset({*CAPS, "stream_options", "reasoning_effort", "response_format"})
SHORT = 500  # tokens; a model that thinks first needs some before it says its word
SCHEMA = {
    "type": "object",
    "properties": {"fruit": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["fruit", "count"],
    "additionalProperties": False,
}

Capabilities = dict[str, bool | None]


@dataclass(frozen=True)
class Listed:
    """What the server's own list says of the model; None where it says nothing. Prices in USD per million tokens."""

    shutdown: date | None = None
    context: int | None = None
    max_out: int | None = None
    price_in: float | None = None
    price_out: float | None = None


@dataclass(frozen=True)
class Report:
    """`fault` is empty when the model answers; otherwise the sentence that says why it does not."""

    fault: str = ""
    seconds: float = 0.0
    capabilities: Capabilities = field(default_factory=dict)
    listed: Listed = Listed()
    context: int | None = None
    max_out: int | None = None

    @property
    def ok(self) -> bool:
        return not self.fault

    @property
    def sentence(self) -> str:
        """How it went, for a person."""
        if self.fault:
            return self.fault
        return f"It answers, in {self.seconds:.1f} s. {told(self.capabilities)}".strip()


def told(capabilities: Mapping[str, bool | None]) -> str:
    """What a model was seen to do, as a sentence; empty when nothing was."""
    seen = [(yes if capabilities[name] else no) for name, (yes, no) in ABILITIES.items()
            if capabilities.get(name) is not None]  # fmt: skip
    return f"It {', '.join(seen)}." if seen else ""


def detect(model: Model, client: Client | None = None) -> Report:
    """Ask `model` what it can do. Costs about four short calls; takes as long as two of them."""
    client = client or OpenAIClient()
    # Asked as if nothing were known: what was refused before may be taken by now.
    fresh = replace(model, refuses=frozenset(), tested=datetime.now(UTC).isoformat())
    listed = read_listed(connect.listing(model), model.name)
    began = time.monotonic()
    first = _ask(client, Call(fresh, (Message("user", connect.TEST_WORDS),), max_tokens=SHORT))
    seconds = time.monotonic() - began
    if isinstance(first, ModelFault) and first.kind != "empty":
        return Report(first.sentence, seconds, listed=listed)
    with ThreadPoolExecutor(3) as side_by_side:
        effort = side_by_side.submit(_takes_effort, client, fresh)
        form = side_by_side.submit(_keeps_form, client, fresh)
        sight = side_by_side.submit(_sees, client, fresh)
    found: Capabilities = {"usage": None}
    learned = Learned()
    if isinstance(first, Reply):  # else it only thought: it is there, and nothing more is known from this call
        learned = first.learned
        found = {**dict.fromkeys(learned.refuses, False), "usage": not first.usage.estimated}
        if cap := next((name for name in CAPS if name not in learned.refuses), None):
            found[cap] = True
    found |= effort.result() | form.result() | sight.result()
    return Report(
        seconds=seconds,
        capabilities=found,
        listed=listed,
        context=listed.context or learned.context,
        max_out=listed.max_out or learned.max_out,
    )


def _ask(client: Client, call: Call) -> Reply | ModelFault:
    try:
        return client.ask(call)
    except ModelFault as fault:
        return fault


def _takes_effort(client: Client, model: Model) -> Capabilities:
    call = Call(model, (Message("user", connect.TEST_WORDS),), max_tokens=SHORT, effort="low")
    reply = _ask(client, call)
    if isinstance(reply, ModelFault):
        return {"reasoning_effort": True if reply.kind == "empty" else None}
    return {"reasoning_effort": "reasoning_effort" not in reply.learned.refuses}


def _keeps_form(client: Client, model: Model) -> Capabilities:
    words = Message("user", "There are three pears. Which fruit is it, and how many?")
    reply = _ask(client, Call(model, (words,), max_tokens=SHORT, schema=SCHEMA))
    if isinstance(reply, ModelFault):
        return {"json_schema": False if reply.kind == "bad_request" else None}
    if "response_format" in reply.learned.refuses:
        return {"json_schema": False, "response_format": False}
    try:
        answer = json.loads(reply.text)
        return {"json_schema": set(answer) == {"fruit", "count"} and isinstance(answer["count"], int)}
    except (ValueError, TypeError, RecursionError):
        return {"json_schema": False}


def _sees(client: Client, model: Model) -> Capabilities:
    """Shown, not claimed: some servers take a picture and drop it."""
    words = "Which colour fills this picture: red, green or blue? Answer with that one word."
    message = Message("user", words, (_red_square(),))
    reply = _ask(client, Call(model, (message,), max_tokens=SHORT))
    if isinstance(reply, ModelFault):
        return {"vision": False if reply.kind in {"bad_request", "unknown_model"} else None}
    return {"vision": re.search(r"\bred\b", reply.text.lower()) is not None}


def _red_square(side: int = 64) -> str:
    """A PNG as a data: address. 64 pixels: smaller ones are refused here and there."""

    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xe0\x10\x10" * side) * side
    png = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


def read_listed(entries: Sequence[Mapping[str, Any]], name: str) -> Listed:
    """What servers put into GET /models: OpenAI shutdown_date, OpenRouter prices, vLLM and llama.cpp the context."""
    entry = next((e for e in entries if e.get("id") == name), None)
    if entry is None:
        return Listed()
    prices, top, meta = (_mapping(entry.get(key)) for key in ("pricing", "top_provider", "meta"))
    context = entry.get("context_length") or entry.get("max_model_len") or meta.get("n_ctx_train")
    return Listed(
        shutdown=_date(entry.get("shutdown_date")),
        context=_whole(context),
        max_out=_whole(top.get("max_completion_tokens")),
        price_in=_per_million(prices.get("prompt")),
        price_out=_per_million(prices.get("completion")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None


def _per_million(value: Any) -> float | None:
    try:
        price = float(value) * 1e6
    except (TypeError, ValueError):
        return None
    return round(price, 4) if 0 <= price < 1e6 else None


def _date(value: Any) -> date | None:
    """A day given as ISO text or as seconds since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).date()
        return date.fromisoformat(str(value)[:10])
    except (ValueError, OverflowError, OSError):
        return None
