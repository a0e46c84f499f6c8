"""Health checks of the stack: `check.py web`, `check.py gate PATH`, `check.py worker FILE`. Exit 0: it is well.

Standard library alone and no Django: each runs every few seconds.
"""

import http.client
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

OLDEST_S = 20  # of the file that a worker touches every five seconds


def main(what: str, path: str = "") -> bool:
    if what == "worker":
        return time.time() - Path(path).stat().st_mtime < OLDEST_S
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=4)
    if what == "gate":
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(4)
        connection.sock.connect(path)
    address = "/_ping" if what == "gate" else "/readyz"
    connection.request("GET", address, headers={"Host": urlsplit(os.environ.get("VIBE_ORIGIN", "")).netloc})
    return connection.getresponse().status == 200


if __name__ == "__main__":
    try:
        sys.exit(0 if main(*sys.argv[1:3]) else 1)
    except (OSError, http.client.HTTPException):
        sys.exit(1)
