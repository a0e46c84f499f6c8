"""serving: the two origins of a look, on one port of the box."""

import contextlib
from http.server import BaseHTTPRequestHandler

from notebook import JOB


class Handler(BaseHTTPRequestHandler):
    """The host page on the app's host name, the document on every other one, each with its own headers; any other
    path is not there, as it is not there on a card's origin."""

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").split(":")[0]
        app = host == JOB["app_host"]
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
            return
        there = self.path.split("?")[0] == "/"
        body = b"Not found"
        if there:
            with open("host.html" if app else "page.html", "rb") as page:
                body = page.read()
        self.send_response(200 if there else 404)
        for name, value in JOB["host_headers" if app else "document_headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass
