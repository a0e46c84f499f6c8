"""Real boxes: every way a program can end, everything that seals it, and nothing left behind."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sandbox import EngineUnavailable, Limits, Source
from sandbox.sealing import LABEL, Fit
from sandbox.talk import Talk
from tests.docker_context import point_to

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
    for _ in range(40):
        if not boxes(engine):
            return
        time.sleep(0.05)
    raise AssertionError("a box was left behind")


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
    got = run(engine, code, time_s=8.0 if ended == "memory" else 2.0)
    if ended == "memory":  # Python may notice first, which is a plain failure of the program
        assert got.ended == "memory" or "MemoryError" in got.stderr
    else:
        assert got.ended == ended
    if ended == "exit":
        assert got.code == 3


def test_a_stop_ends_a_run_at_once(engine):
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    began = time.monotonic()
    got = engine.run(
        Source("python", ("python3", "main.py"), {"main.py": b"import time; time.sleep(60)"}),
        limits=Limits(time_s=30),
        cancelled=stop,
    )
    assert got.ended == "cancelled"
    assert time.monotonic() - began < 4


def test_output_streams_while_it_is_printed(engine):
    heard: list[tuple[str, str]] = []
    code = b"import time\nprint('one', flush=True)\ntime.sleep(.5)\nprint('two')"
    engine.run(
        Source("python", ("python3", "main.py"), {"main.py": code}), on_output=lambda s, t: heard.append((s, t))
    )
    assert [s for s, _ in heard] == ["stdout"] * len(heard)
    assert len(heard) >= 2
    assert "".join(t for _, t in heard) == "one\ntwo\n"


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
        talking.join(5)
    finally:
        engine.discard(box)
    assert found["got"].ended == "cancelled"
    assert time.monotonic() - began < 3


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


PROBE = r"""
import ctypes, json, os, socket
def can(act):
    try:
        act(); return True
    except BaseException:
        return False
libc = ctypes.CDLL(None, use_errno=True)
def sysc(n, *a):
    if libc.syscall(n, *a) < 0: raise OSError(ctypes.get_errno(), "no")
print(json.dumps({
  "uid": os.getuid(), "groups": os.getgroups(), "cwd": os.getcwd(),
  "env": sorted(os.environ),
  "write_root": can(lambda: open("/etc/x", "w")), "write_usr": can(lambda: open("/usr/lib/x", "w")),
  "inet": can(lambda: socket.create_connection(("1.1.1.1", 53), 0.5)),
  "dns": can(lambda: socket.gethostbyname("example.com")),
  "interfaces": [n for _, n in socket.if_nameindex()] if hasattr(socket, "if_nameindex") and can(socket.if_nameindex) else [],
  "vsock": can(lambda: socket.socket(40, socket.SOCK_STREAM)), "netlink": can(lambda: socket.socket(16, socket.SOCK_RAW)),
  "packet": can(lambda: socket.socket(17, socket.SOCK_RAW)), "io_uring": can(lambda: sysc(425, 1, 0)),
  "mount": can(lambda: sysc(165, b"x", b"/mnt", b"tmpfs", 0, 0)), "unshare": can(lambda: sysc(272, 0x10000000)),
  "ptrace": can(lambda: sysc(101, 0, 0, 0, 0)), "bpf": can(lambda: sysc(321, 0, 0, 0)), "keyctl": can(lambda: sysc(250, 0, 0)),
  "prlimit_other": can(lambda: sysc(302, 1, 0, 0, 0)),
  "status": {l.split(":")[0]: l.split(":")[1].strip() for l in open("/proc/self/status") if l.split(":")[0] in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")},
  "docker_socket": os.path.exists("/var/run/docker.sock"),
}))
"""


def test_a_box_is_sealed_from_within(engine):
    got = run(engine, PROBE)
    assert got.ok, got.stderr
    seen = json.loads(got.stdout)
    assert seen["uid"] == 65532
    assert seen["cwd"] == "/box"
    for door in (
        "write_root",
        "write_usr",
        "inet",
        "dns",
        "vsock",
        "netlink",
        "packet",
        "io_uring",
        "mount",
        "unshare",
        "ptrace",
        "bpf",
        "keyctl",
        "prlimit_other",
        "docker_socket",
    ):
        assert seen[door] is False, door
    assert [i for i in seen["interfaces"] if i != "lo"] == []
    assert set(seen["status"].values()) >= {"1", "2"}
    assert int(seen["status"]["CapEff"], 16) == int(seen["status"]["CapBnd"], 16) == 0
    assert not [name for name in seen["env"] if "KEY" in name or "SECRET" in name or "TOKEN" in name]


def test_a_box_is_sealed_from_without(engine):
    stop, found = threading.Event(), {}
    source = Source("python", ("python3", "main.py"), {"main.py": b"import time; time.sleep(30)"})
    working = threading.Thread(
        target=lambda: found.update(got=engine.run(source, limits=Limits(time_s=20), cancelled=stop))
    )
    working.start()
    try:
        box = _wait(lambda: next(iter(boxes(engine)), None))
        _wait(lambda: engine.client.api.inspect_container(box["Id"])["State"]["Running"])
        seen = engine.client.api.inspect_container(box["Id"])
    finally:
        stop.set()
        working.join()
    host, config = seen["HostConfig"], seen["Config"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert any(o.startswith("seccomp=") and "unconfined" not in o for o in host["SecurityOpt"])
    assert host["ReadonlyRootfs"]
    assert host["AutoRemove"]
    assert not host["Binds"]
    assert not seen["Mounts"]
    assert not host["Privileged"]
    assert host["Memory"] == host["MemorySwap"] > 0
    assert host["PidsLimit"] > 0
    assert host["NanoCpus"] == 1_000_000_000
    assert host["LogConfig"]["Type"] == "none"
    assert host["PidMode"] == ""
    assert host["IpcMode"] == "private"
    assert set(host["Tmpfs"]) == {"/box", "/tmp"}
    assert config["User"].startswith("65532")
    assert config["StdinOnce"]
    assert not config["Tty"]


def _wait(ask, seconds=10.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ask():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


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
    assert got.notes


def test_from_a_shell_it_prints_the_outcome_as_json(tmp_path):
    program = tmp_path / "hello.py"
    program.write_text(
        "import sys\nprint(open('in/a.csv').read())\nopen('out/r.txt','w').write('r')\nsys.exit(4)"
    )
    (tmp_path / "a.csv").write_text("x,y")
    said = subprocess.run(
        [sys.executable, "-m", "sandbox", "run", "--json", "--input", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out"), str(program)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    outcome = json.loads(said.stdout)
    assert said.returncode == 1
    assert (outcome["ended"], outcome["code"], outcome["stdout"]) == ("exit", 4, "x,y\n")
    assert set(outcome) >= {"ended", "code", "signal", "stdout", "stderr", "artifacts", "seconds"}
    assert (tmp_path / "out" / "r.txt").read_text() == "r"


def test_from_a_shell_a_program_has_its_arguments_and_input(tmp_path, capfd, monkeypatch):
    from sandbox.__main__ import main

    program = tmp_path / "hello.py"
    program.write_text("import sys\nprint(sys.argv[1:], sys.stdin.read())\nsys.exit(3)")
    (tmp_path / "given").write_text("words")
    with (tmp_path / "given").open() as given:
        monkeypatch.setattr("sys.stdin", given)
        assert main(["run", "--stdin", str(program), "--", "--a", "b"]) == 1
    said = capfd.readouterr()
    assert said.out == "['--a', 'b'] words\n"
    assert said.err == "ended: exit 3\n"
    assert main(["run", str(tmp_path / "none.py")]) == 2
    assert "No such file" in capfd.readouterr().err
    assert main(["bench", "--runs", "1"]) == 0
    assert "a fresh box that stood ready" in capfd.readouterr().out


def test_without_an_engine_it_says_what_to_do(monkeypatch):
    from sandbox.docker_engine import DockerEngine

    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    nobody = DockerEngine()
    assert "Docker" in nobody.available()


@pytest.fixture
def silent(monkeypatch):
    """An engine that accepts every call (the system does, for a socket that listens) and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.getsockname()[1]}")
        yield


