"""Limits: what a program may use of the machine. Enforced in the box and again on the host."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Times in seconds, sizes in bytes. The defaults suit a small tool; `browser` images ask for more."""

    time_s: float = 10.0
    memory_bytes: int = 256 * MIB
    processes: int = 64
    output_bytes: int = 1 * MIB  # of stdout and of stderr, each
    disk_bytes: int = 64 * MIB  # of /box, at least twice the files; it counts as memory, which grows by it
    artifacts: int = 32
    artifact_bytes: int = 16 * MIB  # all artifacts together
    cpus: float = 1.0
