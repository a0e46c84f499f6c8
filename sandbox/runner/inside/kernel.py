"""What the kernel is told of the runner, and what it says of the box."""

import contextlib
import ctypes
import os

PR_SET_DUMPABLE = 4
PR_GET_NO_NEW_PRIVS = 39


def prctl(option: int, value: int) -> int:
    return int(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0))


def counters(root: str = "/sys/fs/cgroup") -> dict[str, int]:
    """What the kernel counted in our cgroup: {"oom_kill": n, "refused": n}, whichever it keeps.

    v1: memory/memory.oom_control (since Linux 4.13), pids/pids.events. v2: memory.events, pids.events. (Linux,
    admin-guide/cgroup-v1/memory.rst, admin-guide/cgroup-v2.rst.) memory.events has a `max` of its own: how often memory
    was reclaimed at the limit, which is no refusal of a process.
    """
    found = {}
    for path, key, name in (
        ("memory/memory.oom_control", "oom_kill", "oom_kill"),
        ("memory.events", "oom_kill", "oom_kill"),
        ("pids/pids.events", "max", "refused"),
        ("pids.events", "max", "refused"),
    ):
        with contextlib.suppress(OSError), open(os.path.join(root, path)) as source:
            for line in source:
                word, _, value = line.partition(" ")
                if word == key and value.strip().isdigit():
                    found[name] = int(value)
    return found


def full(*folders: str) -> bool:
    """Whether one of these file systems has no room, or no names, left."""
    for folder in folders:
        with contextlib.suppress(OSError):
            room = os.statvfs(folder)
            if room.f_bavail * room.f_frsize < 4 * 4096 or room.f_favail == 0:
                return True
    return False


def held() -> dict[str, int]:
    """How the kernel holds us, for the host to compare with what it asked for (proc_pid_status(5))."""
    found = {"uid": os.getuid(), "NoNewPrivs": prctl(PR_GET_NO_NEW_PRIVS, 0)}  # gVisor has no line for it
    with contextlib.suppress(OSError), open("/proc/self/status") as source:
        for line in source:
            key, _, value = line.partition(":")
            if key in ("NoNewPrivs", "Seccomp"):
                found[key] = int(value)
            elif key in ("CapEff", "CapBnd"):
                found[key] = int(value, 16)
    return found
