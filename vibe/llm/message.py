"""The words of a model call, as pure values: what is asked, what streams back, what it came to."""

from dataclasses import dataclass
from typing import Any, Literal

IMAGE_TOKENS = (
    1_600  # what one picture counts at most with the providers whose tables were read; most count less
)
LEAST_ROOM = 256  # tokens: with less room than that an answer is no use, so the server may say that it is full

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "filter"]


@dataclass(frozen=True)
class Message:
    """`images` are data: addresses (base64), for models that were seen to see; no other address is ever sent."""

    role: Role
    text: str
    images: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the journal: pictures are counted, not kept a second time."""
        counted = {"images": len(self.images)} if self.images else {}
        return {"role": self.role, "text": self.text, **counted}


@dataclass(frozen=True)
class Model:
    """Where a model is and what it is called there. `key` is a secret: never logged, never in a repr.

    Prices are USD per million tokens; None when not known. `context` and `max_out` in tokens, None unknown.
    `refuses`: parameters that its server was seen to refuse; they are not sent. `can`: what it was seen to do
    (capabilities.ABILITIES). `tested`: when that was found out, ISO; empty for never.
    """

    name: str
    base_url: str
    key: str = ""
    context: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    local: bool = False  # runs on this machine: costs nothing but seconds
    max_out: int | None = None
    price_cached: float | None = None
    refuses: frozenset[str] = frozenset()
    can: frozenset[str] = frozenset()
    tested: str = ""

    def __repr__(self) -> str:
        return f"Model({self.name!r} at {self.base_url!r})"


@dataclass(frozen=True)
class Call:
    """One request to a model. `effort` is the reasoning effort, sent only when not empty.

    `schema`: a JSON schema that the answer should keep to; sent only when given, and dropped where it is refused.
    `purpose`: what it is for (plan, write, repair …); never sent, a cassette is labelled with it.
    """

    model: Model
    messages: tuple[Message, ...]
    max_tokens: int = 16_000
    effort: str = ""
    schema: dict[str, Any] | None = None
    purpose: str = ""

    def asked(self) -> int:
        """Tokens of what is sent, estimated at 3 bytes of UTF-8 each: rather too many than too few for prose, about
        right for code and for scripts without spaces."""
        return sum(len(m.text.encode()) // 3 + 8 + IMAGE_TOKENS * len(m.images) for m in self.messages)

    def room(self, *, context: int | None = None, max_out: int | None = None) -> int:
        """Tokens that the answer may take: what is wanted, and never more than the model can give.

        `context`, `max_out`: what is known beyond the model's own figures.
        """
        room = min(self.max_tokens, self.model.max_out or self.max_tokens, max_out or self.max_tokens)
        if whole := [size for size in (self.model.context, context) if size]:
            room = min(room, max(LEAST_ROOM, min(whole) - self.asked() - 64))
        return room

    def most(self) -> "Usage":
        """What it should cost at most: the question, estimated, and the longest answer."""
        return Usage(self.asked(), self.room(), estimated=True)


@dataclass(frozen=True)
class Delta:
    """A piece of a streaming reply: `text` is part of the answer, `thinking` is not and is never parsed."""

    text: str = ""
    thinking: str = ""


@dataclass(frozen=True)
class Usage:
    """Tokens as the server counted them, or our estimate (4 characters each) when `estimated`."""

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    thinking: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cached + other.cached,
            self.thinking + other.thinking,
            self.estimated or other.estimated,
        )

    def cost_usd(self, model: Model) -> float | None:
        """USD at the model's prices; 0.0 for a local model, None when a price is not known."""
        if model.local:
            return 0.0
        if model.price_in is None or model.price_out is None:
            return None
        price_cached = model.price_in if model.price_cached is None else model.price_cached
        cached = min(self.cached, self.tokens_in)
        cost_in = (self.tokens_in - cached) * model.price_in + cached * price_cached
        return (cost_in + self.tokens_out * model.price_out) / 1e6


@dataclass(frozen=True)
class Learned:
    """What a call found out about its server that the Model did not say: worth keeping with the model.

    `refuses`: parameters that a refusal named. `max_out`, `context`: the limits that a refusal stated, in tokens.
    """

    refuses: frozenset[str] = frozenset()
    max_out: int | None = None
    context: int | None = None

    def __bool__(self) -> bool:
        return bool(self.refuses or self.max_out or self.context)

    def __or__(self, other: "Learned") -> "Learned":
        return Learned(
            self.refuses | other.refuses, other.max_out or self.max_out, other.context or self.context
        )


@dataclass(frozen=True)
class Reply:
    """The whole answer. `finish` is length when the model ran out of room, filter when its provider cut it."""

    text: str
    finish: Finish
    usage: Usage
    seconds: float = 0.0
    learned: Learned = Learned()

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "finish": self.finish}
