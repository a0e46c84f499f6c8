"""Real boxes: every way a program can end, everything that seals it, and nothing left behind."""

import hashlib
import threading
import time
from pathlib import Path

import pytest

from sandbox import Limits, Source
from sandbox.sealing import LABEL, Fit
from sandbox.talk import Talk
from tests.waiting import wait

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]


def run(engine, code, *, files=None, command=("python3", "main.py"), **limits):
    source = Source("python", command, {"main.py": code.encode(), **(files or {})})
    return engine.run(source, limits=Limits(**{"time_s": 5.0, **limits}))


def boxes(engine):
    return engine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={engine.owner}"})


@pytest.fixture(autouse=True)
def _no_box_is_left(engine):
    yield
    wait(lambda: not boxes(engine))


def test_a_program_reads_its_files_and_leaves_some(engine):
    got = run(
        engine,
        "print(open('in/a.txt').read())\nopen('out/b.txt','w').write('made')",
        files={"in/a.txt": "hä".encode()},
    )
    assert (got.ended, got.code, got.stdout) == ("exit", 0, "hä\n")
    assert [(a.name, a.data) for a in got.artifacts] == [("b.txt", b"made")]


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("raise SystemExit(3)", "exit"),
        ("import os; os.kill(os.getpid(), 11)", "signal"),
        ("while True: pass", "timeout"),
        ("import time\ntry:\n  time.sleep(99)\nexcept BaseException:\n  time.sleep(99)", "timeout"),
        ("x = bytearray(2_000_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1", "memory"),
        ("while True: print('x' * 10_000)", "output_limit"),
    ],
)
def test_every_end_has_its_name(engine, code, ended):
    got = run(engine, code, time_s=2.0 if ended == "timeout" else 20.0)
    if ended == "memory":  # Python may notice first, which is a plain failure of the program
        assert got.ended == "memory" or "MemoryError" in got.stderr
    else:
        assert got.ended == ended
    if ended == "exit":
        assert got.code == 3


def test_a_stop_ends_a_run_at_once(engine):
    stop, pressed = threading.Event(), []

    def press():
        pressed.append(time.monotonic())
        stop.set()

    threading.Timer(1.0, press).start()
    got = engine.run(
        Source("python", ("python3", "main.py"), {"main.py": b"import time; time.sleep(60)"}),
        limits=Limits(time_s=30),
        cancelled=stop,
    )
    ended = time.monotonic()
    assert got.ended == "cancelled"
    assert ended - pressed[0] < 10, "its time would be over after 30"


def test_output_streams_while_it_is_printed(engine):
    """It goes on when its first word was heard."""
    heard: list[tuple[str, str]] = []
    code = b"import os, time\nprint('one', flush=True)\nwhile not os.path.exists('go'): time.sleep(.01)\nprint('two')"

    def said():
        return "".join(text for stream, text in heard if stream == "stdout")

    def hear(stream, text):
        heard.append((stream, text))
        if said() == "one\n":
            api, (box,) = engine.client.api, boxes(engine)
            api.exec_start(api.exec_create(box["Id"], ["touch", "/box/go"]))

    got = engine.run(
        Source("python", ("python3", "main.py"), {"main.py": code}), limits=Limits(time_s=20.0), on_output=hear
    )
    assert got.ended == "exit"
    assert {stream for stream, _ in heard} == {"stdout"}
    assert said() == "one\ntwo\n"


MEGABYTES = b"".join(b"%07d\n" % n for n in range(400_000))  # 3.2 MB, each line another


@pytest.mark.parametrize("size", [0, 65_536, 65_537, len(MEGABYTES)])
def test_a_program_reads_as_much_input_as_there_is(engine, size):
    code = b"import sys, hashlib\ndata = sys.stdin.buffer.read()\nprint(len(data), hashlib.sha256(data).hexdigest())"
    source = Source("python", ("python3", "main.py"), {"main.py": code})
    given = MEGABYTES[:size]
    got = engine.run(source, limits=Limits(time_s=8.0), stdin=given)
    assert (got.ended, got.stdout) == ("exit", f"{size} {hashlib.sha256(given).hexdigest()}\n")


