"""What seals a box, as plain data: the body of the engine's "create" call, and the proof that it was heeded.

Every option is here and nowhere else. Sources: the escapes of Judge0 (CVE-2024-28185, -28189: files written and chowned
by the host in a folder that the program could touch; -29021: a box with a network), moby #44562 (vsock is not part of
`network none`), moby #46762 (io_uring in the default profile), piston (no memory limit by default).
Knows no Docker SDK: any engine that takes the Docker API (1.40 and later) takes this.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox import catalog
from sandbox.limits import MIB, Limits
from sandbox.source import Source

LABEL = "vibe.sandbox"
USER = "65532:65532"
SECCOMP = Path(__file__).with_name("seccomp.json")
FREE_STDIN = MIB  # input up to this size is no reason for a box of its own size


@dataclass(frozen=True)
class Fit:
    """The size of a box: all that is fixed when it is made, so that boxes of one Fit can stand in for each other.

    Sizes in bytes. memory_bytes is memory and swap together, what lies in /box included. `warm`: the box makes ready
    before its job comes (image.toml, [warm]), and has the memory for it on top.
    """

    image: str
    memory_bytes: int
    disk_bytes: int
    processes: int
    cpus: float
    warm: bool = False

    @classmethod
    def of(cls, source: Source, limits: Limits, stdin_size: int = 0) -> "Fit":
        """What `source` needs under `limits`. Raises ImageMissing for a name that is no image.

        What lies in /box counts as memory, and so does the input that the runner still holds: both come on top.
        """
        least = catalog.settings(source.image)["least"]
        disk = max(limits.disk_bytes, 2 * source.size)
        memory = max(limits.memory_bytes, int(least["memory_mb"]) * MIB) + disk
        return cls(
            image=source.image,
            memory_bytes=memory + (stdin_size if stdin_size > FREE_STDIN else 0),
            disk_bytes=disk,
            processes=max(limits.processes, int(least["processes"])),
            cpus=max(limits.cpus, float(least.get("cpus", 0))),
        )

    def warmed(self) -> "Fit":
        """This size, made ready before its job comes."""
        more = int(catalog.warm(self.image).get("memory_mb", 0)) * MIB
        return replace(self, warm=True, memory_bytes=self.memory_bytes + more)


def config(
    fit: Fit, *, owner: str, deadline: int, life: str = "", runtime: str = "", own_cgroups: bool = False
) -> dict[str, Any]:
    """The body of POST /containers/create. `deadline`: seconds since the epoch, after which any reaper may take it.

    `life`: of the process that it belongs to (sandbox.life); the end of that is the end of the box. `own_cgroups`: it
    sees its own cgroup and none above it; see knows_own_cgroups().
    """
    least = catalog.settings(fit.image)["least"]
    tmp = int(least["tmp_mb"]) * MIB
    file_size = max(fit.disk_bytes, tmp)
    sized = "nr_inodes=8192,mode={mode}"
    host: dict[str, Any] = {
        "NetworkMode": "none",
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true", f"seccomp={_seccomp()}"],
        "ReadonlyRootfs": True,
        "Tmpfs": {
            "/box": f"rw,nosuid,nodev,exec,size={fit.disk_bytes},{sized.format(mode='0700')},uid=65532,gid=65532",
            "/tmp": f"rw,nosuid,nodev,{'exec' if least['tmp_exec'] else 'noexec'},size={tmp},{sized.format(mode='1777')}",  # noqa: S108
        },
        "ShmSize": 16 * MIB,
        "PidsLimit": fit.processes,
        "Memory": fit.memory_bytes,
        "MemorySwap": fit.memory_bytes,  # else swap is as much again
        "NanoCpus": int(fit.cpus * 1e9),
        "IpcMode": "private",
        "LogConfig": {"Type": "none", "Config": {}},  # a flood would fill the disk of the host
        "AutoRemove": True,
        "Privileged": False,
        "Ulimits": [
            {"Name": "nofile", "Soft": int(least["files"]), "Hard": int(least["files"])},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "fsize", "Soft": file_size, "Hard": file_size},
        ],
    }
    if runtime:
        host["Runtime"] = runtime
    if own_cgroups:
        host["CgroupnsMode"] = "private"
    made: dict[str, Any] = {
        "Image": catalog.tag(fit.image),
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
        "Labels": {
            LABEL: "1",
            f"{LABEL}.owner": owner,
            f"{LABEL}.life": life,
            f"{LABEL}.deadline": str(deadline),
        },
        "HostConfig": host,
    }
    if fit.warm:
        made["Labels"][f"{LABEL}.warm"] = "1"
        made["Env"] = [f"VIBE_WARM={json.dumps(dict(catalog.warm(fit.image)))}"]
        if catalog.warm(fit.image).get("imports"):  # the program will be a fork of this interpreter
            made["Cmd"] = ["python3", "/opt/vibe/runner.py"]
            made["Env"] += ["PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "HOME=/box"]
    return made


def knows_own_cgroups(api: str, info: Mapping[str, Any]) -> bool:
    """Whether an engine can be asked for a cgroup namespace, by its API's version and its GET /info.

    From API 1.41 on, and with cgroup v2: there it is the engine's default already, unless its daemon.json says "host".
    With v1 the kernel may know none, and a box that asks for it would not start.
    """
    try:
        known = tuple(int(part) for part in api.split(".")[:2])
    except ValueError:
        return False
    return known >= (1, 41) and str(info.get("CgroupVersion")) == "2"


def _seccomp() -> str:
    """Our profile. The engine hands back the text that it was given, so it is compared as text."""
    return SECCOMP.read_text(encoding="utf-8")


# What opens a box when it is there; an engine (or a proxy before it) may add it unasked.
NEVER = ("Binds", "CapAdd", "Devices", "DeviceRequests", "VolumesFrom", "Links", "PublishAllPorts", "PidMode", "UTSMode",
         "PortBindings", "ExtraHosts", "GroupAdd", "Sysctls")  # fmt: skip
# How the engine starts the box; of them it hands back nothing that could be compared.
UNSEEN = frozenset({"Image", "Labels", "HostConfig", "Env"})


def untaken(asked: Mapping[str, Any], seen: Mapping[str, Any]) -> list[str]:
    """The options of `asked` (a config) that the box `seen` (its inspection) does not have. Empty: it is sealed."""
    host, box = seen["HostConfig"], seen["Config"]
    wrong = [name for name, value in asked["HostConfig"].items() if host.get(name) != value]
    wrong += [name for name, value in asked.items() if name not in UNSEEN and box.get(name) != value]
    wrong += [name for name in NEVER if host.get(name)]
    wrong += ["Mounts"] if seen.get("Mounts") else []
    return wrong


def unsealed(status: Mapping[str, Any], runtime: str = "") -> list[str]:
    """What the kernel says of the runner itself, where it is not as it must be (proc_pid_status(5)).

    gVisor answers for its own kernel, in which a filter of the host's is not to be seen.
    """
    must: dict[str, Any] = {"uid": 65532, "NoNewPrivs": 1, "CapEff": 0, "CapBnd": 0}
    if not runtime.startswith("runsc"):
        must["Seccomp"] = 2
    return [name for name, value in must.items() if status.get(name) != value]
