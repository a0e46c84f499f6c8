"""The Engine on Docker: the only importer of `docker`, and the one place where a box's options are written.

Files never cross by archive or shared folder: a read-only box forbids the first, and every known escape of this
kind came by the second. They travel as length-prefixed bytes on the attached stream, as everything does.
"""

import codecs
import json
import os
import re
import select
import socket
import struct
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Literal

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import HostConfig, LogConfig, Ulimit
from requests.exceptions import RequestException

from sandbox import catalog
from sandbox.errors import BoxFailed, EngineUnavailable, ImageMissing
from sandbox.frames import BadStream, Frames, frame
from sandbox.limits import MIB, Limits
from sandbox.outcome import Artifact, Ended, OnOutput, Outcome
from sandbox.source import Source

__all__ = ["APIError", "DockerEngine", "ImageNotFound", "RequestException"]

LABEL = "vibe.sandbox"
USER = "65532:65532"
SECCOMP = Path(__file__).with_name("seccomp.json")
READY_S = 30.0  # a cold start was 1.7 s at p95 on a loaded machine
GRACE_S = 2.0  # between the runner's clock and ours
POLL_S = 0.02
PROBE_S = 3  # an engine that takes longer to say hello is as good as none
PATIENCE_S = 0.3  # a page waits for fresh news of the engine, then takes the last
CALL_S = 60
STDIN_PIECE = 64 * 1024
SILENT = "The Docker engine accepts calls but does not answer: restart Docker."


