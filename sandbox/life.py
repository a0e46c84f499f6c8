"""Which process a box belongs to, told so that another process on the same machine can be sure that it is over.

A pid alone proves nothing: pids are used again, containers each have their own, and an engine serves many machines. So a
life is "<boot>:<pid namespace>:<pid>:<start>": the id of the kernel's boot, the inode of the namespace that the pid counts
in, the pid, and when it began in clock ticks since the boot (proc(5): /proc/sys/kernel/random/boot_id, /proc/pid/ns/pid,
/proc/pid/stat field 22). Where there is no /proc, boot and namespace are empty and nothing is ever proved.
"""

import os
import uuid
from pathlib import Path

PROC = Path("/proc")
_drawn: dict[int, str] = {}  # by pid, for a machine without /proc: a fork is another process


def mine() -> str:
    """The life of this process."""
    pid = os.getpid()
    try:
        return f"{_boot()}:{_namespace()}:{pid}:{_stat(pid)[1]}"
    except (OSError, ValueError):
        return f"::{pid}:{_drawn.setdefault(pid, uuid.uuid4().hex[:12])}"


def over(life: str) -> bool:
    """Whether the process of this life has ended for certain. False when that cannot be known from here."""
    boot, namespace, number, start = (life.split(":") + [""] * 4)[:4]
    try:
        if not boot or (boot, namespace) != (_boot(), _namespace()):
            return False
        pid = int(number)
        os.kill(pid, 0)  # /proc may hide the processes of others (hidepid), this does not
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    except (OSError, ValueError, OverflowError):
        return False
    try:
        state, began, threads = _stat(pid)
    except (OSError, ValueError):
        return False
    # What was killed and not yet waited for still has its pid. Where its first thread alone ended, others go on.
    return began != start or (state in "ZX" and threads <= 1)


def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _namespace() -> str:
    return str(os.stat(PROC / "self/ns/pid").st_ino)


def _stat(pid: int) -> tuple[str, str, int]:
    """(state, start, threads) of a process. Its name, in brackets, may hold spaces and brackets itself."""
    fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    if len(fields) < 20:
        raise ValueError("a stat of another form")
    return fields[0], fields[19], int(fields[17])
