"""A real HTTP server that plays a model, well or badly: what real providers were seen to do, by name.

with ModelServer([say("hello"), status(429, retry_after="1"), cut("half a")]) as server:
    server.url, server.requests
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"
    body: dict[str, Any]

    def do_GET(self) -> None:
        if self.path.endswith("/models"):
            self.json(
                200,
                {"object": "list", "data": [{"object": "model", **entry} for entry in self.server.listed]},
            )
            return
        self.json(404, {"error": {"message": "not found"}})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        request = {"path": self.path, "body": body, "headers": {k.lower(): v for k, v in self.headers.items()}}
        with self.server.lock:
            self.body = body
            if _is_plan(body):
                self.server.plans.append(request)
                behaviour = self.server.plan
            else:
                self.server.requests.append(request)
                behaviour = self.server.script.pop(0) if self.server.script else self.server.standard
        try:
            behaviour(self)
            if not _is_plan(body):
                self.server.answered.append(time.monotonic())
        except (BrokenPipeError, ConnectionResetError):
            self.server.left.append(time.monotonic())

    # --- what behaviours are made of ----------------------------------------------------------------------------

    def json(self, code: int, data: Any, headers: dict[str, str] | None = None) -> None:
        self.whole(code, "application/json", json.dumps(data).encode(), headers)

    def whole(self, code: int, kind: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def raw(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def chunk(self, delta: dict[str, Any] | None, *, finish: str | None = None, **more: Any) -> None:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        data = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "test",
            "choices": choices,
            **more,
        }
        self.raw(f"data: {json.dumps(data)}\n\n")

    def end(self) -> None:
        self.raw("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def hang_up(self) -> None:
        """Cut the connection as a crashed server does."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        pass


