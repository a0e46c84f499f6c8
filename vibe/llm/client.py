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
import math
import re
import ssl
import threading
import time
from dataclasses import replace
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
import openai

from vibe.llm.address import Pinned, by_proxy
from vibe.llm.bounded import PLAIN, bound, on_sent
from vibe.llm.errors import UNHEARD, Cancelled, ModelFault, kind_of
from vibe.llm.gathered import Gathered, OnDelta
from vibe.llm.message import Call, Learned, Message, Reply

WHOLE_S = 900.0  # a call that streams longer than this writes no small program
QUIET_S = 180.0  # without a word of an answer, however many comments keep the line alive
CANCEL_POLL_S = 0.02
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Client(Protocol):
    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        """The whole reply; deltas stream to `on_delta`. Raises ModelFault or Cancelled."""


class OpenAIClient:
    """Safe to share by threads. `idle_s`, `connect_s` and `whole_s` override the limits, for tests."""

    def __init__(
        self, *, idle_s: float | None = None, connect_s: float = 5.0, whole_s: float = WHOLE_S
    ) -> None:
        self._idle_s, self._connect_s, self._whole_s = idle_s, connect_s, whole_s

    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        """See Client.ask. `on_delta` is called in the loop's thread and must not block."""
        future = asyncio.run_coroutine_threadsafe(
            self._watched(call, on_delta or (lambda _: None), cancelled or threading.Event()), _loop()
        )
        return future.result()

    async def _watched(self, call: Call, on_delta: OnDelta, cancelled: threading.Event) -> Reply:
        gathered = Gathered(call, on_delta, quiet_s=self._idle_s or QUIET_S)
        task = asyncio.ensure_future(self._call(call, gathered))
        while not task.done():
            if cancelled.is_set():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, ModelFault):
                    await task
                end = Cancelled()
                end.usage = gathered.spent() or gathered.read_for()
                raise end
            await asyncio.wait({task}, timeout=CANCEL_POLL_S)
        return task.result()

    async def _call(self, call: Call, gathered: Gathered) -> Reply:
        try:
            return await self._read(call, gathered)
        except ModelFault as fault:
            fault.asked = gathered.asked and fault.kind in UNHEARD
            fault.usage = gathered.spent() or (gathered.read_for() if fault.asked else None)
            raise

    async def _read(self, call: Call, gathered: Gathered) -> Reply:
        try:
            async with asyncio.timeout(self._whole_s) as whole:
                await self._stream(call, gathered)
        except ModelFault:
            raise
        except Exception as problem:  # sorted by fault_of; what it does not know is raised again
            if whole.expired():
                raise gathered.fault("too_long", f"not complete after {self._whole_s:.0f} s") from None
            if isinstance(problem.__cause__, ModelFault):  # of our own limits, wrapped by the SDK
                raise problem.__cause__ from None
            fault = fault_of(problem, gathered.text, call.model.key)
            if fault is None:
                raise
            raise fault from None  # what it came from may hold the key, and a log prints the whole chain
        return replace(gathered.reply(), learned=_new(call))

    async def _stream(self, call: Call, gathered: Gathered) -> None:
        key = call.model.key
        if not (key.isascii() and key.isprintable()):
            raise ModelFault("wrong_key", "the key holds signs that no header can carry")
        try:
            local = call.model.local or urlsplit(call.model.base_url).hostname in LOOPBACK
            idle = self._idle_s or (180.0 if local else 30.0)
            timeout = httpx2.Timeout(connect=self._connect_s, read=idle, write=30.0, pool=10.0)
            client = openai.AsyncOpenAI(
                api_key=key or "none",
                base_url=call.model.base_url,
                max_retries=0,
                timeout=timeout,
                # Proxies of the environment are for the internet, never for a server on this machine.
                http_client=httpx2.AsyncClient(
                    timeout=timeout,
                    trust_env=not local,
                    verify=_trusted(local),
                    transport=None if by_proxy() and not local else Pinned(verify=_trusted(local)),
                    headers=PLAIN,
                    event_hooks={"request": [on_sent(gathered.has_asked)], "response": [bound]},
                ),
            )
        except (ValueError, httpx2.InvalidURL) as problem:
            raise ModelFault("no_server", f"no address: {problem}", secret=key) from None
        async with client:
            await gathered.read(await self._open(client, call))

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


