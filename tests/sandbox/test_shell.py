"""The library from a shell: python -m sandbox."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
