"""The words of a model call, as pure values: what is asked, what streams back, what it came to."""

from dataclasses import dataclass
from typing import Any, Literal

IMAGE_TOKENS = (
    800  # our estimate for a picture of at most 768 px; providers' own figures lie between 250 and 1,100
)

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "filter"]


@dataclass(frozen=True)
class Message:
    """`images` are data URLs (base64), sent after the text; only to a model that has vision."""

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

    price_in and price_out are USD per million tokens; None when not known. `context` in tokens, None unknown.
    """

    name: str
    base_url: str
    key: str = ""
    context: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    local: bool = False  # runs on this machine: costs nothing but seconds
    vision: bool = False  # was seen to take pictures

    def __repr__(self) -> str:
        return f"Model({self.name!r} at {self.base_url!r})"


@dataclass(frozen=True)
class Call:
    """One request to a model. `effort` is the reasoning effort, sent only when not empty."""

    model: Model
    messages: tuple[Message, ...]
    max_tokens: int = 16_000
    effort: str = ""


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

    def cost_usd(self, model: Model) -> float | None:
        """USD at the model's prices; 0.0 for a local model, None when a price is not known."""
        if model.local:
            return 0.0
        if model.price_in is None or model.price_out is None:
            return None
        return (self.tokens_in * model.price_in + self.tokens_out * model.price_out) / 1e6


@dataclass(frozen=True)
class Reply:
    """The whole answer. `finish` is length when the model ran out of room, filter when its provider cut it."""

    text: str
    finish: Finish
    usage: Usage
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "finish": self.finish}