class DockerEngine:
    """One a process. `owner` marks its boxes; the client is made at first use and safe to share by threads."""

    def __init__(self, owner: str = "") -> None:
        self.owner = owner or f"{socket.gethostname()}-{os.getpid()}"
        self._client: Any = None
        self._lock = threading.Lock()
        self._mine: set[str] = set()
        self._checked: tuple[float, str] | None = None  # when, and what `available` found
        self._asking: threading.Thread | None = None

    # --- what there is ------------------------------------------------------------------------------------------

    @property
    def client(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _connect(CALL_S)
            return self._client

    def available(self) -> str:
        """An empty string, or why no box can be opened. Remembered for two seconds.

        An engine that accepts calls and is silent must not hold a page: it is asked beside us, the first answer is
        waited for PROBE_S at most, later ones PATIENCE_S, and until one comes the last one holds.
        """
        with self._lock:
            known = self._checked
            if known and time.monotonic() - known[0] < 2:
                return known[1]
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self._ask, name="vibe-engine", daemon=True)
                self._asking.start()
            asking = self._asking
        asking.join(PATIENCE_S if known else PROBE_S)
        return self._checked[1] if self._checked else SILENT

    def _ask(self) -> None:
        said = self._available()
        self._checked = (time.monotonic(), said)

    def _available(self) -> str:
        try:
            probe = _connect(PROBE_S)
        except EngineUnavailable as problem:
            return problem.sentence
        try:
            info = probe.info()
            missing = [name for name in catalog.names() if not _has(probe, name)]
        except (DockerException, RequestException) as problem:
            with self._lock:
                self._client = None
            return _why(problem)
        finally:
            probe.close()
        if not any("seccomp" in option for option in info.get("SecurityOptions") or []):
            return "This Docker engine has no seccomp, so boxes would not be sealed: use another engine."
        return (
            f"The images of the boxes are not built ({', '.join(missing)}): run  make images" if missing else ""
        )

    def has_image(self, name: str) -> bool:
        return _has(self.client, name)

    # --- one run ------------------------------------------------------------------------------------------------

    def run(
        self,
        source: Source,
        *,
        limits: Limits = Limits(),  # noqa: B008  a frozen value
        stdin: bytes = b"",
        on_output: OnOutput | None = None,
        cancelled: threading.Event | None = None,
    ) -> Outcome:
        """See sandbox.engine.Engine.run."""
        box = self._open(source, limits, len(stdin))
        try:
            return _Talk(box, source, limits, on_output, cancelled or threading.Event()).outcome(stdin)
        finally:
            box.close()
            self._remove(box.id)

    def _open(self, source: Source, limits: Limits, stdin_size: int) -> "_Box":
        client = self.client
        try:
            config = self.config(source, limits, stdin_size)
            made = client.api.create_container_from_config(config, f"vibe-box-{uuid.uuid4().hex[:12]}")
        except ImageNotFound as problem:
            raise ImageMissing(f"The image {source.image} is not built: run  make images") from problem
        except (DockerException, RequestException) as problem:
            raise EngineUnavailable(_why(problem)) from problem
        identity = made["Id"]
        with self._lock:
            self._mine.add(identity)
        try:
            attached = client.api.attach_socket(
                identity, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            )
            client.api.start(identity)
        except (DockerException, RequestException) as problem:
            self._remove(identity)
            raise BoxFailed(f"A box could not be started: {_why(problem)}") from problem
        return _Box(identity, attached)

    def config(self, source: Source, limits: Limits, stdin_size: int = 0) -> dict[str, Any]:
        """Everything that seals a box. The test of this module inspects each line on a live box.

        What lies in /box counts as memory, and so does the input that the runner still holds: both come on top.
        """
        least = catalog.settings(source.image)["least"]
        disk = max(limits.disk_bytes, 2 * source.size)
        tmp = int(least["tmp_mb"]) * MIB
        memory = max(limits.memory_bytes, int(least["memory_mb"]) * MIB) + disk + stdin_size
        file_size = max(disk, tmp)
        host = HostConfig(
            version=self.client.api._version,
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true", f"seccomp={SECCOMP.read_text(encoding='utf-8')}"],
            read_only=True,
            tmpfs={
                "/box": f"rw,nosuid,nodev,exec,size={disk},nr_inodes=8192,mode=0700,uid=65532,gid=65532",
                "/tmp": f"rw,nosuid,nodev,{'exec' if least['tmp_exec'] else 'noexec'},size={tmp},nr_inodes=8192,mode=1777",
            },
            shm_size=16 * MIB,
            pids_limit=max(limits.processes, int(least["processes"])),
            mem_limit=memory,
            memswap_limit=memory,
            nano_cpus=int(limits.cpus * 1e9),
            ipc_mode="private",
            log_config=LogConfig(type="none"),
            auto_remove=True,
            privileged=False,
            ulimits=[
                Ulimit(name="nofile", soft=int(least["files"]), hard=int(least["files"])),
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="fsize", soft=file_size, hard=file_size),
            ],
            runtime=os.environ.get("SANDBOX_RUNTIME") or None,
        )
        deadline = int(time.time() + limits.time_s + READY_S + GRACE_S + 10)
        return {
            "Image": catalog.tag(source.image),
            "Hostname": "box",
            "User": USER,
            "WorkingDir": "/box",
            "OpenStdin": True,
            "StdinOnce": True,  # a dead owner closes it, and the box ends itself
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": False,
            "NetworkDisabled": True,
            "Labels": {LABEL: "1", f"{LABEL}.owner": self.owner, f"{LABEL}.deadline": str(deadline)},
            "HostConfig": host,
        }

    # --- nothing is left behind ---------------------------------------------------------------------------------

    def _remove(self, identity: str) -> None:
        with self._lock:
            self._mine.discard(identity)
        try:
            self.client.api.remove_container(identity, force=True)
        except (APIError, NotFound, RequestException, EngineUnavailable):
            pass  # gone already, or being removed: auto_remove; what is not, the reaper meets

    def reap(self) -> int:
        """Remove boxes of any owner that are past their deadline, or were only ever created."""
        gone, now = 0, time.time()
        probe = _connect(PROBE_S)  # the sweep that calls this has more to do than to wait for a silent engine
        try:
            there = probe.api.containers(all=True, filters={"label": LABEL})
        except (DockerException, RequestException) as problem:
            raise EngineUnavailable(_why(problem)) from problem
        finally:
            probe.close()
        for container in there:
            deadline = float(container["Labels"].get(f"{LABEL}.deadline", 0))
            stale = container["State"] != "running" and now - container["Created"] > 60
            if now > deadline or stale:
                self._remove(container["Id"])
                gone += 1
        return gone

    def close(self) -> None:
        with self._lock:
            mine = list(self._mine)
        for identity in mine:
            self._remove(identity)


class _Box:
    """The attached stream of one container."""

    def __init__(self, identity: str, attached: Any) -> None:
        self.id = identity
        self._attached = attached
        self.socket: socket.socket = getattr(attached, "_sock", attached)
        self.socket.setblocking(False)

    def close(self) -> None:
        try:
            self.socket.close()
            self._attached.close()
        except OSError:
            pass


