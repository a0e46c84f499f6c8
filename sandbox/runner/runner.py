"""PID 1 of a box: takes one job on stdin, runs it, sends what it does as frames on stdout, and leaves.

in   u32 length + JSON header {"command", "files": [[path, size], …], limits…}, then the bytes of the files;
     afterwards frames u8 type + u32 length + payload: i stdin, c close stdin, k kill
out  frames u8 type + u32 length + payload: R ready (JSON: how the kernel holds us), s started, o stdout, e stderr,
     x exit (JSON), f file (JSON), d its bytes in pieces, z end (JSON)

When stdin ends (the owner died) everything here dies. Only the standard library: this file and the folder `inside` are
baked into images, that folder compiled, so that a box does not compile it at each start.
"""

import importlib
import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python3 -I does not look there
    try:
        importlib.import_module("inside.main").main()
    except (OSError, ValueError, KeyError) as problem:
        sys.stderr.write(f"runner: {problem!r}\n")
        os._exit(8)
