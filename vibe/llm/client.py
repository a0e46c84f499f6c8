"""One call to a model: OpenAI-compatible Chat Completions, streamed. The only importer of `openai`.

Synchronous for its callers; inside, one event loop in one thread runs every call as a coroutine, so that a stop
closes the upstream connection within milliseconds (closing a synchronous stream from another thread frees nothing).
Only the portable subset is sent; a parameter that a server names in a refusal is dropped and remembered: in this
process, and by the caller, who finds it in Reply.learned and keeps it with the model.
"""

import asyncio
import contextlib
import email.utils
import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
import openai

from vibe.llm.errors import Cancelled, ModelFault, kind_of
from vibe.llm.message import IMAGE_TOKENS, Call, Delta, Finish, Learned, Message, Reply, Usage
from vibe.llm.thinking import ThinkSplitter

MAX_REPLY = 2_000_000  # characters
CANCEL_POLL_S = 0.02
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

OnDelta = Callable[[Delta], None]


class Client(Protocol):
    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        """The whole reply; deltas stream to `on_delta`. Raises ModelFault or Cancelled."""


class OpenAIClient:
    """Safe to share by threads. `idle_s` and `connect_s` override the timeouts, for tests."""

    def __init__(self, *, idle_s: float | None = None, connect_s: float = 5.0) -> None:
        self._idle_s, self._connect_s = idle_s, connect_s

    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        """See Client.ask. `on_delta` is called in the loop's thread and must not block."""
        future = asyncio.run_coroutine_threadsafe(
            self._watched(call, on_delta or (lambda _: None), cancelled or threading.Event()), _loop()
        )
        return future.result()

    async def _watched(self, call: Call, on_delta: OnDelta, cancelled: threading.Event) -> Reply:
        gathered = _Gathered(call, on_delta)
        task = asyncio.ensure_future(self._call(call, gathered))
        while not task.done():
            if cancelled.is_set():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, ModelFault):
                    await task
                end = Cancelled()
                end.usage = gathered.spent()
                raise end
            await asyncio.wait({task}, timeout=CANCEL_POLL_S)
        return task.result()

    async def _call(self, call: Call, gathered: "_Gathered") -> Reply:
        try:
            return await self._read(call, gathered)
        except ModelFault as fault:
            fault.usage = gathered.spent()
            raise

    async def _read(self, call: Call, gathered: "_Gathered") -> Reply:
        local = call.model.local or urlsplit(call.model.base_url).hostname in LOOPBACK
        idle = self._idle_s or (180.0 if local else 30.0)
        timeout = httpx2.Timeout(connect=self._connect_s, read=idle, write=30.0, pool=10.0)
        async with openai.AsyncOpenAI(
            api_key=call.model.key or "none",
            base_url=call.model.base_url,
            max_retries=0,
            timeout=timeout,
            # Proxies of the environment are for the internet, never for a server on this machine.
            http_client=httpx2.AsyncClient(timeout=timeout, trust_env=not local),
        ) as client:
            try:
                stream = await self._open(client, call)
                await gathered.read(stream)
            except ModelFault:
                raise
            except Exception as problem:
                fault = fault_of(problem, gathered.text)
                if fault is None:
                    raise
                raise fault from problem
        return gathered.reply()

    async def _open(self, client: openai.AsyncOpenAI, call: Call) -> Any:
        """Start the stream; drop what the server names as unknown to it, at most five times."""
        for _ in range(6):
            wanted = _parameters(call)
            try:
                return await client.chat.completions.create(
                    model=call.model.name,
                    messages=[_message(m) for m in call.messages],
                    stream=True,
                    **wanted,
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError) as problem:
                learned = _learned(str(problem), wanted, call)
                if not learned:
                    raise
                _seen[_where(call)] = _known(call) | learned
        raise ModelFault("bad_request", "the server refused every form of the request")


def _message(message: Message) -> Any:
    """Plain text where there are no pictures: many servers know no other content."""
    if not message.images:
        return {"role": message.role, "content": message.text}
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in message.images]
    return {"role": message.role, "content": [{"type": "text", "text": message.text}, *pictures]}


# What each model was seen to refuse, by address, name and the date of its last test: what was seen before a test no
# longer counts. Process-wide: the next call need not find out again.
_seen: dict[tuple[str, str, str], Learned] = {}


def _where(call: Call) -> tuple[str, str, str]:
    return call.model.base_url, call.model.name, call.model.tested


def forget() -> None:
    """Forget what this process saw servers refuse."""
    _seen.clear()