def test_an_engine_that_accepts_and_is_silent_is_given_up_soon(silent):
    from sandbox.complaints import SILENT
    from sandbox.docker_engine import DockerEngine

    began = time.monotonic()
    mute = DockerEngine()
    assert mute.available() == SILENT
    assert time.monotonic() - began < 4
    with pytest.raises(EngineUnavailable):
        assert mute.client
    assert time.monotonic() - began < 8


def test_the_sweep_is_not_held_by_a_silent_engine(silent):
    from sandbox.docker_engine import DockerEngine

    began = time.monotonic()
    with pytest.raises(EngineUnavailable):
        DockerEngine().reap()
    assert time.monotonic() - began < 4


def test_later_questions_do_not_wait_for_a_silent_engine(silent):
    """The first answer was good; then the engine fell silent, and no page may wait for it."""
    from sandbox.complaints import SILENT
    from sandbox.docker_engine import DockerEngine

    mute = DockerEngine()
    mute._checked = (time.monotonic() - 60, "")
    began = time.monotonic()
    assert mute.available() == ""
    assert mute.available() == ""
    assert time.monotonic() - began < 1
    assert _wait(lambda: mute.available() == SILENT)


def test_the_engine_of_dockers_current_context_is_used_without_its_command(tmp_path):
    """Rootless engines and Docker Desktop are named there, and nowhere else."""
    link = tmp_path / "mine.sock"
    link.symlink_to("/var/run/docker.sock")
    point_to(f"unix://{link}", tmp_path)
    env = {k: v for k, v in os.environ.items() if k != "DOCKER_HOST"}

    def asked():
        return subprocess.run(
            [sys.executable, "-m", "sandbox", "engine"], cwd=ROOT, capture_output=True, text=True, check=False,
            env={**env, "DOCKER_CONFIG": str(tmp_path), "PATH": "/nowhere"},
        )  # fmt: skip

    assert asked().returncode == 0
    link.unlink()
    assert asked().returncode == 3
    (tmp_path / "config.json").write_text('{"currentContext": "gone"}')
    assert "Traceback" not in asked().stderr
