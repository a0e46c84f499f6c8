"""No engine, a silent one, or one that is named in Docker's own configuration alone."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import EngineUnavailable
from tests.docker_context import point_to
from tests.waiting import wait

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]


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
    assert time.monotonic() - began < 15, "of the minute that a call may take"
    with pytest.raises(EngineUnavailable):
        assert mute.client
    assert time.monotonic() - began < 30


def test_the_sweep_is_not_held_by_a_silent_engine(silent):
    from sandbox.docker_engine import DockerEngine

    began = time.monotonic()
    with pytest.raises(EngineUnavailable):
        DockerEngine().reap()
    assert time.monotonic() - began < 15


def test_later_questions_do_not_wait_for_a_silent_engine(silent, monkeypatch):
    """The first answer was good; then the engine fell silent, and no page may wait for it."""
    from sandbox.complaints import SILENT
    from sandbox.docker_engine import DockerEngine

    monkeypatch.setattr("sandbox.docker_engine.PROBE_S", 6)
    mute = DockerEngine()
    mute._checked = (time.monotonic() - 60, "")
    began = time.monotonic()
    assert mute.available() == ""
    assert mute.available() == ""
    assert time.monotonic() - began < 5, "it is found silent after six"
    assert wait(lambda: mute.available() == SILENT)


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
