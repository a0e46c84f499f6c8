"""What this process writes is for this user alone: the words, files and keys of people lie under var/."""

import os
import stat
from pathlib import Path


def keep_private(var: Path) -> int:
    """Close `var` to other users and everything that is made from here on. The umask that was in force."""
    before = os.umask(0o077)
    var.mkdir(parents=True, exist_ok=True)
    seen = var.stat()
    # Of a folder that many share (VIBE_VAR=/tmp), the rights are not ours to change.
    if seen.st_uid == os.getuid() and not seen.st_mode & stat.S_ISVTX:
        var.chmod(0o700)
    return before
