"""Nothing is left behind: whenever its owner is killed, also between the making of a box and its start."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from docker.errors import NotFound

from sandbox import Limits, Source, janitor, life
from sandbox.docker_engine import DockerEngine
from sandbox.reaper import overdue
from sandbox.sealing import LABEL, Fit
from tests.sandbox.gate import Gate
from tests.waiting import wait

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 8  # boxes that are being opened when the owner is killed
OWNER = """
import os, sys, threading, time
from sandbox import Source, Limits
from sandbox.docker_engine import DockerEngine
from sandbox.sealing import Fit
engine, fit = DockerEngine(sys.argv[1]), Fit.of(Source("node", ("true",)), Limits())
engine.client
for _ in range(int(sys.argv[2])):
    threading.Thread(target=engine.open, args=(fit,), kwargs={"lasts_s": 60}).start()
"""


def boxes(engine, owner):
    return engine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={owner}"})


def start(code, *arguments, **env):
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **env}
    )


def janitors_of(pid):
    """The processes that wait for the end of this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"sandbox.janitor" in words and str(pid).encode() in words:
            found.append(int(folder.name))
    return found


@pytest.fixture
def gate(tmp_path, request):
    made = Gate(tmp_path / "gate.sock", request.param)
    yield made
    made.close()


@pytest.mark.docker
@pytest.mark.parametrize("gate", [b"/attach", b"/start"], indirect=True)
def test_an_owner_killed_between_making_a_box_and_starting_it_leaves_none(engine, gate, tmp_path):
    for number in range(3):
        owner = f"killed-{os.getpid()}-{number}-{gate.word.decode()[1:]}"
        before = gate.waiting
        with start(OWNER, owner, str(AT_ONCE), DOCKER_HOST=f"unix://{tmp_path}/gate.sock") as process:
            gate.wait_for(before + AT_ONCE)
            assert [row["State"] for row in boxes(engine, owner)] == ["created"] * AT_ONCE
            process.send_signal(signal.SIGKILL)
        wait(lambda owner=owner: not boxes(engine, owner))


@pytest.mark.docker
@pytest.mark.parametrize("gate", [b"/containers/create"], indirect=True)
def test_a_box_that_is_made_after_the_death_of_who_asked_for_it_is_not_left(engine, gate, tmp_path):
    owner = f"killed-{os.getpid()}-late"
    with start(OWNER, owner, str(AT_ONCE), DOCKER_HOST=f"unix://{tmp_path}/gate.sock") as process:
        gate.wait_for(AT_ONCE)
        assert not boxes(engine, owner)
        process.send_signal(signal.SIGKILL)
    shown, now = {"label": f"{LABEL}.owner={owner}", "event": "destroy"}, int(time.time())
    # An engine answers before it listens for what is new: it is asked for what was, too.
    gone = engine.client.api.events(filters=shown, since=now, until=now + 60, decode=True)
    gate.open()
    assert len(list(itertools.islice(gone, AT_ONCE))) == AT_ONCE
    gone.close()
    assert not boxes(engine, owner)


@pytest.mark.docker
@pytest.mark.parametrize("gate", [b"/start"], indirect=True)
def test_a_fork_that_outlives_the_owner_does_not_keep_its_boxes(engine, gate, tmp_path):
    """It holds open whatever the owner had open, the pipe to the janitor too."""
    owner = f"killed-{os.getpid()}-forked"
    code = OWNER + "time.sleep(1)\nif os.fork() == 0:\n    time.sleep(60)\n    os._exit(0)\n"
    code = code.replace("time.sleep(1)", "while not os.path.exists(sys.argv[3]): time.sleep(0.02)")
    code += "time.sleep(60)"
    with start(code, owner, "1", str(tmp_path / "fork"), DOCKER_HOST=f"unix://{tmp_path}/gate.sock") as process:
        gate.wait_for(1)
        (tmp_path / "fork").touch()
        children = wait(lambda: [pid for pid in _children(process.pid) if pid not in janitors_of(process.pid)])
        process.send_signal(signal.SIGKILL)
    try:
        wait(lambda: not boxes(engine, owner))
    finally:
        os.kill(children[0], signal.SIGKILL)


