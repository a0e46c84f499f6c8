"""The door of the served process: a body that is too large is answered at once, before a byte of it is kept.

The server underneath writes a whole body to disk before our application hears of the request, so it is refused here:
by its Content-Length, or where it is sent in chunks as soon as they are too many. What came in chunks goes on with the
length that it turned out to have. A large one is handed on from the disk, without being read into memory: the server
underneath queues all of it at once, for as many visitors as send one.
"""

import io
import mmap
from typing import IO, Any

import daphne.server
from daphne.http_protocol import HTTPFactory, WebRequest

LINGER_S = 2.0  # the answer is lost when the connection closes on a browser that is still sending
_ANSWER = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s"
)
_WORDS = b"That is more than I can take at once. Add at most 300 files, 25 MB each and 100 MB in all.\n"


class Mapped:
    """A body that lies on disk, as what is read of a file: views of it, which hold no memory of their own."""

    def __init__(self, file: IO[bytes]) -> None:
        file.flush()
        self._file, self._at = file, 0
        self._view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @property
    def closed(self) -> bool:
        return self._file.closed

    def seek(self, at: int, whence: int = 0) -> None:
        self._at = at

    def read(self, size: int = -1) -> memoryview:
        begin, self._at = self._at, len(self._view) if size < 0 else min(self._at + size, len(self._view))
        return self._view[begin : self._at]

    def close(self) -> None:
        self._file.close()  # the map goes with its last view


def limit_bodies(most: int) -> None:
    """From here on the server takes no body of more than `most` bytes."""

    class Request(WebRequest):
        refused = False
        taken = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # Else every form is read into memory, for nobody: a hundred megabytes of %41 become six gigabytes.
            self._parsePOSTFormSubmission = False

        def gotLength(self, length: int | None) -> None:  # noqa: N802  Twisted's name
            super().gotLength(length if length is None or length <= most else 0)
            if length is not None and length > most:
                self._refuse()

        def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
            self.taken += len(data)
            if not self.refused and self.taken > most:
                self._refuse()
            if not self.refused:
                super().handleContentChunk(data)

        def requestReceived(self, *args: Any) -> None:  # noqa: N802
            if self.refused:
                return
            if self.taken:  # by its length alone our application judges what there is room for
                self.requestHeaders.removeHeader(b"Transfer-Encoding")
                self.requestHeaders.setRawHeaders(b"Content-Length", [b"%d" % self.taken])
            self.requestHeaders.removeHeader(b"Daphne-Root-Path")  # a proxy's to say, and ours has no path
            super().requestReceived(*args)

        def process(self) -> Any:
            if self.taken and not isinstance(self.content, io.BytesIO):
                self.content = Mapped(self.content)
            return super().process()

        def _refuse(self) -> None:
            from twisted.internet import reactor

            self.refused = True
            self.requestHeaders.removeHeader(b"Expect")  # or it would be told to go on
            self.content.truncate(0)
            transport = self.channel.transport
            transport.write(_ANSWER % (len(_WORDS), _WORDS))
            reactor.callLater(LINGER_S, transport.abortConnection)  # type: ignore[attr-defined]

    class Factory(HTTPFactory):
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
            protocol = super().buildProtocol(addr)
            protocol.requestFactory = Request
            return protocol

    daphne.server.HTTPFactory = Factory
