"""What lies in a box before its program starts: the folder for results, and the files of the job."""

import os
import shutil
from typing import Any

from .wire import CHUNK, read_exactly

BOX = "/box"


def spread() -> None:
    """What every program finds in its box, laid before the job comes."""
    os.makedirs("out", exist_ok=True)
    baked = os.environ.get("MPLCONFIGDIR", "")
    if os.path.isdir(
        baked
    ):  # matplotlib wants to write beside its font cache; without the cache it takes seconds
        shutil.copytree(baked, "/tmp/mpl", dirs_exist_ok=True)


def lay(files: list[Any]) -> None:
    """Write the files of the job under /box, block by block: a large one must not stand in memory twice."""
    for path, size in files:
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(path, "wb") as out:
            left = size
            while left:
                block = read_exactly(min(CHUNK, left))
                out.write(block)
                left -= len(block)
