"""A warm box is not to be told from a cold one by what a program prints, how it ends, or what it leaves."""

import base64
import json
import os
import re

import pytest

from sandbox import Limits, Source
from sandbox.docker_engine import DockerEngine
from sandbox.pool import Pool
from sandbox.text import Text

pytestmark = pytest.mark.docker
LIMITS = Limits(time_s=10.0)


@pytest.fixture(scope="module")
def pool():
    made = Pool(DockerEngine(f"warm-test-{os.getpid()}"), ready=2)
    yield made
    made.close()


PROGRAMS = {
    "its_own_world": (
        "import sys, os, __main__\n"
        "print(__name__, __file__, sys.argv, sys.path[0], sys.orig_argv, __package__, __spec__, __cached__)\n"
        "print(__main__ is sys.modules['__main__'], sorted(os.environ.items()), os.getcwd(), os.getuid(), oct(os.umask(0)))\n"
        "print(sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering, sys.stdout.write_through, sys.stdin.name)\n"
        "print(sys.flags, sys.dont_write_bytecode, sys.getrecursionlimit(), sorted(globals()))\n"
        "print(sorted(os.listdir('/proc/self/fd'))[:4], os.getpid() == os.getsid(0), open('/proc/self/oom_score_adj').read())"
    ),
    "traceback": "def f(n):\n    return 1 / n\n\nclass A:\n    def g(self):\n        f(0)\n\nA().g()\n",
    "chained": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('x') from e\n",
    "syntax": "print(1)\nif True\n    pass\n",
    "coding": "# -*- coding: latin-1 -*-\nprint('h\u00e4'.encode())\n",
    "exit_code": "import sys\nsys.exit(7)",
    "exit_words": "import sys\nprint('a')\nsys.exit('went wrong')",
    "exit_none": "raise SystemExit",
    "exit_large": "raise SystemExit(300)",
    "atexit": "import atexit\natexit.register(print, 'last')\natexit.register(lambda: print('first'))\nprint('body')",
    "atexit_fails": "import atexit\n@atexit.register\ndef _():\n    raise ValueError('in atexit')\nprint('body')",
    "atexit_hangs": "import atexit, time\natexit.register(lambda: time.sleep(60))\nprint('body')",
    "threads": "import threading, time\ndef work():\n    time.sleep(.3)\n    print('thread done')\nthreading.Thread(target=work).start()\nprint('main done')",
    "daemon": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint('x')",
    "thread_fails": "import threading\nt = threading.Thread(target=lambda: 1/0, name='t')\nt.start(); t.join()\nprint('on')",
    "deleted": "class A:\n    def __del__(self):\n        print('deleted')\na = A()\nb = A(); b.me = b\nprint('body')",
    "hook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\n1/0",
    "hook_fails": "import sys\ndef hook(*a):\n    raise KeyError('hook')\nsys.excepthook = hook\n1/0",
    "interrupt": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(5)",
    "segv": "import os\nos.kill(os.getpid(), 11)",
    "term": "import os\nos.kill(os.getpid(), 15)",
    "abort": "import os\nos.abort()",
    "file_limit": "f = open('/box/big', 'wb')\ntry:\n    for _ in range(200):\n        f.write(bytes(1 << 20)); f.flush()\nexcept OSError as e:\n    print(e.errno in (27, 28))",
    "closed_pipe": "import os\nr, w = os.pipe(); os.close(r)\ntry:\n    os.write(w, b'x')\nexcept BrokenPipeError:\n    print('broken')",
    "signals": "import signal\nprint([signal.getsignal(n) for n in (1, 2, 13, 15, 17, 25)])",
    "stdin": "import sys\nprint(sys.stdin.read(), input.__name__)",
    "children": "import subprocess, sys, os\nprint(subprocess.run([sys.executable, '-c', 'import sys; print(sys.flags.isolated)'], capture_output=True, text=True).stdout)\npid = os.fork()\nprint('child' if pid == 0 else (os.waitpid(pid, 0)[1] , 'parent'))",
    "multiprocessing": "import multiprocessing as m\ndef f(x):\n    return x * x\nif __name__ == '__main__':\n    with m.get_context('fork').Pool(2) as p:\n        print(p.map(f, range(4)))\n    with m.get_context('spawn').Pool(1) as p:\n        print(p.map(f, range(4)))",
    "pickle": "import pickle\nclass P:\n    pass\nprint(type(pickle.loads(pickle.dumps(P()))))",
    "argparse": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int)\nprint(p.parse_args(['--n', 'x']))",
    "module_of_its_own": "import helper\nprint(helper.__file__, helper.WHO)",
    "shadows_the_library": "import calendar, statistics\nprint(calendar.__file__)\nprint(calendar.WHO)",
    "recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "numbers": "import numpy as np, pandas as pd\nprint(pd.DataFrame({'a': np.arange(3)}).sum().to_dict(), np.linalg.inv(np.eye(3) * 2)[0, 0])",
    "warning": "import warnings\nwarnings.warn('beware')\ndef old():\n    warnings.warn('old', DeprecationWarning, stacklevel=2)\nold()",
    "logging": "import logging\nlogging.warning('hm')\nlogging.getLogger('a').error('no', exc_info=False)",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 5\nprint(asyncio.run(f()))",
    "unbuffered_end": "import sys, os\nsys.stdout.write('no newline')\nos._exit(3)",
    "closes_stdout": "import sys\nsys.stdout.close()",
    "unraisable": "class A:\n    def __del__(self):\n        raise ValueError('x')\nA()",
}
FILES = {"helper.py": b"WHO = 'mine'\n"}