class _Talk:
    """The conversation with one runner, on the host's own clock."""

    def __init__(
        self,
        box: _Box,
        source: Source,
        limits: Limits,
        on_output: OnOutput | None,
        cancelled: threading.Event,
    ) -> None:
        self.box, self.source, self.limits = box, source, limits
        self.on_output, self.cancelled = on_output, cancelled
        self.frames = Frames()
        self.until = time.monotonic() + READY_S
        self.asked_to_stop = 0.0
        decoder = codecs.getincrementaldecoder("utf-8")
        self.decoders = {b"o": decoder("replace"), b"e": decoder("replace")}
        self.text: dict[bytes, list[str]] = {b"o": [], b"e": []}
        self.left = {b"o": limits.output_bytes, b"e": limits.output_bytes}
        self.exit: dict[str, Any] | None = None
        self.end: dict[str, Any] | None = None
        self.artifacts: list[Artifact] = []
        self.artifact_left = limits.artifact_bytes
        self.coming = ""

    def outcome(self, stdin: bytes) -> Outcome:
        forced: Ended | None = None
        try:
            if self._await(lambda: self.ready):
                self._send_job(stdin)
                self.until = time.monotonic() + self.limits.time_s + GRACE_S
                self._await(lambda: self.end is not None)
        except _Late:
            forced = "cancelled" if self.asked_to_stop else "timeout"
        except (BadStream, ValueError, KeyError, TypeError, OSError):
            forced = "lost"
        for kind in self.decoders:
            self._say(kind, b"", final=True)
        return self._told(forced)

    ready = False

    def _await(self, done: Any) -> bool:
        """Read frames until `done`. False when the stream ended before. Raises _Late past our clock."""
        while not done():
            self._heed_cancel()
            readable, _, _ = select.select([self.box.socket], [], [], POLL_S)
            if not readable:
                if time.monotonic() > self.until:
                    raise _Late
                continue
            if not self._receive():
                return False
        return True

    def _receive(self) -> bool:
        """Take what has come. False at the end of the stream."""
        try:
            block = self.box.socket.recv(1 << 18)
        except BlockingIOError:
            return True
        for kind, payload in self.frames.feed(block) if block else ():
            self._take(kind, payload)
        return bool(block)

    def _heed_cancel(self) -> None:
        if not self.cancelled.is_set():
            return
        if not self.asked_to_stop:
            self.asked_to_stop = time.monotonic()
            self.until = min(self.until, self.asked_to_stop + 0.5)
            if self.ready:
                self._send(frame(b"k"))
            else:
                raise _Late

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == b"R":
            self.ready = True
        elif kind in (b"o", b"e"):
            self._say(kind, payload)
        elif kind == b"x":
            self.exit = json.loads(payload)
            self.until = time.monotonic() + 2 * GRACE_S + 2
        elif kind == b"f":
            self.coming = str(json.loads(payload)["path"])
        elif kind == b"d" and self.coming:
            self.artifact_left -= len(payload)
            if self.artifact_left >= 0 and len(self.artifacts) < self.limits.artifacts:
                self.artifacts.append(Artifact(self._clean(self.coming), payload))
            self.coming = ""
        elif kind == b"z":
            self.end = json.loads(payload)

    def _say(self, kind: bytes, payload: bytes, *, final: bool = False) -> None:
        payload = payload[: max(0, self.left[kind])]
        self.left[kind] -= len(payload)
        text = self.decoders[kind].decode(payload, final)
        if not text:
            return
        self.text[kind].append(text)
        if self.on_output:
            stream: Literal["stdout", "stderr"] = "stdout" if kind == b"o" else "stderr"
            self.on_output(stream, text)

    def _clean(self, path: str) -> str:
        """A harmless name for a file that a program named: the last part, plain characters, unique."""
        last = path.replace("\\", "/").rsplit("/", 1)[-1]
        name = re.sub(r"[^\w .()+-]", "_", last)[:100].strip(" .").lstrip("-") or "file"
        taken = {a.name for a in self.artifacts}
        stem, dot, ending = name.rpartition(".")
        number = 2
        while name in taken:
            name = f"{stem or ending} ({number}){dot if stem else ''}{ending if stem else ''}"
            number += 1
        return name

    def _send_job(self, stdin: bytes) -> None:
        header = json.dumps(
            {
                "command": list(self.source.command),
                "files": [[path, len(data)] for path, data in self.source.files.items()],
                "time_s": self.limits.time_s,
                "output_bytes": self.limits.output_bytes,
                "artifacts": self.limits.artifacts,
                "artifact_bytes": self.limits.artifact_bytes,
            }
        ).encode()
        self._send(struct.pack(">I", len(header)) + header)
        for data in self.source.files.values():
            self._send(data)
        for start in range(0, len(stdin), STDIN_PIECE):
            self._send(frame(b"i", stdin[start : start + STDIN_PIECE]))
        self._send(frame(b"c"))

    def _send(self, data: bytes) -> None:
        """Send all of `data`, or what a run that ends meanwhile still wants of it.

        What the program prints is read beside: a runner that nobody reads would not read us either.
        """
        left = memoryview(data)
        while left and self.exit is None:
            if self.cancelled.is_set() and not self.asked_to_stop:  # half a frame is sent: no `k` can follow it
                self.asked_to_stop = time.monotonic()
                raise _Late
            readable, writable, _ = select.select([self.box.socket], [self.box.socket], [], POLL_S)
            if readable and not self._receive():
                return
            if not writable:
                if time.monotonic() > self.until:
                    raise _Late
                continue
            try:
                left = left[self.box.socket.send(left) :]
            except BlockingIOError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                return  # it ended; what it said before is still to be read

    def _told(self, forced: Ended | None) -> Outcome:
        result = self.exit or {}
        counted = result.get("counters") or {}
        notes = []
        if refused := int(counted.get("max", 0) or 0):
            notes.append(f"{refused} new processes were refused")
        if skipped := int((self.end or {}).get("skipped", 0) or 0):
            notes.append(f"{skipped} files were left out: too many, too large, or no plain files")
        ended: Ended
        if forced:
            ended = forced
        elif self.exit is None:
            ended = "cancelled" if self.asked_to_stop else "lost"
        elif result.get("why") in ("timeout", "output_limit", "cancelled"):
            ended = result["why"]
        elif counted.get("oom_kill") and result.get("signal", 9) == 9 and "code" not in result:
            ended = "memory"
        else:
            ended = "signal" if "signal" in result else "exit"
        return Outcome(
            ended=ended,
            code=int(result["code"]) if ended == "exit" and "code" in result else None,
            signal=int(result["signal"]) if ended == "signal" else None,
            stdout="".join(self.text[b"o"]),
            stderr="".join(self.text[b"e"]),
            artifacts=tuple(self.artifacts),
            seconds=float(result.get("seconds", 0.0)),
            notes=tuple(notes),
        )