@pytest.mark.parametrize(
    "code",
    [
        "print('x' * 200_000)",
        "import os; os.close(0)\nprint('x' * 200_000)",
        "import sys\nsys.stdin.buffer.read(10)\nprint('x' * 200_000)",
    ],
)
def test_a_program_that_leaves_its_input_lying_runs_as_any_other(engine, code):
    source = Source("python", ("python3", "main.py"), {"main.py": code.encode()})
    got = engine.run(source, limits=Limits(time_s=8.0), stdin=MEGABYTES)
    assert (got.ended, got.code, len(got.stdout)) == ("exit", 0, 200_001)
    assert got.seconds < 4


def test_a_stop_is_heard_while_the_files_are_still_on_their_way(engine):
    """The runner is stopped in mid-job by pausing its box, so that nothing more can be sent."""
    source = Source("python", ("python3", "main.py"), {"main.py": b"", "in/large.bin": bytes(60_000_000)})
    stop, found = threading.Event(), {}
    box = engine.open(Fit.of(source, Limits()), lasts_s=30)
    try:
        assert box.ready(time.monotonic() + 20)
        engine.client.api.pause(box.id)
        talk = Talk(box, source, Limits(), cancelled=stop)
        talking = threading.Thread(target=lambda: found.update(got=talk.outcome()))
        talking.start()
        time.sleep(0.5)  # the pipe is full by now
        stop.set()
        began = time.monotonic()
        talking.join(20)
        took = time.monotonic() - began
    finally:
        engine.discard(box)
    assert found["got"].ended == "cancelled"
    assert took < 10


def test_a_box_grows_by_the_files_that_it_is_given(engine):
    """What lies in /box is memory: an upload must not eat what the program was promised."""
    code = (
        b"import os\ndata = open('in/large.bin','rb').read()\nopen('out/copy.bin','wb').write(data)\n"
        b"more = bytearray(120_000_000)\nfor i in range(0, len(more), 4096): more[i] = 1\nprint(len(data))"
    )
    source = Source("python", ("python3", "main.py"), {"main.py": code, "in/large.bin": bytes(90_000_000)})
    got = engine.run(source, limits=Limits(time_s=20.0), stdin=b"x")
    assert (got.ended, got.stdout) == ("exit", "90000000\n"), got.stderr
    small, large = Source("python", ("true",)), Source("python", ("true",), {"a": bytes(50 << 20)})
    memory = [engine.config(Fit.of(s, Limits()))["HostConfig"]["Memory"] for s in (small, large)]
    assert memory == [(256 + 64) << 20, (256 + 100) << 20]


def test_a_fork_bomb_ends_with_its_box(engine):
    got = run(engine, "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", time_s=2.0)
    assert got.ended in {"timeout", "exit", "signal", "memory"}


def test_names_of_what_a_program_leaves_are_harmless(engine):
    code = r"""
import os
for name in ("../escape.txt", "-rf", "a b.txt", "\x1b[31m.txt"):
    try: open(os.path.join("out", name), "w").write("x")
    except OSError: pass
os.symlink("/etc/passwd", "out/link.txt")
try: os.mkfifo("out/pipe")
except OSError: pass
os.makedirs("out/deep/er"); open("out/deep/er/file.txt", "w").write("deep")
"""
    got = run(engine, code)
    assert got.ok, got.stderr
    for artifact in got.artifacts:
        assert ".." not in artifact.name
        assert not artifact.name.startswith(("/", "-"))
        assert artifact.name.isprintable()
        assert b"root:" not in artifact.data


def test_what_is_too_much_to_bring_back_is_left_and_said(engine):
    got = run(engine, "for n in range(100): open(f'out/{n}.txt','w').write('x'*1000)", artifacts=5)
    assert len(got.artifacts) == 5
    assert got.notes == ("95 files were left out: too many, too large, or no plain files",)
