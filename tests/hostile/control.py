"""The control: the same programs in a container as most people start one, as root and with the engine's defaults.

Only what keeps this machine safe is set: no network, memory, processes, one CPU, time, no log. No folder of ours is in
it. What fails there shows that an assertion can fail; what holds there is the engine's work and not ours.
"""

import contextlib
import io
import tarfile
import threading
from collections.abc import Callable
from typing import Any

from docker.errors import APIError, NotFound
from docker.types import LogConfig
from docker.utils.socket import frames_iter

from sandbox import Artifact, Outcome, catalog
from tests.hostile.attack import Attack

LABEL = "vibe.hostile.control"
MOST = 1 << 20


def run(client: Any, attack: Attack, owner: str) -> Outcome:
    """The outcome of one program in a plain container, read as ours would be."""
    api = client.api
    source = attack.source
    memory = (int(catalog.settings(source.image)["least"]["memory_mb"]) + 64) << 20
    host = api.create_host_config(
        network_mode="none", mem_limit=memory, memswap_limit=memory, pids_limit=64, nano_cpus=1_000_000_000,
        log_config=LogConfig(type="none"),
    )  # fmt: skip
    made = api.create_container(
        catalog.tag(source.image),
        list(source.command),
        user="0",
        working_dir="/box",
        host_config=host,
        labels={LABEL: owner},
    )["Id"]
    late = threading.Event()
    clock = threading.Timer(attack.bounds.time_s if attack.bounds.time_s < 9 else 9, _kill, (api, made, late))
    try:
        api.put_archive(made, "/box", _packed(dict(source.files)))
        stream = api.attach_socket(made, params={"stdout": 1, "stderr": 1, "stream": 1})
        try:
            api.start(made)
            clock.start()
            out, err, flood = _heard(stream, lambda: _kill(api, made, threading.Event()))
        finally:
            stream._sock.close()
            stream.close()
        code = api.wait(made, timeout=30)["StatusCode"]
        oom = api.inspect_container(made)["State"]["OOMKilled"]
        signal = code - 128 if 128 < code < 160 else None
        ended = (
            "output_limit" if flood else "timeout" if late.is_set() else "memory" if oom and signal
            else "signal" if signal else "exit"
        )  # fmt: skip
        return Outcome(
            ended, code if ended == "exit" else None, signal if ended == "signal" else None, out.decode("utf-8", "replace"),
            err.decode("utf-8", "replace"), _left(api, made),
        )  # fmt: skip
    finally:
        clock.cancel()
        api.remove_container(made, force=True, v=True)


def _kill(api: Any, container: str, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(APIError):  # it ended meanwhile
        api.kill(container)


def _heard(stream: Any, end: Callable[[], None]) -> tuple[bytes, bytes, bool]:
    """(stdout, stderr, whether it was too much). A flood is read on while it is ended: the engine waits for that."""
    out, err, flood = bytearray(), bytearray(), False
    for which, block in frames_iter(stream, tty=False):
        if flood:
            continue
        (out if which == 1 else err).extend(block)
        if len(out) > MOST or len(err) > MOST:
            flood = True
            threading.Thread(target=end).start()
    return bytes(out[:MOST]), bytes(err[:MOST]), flood


def _packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        folder = tarfile.TarInfo("out")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def _left(api: Any, container: str) -> tuple[Artifact, ...]:
    """Regular files by their last name, as whoever unpacks such an archive without a thought would see them."""
    try:
        blocks, _ = api.get_archive(container, "/box/out")
    except (NotFound, APIError):
        return ()
    data = bytearray()
    for block in blocks:
        data += block
        if len(data) > 32 << 20:
            break
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return tuple(Artifact(m.name.rsplit("/", 1)[-1], b"") for m in tar if not m.isdir())
    except tarfile.TarError:
        return ()
