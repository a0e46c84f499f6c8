"""A gate before the engine: through it sealed boxes can be made, used and removed, and nothing else at all.

Whoever may speak to a Docker engine is root on its machine, so the process that speaks to models and reads what they
write must not. It is given this gate's socket in place of the engine's. A filter of paths would not do: one allowed
"create" with a bind mount is enough. So a body is not searched for what is bad in it: the box that it asks for is
composed anew from its size (sandbox.sealing), must come out the same, and it is ours that is sent on.

  python -m sandbox gate --listen /run/gate/docker.sock --engine /var/run/docker.sock
"""

import contextlib
import http.client
import json
import os
import re
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.limits import MIB
from sandbox.samebox import Refused, asked_life, asked_memory, list_of_boxes, same_box
from sandbox.sealing import LABEL

MOST_BODY = 1 * MIB  # our profile of system calls is most of a "create"
MOST_REPLY = 16 * MIB
MOST_HEAD = 16 * 1024  # of an answer
ENGINE_S = 60.0
AT_ONCE = 64  # boxes: the memory of the machine is not only theirs
# of its /info
TOLD = ("SecurityOptions", "Runtimes", "ServerVersion", "OSType", "CgroupVersion", "SystemTime", "NCPU")

_ID = "([0-9a-f]{64})"
_BOX = re.compile(rf"/containers/{_ID}(?:/(json|start|attach))?")
_IMAGE = re.compile(r"/images/(vibe-[a-z]{1,20}:[0-9a-f]{12})/json")
_UPGRADED = re.compile(rb"HTTP/1\.1 101 [^\r]*\r\n")
_NAME = re.compile(r"vibe-box-[0-9a-f]{12}")


