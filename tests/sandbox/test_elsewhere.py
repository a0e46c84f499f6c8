"""Engines elsewhere, and another runtime: by TCP with certificates, by ssh, in gVisor. Real ones, on this machine."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox import BoxFailed, EngineUnavailable, Limits, Source
from sandbox.docker_engine import DockerEngine
from sandbox.pool import Pool
from sandbox.sealing import LABEL
from tests.sandbox.elsewhere import SSHD, Certificates, PrivateEngine, SshServer, lacking
from tests.waiting import wait

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.docker
HELLO = Source(
    "node", ("python3", "main.py"), {"main.py": b"open('out/a.txt', 'w').write('left')\nprint('hello')"}
)
KILLED = """
import sys
from sandbox import Limits, Source
from sandbox.docker_engine import DockerEngine
source = Source("node", ("python3", "-c", "import time; print(1, flush=True); time.sleep(60)"))
DockerEngine(sys.argv[1]).run(source, limits=Limits(time_s=50), on_output=lambda *_: print("running", flush=True))
"""


def script(code: str) -> Source:
    return Source("node", ("python3", "main.py"), {"main.py": code.encode()})


def boxes(engine, owner):
    return engine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={owner}"})


@pytest.fixture(scope="module")
def private():
    assert not lacking("docker", "dockerd", "openssl", "unshare")
    made = PrivateEngine("node")
    yield made
    made.close()


@pytest.fixture
def engine(private, monkeypatch):
    """The private engine by its socket: what the tests look at it with."""
    monkeypatch.setenv("DOCKER_HOST", private.socket)
    made = DockerEngine(f"elsewhere-{os.getpid()}")
    assert made.client.ping()  # the way to it is fixed now
    yield made
    wait(lambda: not boxes(made, made.owner))
    made.close()


@pytest.fixture
def by_tls(private, engine, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", private.tcp)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(private.certificates.folder))


def kill_in_mid_run(engine, owner):
    """An owner in this environment is killed -9 while its box runs; wait until the box is gone."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, owner], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "running\n"
        assert len(boxes(engine, owner)) == 1
        process.send_signal(signal.SIGKILL)
    wait(lambda: not boxes(engine, owner))


# --- by TCP with certificates -------------------------------------------------------------------------------------------


def test_an_engine_is_used_by_tcp_with_certificates(by_tls, engine):
    remote = DockerEngine(f"tls-{os.getpid()}")
    got = remote.run(HELLO)
    assert (got.ended, got.stdout, [a.data for a in got.artifacts]) == ("exit", "hello\n", [b"left"])
    large = script("import sys; d = sys.stdin.buffer.read(); print(len(d)); print('x' * 400_000)")
    got = remote.run(large, stdin=bytes(3_000_000), limits=Limits(time_s=20.0))
    assert (got.ended, len(got.stdout)) == ("exit", 8 + 400_001)
    stop = threading.Event()
    waits = script("import time\nprint('going', flush=True)\ntime.sleep(60)")
    got = remote.run(waits, limits=Limits(time_s=30.0), cancelled=stop, on_output=lambda *_: stop.set())
    assert (got.ended, got.stdout.strip()) == ("cancelled", "going")
    remote.close()
    wait(lambda: not boxes(engine, remote.owner))


def test_boxes_stand_ready_on_an_engine_by_tcp_too(by_tls, engine):
    pool = Pool(DockerEngine(f"tls-pool-{os.getpid()}"), ready=1)
    try:
        assert pool.wait_ready("node")
        assert pool.run(HELLO).stdout == "hello\n"
        assert pool.hits == 1
    finally:
        pool.close()
    wait(lambda: not boxes(engine, pool.engine.owner))


def test_the_death_of_an_owner_ends_its_box_on_an_engine_by_tcp(by_tls, engine):
    kill_in_mid_run(engine, f"tls-killed-{os.getpid()}")


def test_an_engine_that_another_authority_vouches_for_is_refused(by_tls, private, tmp_path, monkeypatch):
    other = Certificates(tmp_path / "other")
    for name in ("cert.pem", "key.pem"):  # who we are is right; who it is cannot be told
        (other.folder / name).write_bytes((private.certificates.folder / name).read_bytes())
    monkeypatch.setenv("DOCKER_CERT_PATH", str(other.folder))
    doubtful = DockerEngine()
    assert "do not trust each other" in doubtful.available()
    with pytest.raises(EngineUnavailable, match="DOCKER_CERT_PATH"):
        doubtful.run(HELLO)


