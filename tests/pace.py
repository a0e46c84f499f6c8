"""How many times as long this machine takes as most: TESTS_PACE, 1 unless it is an emulated one (tests/cgroup2.sh).

With `pytest -p tests.pace` whatever waits for a box waits as many times as long, and a hostile program has as much more time
to its end. What it must say, how it must end and what must be noted stays as it is.
"""

import os

from sandbox import docker_engine, oom, talk

PACE = float(os.environ.get("TESTS_PACE", "1"))
if PACE != 1:
    for module, names in ((talk, "READY_S GRACE_S COLLECT_S"), (oom, "HEARS_S"), (docker_engine, "PROBE_S")):
        for name in names.split():
            setattr(module, name, getattr(module, name) * PACE)