def _children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.docker
@pytest.mark.parametrize("gate", [b"/start"], indirect=True)
def test_what_is_left_when_the_janitor_is_killed_too_is_met_by_the_next_owner_at_once(engine, gate, tmp_path):
    owner = f"killed-{os.getpid()}-both"
    with start(OWNER, owner, "2", DOCKER_HOST=f"unix://{tmp_path}/gate.sock") as process:
        gate.wait_for(2)
        engine.reap()
        assert len(left := boxes(engine, owner)) == 2, "its owner lives"
        for one in janitors_of(process.pid):
            os.kill(one, signal.SIGKILL)
        process.send_signal(signal.SIGKILL)
    # Any other owner on this engine may meet them a moment before this one does: it is no less at once.
    assert overdue(left, time.time(), life.over) == [row["Id"] for row in left]
    DockerEngine("another").reap()
    wait(lambda: not boxes(engine, owner), 10)


@pytest.mark.docker
@pytest.mark.parametrize("ending", ["", "import os; os.kill(os.getpid(), 15)", "raise SystemExit(3)"])
def test_a_janitor_goes_with_its_owner(ending):
    """After an ordinary end at once, after a sudden one when it has looked for a while."""
    code = (
        "from sandbox import run, Source\nimport sys\n"
        "assert run(Source('node', ('sh', '-c', 'echo hello'))).ok\nprint('ran', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code + ending],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ran\n"
        assert len(found := janitors_of(process.pid)) == 1
        assert not [name for name in _environment(found[0]) if "KEY" in name]
        process.stdin.close()
        process.wait(20)
    if "kill" not in ending:
        wait(lambda: not janitors_of(process.pid), janitor.LINGER_S / 2)
    wait(lambda: not janitors_of(process.pid))


def _environment(pid):
    return [one.partition(b"=")[0].decode() for one in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")]


@pytest.mark.docker
def test_a_worker_killed_in_mid_run_leaves_no_box(engine):
    """The owner is another process, killed with -9: the box ends by itself when its standard input closes."""
    owner = f"killed-{os.getpid()}-running"
    code = (
        "import sys\nfrom sandbox import Source, Limits\nfrom sandbox.docker_engine import DockerEngine\n"
        "DockerEngine(sys.argv[1]).run(Source('python', ('python3', '-c', 'import time; time.sleep(60)')), limits=Limits(time_s=50))\n"
    )
    with start(code, owner) as process:
        wait(lambda: [row for row in boxes(engine, owner) if row["State"] == "running"])
        for one in janitors_of(process.pid):
            os.kill(one, signal.SIGKILL)  # it has no part in this
        process.send_signal(signal.SIGKILL)
    wait(lambda: not boxes(engine, owner), 10)


@pytest.mark.docker
def test_the_reaper_meets_what_is_past_its_deadline(engine):
    config = engine.config(Fit.of(Source("python", ("true",)), Limits()))
    config["Labels"][f"{LABEL}.deadline"] = "1"
    made = engine.client.api.create_container_from_config(config, None)
    engine.reap()
    wait(lambda: _unknown(engine, made["Id"]))  # another's reaper may have begun with it already


def _unknown(engine, identity):
    try:
        engine.client.api.inspect_container(identity)
    except NotFound:
        return True
    return False


def test_the_reaper_takes_what_is_overdue_or_was_only_created_or_has_lost_its_owner():
    def row(name, state, created, deadline, whose="lives"):
        return {
            "Id": name,
            "State": state,
            "Created": created,
            "Labels": {f"{LABEL}.deadline": deadline, f"{LABEL}.life": whose},
        }

    rows = [
        row("runs", "running", 0, "2000"),
        row("overdue", "running", 0, "900"),
        row("newborn", "created", 990, "2000"),
        row("never started", "created", 900, "2000"),
        row("ended", "exited", 900, "2000"),
        row("dead", "dead", 900, "2000"),
        row("odd", "running", 0, "soon"),
        row("orphan", "created", 990, "2000", "ended"),
    ]
    gone = overdue(rows, 1000, lambda whose: whose == "ended")
    assert gone == ["overdue", "never started", "ended", "dead", "odd", "orphan"]


def test_a_life_is_over_only_when_that_is_certain():
    mine = life.mine()
    boot, namespace, pid, start_ = mine.split(":")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        began = life._stat(other.pid)[1]
        its = f"{boot}:{namespace}:{other.pid}:{began}"
        assert not life.over(its)
        other.kill()
        wait(lambda: life.over(its))  # a zombie until it is waited for
    assert life.over(its)
    assert not life.over(mine)
    assert life.over(f"{boot}:{namespace}:{pid}:1{start_}"), "its pid is another's now"
    for elsewhere in (f"x{boot}:{namespace}:{pid}:0", f"{boot}:1:{pid}:0", f"::{pid}:0", "", "a:b:c", "::::"):
        assert not life.over(elsewhere), elsewhere
