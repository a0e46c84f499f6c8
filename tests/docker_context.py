"""Docker's own configuration in a folder: a current context that points where a test wants it (DOCKER_CONFIG)."""

import hashlib
import json
from pathlib import Path


def point_to(host: str, folder: Path) -> Path:
    """`folder`, made into a Docker configuration whose current context is the engine at `host`."""
    meta = folder / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest()
    meta.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    (meta / "meta.json").write_text(json.dumps({"Name": "mine", "Metadata": {}, "Endpoints": endpoints}))
    (folder / "config.json").write_text('{"currentContext": "mine"}')
    return folder
