#!/usr/bin/env python3
"""kept: look, with its Chromium started before there is a page to look at (image.toml, [warm]).

It says that it is ready and waits for the word on descriptor 3; only then is the job there to be read. Starting Chromium,
its driver, a window and the first renderers is most of what a short look takes.
"""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import look
from chrome import launch, warm
from playwright.sync_api import Browser, sync_playwright

HOST = '<button>x</button><iframe sandbox="allow-scripts" src="http://check.localhost:%d/"></iframe>'
FRAME = "<button>x</button><script>document.querySelector('button').onclick = () => {}</script>"


class Empty(BaseHTTPRequestHandler):
    """A page in a frame of another origin, as a look has it: Chromium keeps what it loads for such a pair."""

    def do_GET(self) -> None:
        body = FRAME if self.headers.get("Host", "").startswith("check.") else HOST % self.server.server_port
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        pass


def made_warm(browser: Browser) -> None:
    """What a look needs is made, and was used once."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        warm(browser, f"http://localhost:{server.server_port}/")
        server.shutdown()


def main() -> None:
    playwright = sync_playwright().start()
    browser = launch(playwright)
    made_warm(browser)
    os.write(3, b"r")
    if os.read(3, 1) != b"g":
        os._exit(1)
    os.close(3)
    look.BROWSER = browser
    look.main(playwright)


if __name__ == "__main__":
    main()