def _is_plan(body: Any) -> bool:
    messages = body.get("messages") if isinstance(body, dict) else None
    return bool(messages) and str(messages[0].get("content", "")).startswith("You plan one small program")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Iterable[Behaviour], models: Iterable[str | dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = list(script)
        self.standard: Behaviour = say("ready")
        self.listed = [{"id": entry} if isinstance(entry, str) else entry for entry in models]
        self.requests: list[dict[str, Any]] = []
        # Plan calls are answered apart: most tests are about what is written.
        self.plan: Behaviour = say("STEP It does what was asked\n", piece=400)
        self.plans: list[dict[str, Any]] = []
        self.left: list[float] = []
        self.answered: list[float] = []
        self.lock = threading.Lock()

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is part of the play."""


class ModelServer:
    """`requests`: what was asked, plan calls apart in `plans`. `left`: when a caller hung up (monotonic seconds).
    `answered`: when the last word of what was asked in `requests` was said."""

    def __init__(
        self,
        script: Iterable[Behaviour] = (),
        models: Iterable[str | dict[str, Any]] = ("test-model",),
    ) -> None:
        self._server = Server(script, models)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self.requests, self.left, self.script = self._server.requests, self._server.left, self._server.script
        self.plans, self.answered = self._server.plans, self._server.answered

    def __enter__(self) -> "ModelServer":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def plan(self, text: str | Behaviour, **more: Any) -> None:
        """What plan calls are answered from now on."""
        self._server.plan = say(text, piece=400, **more) if isinstance(text, str) else text

    def always(self, behaviour: Behaviour) -> None:
        self._server.standard = behaviour


# --- behaviours -------------------------------------------------------------------------------------------------

USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def say(
    text: str,
    *,
    piece: int = 12,
    pause_s: float = 0.0,
    finish: str = "stop",
    usage: bool = True,
    go: threading.Event | None = None,
) -> Behaviour:
    """`go`: after half of the text nothing more comes until it is set."""

    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"role": "assistant", "content": ""})
        for start in range(0, len(text), piece):
            handler.chunk({"content": text[start : start + piece]})
            time.sleep(pause_s)
            if go and start <= len(text) // 2 < start + piece:
                go.wait(120)
        handler.chunk({}, finish=finish)
        if usage:
            handler.chunk(None, usage=USAGE)
        handler.end()

    return behave


def pieces(*contents: object) -> Behaviour:
    """Each content as a delta of its own, exactly as it is: halves of characters, lists of parts."""

    def behave(handler: Handler) -> None:
        handler.begin()
        for content in contents:
            handler.chunk({"content": content})
        handler.chunk({}, finish="stop")
        handler.end()

    return behave


def think(thought: str, text: str, *, field: str = "reasoning_content") -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({field: thought})
        handler.chunk({"content": text})
        handler.chunk({}, finish="stop")
        handler.end()

    return behave


def status(
    code: int, *, message: str = "no", error_code: str = "", retry_after: str = "", kind: str = ""
) -> Behaviour:
    headers = {"retry-after": retry_after} if retry_after else {}
    return lambda handler: handler.json(
        code, {"error": {"message": message, "code": error_code, "type": kind}}, headers
    )


def able(
    *, refuses: Iterable[str] = (), form: bool = True, sees: bool = True, usage: bool = True, most: int = 0
) -> Behaviour:
    """A model that answers to what it is asked: refuses parameters by name, keeps to a form, sees red, has a cap."""

    def behave(handler: Handler) -> None:
        body = handler.body
        if named := [name for name in refuses if name in body]:
            refusal = status(
                400, message=f"Unsupported parameter: '{named[0]}' is not supported with this model."
            )
            return refusal(handler)
        wanted = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        if most and wanted > most:
            words = f"max_tokens is too large: {wanted}. This model supports at most {most} completion tokens."
            return status(400, message=words)(handler)
        if "response_format" in body and form:
            return say('{"fruit": "pear", "count": 3}', usage=usage)(handler)
        if isinstance(body["messages"][-1]["content"], list) and sees:
            return say("Red.", usage=usage)(handler)
        return say("ready", usage=usage)(handler)

    return behave


def elsewhere(url: str) -> Behaviour:
    """Sends its caller to another address, as a captured name would."""
    return lambda handler: handler.whole(307, "text/plain", b"", {"location": url})


def html(code: int = 200) -> Behaviour:
    return lambda handler: handler.whole(code, "text/html; charset=utf-8", b"<!doctype html><h1>Welcome</h1>")


def cut(text: str) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"content": text})
        handler.hang_up()

    return behave


def silence(text: str, seconds: float) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"content": text})
        time.sleep(seconds)
        handler.hang_up()

    return behave


def no_finish(text: str) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"content": text})
        handler.wfile.write(b"0\r\n\r\n")

    return behave


def broken_json(text: str) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"content": text})
        handler.raw('data: {"id": "c1", "choices": [{"del\n\n')
        handler.end()

    return behave


def error_inside(text: str, message: str, code: str) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"content": text})
        handler.raw(f"data: {json.dumps({'error': {'message': message, 'code': code}})}\n\n")
        handler.end()

    return behave


def raw_chunks(*lines: str) -> Behaviour:
    """Each line as one `data:` line, exactly as it is, then the end of the stream."""

    def behave(handler: Handler) -> None:
        handler.begin()
        for line in lines:
            handler.raw(f"data: {line}\n\n")
        handler.end()

    return behave


def plain(code: int, data: Any) -> Behaviour:
    """JSON that is no error of a model server, or a bare text."""
    if isinstance(data, str):
        return lambda handler: handler.whole(code, "text/plain", data.encode())
    return lambda handler: handler.json(code, data)


def whole(text: str, **more: Any) -> Behaviour:
    """A server that ignores `stream`: the whole completion in one piece of JSON."""
    message = {"role": "assistant", "content": text, **more}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return lambda handler: handler.json(
        200, {"id": "c1", "object": "chat.completion", "created": 1, "choices": [choice], "usage": USAGE}
    )


def comments(text: str, *, every_s: float = 0.05, seconds: float = 20.0) -> Behaviour:
    """Some words, then nothing but comments that keep the line alive."""

    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"content": text})
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            handler.raw(": PROCESSING\n\n")
            time.sleep(every_s)

    return behave


def null_choices(message: str) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        data = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": None}
        handler.raw(f"data: {json.dumps({**data, 'error': {'message': message, 'code': 502}})}\n\n")
        handler.end()

    return behave


def refusal(words: str) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        handler.chunk({"refusal": words})
        handler.chunk({}, finish="stop")
        handler.end()

    return behave


def endless(seconds: float = 30.0) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            handler.chunk({"content": "still writing "})
            time.sleep(0.005)

    return behave