def _known(call: Call) -> Learned:
    return _seen.get(_where(call), Learned())


CAPS = ("max_completion_tokens", "max_tokens")
# "max_tokens is too large: 16000. This model supports at most 4096": the name is known, the number is too much.
_MOST = re.compile(r"at most (\d{2,7})\b")
_WHOLE = re.compile(r"maximum context length (?:is|of) (\d{3,8})\b")


def _learned(refusal: str, wanted: dict[str, Any], call: Call) -> Learned:
    """What the words of a refusal say about the parameters that were sent; nothing when they name none of them."""

    def names(parameter: str) -> bool:
        return re.search(rf"\b{parameter}\b", refusal) is not None

    cap = next((wanted[name] for name in CAPS if name in wanted), 0)
    if cap and any(map(names, CAPS)):
        if (most := _MOST.search(refusal)) and int(most[1]) < cap:
            return Learned(max_out=int(most[1]))
        if whole := _WHOLE.search(refusal):  # said twice: then it is the question that is too long
            new = int(whole[1]) != _known(call).context
            return Learned(context=int(whole[1])) if new else Learned()
    return Learned(frozenset([name for name in wanted if names(name)][:1]))


def _new(call: Call) -> Learned:
    """What this process knows of a model and the model does not say itself."""
    known, model = _known(call), call.model
    return Learned(
        known.refuses - model.refuses,
        known.max_out if known.max_out != model.max_out else None,
        known.context if known.context != model.context else None,
    )


def _parameters(call: Call) -> dict[str, Any]:
    known = _known(call)
    gone = known.refuses | call.model.refuses
    wanted: dict[str, Any] = {"stream_options": {"include_usage": True}}
    if cap := next((name for name in CAPS if name not in gone), None):
        wanted[cap] = call.room(context=known.context, max_out=known.max_out)
    if call.effort:
        wanted["reasoning_effort"] = call.effort
    if call.schema is not None:
        form = {"name": "answer", "strict": True, "schema": call.schema}
        wanted["response_format"] = {"type": "json_schema", "json_schema": form}
    return {name: value for name, value in wanted.items() if name not in gone}


