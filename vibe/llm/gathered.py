"""What has streamed of one reply so far, and what it came to. Knows chunks as plain data, nothing of the SDK.

Servers send what they like: whatever cannot be read as a chunk is the fault bad_json, never an exception of ours.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from vibe.llm.errors import Kind, ModelFault, kind_of
from vibe.llm.message import IMAGE_TOKENS, Call, Delta, Finish, Reply, Usage
from vibe.llm.thinking import ThinkSplitter

MAX_REPLY = 2_000_000  # characters
MAX_WHOLE = 16_000_000  # characters of a reply that comes in one piece, with the JSON around it

MOST_TOKENS = 100_000_000  # that one call can count: a tally has to add it up

OnDelta = Callable[[Delta], None]


@dataclass(frozen=True)
class Piece:
    """One chunk, read. A piece that says nothing only shows that the line is open."""

    text: str = ""
    thinking: str = ""
    refusal: str = ""
    finish: str = ""
    usage: Usage | None = None

    @property
    def says(self) -> bool:
        return bool(self.text or self.thinking or self.refusal or self.finish or self.usage)


class Gathered:
    """`quiet_s`: seconds without a word of the answer after which the call is over; comments do not count.

    Some servers know no cap on their answer, or ignore it. What was set aside for the call is not passed: when that
    much has come, counted by the server or estimated by us, nothing more is read, as if the cap had ended the answer.
    """

    def __init__(self, call: Call, on_delta: OnDelta, quiet_s: float) -> None:
        self.call, self.on_delta, self.quiet_s = call, on_delta, quiet_s
        self.began = time.monotonic()
        self.parts: list[str] = []
        self.size = self.thought = self.chunks = 0
        self.finish = self.refusal = ""
        self.asked = self.full = False
        self.room = call.most().tokens_out
        self.usage: Usage | None = None
        self.counted = 0  # characters that had come when the server last counted
        self.splitter = ThinkSplitter()
        self.half = ""  # of an emoji that a server cut in two

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def fault(self, kind: Kind, detail: str) -> ModelFault:
        return ModelFault(kind, detail, partial=self.text, secret=self.call.model.key)

    async def read(self, stream: Any) -> None:
        """Read `stream` (the SDK's) to its end. Raises ModelFault, or what the transport raises."""
        if not hasattr(stream, "__aiter__"):
            raise self.fault("not_a_model", f"the reply was {type(stream).__name__}, not a stream")
        kind = stream.response.headers.get("content-type", "")
        if "html" in kind:
            await stream.close()
            raise self.fault("not_a_model", f"the reply was {kind}")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.quiet_s) as quiet:
                whole = "json" in kind
                async with aclosing(self._whole(stream.response) if whole else self._chunks(stream)) as chunks:
                    async for chunk in chunks:
                        for piece in self._pieces(chunk):
                            self.take(piece)
                            if piece.says:
                                quiet.reschedule(loop.time() + self.quiet_s)
                        if self.full:
                            break
        except TimeoutError:
            if quiet.expired():
                raise self.fault("silent", f"not a word in {self.quiet_s:.0f} s") from None
            raise
        if self.full:
            await stream.close()
        if self.half:
            self._emit(*self.splitter.feed("\ufffd"))
        self._emit(*self.splitter.close())

    async def _chunks(self, stream: Any) -> AsyncGenerator[Any]:
        chunks = aiter(stream)
        while True:
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except (AttributeError, TypeError, KeyError, IndexError, RecursionError) as problem:
                raise self.fault("bad_json", f"a chunk that the SDK cannot read: {problem!r}") from None
            yield chunk.model_dump(warnings=False) if hasattr(chunk, "model_dump") else chunk

    async def _whole(self, response: Any) -> AsyncGenerator[Any]:
        """A server that does not stream answers in one piece; one that streams may call that JSON, too."""
        lines: list[str] = []
        room = MAX_WHOLE
        async for line in response.aiter_lines():
            room -= len(line)
            if room < 0:
                raise self.fault("too_long", f"more than {MAX_WHOLE} characters")
            if not lines and line.startswith("data:"):
                if (data := line[5:].strip()) != "[DONE]":
                    yield json.loads(data)
            elif not line.startswith(":"):
                lines += [line] if line.strip() else []
        if lines:
            yield json.loads("\n".join(lines))

    def _pieces(self, chunk: Any) -> list[Piece]:
        try:
            if error := chunk.get("error"):
                error = error if isinstance(error, dict) else {"message": str(error)}
                code, message = str(error.get("code", "")), str(error.get("message", ""))
                status = int(code) if len(code) == 3 and code.isdecimal() else None
                raise self.fault(kind_of(status, code, message), message)
            pieces = list(_pieces_of(chunk))
        except (AttributeError, TypeError, ValueError, KeyError, OverflowError) as problem:
            raise self.fault("bad_json", f"a chunk that cannot be read: {problem!r}") from None
        self.chunks += "choices" in chunk
        return pieces

    def take(self, piece: Piece) -> None:
        if piece.usage:
            self.usage, self.counted = piece.usage, self.size + self.thought
        self.refusal += piece.refusal
        if piece.thinking:
            self._emit("", _mended(piece.thinking))
        if piece.text:
            self._emit(*self.splitter.feed(self._joined(piece.text)))
        self.finish = piece.finish or self.finish
        # What was asked is paid for already, and may well be more than we thought: only the answer can be cut short.
        self.full = self._so_far().tokens_out >= self.room

    def _joined(self, text: str) -> str:
        """`text` with the halves of cut characters put together; a half that stays alone becomes the � sign."""
        text = self.half + text
        self.half = text[-1] if text and "\ud800" <= text[-1] <= "\udbff" else ""
        return _mended(text[: len(text) - len(self.half)])

    def _emit(self, text: str, thinking: str) -> None:
        if text:
            self.parts.append(text)
            self.size += len(text)
            if self.size > MAX_REPLY:
                raise ModelFault("too_long", f"more than {MAX_REPLY} characters")
        self.thought += len(thinking)
        if text or thinking:
            self.on_delta(Delta(text, thinking))

    def _so_far(self) -> Usage:
        """What the server counted, and our estimate of what came since; of all where it counted nothing."""
        if self.usage is None:
            return self._estimate()
        since = (self.size + self.thought - self.counted) // 4
        return replace(self.usage, tokens_out=self.usage.tokens_out + since)

    def reply(self) -> Reply:
        """The Reply, or a ModelFault when what came is none."""
        text = self.text
        if self.full:
            self.finish = self.finish or "length"
        if self.refusal or self.finish == "content_filter":
            raise self.fault("refused", self.refusal or "content filter")
        if not self.chunks:
            raise self.fault("not_a_model", "the stream held nothing at all")
        if not self.finish:
            raise self.fault("cut", "the stream ended without a finish reason")
        if not text.strip():
            raise self.fault("empty", f"finish {self.finish}, {self.thought} characters of thinking")
        finish: Finish = "length" if self.finish == "length" else "stop"
        return Reply(text, finish, self._so_far(), time.monotonic() - self.began)

    def has_asked(self) -> None:
        """The whole question is with the server."""
        self.asked = True

    def read_for(self) -> Usage | None:
        """What a stop, or silence, costs before a word came: a provider may bill the question, also when nobody hears an
        answer."""
        return self._estimate() if self.asked else None

    def spent(self) -> Usage | None:
        """What the call has cost so far, counted or estimated; None before anything came."""
        return self._so_far() if self.usage or self.chunks else None

    def _estimate(self) -> Usage:
        asked = sum(len(m.text) // 4 + len(m.images) * IMAGE_TOKENS for m in self.call.messages)
        return Usage(asked, (self.size + self.thought) // 4, thinking=self.thought // 4, estimated=True)


def _pieces_of(chunk: Any) -> Iterator[Piece]:
    """The pieces of one chunk, or of a whole completion (its `message` is one large delta). Its count comes last: it is
    of the words beside it, too."""
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") or choice.get("message") or {}
        yield Piece(
            text=_words(delta.get("content") or ""),
            thinking=_words(delta.get("reasoning_content") or delta.get("reasoning") or ""),
            refusal=str(delta.get("refusal") or ""),
            finish=str(choice.get("finish_reason") or ""),
        )
    if usage := chunk.get("usage"):
        yield Piece(usage=_usage(usage))


def _words(content: Any) -> str:
    """The text of a delta: some servers send a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)


def _mended(text: str) -> str:
    """Without halves of characters and without NUL, which no database of ours keeps alike."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage(counted: Any) -> Usage | None:
    """What a server says it counted; None when no honest count can be so: then ours is taken."""
    prompt, answer = counted.get("prompt_tokens_details"), counted.get("completion_tokens_details")
    numbers = (
        int(counted.get("prompt_tokens") or 0),
        int(counted.get("completion_tokens") or 0),
        int((prompt or {}).get("cached_tokens") or 0),
        int((answer or {}).get("reasoning_tokens") or 0),
    )
    return Usage(*numbers) if all(0 <= number <= MOST_TOKENS for number in numbers) else None