class Gate(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves on the socket `listen`, which only this user may use; one thread a call."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, listen: str, engine: str, *, runtime: str = "", at_once: int = AT_ONCE) -> None:
        self.engine, self.runtime, self.at_once = engine, runtime, at_once
        self._boxes: set[str] | None = None  # none are known yet
        self._making = 0  # places that are taken by boxes on their way
        self._lock = threading.Lock()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(listen)
        before = os.umask(0o177)
        try:
            super().__init__(listen, _Call)
        finally:
            os.umask(before)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news; anything else is a line, never a traceback on the socket."""
        problem = sys.exc_info()[1]
        if not isinstance(problem, (BrokenPipeError, ConnectionResetError)):
            say("error", f"a call failed: {type(problem).__name__}: {problem}")

    # --- what is known of boxes -------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def a_place(self) -> Iterator[Callable[[str], None]]:
        """Within it one of the places is ours; call what it yields with the id of the box that takes it for good.

        Raises Refused when all are taken: by boxes made here or found at the start, and by those on their way.
        """
        with self._lock:
            if self._boxes is None or len(self._boxes) + self._making >= self.at_once:
                there = {row["Id"] for row in json.loads(self.ask("GET", list_of_boxes())[1])}
                self._boxes = there if self._boxes is None else self._boxes & there
            if len(self._boxes) + self._making >= self.at_once:
                raise Refused(f"{self.at_once} boxes are open already")
            self._making += 1
        made: list[str] = []
        try:
            yield made.append
        finally:
            with self._lock:
                self._making -= 1
                self._boxes.update(made)

    def gone(self, identity: str) -> None:
        with self._lock:
            (self._boxes or set()).discard(identity)

    def is_box(self, identity: str) -> bool:
        """Whether this container is a box: made here, or labelled as one (a gate that was started anew)."""
        with self._lock:
            if identity in (self._boxes or ()):
                return True
        status, body = self.ask("GET", f"/containers/{identity}/json")
        if status == 404:
            return True  # the engine says it again, in its own words
        return status == 200 and json.loads(body)["Config"]["Labels"].get(LABEL) == "1"

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One call of ours to the engine: (status, body)."""
        connection = _ToSocket(self.engine)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read(MOST_REPLY)
        finally:
            connection.close()


class _ToSocket(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=ENGINE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ENGINE_S)
        self.sock.connect(self._path)


class _Call(BaseHTTPRequestHandler):
    """Each call is taken apart and made anew from the parts that are known: nothing of it is passed on as it came."""

    protocol_version = "HTTP/1.1"
    rbufsize = 0  # what follows an "attach" is the box's, not ours to have read already
    timeout = 900  # of silence between the calls of one connection
    server: Gate

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def address_string(self) -> str:
        return "worker"

    def _serve(self) -> None:
        try:
            status, body = self._through()
        except Refused as no:
            say("warning", f"refused {self.command} {self.path[:200]!r}: {no}")
            status, body = 403, json.dumps({"message": f"The gate refused it: {no}."}).encode()
        except (OSError, http.client.HTTPException, ValueError, KeyError) as problem:
            say("error", f"the engine does not answer: {type(problem).__name__}: {problem}")
            words = "The gate reaches no Docker engine: connection refused"
            status, body = 503, json.dumps({"message": words}).encode()
        if status == 0:  # a stream: it had its answer, and has ended
            self.close_connection = True
            return
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _through(self) -> tuple[int, bytes]:
        """(status, body) of what was allowed; status 0 when the connection became a stream. Raises Refused."""
        gate, parts = self.server, urlsplit(self.path)
        version, path = re.fullmatch(r"(/v1\.\d{1,3})?(.*)", parts.path, re.DOTALL).groups("")  # type: ignore[union-attr]
        body = self._body()
        match self.command, path:
            case ("GET" | "HEAD", "/_ping") | ("GET", "/version"):
                return gate.ask(self.command, version + path)
            case "GET", "/info":
                status, told = gate.ask("GET", version + path)
                known = json.loads(told) if status == 200 else {}
                return status, json.dumps({name: known.get(name) for name in TOLD}).encode()
            case "GET", "/containers/json":
                return gate.ask("GET", version + list_of_boxes(asked_life(parse_qs(parts.query))))
            case "GET", "/events":
                return gate.ask("GET", version + asked_memory(parse_qs(parts.query), time.time()))
            case "POST", "/containers/create":
                return self._create(version, parse_qs(parts.query), body)
        if self.command == "GET" and (image := _IMAGE.fullmatch(path)):
            return gate.ask("GET", f"{version}/images/{image[1]}/json")
        if box := _BOX.fullmatch(path):
            return self._with_box(version, box[1], box[2] or "")
        raise Refused("it is not among what a worker needs")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > MOST_BODY:
            self.close_connection = True
            raise Refused("its body is too large, or of no known length")
        left, data = int(length), b""
        while left and (part := self.rfile.read(left)):
            data, left = data + part, left - len(part)
        return data

    def _create(self, version: str, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes]:
        name = query.get("name", [""])[0]
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError) as problem:
            raise Refused("its body is not JSON") from problem
        if set(query) != {"name"} or not _NAME.fullmatch(name) or not isinstance(asked, dict):
            raise Refused("a box has another name")
        ours = same_box(asked, self.server.runtime, time.time())
        with self.server.a_place() as made:
            path = f"{version}/containers/create?name={name}"
            status, told = self.server.ask("POST", path, json.dumps(ours).encode())
            if status == 201:
                made(json.loads(told)["Id"])
        return status, told

    def _with_box(self, version: str, identity: str, what: str) -> tuple[int, bytes]:
        wanted = {"json": "GET", "start": "POST", "attach": "POST", "": "DELETE"}[what]
        if self.command != wanted or not self.server.is_box(identity):
            raise Refused("it is no box, or not what is done with one")
        path = f"{version}/containers/{identity}"
        if what == "attach":
            return self._stream(f"{path}/attach?stdin=1&stdout=1&stderr=1&stream=1")
        if what:
            return self.server.ask(wanted, f"{path}/{what}")
        status, told = self.server.ask("DELETE", f"{path}?force=1")
        if status in {204, 404}:
            self.server.gone(identity)
        return status, told

    def _stream(self, path: str) -> tuple[int, bytes]:
        """From here on bytes go both ways. Each end closes for itself: a worker that died must close a box's stdin.

        Only where the engine says that they do: after any other answer it would read what comes as its next call.
        """
        with socket.socket(socket.AF_UNIX) as engine:
            engine.settimeout(ENGINE_S)
            engine.connect(self.server.engine)
            engine.sendall(
                f"POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )
            head = _head(engine)
            if not _UPGRADED.match(head):
                self.close_connection = True
                return int(head[9:12]), json.dumps({"message": "The box cannot be attached to."}).encode()
            self.connection.sendall(head)
            engine.settimeout(None)
            self.connection.settimeout(None)
            back = threading.Thread(target=_pump, args=(engine, self.connection), daemon=True)
            back.start()
            _pump(self.connection, engine)
            back.join()
        return 0, b""


def _head(engine: socket.socket) -> bytes:
    """The head of its answer and no byte more: what follows is the box's. Raises ValueError, OSError."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = engine.recv(1)
        if not more or len(head) > MOST_HEAD:
            raise ValueError("an answer without an end")
        head += more
    return head


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(256 * 1024):
            target.sendall(data)
    except OSError:  # the target hung up: what comes is for nobody
        with contextlib.suppress(OSError):
            source.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def say(level: str, words: str) -> None:
    """One line of JSON a message, as the rest of the stack writes them."""
    line = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "logger": "sandbox.gate"}
    print(json.dumps({**line, "message": words}), file=sys.stderr, flush=True)  # noqa: T201


def serve(listen: str, engine: str) -> None:
    """Until the process is told to end."""
    with Gate(listen, engine, runtime=os.environ.get("SANDBOX_RUNTIME", "")) as gate:
        say("info", f"sealed boxes only, from {listen} to {engine}")
        gate.serve_forever()