def source(name: str) -> Source:
    code = PROGRAMS[name]
    files = {"main.py": code.encode("latin-1" if name == "coding" else "utf-8"), **FILES}
    if name == "shadows_the_library":
        files["calendar.py"] = b"WHO = 'mine'\n"
    return Source("python", ("python3", "main.py", "--flag", "ä"), files)


DRIVER = """
import base64, json, os, subprocess
told = {}
for name in json.load(open('names.json')):
    open('main.py', 'wb').write(open(f'programs/{name}', 'rb').read())
    if name == 'shadows_the_library':
        open('calendar.py', 'w').write("WHO = 'mine'\\n")
    got = subprocess.run(['python3', 'main.py', '--flag', '\u00e4'], input=b'given', capture_output=True, start_new_session=True)
    if name == 'file_limit':
        os.remove('big')
    told[name] = [got.returncode, *(base64.b64encode(out).decode() for out in (got.stdout, got.stderr))]
json.dump(told, open('out/told.json', 'w'))
"""


def words(text: str) -> str:
    """All that a person or a check could see, but the addresses of objects and how deep our own frames lie."""
    return re.sub(r"0x[0-9a-f]+|repeated \d+ more", "~", text)


@pytest.fixture(scope="module")
def plain(pool):
    """What each program does as an ordinary `python3 main.py`, one after the other in one cold box."""
    names = [name for name in PROGRAMS if name != "atexit_hangs"]  # the other one that shadows comes last
    names.sort(key=lambda name: name == "shadows_the_library")
    files = {f"programs/{name}": source(name).files["main.py"] for name in names}
    files |= {"driver.py": DRIVER.encode(), "names.json": json.dumps(names).encode(), **FILES}
    got = pool.engine.run(Source("python", ("python3", "driver.py"), files), limits=Limits(time_s=90.0))
    assert got.ok, got
    told = json.loads(got.artifacts[0].data)
    return {name: (code, *(_text(part) for part in parts)) for name, (code, *parts) in told.items()}


def _text(encoded: str) -> str:
    return Text().feed(base64.b64decode(encoded), final=True)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "atexit_hangs"])
def test_a_fork_is_not_to_be_told_from_a_start(pool, plain, name):
    assert pool.wait_ready("python", LIMITS)
    before = pool.hits
    fork = pool.run(source(name), limits=LIMITS, stdin=b"given")
    assert pool.hits == before + 1
    code, stdout, stderr = plain[name]
    ended = -fork.signal if fork.ended == "signal" else fork.code
    assert (ended, fork.stdout, words(fork.stderr)) == (code, stdout, words(stderr))


def test_what_hangs_at_the_end_of_a_fork_ends_by_the_clock(pool):
    assert pool.wait_ready("python", LIMITS)
    got = pool.run(source("atexit_hangs"), limits=Limits(time_s=1.0))
    assert (got.ended, got.stdout) == ("timeout", "body\n")


def test_an_unusual_command_runs_as_ever(pool):
    for command in (
        ("python3", "-c", "print(__name__, 5)"),
        ("sh", "-c", "echo __main__ 5"),
        ("python3", "none.py"),
    ):
        assert pool.wait_ready("python")
        got = pool.run(Source("python", command, FILES))
        if command[-1] == "none.py":
            assert (got.code, "No such file" in got.stderr) == (2, True)
        else:
            assert got.stdout == "__main__ 5\n"
