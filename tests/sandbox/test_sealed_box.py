"""A box is sealed: seen by the program in it, and by the engine that made it."""

import contextlib
import json
import threading

import docker
import pytest

from sandbox import Limits, Source
from sandbox.sealing import LABEL
from tests.waiting import wait

pytestmark = pytest.mark.docker


def boxes(engine):
    return engine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={engine.owner}"})


PROBE = r"""
import ctypes, json, os, socket
def can(act):
    try:
        act(); return True
    except BaseException:
        return False
libc = ctypes.CDLL(None, use_errno=True)
def sysc(n, *a):
    if libc.syscall(n, *a) < 0: raise OSError(ctypes.get_errno(), "no")
print(json.dumps({
  "uid": os.getuid(), "groups": os.getgroups(), "cwd": os.getcwd(),
  "env": sorted(os.environ),
  "write_root": can(lambda: open("/etc/x", "w")), "write_usr": can(lambda: open("/usr/lib/x", "w")),
  "inet": can(lambda: socket.create_connection(("1.1.1.1", 53), 0.5)),
  "dns": can(lambda: socket.gethostbyname("example.com")),
  "interfaces": [n for _, n in socket.if_nameindex()] if hasattr(socket, "if_nameindex") and can(socket.if_nameindex) else [],
  "vsock": can(lambda: socket.socket(40, socket.SOCK_STREAM)), "netlink": can(lambda: socket.socket(16, socket.SOCK_RAW)),
  "packet": can(lambda: socket.socket(17, socket.SOCK_RAW)), "io_uring": can(lambda: sysc(425, 1, 0)),
  "mount": can(lambda: sysc(165, b"x", b"/mnt", b"tmpfs", 0, 0)), "unshare": can(lambda: sysc(272, 0x10000000)),
  "ptrace": can(lambda: sysc(101, 0, 0, 0, 0)), "bpf": can(lambda: sysc(321, 0, 0, 0)), "keyctl": can(lambda: sysc(250, 0, 0)),
  "prlimit_other": can(lambda: sysc(302, 1, 0, 0, 0)),
  "status": {l.split(":")[0]: l.split(":")[1].strip() for l in open("/proc/self/status") if l.split(":")[0] in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")},
  "docker_socket": os.path.exists("/var/run/docker.sock"),
}))
"""


def test_a_box_is_sealed_from_within(engine):
    got = engine.run(Source("python", ("python3", "main.py"), {"main.py": PROBE.encode()}))
    assert got.ok, got.stderr
    seen = json.loads(got.stdout)
    assert seen["uid"] == 65532
    assert seen["cwd"] == "/box"
    for door in (
        "write_root",
        "write_usr",
        "inet",
        "dns",
        "vsock",
        "netlink",
        "packet",
        "io_uring",
        "mount",
        "unshare",
        "ptrace",
        "bpf",
        "keyctl",
        "prlimit_other",
        "docker_socket",
    ):
        assert seen[door] is False, door
    assert [i for i in seen["interfaces"] if i != "lo"] == []
    assert set(seen["status"].values()) >= {"1", "2"}
    assert int(seen["status"]["CapEff"], 16) == int(seen["status"]["CapBnd"], 16) == 0
    assert not [name for name in seen["env"] if "KEY" in name or "SECRET" in name or "TOKEN" in name]


def test_a_box_is_sealed_from_without(engine):
    stop, found = threading.Event(), {}
    source = Source("python", ("python3", "main.py"), {"main.py": b"import time; time.sleep(30)"})
    working = threading.Thread(
        target=lambda: found.update(got=engine.run(source, limits=Limits(time_s=20), cancelled=stop))
    )
    working.start()
    try:
        seen = wait(lambda: _running(engine))
    finally:
        stop.set()
        working.join()
    host, config = seen["HostConfig"], seen["Config"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert any(o.startswith("seccomp=") and "unconfined" not in o for o in host["SecurityOpt"])
    assert host["ReadonlyRootfs"]
    assert host["AutoRemove"]
    assert not host["Binds"]
    assert not seen["Mounts"]
    assert not host["Privileged"]
    assert host["Memory"] == host["MemorySwap"] > 0
    assert host["PidsLimit"] > 0
    assert host["NanoCpus"] == 1_000_000_000
    assert host["LogConfig"]["Type"] == "none"
    assert host["PidMode"] == ""
    assert host["IpcMode"] == "private"
    assert set(host["Tmpfs"]) == {"/box", "/tmp"}
    assert config["User"].startswith("65532")
    assert config["StdinOnce"]
    assert not config["Tty"]


def _running(engine):
    """What the engine says of a box of ours that runs. Those that only try whether the options take are soon gone."""
    for box in boxes(engine):
        with contextlib.suppress(docker.errors.NotFound):
            seen = engine.client.api.inspect_container(box["Id"])
            if seen["State"]["Running"]:
                return seen
    return None