@cache
def _trusted(local: bool) -> ssl.SSLContext:
    """Whose certificates are believed. To read them takes 35 ms, for which every stream of this process would stand."""
    return httpx2.create_ssl_context(trust_env=not local)


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


def fault_of(problem: Exception, partial: str = "", secret: str = "") -> ModelFault | None:
    """The ModelFault for an exception of the SDK or of what lies below it; None when it is none of theirs.

    `secret` is the key of the call: it stands nowhere in the fault, whatever a provider echoes.
    """
    match problem:
        case openai.APITimeoutError():
            # The SDK wraps what its transport raised: a connect timeout is another thing than silence.
            connecting = isinstance(problem.__cause__, httpx2.ConnectTimeout)
            return ModelFault(
                "no_server" if connecting else "silent", str(problem), partial=partial, secret=secret
            )
        case openai.APIConnectionError():
            cut = isinstance(problem.__cause__, httpx2.RemoteProtocolError | httpx2.ReadError) or bool(partial)
            return ModelFault("cut" if cut else "no_server", _cause(problem), partial=partial, secret=secret)
        case openai.APIStatusError():
            return _refused(problem, partial, secret)
        case openai.APIResponseValidationError() | json.JSONDecodeError():
            return ModelFault("bad_json", str(problem), partial=partial, secret=secret)
        case openai.ContentFilterFinishReasonError():
            return ModelFault("refused", str(problem), partial=partial, secret=secret)
        case openai.LengthFinishReasonError():
            return ModelFault("too_long", str(problem), partial=partial, secret=secret)
        case openai.APIError():
            return ModelFault(
                kind_of(None, str(problem.code or ""), problem.message),
                problem.message,
                partial=partial,
                secret=secret,
            )
        case openai.OpenAIError():
            return ModelFault("bad_request", str(problem), partial=partial, secret=secret)
        case httpx2.TimeoutException() | TimeoutError():
            return ModelFault("silent", repr(problem), partial=partial, secret=secret)
        case httpx2.RemoteProtocolError() | httpx2.ReadError():
            return ModelFault("cut", repr(problem), partial=partial, secret=secret)
        case httpx2.HTTPError() | httpx2.InvalidURL() | httpx2.StreamError():
            return ModelFault("cut" if partial else "no_server", repr(problem), partial=partial, secret=secret)
        case ExceptionGroup() | OverflowError():  # of one attempt an address: no such port, no such network
            return ModelFault("cut" if partial else "no_server", repr(problem), partial=partial, secret=secret)
        case ValueError() | RecursionError():  # JSON that is nested too deeply
            return ModelFault("bad_json", repr(problem), partial=partial, secret=secret)
    return None


def _refused(problem: openai.APIStatusError, partial: str, secret: str) -> ModelFault:
    """The fault of an HTTP status that is none of success."""
    status, headers = problem.status_code, problem.response.headers
    if "html" in headers.get("content-type", ""):
        told = f"HTTP {status} with a web page"
        return ModelFault("not_a_model" if status < 500 else "provider", told, partial=partial)
    body = problem.body if isinstance(problem.body, dict) else {}
    kind = kind_of(status, f"{problem.code or ''} {body.get('type', '')}", problem.message)
    return ModelFault(
        kind, problem.message, retry_after=_retry_after(problem.response), partial=partial, secret=secret
    )


def _cause(problem: Exception) -> str:
    return f"{problem} ({problem.__cause__!r})" if problem.__cause__ else str(problem)


def _retry_after(response: Any) -> float | None:
    """Seconds of a Retry-After header, given as a number or as an HTTP date; None without one."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    with contextlib.suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
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
