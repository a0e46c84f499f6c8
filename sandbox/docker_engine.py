"""The Engine on Docker: the only importer of `docker`. Opens boxes, runs one job in each, leaves none behind.

Files never cross by archive or shared folder: a read-only box forbids the first, and every known escape of this
kind came by the second. They travel as length-prefixed bytes on the attached stream, as everything does.
"""

import math
import os
import socket
import threading
import time
import uuid
from dataclasses import replace
from functools import partial
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from sandbox import catalog, life
from sandbox.box import Box
from sandbox.complaints import NO_SECCOMP, SILENT, not_built, not_sealed, too_old, why
from sandbox.errors import BoxFailed, EngineUnavailable, ImageMissing
from sandbox.janitor import Janitor
from sandbox.limits import Limits
from sandbox.oom import ran_out
from sandbox.opening import open_unless
from sandbox.outcome import OnOutput, OnWait, Outcome
from sandbox.reaper import overdue
from sandbox.removal import Removal
from sandbox.sealing import LABEL, Fit, config, knows_own_cgroups, untaken
from sandbox.source import Source
from sandbox.talk import GRACE_S, READY_S, Talk
from sandbox.tunnel import Tunnel

__all__ = [
    "PROBE_S",
    "APIError",
    "DockerEngine",
    "DockerException",
    "ImageNotFound",
    "RequestException",
    "connect",
]

PLAIN = Limits()
MARGIN_S = 10.0  # what a box may outlive its longest run before a reaper takes it
PROBE_S = 3  # an engine that takes longer to say hello is as good as none
PATIENCE_S = 0.3  # a page waits for fresh news of the engine, then takes the last
CALL_S = 60
API = "1.40"  # until the engine has said its own


