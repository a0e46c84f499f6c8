"""A limit on what a model server may send, before anything of it is decoded or put together.

The SDK keeps a line, an event and the body of an error for as long as they grow, and unpacks what is packed: a server
that means harm, or is broken, would fill our memory with one reply.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import httpx2

from vibe.llm.errors import ModelFault

MOST_EVENT = 24_000_000  # bytes without an empty line between them: a reply in one piece is no larger
MOST_ALL = 256_000_000  # bytes of a whole stream: two million characters, sent one by one
PLAIN = {"Accept-Encoding": "identity"}  # what is packed may be a thousand times what was sent


class _Bounded(httpx2.AsyncByteStream):
    """Iterates by itself and not by a generator: one that is left in the middle is closed by whichever thread collects
    it, while the loop may still be in it."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner
        self._pieces = aiter(inner)
        self._event, self._whole, self._tail = 0, 0, b""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        seen = self._tail + piece
        last = max(seen.rfind(b"\n\n"), seen.rfind(b"\n\r\n"), seen.rfind(b"\r\r"))
        self._event = len(seen) - last if last >= 0 else self._event + len(piece)
        self._whole += len(piece)
        self._tail = seen[-2:]
        if self._event > MOST_EVENT or self._whole > MOST_ALL:
            raise ModelFault("too_long", f"{self._event} bytes without an end, {self._whole} in all")
        return piece

    async def aclose(self) -> None:
        if isinstance(self._pieces, AsyncGenerator):
            await self._pieces.aclose()
        await self._inner.aclose()


async def bound(response: httpx2.Response) -> None:
    """A response hook of the HTTP client. Raises ModelFault for a reply that is packed, though we asked for a plain one."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise ModelFault("bad_json", "the reply is packed, and was not asked to be")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream)


def on_sent(tell: Callable[[], None]) -> Callable[[httpx2.Request], Awaitable[None]]:
    """A request hook of the HTTP client: `tell` is called when a whole request has gone out."""

    async def trace(name: str, info: object) -> None:
        if name.endswith(".send_request_body.complete"):
            tell()

    async def hook(request: httpx2.Request) -> None:
        request.extensions = {**request.extensions, "trace": trace}

    return hook
