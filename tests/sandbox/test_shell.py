"""The library from a shell: python -m sandbox."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.docker_engine import DockerEngine
from sandbox.sealing import LABEL
from tests.waiting import wait

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]


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


def sandbox(*words, **more):
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False, **more,
    )  # fmt: skip


def test_a_reader_that_leaves_ends_the_run_quietly(tmp_path):
    """As `python3 program | head -1` does: with 128 + SIGPIPE, and the box is gone."""
    program = tmp_path / "talks.py"
    program.write_text("import time\nwhile True:\n    print('x' * 1000)\n    time.sleep(0.01)")
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", "run", "--time-s", "30", str(program)], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout.readline().startswith("xxx")
        running.stdout.close()
        began = time.monotonic()
        assert running.wait(20) == 141
        assert running.stderr.read() == ""
    assert time.monotonic() - began < 20, "its time would be over after 30"
    owned = {"label": f"{LABEL}.owner={socket.gethostname()}-{running.pid}"}
    assert wait(lambda: not DockerEngine().client.api.containers(all=True, filters=owned))


def test_an_outcome_that_nobody_reads_ends_quietly_too(tmp_path):
    program = tmp_path / "hello.py"
    program.write_text("print(1)")
    reader, writer = os.pipe()
    os.close(reader)
    said = subprocess.run(
        [sys.executable, "-m", "sandbox", "run", "--json", str(program)], cwd=ROOT, stdout=writer,
        stderr=subprocess.PIPE, text=True, check=False, timeout=60,
    )  # fmt: skip
    os.close(writer)
    assert (said.returncode, said.stderr) == (141, "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--time-s", "inf"), "--time-s"),
        (("--time-s", "nan"), "--time-s"),
        (("--time-s", "0"), "--time-s"),
        (("--time-s", "-1"), "--time-s"),
        (("--memory-mb", "0"), "--memory-mb"),
        (("--memory-mb", "9" * 30), "--memory-mb"),
        (("--input", "one/a.csv", "--input", "two/a.csv"), "both are called a.csv"),
        (("--input", "new\nline.csv"), "not a plain relative file name"),
        (("--out", "hello.py/out"), "Not a directory"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage_with_a_line(tmp_path, words, says):
    for name in ("one/a.csv", "two/a.csv", "new\nline.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "hello.py").write_text("print(1)")
    words = [tmp_path / word if "/" in word or word.endswith(".csv") else word for word in words]
    said = sandbox("run", *words, tmp_path / "hello.py", env={**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:9"})
    assert said.returncode == 2, said.stderr
    assert says in said.stderr
    assert "Traceback" not in said.stderr


def test_a_file_that_cannot_be_written_is_a_line_and_the_outcome_is_told_all_the_same(tmp_path):
    (tmp_path / "out" / "r.txt").mkdir(parents=True)
    (tmp_path / "hello.py").write_text("open('out/r.txt', 'w').write('r')\nprint(1)")
    said = sandbox("run", "--json", "--out", tmp_path / "out", tmp_path / "hello.py")
    assert said.returncode == 2
    assert json.loads(said.stdout)["stdout"] == "1\n"
    assert said.stderr == f"{tmp_path}/out/r.txt: Is a directory\n"


@pytest.mark.parametrize("command", ["run", "images", "engine", "gate", "reap", "bench"])
def test_each_command_says_what_it_does_and_how_it_ends(command):
    said = sandbox(command, "--help")
    assert said.returncode == 0
    about = said.stdout.split("\n\n", 1)[1]
    assert "\n\nExit: 0 " in about or about.startswith("Exit: 0 ")
    assert len(about.split("\n\nExit:")[0]) > 60, "what it does"
    assert max(map(len, said.stdout.splitlines())) <= 120


@pytest.mark.parametrize("command", ["images", "reap", "engine", "bench"])
def test_without_an_engine_each_command_says_which_one_does_not_answer(command):
    said = sandbox(command, env={**os.environ, "DOCKER_HOST": "ssh://-x@nowhere.invalid:1"})
    assert said.returncode == 3
    assert "ssh does not reach nowhere.invalid" in said.stdout + said.stderr
    assert "Traceback" not in said.stderr
