"""What can go wrong with a model, as one table: kind → retry? → a sentence for a person.

LlmError
├── Cancelled     the person pressed Stop, or the worker ends
└── ModelFault    anything else; carries kind, sentence, retry, retry_after, partial and a detail for admins
"""

import re
from dataclasses import dataclass
from typing import Literal

from vibe.llm.message import Usage

Kind = Literal[
    "no_server", "wrong_key", "no_credit", "rate_limited", "overflow", "refused", "empty", "cut", "silent",
    "not_a_model", "bad_json", "provider", "unknown_model", "bad_request", "too_long",
]  # fmt: skip


@dataclass(frozen=True)
class Row:
    retry: bool
    sentence: str


TABLE: dict[str, Row] = {
    "no_server": Row(
        True, "No model answers at that address. Check that it runs and that the address is right."
    ),
    "wrong_key": Row(
        False, "The model’s provider did not accept the key. Connect the model again with a valid key."
    ),
    "no_credit": Row(
        False, "The key has no credit left. Add credit with the provider, or connect another model."
    ),
    "rate_limited": Row(True, "The model’s provider asks for a pause: too many requests at once."),
    "overflow": Row(
        False, "This is more text than the model can read at once. Use a shorter request or fewer files."
    ),
    "refused": Row(False, "The model declined to write this. Say it differently, or ask for something else."),
    "empty": Row(True, "The model answered with nothing."),
    "cut": Row(True, "The connection to the model broke before its answer was complete."),
    "silent": Row(True, "The model stopped answering in the middle."),
    "not_a_model": Row(False, "What answers at that address is not a model server. Check the address."),
    "bad_json": Row(True, "The model server sent something that cannot be read."),
    "provider": Row(True, "The model’s provider has a problem of its own right now."),
    "unknown_model": Row(False, "There is no model of that name at that address. Choose one that it lists."),
    "bad_request": Row(
        False, "The model server did not accept the request. Its operator can see why in the admin."
    ),
    "too_long": Row(False, "The answer grew longer than any small program needs, so I stopped reading it."),
}

UNHEARD = frozenset(
    {"cut", "silent", "too_long", "bad_json", "empty"}
)  # a server took the question, and no refusal came

# Provider error codes (OpenAI's and llama.cpp's words) that say more than the HTTP status does.
_CODES: tuple[tuple[str, str], ...] = (
    (r"insufficient_quota|billing|credit|payment", "no_credit"),
    (
        r"context_length_exceeded|exceed_context_size|maximum context length|context size|too many tokens",
        "overflow",
    ),
    (r"content_filter|content_policy|moderation|safety", "refused"),
    (r"invalid_api_key|incorrect api key|unauthorized", "wrong_key"),
    (r"model_not_found|model .*(not found|does not exist)", "unknown_model"),
    (r"rate_limit", "rate_limited"),
)
_STATUS = {400: "bad_request", 401: "wrong_key", 402: "no_credit", 403: "wrong_key", 404: "not_a_model",
           405: "not_a_model", 408: "silent", 409: "provider", 413: "overflow", 422: "bad_request", 429: "rate_limited"}  # fmt: skip


class LlmError(Exception):
    """Base of what a model call raises. `usage`: what it is thought to have cost; None when nothing had come.

    `asked`: the whole question was with the server, which did not refuse it: it may have thought, and bill it, although
    nothing came.
    """

    usage: Usage | None = None
    asked = False

    @property
    def is_call(self) -> bool:
        """Whether it counts as a call. What never reached a server, or was refused by it, is billed by nobody."""
        return self.asked or self.usage is not None


class Cancelled(LlmError):
    """Raised when a stop was asked for; nothing more will come of the call."""


class ModelFault(LlmError):
    """Raised when a call gave no usable answer. `partial` is what had streamed; `detail` is for admins.

    `secret` is the key of the call; neither `detail` nor str() holds it, nor anything else that looks like a key.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        retry_after: float | None = None,
        partial: str = "",
        secret: str = "",
    ) -> None:
        row = TABLE[kind]
        detail = scrub(detail, secret)[:600]
        super().__init__(f"{kind}: {detail}")
        self.kind: Kind = kind
        self.sentence = row.sentence
        self.retry = row.retry
        self.retry_after = retry_after
        self.partial = partial
        self.detail = detail


def kind_of(status: int | None, code: str, message: str) -> Kind:
    """The kind of a provider's error: its code and words first, then its HTTP status."""
    words = f"{code} {message}".lower()
    for pattern, kind in _CODES:
        if re.search(pattern, words):
            return kind  # type: ignore[return-value]
    if status is None or status >= 500:
        return "provider"
    if status == 404 and re.search(r"\bmodels?\b", words):  # otherwise it is the address that is not there
        return "unknown_model"
    return _STATUS.get(status, "bad_request")  # type: ignore[return-value]


def scrub(text: str, secret: str = "") -> str:
    """`text` without `secret` and without anything that looks like a key."""
    if secret:
        text = text.replace(secret, "[key]")
    text = re.sub(r"\b(sk|pk|gsk|xai|key)[-_][\w-]{8,}", "[key]", text)
    return re.sub(r"(?i)(bearer|authorization:?)\s+\S+", r"\1 [key]", text)
