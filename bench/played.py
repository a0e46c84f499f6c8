"""A model that is played, in a process of its own: each chunk of its stream says when it was sent.

python -m bench.played RATE CHUNKS      first line: its address; then one line each time a caller hung up
"""

import sys
import time

from bench.wire import mark
from tests.modelserver import Handler, ModelServer

BEGIN = "FILE index.html\n```html\n<!doctype html><title>Bench</title><p>"
END = "</p>\n```\nDONE\n"


def stream(rate: float, chunks: int, *, page: bool = True) -> "object":
    """A page whose text is marks, `rate` chunks a second."""

    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"role": "assistant", "content": BEGIN if page else ""})
        begin = time.monotonic()
        for number in range(chunks):
            pause = begin + number / rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            handler.chunk({"content": mark(number)})
        handler.chunk({"content": END} if page else {}, finish="stop")
        handler.end()

    return behave


def main(rate: float, chunks: int) -> None:
    with ModelServer() as server:
        server.always(stream(rate, chunks))  # type: ignore[arg-type]
        print(server.url, flush=True)
        told = 0
        while True:
            if len(server.left) > told:
                print(server.left[told], flush=True)
                told += 1
            time.sleep(0.002)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