class _Late(Exception):
    """Raised when our own clock ran out, or a stop came before the runner could hear it."""


def _connect(timeout_s: int) -> Any:
    """A client of the engine that the environment or Docker's current context names. Raises EngineUnavailable.

    Saying hello never takes longer than PROBE_S; calls after that may take `timeout_s`.
    """
    try:
        made = docker.from_env(timeout=PROBE_S, max_pool_size=32)
    except (DockerException, RequestException) as problem:
        raise EngineUnavailable(_why(problem)) from problem
    except Exception as problem:  # of a damaged context or configuration the SDK raises whatever it met
        raise EngineUnavailable(f"Docker’s own configuration cannot be read: {problem}"[:200]) from problem
    made.api.timeout = timeout_s
    return made


def _has(client: Any, name: str) -> bool:
    try:
        client.images.get(catalog.tag(name))
    except ImageNotFound:
        return False
    return True


def _why(problem: Exception) -> str:
    """One sentence for a person who can act on it."""
    text = str(problem)
    if "timed out" in text:
        return SILENT
    if "Permission denied" in text or "permission denied" in text:
        return "Docker is running, but this user may not use it: add the user to the group “docker” and log in again."
    if "FileNotFoundError" in text or "Connection refused" in text or "Connection aborted" in text:
        return "No Docker engine answers: start Docker, or install it, then run  make setup"
    if "No space left" in text:
        return "The disk is full, so no box can be made: free some space."
    return f"The Docker engine says: {text[:200]}"
