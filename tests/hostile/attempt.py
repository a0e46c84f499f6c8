# Lies beside every hostile program in Python: it tries something and prints what the kernel said, or what it got.
# ruff: noqa: F401, E401, I001
import contextlib, ctypes, errno, json, os, platform, resource, signal, socket, struct, subprocess, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
# name: (x86_64, aarch64); 0: there is none.
NUMBERS = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "unshare": (272, 97), "setns": (308, 268),
    "ptrace": (101, 117), "bpf": (321, 280), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "fsopen": (430, 430),
    "open_tree": (428, 428), "move_mount": (429, 429), "mount_setattr": (442, 442), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kcmp": (312, 272), "syslog": (103, 116), "quotactl": (179, 60),
    "fanotify_init": (300, 262), "pidfd_getfd": (438, 438), "pidfd_open": (434, 434), "memfd_secret": (447, 447),
    "landlock_create_ruleset": (444, 444), "chroot": (161, 51), "mknodat": (259, 33), "vhangup": (153, 58),
    "personality": (135, 92), "mbind": (237, 235), "set_mempolicy": (238, 237), "move_pages": (279, 239),
    "migrate_pages": (256, 238), "clone3": (435, 435), "clone": (56, 220), "prlimit64": (302, 261),
    "mlockall": (151, 230), "sched_setscheduler": (144, 119), "lookup_dcookie": (212, 18), "tgkill": (234, 131),
}  # fmt: skip


def call(name, *args):
    """The system call of this name, past the C library. Raises OSError."""
    number = NUMBERS[name][platform.machine() == "aarch64"]
    got = libc.syscall(number, *args)
    if got < 0:
        raise OSError(ctypes.get_errno(), name)
    return got


def attempt(act):
    """Print the kernel's word for why not, or GOT and what came of it."""
    try:
        got = act()
    except OSError as why:
        print(errno.errorcode.get(why.errno, type(why).__name__), flush=True)
    except Exception as why:
        print(type(why).__name__, why, flush=True)
    else:
        print("GOT", got if isinstance(got, int | str | bytes | list) else "", flush=True)


def write(path, text="vibe-hostile-marker"):
    with open(path, "w") as out:
        out.write(text)


def fill(path, size):
    """Write `size` bytes of zeros, then take them away again."""
    try:
        with open(path, "wb") as out:
            for _ in range(size >> 20):
                out.write(bytes(1 << 20))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def eat(megabytes):
    """Memory that is really used."""
    kept = []
    for _ in range(megabytes):
        kept.append(b"\1" * (1 << 20))
    return len(kept)
