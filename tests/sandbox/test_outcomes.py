"""Every end that a run can have, each way of starting a program, on whichever kind of cgroup this machine has.

Nothing here is measured in seconds: the same holds on an emulated machine (tests/cgroup2.sh), which takes many times as long.
"""

import json
import os
import signal
import threading
import time
import uuid

import pytest
from docker.errors import NotFound

from sandbox import Limits, Source
from sandbox.docker_engine import DockerEngine
from sandbox.sealing import Fit
from sandbox.talk import Talk
from tests.waiting import wait

pytestmark = pytest.mark.docker
LONG_S = 300.0  # for whatever is not to end by the clock
SAY = "import os\nos.write(1, b'here\\n')\n"  # in one piece
EAT = "held = []\nwhile True: held.append(b'x' * (1 << 20))\n"


@pytest.fixture(params=["exec", "fork"])
def run(engine, request):
    """Runs Python in a box of its own, started or as a fork of the Python of a warm box, and sees the box gone.

    `meanwhile` gets the engine's API and the box's id when the program has said its first word. `run.talk`: the last talk.
    """
    mine = DockerEngine(f"outcomes-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    forks = request.param == "fork"

    def run(code, *, meanwhile=lambda api, identity: None, cancelled=None, **limits):
        source = Source("python", ("python3", "main.py"), {"main.py": code.encode()})
        bounds = Limits(**{"time_s": LONG_S, **limits})
        fit = Fit.of(source, bounds)
        box = mine.open(fit.warmed() if forks else fit, lasts_s=LONG_S)
        assert box.ready(time.monotonic() + LONG_S)
        assert box.hello["forks"] is forks
        told = []

        def heard(stream, text):
            if not told:
                told.append(text)
                meanwhile(mine.client.api, box.id)

        run.talk = Talk(box, source, bounds, on_output=heard, cancelled=cancelled)
        got = mine.talk(run.talk, b"")
        wait(lambda: _gone(mine, box.id), LONG_S)
        return got

    yield run
    mine.close()
    mine.client.close()


def _gone(engine, identity):
    try:
        engine.client.api.inspect_container(identity)
    except NotFound:
        return True
    return False


def ending(got):
    return got.ended, got.code, got.signal


def test_a_program_that_ends_has_its_code(run):
    got = run("open('out/a.txt', 'w').write('made')\nprint('said')\nraise SystemExit(3)")
    assert ending(got) == ("exit", 3, None)
    assert (got.stdout, got.notes) == ("said\n", ())
    assert [(a.name, a.data) for a in got.artifacts] == [("a.txt", b"made")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_program_that_a_signal_ended_has_its_number(run, number):
    """Signal 9 is what the kernel sends for want of memory, too."""
    got = run(f"import os\nos.kill(os.getpid(), {number:d})")
    assert ending(got) == ("signal", None, number)
    assert got.notes == ()


def test_a_program_that_does_not_end_is_ended_by_the_clock(run):
    got = run("while True: pass", time_s=3.0)
    assert ending(got) == ("timeout", None, None)
    assert got.seconds >= 3


def test_a_program_that_the_kernel_killed_for_memory_is_told_from_one_that_a_signal_ended(run):
    got = run(SAY + EAT)
    assert ending(got) == ("memory", None, None)
    assert (got.stdout, got.notes) == ("here\n", ())


def test_a_program_whose_child_the_kernel_killed_for_memory_has_its_own_end(run):
    """It goes on: on cgroup v2 too, where a whole group can be killed together (memory.oom.group)."""
    got = run("import os\nif not os.fork():\n  " + EAT.replace("\n", "\n  ") + "\nprint(os.wait()[1] & 127)")
    assert ending(got) == ("exit", 0, None), got.stderr
    assert (got.stdout, got.notes) == ("9\n", ("a process of it was ended because memory was full",))


FILL = """
import ctypes
libc = ctypes.CDLL(None)
libc.shmat.restype, libc.shmdt.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
open('/proc/self/oom_score_adj', 'w').write('1000')
while True:
    at = libc.shmat(libc.shmget(0, 1 << 20, 0o1600), None, 0)
    ctypes.memset(at, 1, 1 << 20)
    libc.shmdt(at)
"""
TAKE_ALONG = "echo 0 >/proc/self/oom_score_adj; python3 fill.py; echo here; while :; do sleep 9999 & done"


def test_a_program_that_takes_the_runner_along_for_memory_is_not_lost(run):
    """System V segments stay when who made them is killed. Of what runs beside them then, the runner is the largest: it is
    killed, the whole box with it, and the engine alone knows why."""
    code = f"import os\nopen('fill.py', 'w').write({FILL!r})\nos.execvp('bash', ['bash', '-c', {TAKE_ALONG!r}])"
    got = run(code, processes=200)
    assert ending(got) == ("memory", None, None)
    assert run.talk.report is None, "the runner lived"
    assert got.stdout == "here\n"


def test_where_memory_is_full_the_program_goes_before_the_runner(run):
    """The same, by a program that leaves the kernel's choice as it is."""
    code = f"import os\nopen('fill.py', 'w').write({FILL!r})\nos.execvp('bash', ['bash', '-c', {TAKE_ALONG[TAKE_ALONG.index('python3') :]!r}])"
    got = run(code, processes=200)
    assert ending(got) == ("memory", None, None)
    assert run.talk.report is not None, "the runner was killed"
    assert got.stdout == "here\n"


def test_a_program_that_says_too_much_is_ended_for_it(run):
    got = run("while True: print('x' * 10_000)", output_bytes=100_000)
    assert ending(got) == ("output_limit", None, None)
    assert len(got.stdout) == 100_000


def test_a_program_that_is_called_off_ends(run):
    stop = threading.Event()
    got = run(SAY + "import time\ntime.sleep(9999)", cancelled=stop, meanwhile=lambda api, identity: stop.set())
    assert ending(got) == ("cancelled", None, None)
    assert got.stdout == "here\n"


def test_a_program_whose_box_was_killed_is_lost(run):
    got = run(SAY + "import time\ntime.sleep(9999)", meanwhile=lambda api, identity: api.kill(identity, "KILL"))
    assert ending(got) == ("lost", None, None)
    assert got.stdout == "here\n"


CHANGES_WHAT_IS_COLLECTED = """
import os
names = [f"out/{n}.bin" for n in range(30)]
for name in names:
    open(name, "wb").write(b"before" + bytes(500_000))
if os.fork():
    os._exit(0)
os.closerange(0, 3)
before = [os.stat(name).st_atime_ns for name in names]
while [os.stat(name).st_atime_ns for name in names] == before:
    pass  # until one of them is read
for name in names:
    os.pwrite(os.open(name, os.O_WRONLY), b"after!", 0)
while True:
    os.getpid()
"""


def test_what_a_program_leaves_running_is_ended_before_its_files_are_read(run):
    got = run(CHANGES_WHAT_IS_COLLECTED)
    assert ending(got) == ("exit", 0, None), got.stderr
    assert {a.data[:6] for a in got.artifacts} == {b"before"}
    assert len(got.artifacts) == 30


def test_more_processes_than_there_may_be_are_a_note(run):
    got = run(
        "import os, time\nwhile True:\n  try:\n    os.fork() or time.sleep(9999)\n  except OSError: break"
    )
    assert ending(got) == ("exit", 0, None)
    assert "new process" in " ".join(got.notes)


def test_a_full_disk_is_a_note(run):
    code = "import errno\ntry:\n  with open('big', 'wb') as out:\n    while True: out.write(bytes(1 << 16))\n"
    got = run(
        code + "except OSError as why: print(errno.errorcode[why.errno])",
        disk_bytes=8 << 20,
        memory_bytes=64 << 20,
    )
    assert ending(got) == ("exit", 0, None)
    assert got.stdout in {"ENOSPC\n", "EFBIG\n"}
    assert got.notes == ("its disk was full",)


LIMITS = """
import json, os
def read(*paths):
    for path in paths:
        if os.path.exists('/sys/fs/cgroup/' + path):
            return open('/sys/fs/cgroup/' + path).read().split()
print(json.dumps({
    'memory': read('memory.max', 'memory/memory.limit_in_bytes'),
    'swap': read('memory.swap.max'),  # on its own
    'both': read('memory/memory.memsw.limit_in_bytes'),  # together with memory; a kernel may not count it
    'processes': read('pids.max', 'pids/pids.max'),
    'cpu': read('cpu.max', 'cpu/cpu.cfs_quota_us'),
    'others': [n for n in os.listdir('/sys/fs/cgroup') if n.endswith(('.slice', '.scope'))],
}))
"""


def test_the_kernel_holds_a_box_to_its_limits(engine):
    source = Source("python", ("python3", "main.py"), {"main.py": LIMITS.encode()})
    limits = Limits(time_s=LONG_S, processes=70, cpus=0.5)
    seen = json.loads(engine.run(source, limits=limits).stdout)
    memory = str(Fit.of(source, limits).memory_bytes)
    assert seen["memory"] == [memory]
    assert seen["processes"] == ["70"]
    assert seen["cpu"][0] == "50000"  # of 100,000 µs
    if engine.client.info()["CgroupVersion"] == "2":
        assert seen["swap"] == ["0"]
        assert seen["others"] == [], "it sees the groups of others"
    else:
        assert seen["both"] in (None, [memory])


def test_a_plain_box_that_waits_takes_ten_megabytes_at_most(engine):
    """By its cgroup. The first one has what it shares with the others on its own account."""
    fit, used = Fit.of(Source("python", ()), Limits()), []
    for _ in range(2):
        box = engine.open(fit, lasts_s=LONG_S)
        try:
            assert box.ready(time.monotonic() + LONG_S)
            used.append(engine.client.api.stats(box.id, stream=False)["memory_stats"]["usage"])
        finally:
            engine.discard(box)
    assert used[-1] <= 10_000_000
