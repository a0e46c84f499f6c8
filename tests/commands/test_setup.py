"""The set-up scripts on machines that we do not have: what they say, and that they never stop `make run`."""

import os
import socket
import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.docker_context import point_to
from tests.journeys.served import ROOT, free_port

TOOLS = (
    "bash",
    "dirname",
    "timeout",
    "cat",
    "rm",
    "mkdir",
    "sleep",
    "seq",
    "setsid",
    "nohup",
    "kill",
    "python3",
)


class Machine:
    """A PATH with the few commands that every machine has, and made-up ones beside them."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls = folder / "calls"
        for name in TOOLS:
            real = next(Path(d, name) for d in ("/usr/bin", "/bin", "/usr/local/bin") if Path(d, name).exists())
            (self.bin / name).symlink_to(real)
        self.command("id", "echo ${FAKE_UID:-1000}")
        context = point_to(f"unix://{folder}/nobody.sock", folder / "docker")
        self.env = {
            "PATH": str(self.bin), "HOME": str(folder), "VIBE_VAR": str(folder / "var"), "DOCKER_CONFIG": str(context),
        }  # fmt: skip

    def command(self, name: str, script: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/bash\necho "{name} $*" >> {self.calls}\n{script}\n')
        path.chmod(0o755)

    def run(self, script: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(ROOT / "setup" / script), *args], cwd=ROOT, env={**self.env, **env},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def called(self, what: str) -> bool:
        return self.calls.exists() and what in self.calls.read_text()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def sentence(said: subprocess.CompletedProcess[str]) -> str:
    """The one thing it said; it always ends well, or `make run` would end with it."""
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("\n") == 1, said.stdout
    assert not said.stderr
    return said.stdout


def test_without_docker_it_says_what_to_install(machine):
    assert "install Docker (https://" in sentence(machine.run("engine.sh"))


def test_a_docker_that_is_not_started_is_not_to_be_installed_again(machine):
    machine.command("docker", "exit 1")
    assert "start it, then run this again" in sentence(machine.run("engine.sh"))


def test_an_engine_that_this_person_may_not_use_is_said_to_be_that(machine, tmp_path):
    """A socket of root's looks like a socket without any permission to everyone but root."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "sandbox").mkdir()
    (tmp_path / "fake" / "sandbox" / "__main__.py").write_text(
        "import sys; from sandbox_words import why; print(why); sys.exit(3)"
    )
    from sandbox.complaints import why

    words = why(PermissionError(13, "Permission denied"))
    (tmp_path / "fake" / "sandbox_words.py").write_text(f"why = {words!r}")
    machine.command("timeout", f"cd {tmp_path}/fake; shift; exec {ROOT}/.venv/bin/python -m sandbox engine")
    machine.command("docker", "exit 1")
    assert "add the user to the group" in sentence(machine.run("engine.sh"))


def test_a_docker_host_where_nobody_is_is_named(machine):
    host = f"tcp://127.0.0.1:{free_port()}"
    assert f"No Docker engine answers at DOCKER_HOST ({host})" in sentence(
        machine.run("engine.sh", DOCKER_HOST=host)
    )


def test_a_docker_host_that_is_silent_is_named_soon(machine):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        assert f"DOCKER_HOST ({host})" in sentence(machine.run("engine.sh", DOCKER_HOST=host))


@pytest.mark.docker
def test_an_engine_that_answers_needs_no_docker_command(machine):
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    said = machine.run("engine.sh", DOCKER_HOST=host)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_packages_that_cannot_be_installed_are_said(machine):
    machine.command("apt-get", "exit 100")
    machine.command("dpkg", "exit 1")
    said = machine.run("engine.sh", FAKE_UID="0")
    assert said.returncode == 0
    assert "Installing docker.io debootstrap ca-certificates (once)" in said.stdout
    assert "install Docker yourself" in said.stdout


