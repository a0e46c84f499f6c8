"""Source: the files of a program and how to start it. A pure value; names are validated when it is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sandbox.errors import BadSource
from sandbox.limits import Limits

MAX_FILES = 400
MAX_NAME = 200
MAX_PART = 255  # bytes between two slashes: what Linux takes (limits.h, NAME_MAX)
OUT = "out"  # the folder of what comes back, there before the files are


def check_name(name: str) -> str:
    """`name` unchanged when it is a plain relative path. Raises BadSource otherwise."""
    parts = PurePosixPath(name).parts
    bad = (
        not name
        or len(name) > MAX_NAME
        or name.startswith(("/", "~"))
        or "\\" in name
        or any(ord(c) < 32 or ord(c) == 127 for c in name)
        or any(p in {"..", ".", ""} for p in name.split("/"))
        or len(parts) > 8
        or any(0xD800 <= ord(c) < 0xE000 for c in name)  # half a character, which UTF-8 cannot say
        or any(len(p.encode()) > MAX_PART for p in parts)
    )
    if bad:
        raise BadSource(f"not a plain relative file name: {name[:60]!r}")
    return name


def check_names(names: Iterable[str]) -> None:
    """Raises BadSource when one of them is no plain relative path, or is also a folder."""
    there = {check_name(name) for name in names}
    folders = {str(folder) for name in there for folder in PurePosixPath(name).parents} | {OUT}
    for name in sorted(there & folders):
        raise BadSource(f"both a file and a folder: {name[:60]!r}")


@dataclass(frozen=True)
class Source:
    """A program: `files` are laid in /box, then `command` is run there.

    image: the name of an image folder ("python", "browser"). command: argv; never a shell string.
    """

    image: str
    command: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.files) > MAX_FILES:
            raise BadSource(f"at most {MAX_FILES} files, got {len(self.files)}")
        check_names(self.files)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(len(data) for data in self.files.values())

    def needs_room(self, limits: Limits) -> bool:
        """Whether these files need a larger box than `limits` alone would ask for."""
        return 2 * self.size > limits.disk_bytes