def test_an_engine_refuses_who_shows_another_authoritys_certificate(by_tls, private, tmp_path, monkeypatch):
    other = Certificates(tmp_path / "other")
    (other.folder / "ca.pem").write_bytes((private.certificates.folder / "ca.pem").read_bytes())
    monkeypatch.setenv("DOCKER_CERT_PATH", str(other.folder))
    with pytest.raises(EngineUnavailable, match="do not trust each other"):
        DockerEngine().run(HELLO)


def test_certificates_that_are_not_there_are_a_sentence(by_tls, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(EngineUnavailable, match="DOCKER_CERT_PATH"):
        DockerEngine().run(HELLO)


# --- by ssh -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def by_ssh(private, engine, monkeypatch):
    assert not lacking(SSHD, "ssh")
    server = SshServer()
    monkeypatch.setenv("PATH", f"{server.folder}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", server.host(private.path))
    yield server
    server.close()


def tunnels_to(server):
    """The ssh processes of ours that lead to this server."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"-nNT" in words and str(server.port).encode() in words:
            found.append(int(folder.name))
    return found


def test_an_engine_is_used_by_ssh(by_ssh, engine):
    remote = DockerEngine(f"ssh-{os.getpid()}")
    got = remote.run(HELLO)
    assert (got.ended, got.stdout, [a.data for a in got.artifacts]) == ("exit", "hello\n", [b"left"])
    remote.close()
    wait(lambda: not boxes(engine, remote.owner))


def test_the_death_of_an_owner_ends_its_box_and_its_ssh(by_ssh, engine):
    kill_in_mid_run(engine, f"ssh-killed-{os.getpid()}")
    wait(lambda: not tunnels_to(by_ssh))


def test_a_key_that_the_other_machine_does_not_know_is_a_sentence(by_ssh):
    by_ssh.carry("stranger")
    assert "ssh does not reach 127.0.0.1" in DockerEngine().available()
    with pytest.raises(EngineUnavailable, match="Permission denied"):
        DockerEngine().run(HELLO)


# --- in gVisor ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def gvisor(engine, monkeypatch):
    assert not lacking("runsc")
    monkeypatch.setenv("SANDBOX_RUNTIME", "runsc")
    made = DockerEngine(f"gvisor-{os.getpid()}")
    yield made
    wait(lambda: not boxes(made, made.owner))
    made.close()


PROBE = """
import os, socket
def can(act):
    try:
        act(); return True
    except OSError:
        return False
print(open('/proc/version').read().split()[2], os.uname().release, os.getuid())
print(can(lambda: open('/etc/x', 'w')), can(lambda: socket.create_connection(('1.1.1.1', 53), 1)), can(lambda: socket.socket(40, 1)))
open('out/a.txt', 'w').write('left')
"""


def test_a_program_runs_in_gvisor_where_the_engine_has_it(gvisor):
    got = gvisor.run(script(PROBE), limits=Limits(time_s=20.0))
    assert (got.ended, got.code) == ("exit", 0), got
    assert got.stdout == "4.4.0 4.4.0 65532\nFalse False False\n", "the kernel that it sees is gVisor's"
    assert [a.data for a in got.artifacts] == [b"left"]


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("raise SystemExit(3)", "exit"),
        ("import os; os.kill(os.getpid(), 11)", "signal"),
        ("while True: pass", "timeout"),
        ("while True: print('x' * 10_000)", "output_limit"),
    ],
)
def test_every_end_has_its_name_in_gvisor_too(gvisor, code, ended):
    assert gvisor.run(script(code), limits=Limits(time_s=2.0)).ended == ended


def test_memory_ends_in_gvisor_with_the_box(gvisor):
    code = "x = bytearray(2_000_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1\nprint('all of it')"
    got = gvisor.run(script(code), limits=Limits(time_s=20.0))
    assert (got.ended, got.stdout) == ("memory", ""), (
        "gVisor is one process of this machine, and goes as a whole"
    )


def test_the_death_of_an_owner_ends_its_box_in_gvisor(gvisor, engine):
    kill_in_mid_run(engine, f"gvisor-killed-{os.getpid()}")


def test_a_runtime_that_the_engine_cannot_start_is_a_sentence(engine, monkeypatch):
    monkeypatch.setenv("SANDBOX_RUNTIME", "kata")
    with pytest.raises((BoxFailed, EngineUnavailable), match="SANDBOX_RUNTIME"):
        DockerEngine().run(HELLO)