def test_an_engine_that_does_not_start_is_said_with_its_log(machine, tmp_path):
    machine.command("apt-get", "exit 0")
    machine.command("dpkg", "exit 0")
    machine.command("systemctl", "exit 1")
    machine.command("dockerd", "echo no cgroups >&2; exit 1")
    machine.command("rm", "exit 0")
    said = machine.run("engine.sh", FAKE_UID="0")
    assert said.returncode == 0
    assert machine.called("dockerd --storage-driver=vfs --iptables=false")
    assert f"does not start here (see {tmp_path}/var/dockerd.log)" in said.stdout


# --- python.sh --------------------------------------------------------------------------------------------------

BARE = """[ "$1" = -c ] && exit 0
if [ "$1 $2" = "-m venv" ] && [ ! -e "$0.whole" ]; then mkdir -p "$3/bin"; ln -s /bin/false "$3/bin/python"; exit 1; fi
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; ln -s /bin/true "$3/bin/python"; exit 0; fi
exit 1"""


@pytest.fixture
def bare(machine):
    """A Debian whose python3 has no ensurepip: it leaves half an environment behind."""
    machine.command("python3", BARE)
    (machine.bin / "ln").symlink_to("/bin/ln")
    return machine


def test_half_an_environment_is_taken_away_and_the_package_named(bare, tmp_path):
    for _ in range(2):  # the second time is the one that died of "No module named pip"
        said = bare.run("python.sh", str(tmp_path / "venv"))
        assert said.returncode == 1
        assert said.stdout.count("\n") == 1
        assert "apt-get install python3-venv" in said.stdout
        assert not (tmp_path / "venv").exists()


def test_root_on_debian_gets_the_package_and_an_environment(bare, tmp_path):
    bare.command("apt-get", f"[ $1 = install ] && : > {bare.bin}/python3.whole; exit 0")
    said = bare.run("python.sh", str(tmp_path / "venv"), FAKE_UID="0")
    assert said.returncode == 0, said.stdout
    assert bare.called("apt-get install -y -qq --no-install-recommends python3-venv")
    assert (tmp_path / "venv" / "bin" / "python").exists()


def test_an_environment_that_is_whole_is_left_alone(bare, tmp_path):
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to("/bin/true")
    assert bare.run("python.sh", str(tmp_path / "venv")).returncode == 0
    assert not bare.called("-m venv")


def test_a_python_that_is_too_old_is_said(machine, tmp_path):
    machine.command("python3", "exit 1")
    said = machine.run("python.sh", str(tmp_path / "venv"))
    assert said.returncode == 1
    assert "3.11 or newer" in said.stdout


# --- make -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "code"), [("setup", 0), ("images", 2)])
def test_images_that_cannot_be_built_stop_make_images_and_nothing_else(tmp_path, target, code):
    """A person in the group docker without a registry, or a full disk: Vibe still starts."""
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/bash\n[ "$*" = "-m sandbox images" ] && { echo "no registry" >&2; exit 3; }\nexit 0\n'
    )
    python.chmod(0o755)
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup" / "engine.sh").write_text("exit 0\n")
    (tmp_path / ".venv").mkdir()
    (tmp_path / "requirements.lock").touch()
    (tmp_path / ".venv" / "ready").touch()
    said = subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), f"PY={python}", target], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert said.returncode == code
    assert "no registry" in said.stderr
    assert ("Vibe starts without these boxes" in said.stdout) is (target == "setup")


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (OSError(28, "No space left on device"), "The disk is full"),
        (OSError(5, "Input/output error"), "The images of the boxes could not be built: [Errno 5] Input"),
    ],
)
def test_a_disk_that_fails_while_images_are_built_is_a_sentence(monkeypatch, capsys, problem, says):
    from sandbox import __main__ as shell

    monkeypatch.setattr(shell.sandbox, "default_engine", Mock())
    monkeypatch.setattr(shell.build, "build_all", Mock(side_effect=problem))
    assert shell.main(["images"]) == 3
    assert capsys.readouterr().err.startswith(says)