class DockerEngine:
    """One a process. `owner` marks its boxes; the client is made at first use and safe to share by threads."""

    def __init__(self, owner: str = "") -> None:
        self.owner = owner or f"{socket.gethostname()}-{os.getpid()}"
        self.runtime = os.environ.get("SANDBOX_RUNTIME", "")
        self._client: Any = None
        self._env: dict[str, str] = {}  # under which the client was made: it names the engine
        self._lock = threading.Lock()
        self._mine: set[str] = set()
        self._sealed: set[Fit] = set()  # sizes whose options this engine was seen to have taken
        self._own_cgroups: bool | None = None  # whether it is to be asked for them; not known yet
        self._cpus = math.inf  # that it has: it refuses a box that may use more
        self._checked: tuple[float, str] | None = None  # when, and what `available` found
        self._asking: threading.Thread | None = None
        self._removal = Removal(self._remove)

    # --- what there is ----------------------------------------------------------------------------------------------

    @property
    def client(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = connect(CALL_S)
                self._env = dict(os.environ)
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
            probe = connect(PROBE_S)
        except EngineUnavailable as problem:
            return problem.sentence
        try:
            info = probe.info()
            missing = [name for name in catalog.needed() if not _has(probe, name)]
        except (DockerException, RequestException) as problem:
            with self._lock:
                self._client = None
            return why(problem)
        finally:
            probe.close()
        if not any("seccomp" in option for option in info.get("SecurityOptions") or []):
            return NO_SECCOMP
        if self.runtime and self.runtime not in (info.get("Runtimes") or {}):
            return why("unknown runtime")
        if old := too_old(str(probe.api._version)):
            return old
        return not_built(missing) if missing else ""

    def has_image(self, name: str) -> bool:
        return _has(self.client, name)

    # --- one run ----------------------------------------------------------------------------------------------------

    def run(
        self,
        source: Source,
        *,
        limits: Limits = PLAIN,
        stdin: bytes = b"",
        on_output: OnOutput | None = None,
        cancelled: threading.Event | None = None,
        who: str = "",
        on_wait: OnWait | None = None,
    ) -> Outcome:
        """See sandbox.engine.Engine.run. A box is opened for this run; nobody waits for another."""
        fit = Fit.of(source, limits, len(stdin))
        box = open_unless(cancelled, partial(self.open, fit, lasts_s=limits.time_s), self.discard_beside)
        if box is None:
            return Outcome("cancelled")
        return self.talk(Talk(box, source, limits, on_output=on_output, cancelled=cancelled), stdin)

    def talk(self, talk: Talk, stdin: bytes) -> Outcome:
        """Have this conversation and see the box off. A box that was lost because its memory was full is told apart."""
        try:
            outcome = talk.outcome(stdin)
            if outcome.ended == "lost" and talk.started and self._ran_out(talk):
                outcome = replace(outcome, ended="memory")
            return outcome
        finally:
            # One that was stopped may not have obeyed, but who stopped it waits no longer.
            (self.discard_beside if talk.clean or talk.asked_to_stop else self.discard)(talk.box)

    def _ran_out(self, talk: Talk) -> bool:
        """A runner that was killed cannot tell, and in gVisor the box is one process of the host, which goes as a whole."""
        try:
            return ran_out(self.client.api, talk.box.id, talk.cancelled)
        except (DockerException, RequestException, KeyError, ValueError):
            return False

    def expect(self, image: str, limits: Limits = PLAIN) -> None:
        """See sandbox.engine.Engine.expect: nothing is kept ready here."""

    def open(self, fit: Fit, *, lasts_s: float) -> Box:
        """A started box of this size whose runner may not be ready yet. Raises SandboxError."""
        client = self.client
        if old := too_old(str(client.api._version)):
            raise EngineUnavailable(old)
        with Janitor.beside(self._env).opening():  # it stands ready before there is anything to tidy up
            return self._open(client, fit, self.config(fit, lasts_s))

    def _open(self, client: Any, fit: Fit, asked: dict[str, Any]) -> Box:
        try:
            made = client.api.create_container_from_config(asked, f"vibe-box-{uuid.uuid4().hex[:12]}")
        except ImageNotFound as problem:
            raise ImageMissing(not_built([fit.image])) from problem
        except (DockerException, RequestException) as problem:
            raise EngineUnavailable(why(problem)) from problem
        identity = made["Id"]
        with self._lock:
            self._mine.add(identity)
        attached: Any = None
        try:
            params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            attached = client.api.attach_socket(identity, params=params)
            client.api.start(identity)
            self._make_sure(asked, identity, fit)
        except BaseException as problem:
            if attached is not None:
                Box(identity, attached, fit).close()
            self._remove(identity)
            if isinstance(problem, (DockerException, RequestException)):
                raise BoxFailed(f"A box could not be started: {why(problem)}") from problem
            raise
        return Box(identity, attached, fit, self.runtime)

    def config(self, fit: Fit, lasts_s: float = 10.0) -> dict[str, Any]:
        """All that seals a box of this size, as the engine is asked for it (sandbox.sealing). Raises EngineUnavailable."""
        if self._own_cgroups is None:
            try:
                api = self.client.api
                info = api.info()
                self._own_cgroups = knows_own_cgroups(str(api._version), info)
                self._cpus = info.get("NCPU") or math.inf
            except (DockerException, RequestException) as problem:
                raise EngineUnavailable(why(problem)) from problem
        deadline = int(time.time() + lasts_s + READY_S + GRACE_S + MARGIN_S)
        fit = replace(fit, cpus=min(fit.cpus, self._cpus))
        return config(
            fit, owner=self.owner, life=life.mine(), deadline=deadline, runtime=self.runtime, own_cgroups=self._own_cgroups
        )  # fmt: skip

    def _make_sure(self, asked: dict[str, Any], identity: str, fit: Fit) -> None:
        """Raises EngineUnavailable when the engine did not take an option. Asked once for each size of box."""
        if fit in self._sealed:
            return
        if wrong := untaken(asked, self.client.api.inspect_container(identity)):
            raise EngineUnavailable(not_sealed(wrong))
        self._sealed.add(fit)

    # --- nothing is left behind -------------------------------------------------------------------------------------

    def discard(self, box: Box) -> None:
        """Hang up and remove."""
        box.close()
        self._remove(box.id)

    def discard_beside(self, box: Box) -> None:
        """Hang up; the removing, which takes a while, is nobody's to wait for."""
        box.close()
        self._removal.later(box.id)

    def _remove(self, identity: str) -> None:
        try:
            self.client.api.remove_container(identity, force=True)
        except (APIError, RequestException, EngineUnavailable):
            pass  # gone already, or being removed: auto_remove; what is not, the reaper meets
        with self._lock:
            self._mine.discard(identity)

    def reap(self) -> int:
        """Remove boxes of any owner that is gone, that are past their deadline, or were only ever created."""
        probe = connect(PROBE_S)  # the sweep that calls this has more to do than to wait for a silent engine
        try:
            there = probe.api.containers(all=True, filters={"label": LABEL})
        except (DockerException, RequestException) as problem:
            raise EngineUnavailable(why(problem)) from problem
        finally:
            probe.close()
        gone = overdue(there, time.time(), life.over)
        for identity in gone:
            self._remove(identity)
        return len(gone)

    def close(self) -> None:
        with self._lock:
            mine = list(self._mine)
        for identity in mine:
            self._remove(identity)


def connect(timeout_s: int) -> Any:
    """A client of the engine that the environment or Docker's current context names. Raises EngineUnavailable.

    Saying hello never takes longer than PROBE_S; calls after that may take `timeout_s`.
    """
    made: Any = None
    try:
        env = Tunnel.through(os.environ)
        made = docker.from_env(timeout=PROBE_S, max_pool_size=32, environment=env, version=API)
        # Else REQUESTS_CA_BUNDLE goes before DOCKER_CERT_PATH, and a proxy before the engine.
        made.api.trust_env = False
        made.api._version = made.version(api_version=False).get("ApiVersion", API)
    except Exception as problem:
        if made is not None:
            made.close()
        if isinstance(problem, EngineUnavailable):
            raise
        if isinstance(problem, (DockerException, RequestException)):
            raise EngineUnavailable(why(problem)) from problem
        # Of a damaged context or configuration the SDK raises whatever it met.
        raise EngineUnavailable(f"Docker’s own configuration cannot be read: {problem}"[:200]) from problem
    made.api.timeout = timeout_s
    return made


def _has(client: Any, name: str) -> bool:
    try:
        client.images.get(catalog.tag(name))
    except ImageNotFound:
        return False
    return True