class _Gathered:
    """What has streamed so far."""

    def __init__(self, call: Call, on_delta: OnDelta) -> None:
        self.call, self.on_delta = call, on_delta
        self.began = time.monotonic()
        self.parts: list[str] = []
        self.size = self.thought = self.chunks = 0
        self.finish: str | None = None
        self.refusal = ""
        self.usage: Usage | None = None
        self.splitter = ThinkSplitter()
        self.half = ""  # of an emoji that a server cut in two

    @property
    def text(self) -> str:
        return "".join(self.parts)

    async def read(self, stream: Any) -> None:
        if not hasattr(stream, "__aiter__"):
            raise ModelFault("not_a_model", f"the reply was {type(stream).__name__}, not a stream")
        kind = stream.response.headers.get("content-type", "")
        if "html" in kind:
            await stream.close()
            raise ModelFault("not_a_model", f"the reply was {kind}")
        async for chunk in stream:
            self.take(chunk)
        if self.half:
            self._emit(*self.splitter.feed("\ufffd"))
        self._emit(*self.splitter.close())

    def take(self, chunk: Any) -> None:
        self.chunks += 1
        extra = chunk.model_extra or {}
        if error := extra.get("error"):
            error = error if isinstance(error, dict) else {"message": str(error)}
            code, message = str(error.get("code", "")), str(error.get("message", ""))
            status = int(code) if code.isdigit() else None
            raise ModelFault(kind_of(status, code, message), message, partial=self.text)
        if chunk.usage:
            self.usage = _usage(chunk.usage)
        for choice in chunk.choices or ():
            delta = choice.delta
            if delta is not None:
                more = delta.model_extra or {}
                if thinking := more.get("reasoning_content") or more.get("reasoning"):
                    self._emit("", _whole(str(thinking)))
                if delta.refusal:
                    self.refusal += delta.refusal
                if delta.content:
                    self._emit(*self.splitter.feed(self._joined(_words(delta.content))))
            self.finish = choice.finish_reason or self.finish

    def _joined(self, text: str) -> str:
        """`text` with the halves of cut characters put together; a half that stays alone becomes the � sign."""
        text = self.half + text
        self.half = text[-1] if text and "\ud800" <= text[-1] <= "\udbff" else ""
        return _whole(text[: len(text) - len(self.half)])

    def _emit(self, text: str, thinking: str) -> None:
        if text:
            self.parts.append(text)
            self.size += len(text)
            if self.size > MAX_REPLY:
                raise ModelFault("too_long", f"more than {MAX_REPLY} characters")
        self.thought += len(thinking)
        if text or thinking:
            self.on_delta(Delta(text, thinking))

    def reply(self) -> Reply:
        """The Reply, or a ModelFault when what came is none."""
        text = self.text
        if self.refusal or self.finish == "content_filter":
            raise ModelFault("refused", self.refusal or "content filter", partial=text)
        if not self.chunks:
            raise ModelFault("not_a_model", "the stream held nothing at all")
        if self.finish is None:
            raise ModelFault("cut", "the stream ended without a finish reason", partial=text)
        if not text.strip():
            raise ModelFault("empty", f"finish {self.finish}, {self.thought} characters of thinking")
        finish: Finish = "length" if self.finish == "length" else "stop"
        seconds = time.monotonic() - self.began
        return Reply(text, finish, self.usage or self._estimate(), seconds, _new(self.call))

    def spent(self) -> Usage | None:
        """What the call has cost so far, counted or estimated; None before anything came."""
        return self.usage or (self._estimate() if self.chunks else None)

    def _estimate(self) -> Usage:
        asked = sum(len(m.text) // 4 + len(m.images) * IMAGE_TOKENS for m in self.call.messages)
        return Usage(asked, (self.size + self.thought) // 4, thinking=self.thought // 4, estimated=True)


def _words(content: Any) -> str:
    """The text of a delta: some servers send a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage(counted: Any) -> Usage:
    prompt, answer = counted.prompt_tokens_details, counted.completion_tokens_details
    return Usage(
        counted.prompt_tokens or 0,
        counted.completion_tokens or 0,
        (prompt.cached_tokens or 0) if prompt else 0,
        (answer.reasoning_tokens or 0) if answer else 0,
    )


def fault_of(problem: Exception, partial: str = "") -> ModelFault | None:
    """The ModelFault for an exception of the SDK or of what lies below it; None when it is none of theirs."""
    match problem:
        case openai.APITimeoutError():
            # The SDK wraps what its transport raised: a connect timeout is another thing than silence.
            connecting = isinstance(problem.__cause__, httpx2.ConnectTimeout)
            return ModelFault("no_server" if connecting else "silent", str(problem), partial=partial)
        case openai.APIConnectionError():
            cut = isinstance(problem.__cause__, httpx2.RemoteProtocolError | httpx2.ReadError) or bool(partial)
            return ModelFault("cut" if cut else "no_server", _cause(problem), partial=partial)
        case openai.APIStatusError():
            body = problem.body if isinstance(problem.body, dict) else {}
            code = f"{problem.code or ''} {body.get('type', '')}"
            if "html" in problem.response.headers.get("content-type", ""):
                kind = "not_a_model" if problem.status_code < 500 else "provider"
                return ModelFault(kind, f"HTTP {problem.status_code} with a web page", partial=partial)  # type: ignore[arg-type]
            kind = kind_of(problem.status_code, code, problem.message)
            return ModelFault(
                kind, problem.message, retry_after=_retry_after(problem.response), partial=partial
            )
        case openai.APIResponseValidationError() | json.JSONDecodeError():
            return ModelFault("bad_json", str(problem), partial=partial)
        case openai.ContentFilterFinishReasonError():
            return ModelFault("refused", str(problem), partial=partial)
        case openai.LengthFinishReasonError():
            return ModelFault("too_long", str(problem), partial=partial)
        case openai.APIError():
            return ModelFault(
                kind_of(None, str(problem.code or ""), problem.message), problem.message, partial=partial
            )
        case openai.OpenAIError():
            return ModelFault("bad_request", str(problem), partial=partial)
        case httpx2.TimeoutException():
            return ModelFault("silent", repr(problem), partial=partial)
        case httpx2.HTTPError() | httpx2.InvalidURL() | httpx2.StreamError():
            return ModelFault("cut" if partial else "no_server", repr(problem), partial=partial)
        case ValueError():
            return ModelFault("bad_json", repr(problem), partial=partial)
    return None


def _cause(problem: Exception) -> str:
    return f"{problem} ({problem.__cause__!r})" if problem.__cause__ else str(problem)


def _retry_after(response: Any) -> float | None:
    """Seconds of a Retry-After header, given as a number or as an HTTP date; None without one."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return None


_running: asyncio.AbstractEventLoop | None = None
_starting = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    global _running
    with _starting:
        if _running is None or _running.is_closed():
            _running = asyncio.new_event_loop()
            threading.Thread(target=_running.run_forever, name="vibe-models", daemon=True).start()
        return _running
