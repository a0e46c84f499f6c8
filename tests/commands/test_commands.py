"""The terminal: the same path, the same events, exit codes that scripts can rely on."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import modelserver as play
from tests.journeys.served import ROOT, environment, free_port
from vibe import recipes

pytestmark = pytest.mark.docker
PAGE = "FILE index.html\n```html\n<!doctype html><title>Tea</title><h1>Tea</h1>\n```\nDONE\n"
BROKEN = PAGE.replace("</h1>", "</h1><script>boom()</script>")


def manage(tmp_path: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *args], cwd=tmp_path, env=environment(tmp_path / "var", **env),
        capture_output=True, text=True, timeout=150, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def model():
    with play.ModelServer() as server:
        yield server


def with_model(server):
    return {"OPENAI_BASE_URL": server.url, "VIBE_MODEL": "m", "OPENAI_API_KEY": "sk-test-00000000"}


@pytest.mark.parametrize("shape", ["page", "tool"])  # each recipe is made by the form: tests/journeys
def test_recipes_are_made_from_the_terminal(tmp_path, shape):
    recipe = next(one for one in recipes.catalog() if one.shape == shape)
    said = manage(tmp_path, "generate", recipe.asks, "--out", "made")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "No AI was used" in said.stdout
    assert (tmp_path / "made" / ("tool.toml" if recipe.shape == "tool" else "index.html")).exists()


def test_made_and_held_is_0_and_the_events_come_one_a_line(tmp_path, model):
    model.script.append(play.say(PAGE))
    said = manage(tmp_path, "generate", "tea page", "--out", "made", "--json", **with_model(model))
    assert said.returncode == 0, said.stderr
    events = [json.loads(line) for line in said.stdout.splitlines()]
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert {"job", "seq", "type", "at"} <= set(events[0])
    assert {"state-changed", "file-text", "checked", "version-made"} <= {e["type"] for e in events}
    assert "<h1>Tea</h1>" in (tmp_path / "made" / "index.html").read_text()


def test_made_but_broken_is_1(tmp_path, model):
    model.always(play.say(BROKEN))
    said = manage(tmp_path, "generate", "tea page", "--out", "made", **with_model(model))
    assert said.returncode == 1
    assert "✗" in said.stdout


def test_made_but_not_checked_is_1(tmp_path, model):
    model.script.append(play.say(PAGE))
    said = manage(
        tmp_path,
        "generate",
        "tea page",
        "--out",
        "made",
        DOCKER_HOST=f"tcp://127.0.0.1:{free_port()}",
        **with_model(model),
    )
    assert said.returncode == 1
    assert "not checked" in said.stdout


@pytest.mark.parametrize(
    "args",
    [
        ("generate", "  "),
        ("generate", "x" * 20_001),
        ("generate", "a multiplayer chess server"),
        ("generate", "tea", "--autonomy", "plan"),
    ],
)
def test_what_could_not_be_made_is_2_with_a_sentence(tmp_path, model, args):
    env = with_model(model) if "--autonomy" in args else {}
    model.always(play.say("TITLE Tea\nSTEP A kettle\n"))
    said = manage(tmp_path, *args, **env)
    assert said.returncode == 2, said.stdout + said.stderr
    assert said.stderr.strip()
    assert "Traceback" not in said.stderr


def test_a_models_fault_is_2_and_says_what_to_do(tmp_path, model):
    model.always(play.status(401))
    said = manage(tmp_path, "generate", "tea page", **with_model(model))
    assert said.returncode == 2
    assert "key" in said.stderr
    assert len(said.stderr.splitlines()) == 1, "a line of the log is no sentence for a person"
    assert "model fault" in (tmp_path / "var" / "terminal.log").read_text()


SUITE = (
    'title = "Two"\n[[requests]]\nid = "tea"\ntext = "A tool about tea"\nshape = "tool"\nchecks = "own.json"\n'
    '[[requests]]\nid = "talk"\ntext = "A tool about talk"\nshape = "tool"\n'
)
TOOL = 'FILE tool.toml\n```\nrun = ["python3", "main.py"]\n```\nFILE main.py\n```\nprint("Tea")\n```\nDONE\n'
OWN = [
    {"id": "tea", "sentence": "It says tea", "input": {}, "expect": [{"see": "stdout", "contains": "Tea"}]},
    {
        "id": "clock",
        "sentence": "It has a clock",
        "input": {},
        "expect": [{"see": "stdout", "contains": "clock"}],
    },
]


def test_a_suite_is_measured_against_any_server_by_the_environment_alone_and_plays_back_without_it(
    tmp_path, model
):
    (tmp_path / "two.toml").write_text(SUITE)
    (tmp_path / "own.json").write_text(json.dumps(OWN))
    model.script += [play.say(TOOL), play.say(TOOL), play.say("Shall I?"), play.say(TOOL), play.status(500)]
    line = ("measure", "two.toml", "--out", "kept.jsonl")
    said = manage(tmp_path, *line, "--record", "tapes", **with_model(model))
    assert said.returncode == 0, said.stdout + said.stderr
    kept = [json.loads(row) for row in (tmp_path / "kept.jsonl").read_text().splitlines()]
    assert [(m["set"], m["way"], m["calls"], m["own_held"], m["own"]) for m in kept] == [
        ("m", "product", ["plan", "write"], 1, 2), ("m", "bare", ["write"], 1, 2),
        ("m", "product", ["plan", "write", "again"], 0, 0), ("m", "bare", ["write"], 0, 0),
    ]  # fmt: skip
    assert {r["headers"]["authorization"] for r in model.requests + model.plans} == {"Bearer sk-test-00000000"}
    assert {r["body"]["model"] for r in model.requests} == {"m"}
    assert "clock" not in json.dumps([r["body"] for r in model.requests + model.plans])
    assert "Traceback" not in said.stderr
    tape = (tmp_path / "tapes" / "tea.txt").read_text()
    assert re.search(r"^recorded: \d{4}-\d\d-\d\d$", tape, re.MULTILINE)
    asked = len(model.requests) + len(model.plans)
    said = manage(tmp_path, "measure", "two.toml", "--play", "tapes", "--out", "again.jsonl")
    assert said.returncode == 0, said.stdout + said.stderr
    again = [json.loads(row) for row in (tmp_path / "again.jsonl").read_text().splitlines()]
    same = ("request", "way", "calls", "verdict", "own", "own_held")
    assert [[m[k] for k in same] for m in again] == [[m[k] for k in same] for m in kept]
    assert len(model.requests) + len(model.plans) == asked


def test_something_of_ours_that_is_broken_is_3(tmp_path):
    said = manage(
        tmp_path, "generate", "a focus timer", DATABASE_URL=f"sqlite:////{tmp_path}/no/such/folder/db.sqlite3"
    )
    assert said.returncode == 3
    assert "Traceback" not in said.stderr


def test_a_file_goes_along(tmp_path):
    (tmp_path / "bank.csv").write_text("Date,Text,Amount\n2026-01-02,Rent,-870\n2026-01-05,Pay,2000\n")
    said = manage(
        tmp_path,
        "generate",
        "Monthly totals from my bank file",
        "--file",
        "bank.csv",
        "--out",
        "made",
        "--json",
    )
    assert said.returncode == 0, said.stderr
    printed = "".join(
        json.loads(line).get("text", "") for line in said.stdout.splitlines() if '"output"' in line
    )
    assert "Read CSV with commas, 2 rows" in printed


def test_the_doctor_names_the_one_thing_to_do(tmp_path, model):
    said = manage(tmp_path, "doctor")
    assert said.returncode == 1
    assert "NO  database" in said.stdout
    assert "manage.py migrate" in said.stdout
    manage(tmp_path, "migrate", "--verbosity", "0")
    said = manage(tmp_path, "doctor")
    assert said.returncode == 0, said.stdout  # a model is no must
    assert "!!  model" in said.stdout
    assert "connect one on /connect/" in said.stdout
    assert "ok  docker" in said.stdout
    said = manage(tmp_path, "doctor", OPENAI_API_KEY="sk-test-00000000")
    assert said.returncode == 1
    assert "NO  model" in said.stdout
    assert "name the model to use" in said.stdout
    model.script.append(play.say("ready"))
    said = manage(tmp_path, "doctor", **with_model(model))
    assert said.returncode == 0, said.stdout
    said = manage(tmp_path, "doctor", DOCKER_HOST=f"tcp://127.0.0.1:{free_port()}", **with_model(model))
    assert "NO  docker" in said.stdout
    assert os.linesep * 3 not in said.stdout
