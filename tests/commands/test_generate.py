"""The terminal's own edges: what is given to it, where files go, what a screen is shown, who else makes the Job."""

import io
import json
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import connections

from tests import fakes
from vibe import jobs, worker
from vibe.choices import JobState
from vibe.management import folder, screen
from vibe.management.commands import generate
from vibe.models import Job

TIMER = "A timer for 25 minutes of work and 5 minutes of rest"
PLAN = "TITLE Tea\nSTEP A kettle\n"
PAGE = "FILE index.html\n```html\n<!doctype html><title>Tea</title><h1>Tea</h1>\n```\nDONE\n"


class Terminal:
    def __init__(self, tmp_path):
        self.out, self.err, self.folder = io.StringIO(), io.StringIO(), tmp_path / "made"

    def generate(self, text=TIMER, **options):
        command = generate.Command(stdout=self.out, stderr=self.err, no_color=True)
        given = {
            "text": text, "file": [], "shape": "auto", "autonomy": "make", "effort": "normal", "json": False,
            "out": str(self.folder), "force": False, "recipe": "", **options,
        }  # fmt: skip
        return command.work(given)

    @property
    def complaint(self):
        return self.err.getvalue()


@pytest.fixture
def terminal(tmp_path, transactional_db, boxes, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


# --- what is given ----------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_or_a_folder_is_2_before_anything_is_made(terminal, tmp_path):
    for given, words in ((tmp_path / "no.csv", "is not there"), (tmp_path, "is a folder")):
        assert terminal.generate(file=[str(given)]) == generate.NOT_MADE
        assert f"{given} {words}" in terminal.complaint
    assert not Job.objects.exists()


def test_the_limits_are_those_of_the_page(terminal, tmp_path):
    large = tmp_path / "large.bin"
    with large.open("wb") as out:
        out.truncate(25 * 1024 * 1024 + 1)
    assert terminal.generate(file=[str(large)]) == generate.NOT_MADE
    assert "larger than 25 MB" in terminal.complaint
    small = tmp_path / "small.txt"
    small.write_text("x")
    assert terminal.generate(file=[str(small)] * 301) == generate.NOT_MADE
    assert "at most 300 files" in terminal.complaint
    with large.open("wb") as out:
        out.truncate(24 * 1024 * 1024)
    assert terminal.generate(file=[str(large)] * 5) == generate.NOT_MADE
    assert "together are larger than 100 MB" in terminal.complaint
    assert not Job.objects.exists()


def test_two_files_of_one_name_are_both_given():
    given = [Path("a/bank.csv"), Path("b/bank.csv"), Path("c/.bank.csv")]
    assert list(generate._names(given)) == ["bank.csv", "bank (2).csv", "bank (3).csv"]


# --- where files go ---------------------------------------------------------------------------------------------


def test_a_place_where_no_files_can_go_is_2_before_anything_is_made(terminal, tmp_path):
    file, full, link = tmp_path / "file", tmp_path / "full", tmp_path / "link"
    file.write_text("mine")
    full.mkdir()
    (full / "index.html").write_text("mine")
    link.symlink_to(tmp_path)
    for place, words in (
        (file, "is a file"),
        (full, "is not empty"),
        (link, "is a link"),
        (file / "x", "takes no new"),
    ):
        assert terminal.generate(out=str(place)) == generate.NOT_MADE
        assert words in terminal.complaint
    assert not Job.objects.exists()
    assert (file.read_text(), (full / "index.html").read_text()) == ("mine", "mine")


def test_force_writes_over_files_but_follows_no_link(terminal, tmp_path):
    terminal.folder.mkdir()
    (terminal.folder / "index.html").write_text("old")
    assert terminal.generate(force=True) == generate.MADE
    assert (terminal.folder / "index.html").read_text() != "old"
    secret = tmp_path / "secret"
    secret.write_text("mine")
    (terminal.folder / "index.html").unlink()
    (terminal.folder / "index.html").symlink_to(secret)
    assert terminal.generate(force=True) == generate.OUR_FAULT
    assert secret.read_text() == "mine"
    assert "could not be written" in terminal.complaint


def test_a_folder_within_that_is_a_link_is_not_entered(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    made = tmp_path / "made"
    made.mkdir()
    (made / "sub").symlink_to(outside)
    with pytest.raises(folder.NoFolder):
        folder.fill(made, {"sub/a.txt": "x"}, force=True)
    assert not list(outside.iterdir())


def test_without_a_name_each_program_gets_a_folder_of_its_own(terminal, tmp_path):
    before = set(tmp_path.iterdir())
    for _ in range(2):
        assert terminal.generate(out=None) == generate.MADE
    assert sorted(p.name for p in set(tmp_path.iterdir()) - before) == ["focus-timer", "focus-timer-2"]


# --- what is asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [EOFError, KeyboardInterrupt])
def test_ctrl_d_or_ctrl_c_at_a_question_stops_it_in_plain_words_and_is_2(terminal, script, monkeypatch, key):
    script.append(PLAN)
    _keys(monkeypatch, key)
    assert terminal.generate("A tea page", autonomy="plan") == generate.NOT_MADE
    assert "You stopped it." in terminal.complaint
    assert Job.objects.get().state == JobState.STOPPED


def test_ctrl_d_when_it_is_written_leaves_the_files_that_there_are(terminal, script, boxes, monkeypatch):
    boxes.observations = {**fakes.CALM, "errors": [{"kind": "uncaught", "text": "boom", "line": 1}]}
    script.extend([PLAN, PAGE])
    _keys(monkeypatch, "y", EOFError)
    assert terminal.generate("A tea page", autonomy="ask") == generate.MADE_UNSURE
    assert "kept as version 1" in terminal.out.getvalue()
    assert (terminal.folder / "index.html").exists()


def _keys(monkeypatch, *keys):
    """Somebody at the terminal, who presses these when they are asked."""
    left = list(keys)

    def typed(asked):
        key = left.pop(0)
        if isinstance(key, str):
            return key
        raise key

    monkeypatch.setattr(generate.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", typed)


# --- what a screen is shown -------------------------------------------------------------------------------------

EVIL = "Tea \x1b]0;PWNED\x07\x1b[2J\x9b31m\u202e"


def test_nothing_that_a_model_writes_steers_the_terminal(terminal, script, monkeypatch):
    script.extend([PLAN.replace("Tea", EVIL).replace("A kettle", EVIL), PAGE.replace("Tea", EVIL)])
    monkeypatch.setattr(generate.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda asked: "y")
    terminal.generate("A tea page", autonomy="plan")
    shown = terminal.out.getvalue() + terminal.complaint
    assert "PWNED" in shown
    assert not [c for c in shown if not c.isprintable() and c != "\n"]


def test_a_line_of_json_hides_nothing_and_loses_nothing():
    family = "👩‍👩‍👧 ä"
    line = screen.as_json({"text": EVIL + family + "\U000e0041"})
    assert all(c.isprintable() or c == "\u200d" for c in line)
    assert json.loads(line) == {"text": EVIL + family + "\U000e0041"}
    assert family in line


def test_a_weak_spot_is_said_before_anything_is_made(terminal, script):
    from tests.jobs.test_weak_spots import ended

    ended(20, shape="chart", verdict="broken")
    script.append(PAGE)
    terminal.generate("A chart of teas", shape="chart")
    said = terminal.out.getvalue()
    assert said.startswith("· I’m often wrong at charts: 0 of the last 20")
    assert said.count("often wrong") == 1


def test_a_weak_spot_that_only_the_plan_shows_is_said_with_it(terminal, script):
    from tests.jobs.test_weak_spots import BELL, ended

    ended(20, shape="page", verdict="broken")
    script.extend([BELL, PAGE])
    terminal.generate("A bell")
    assert "· I’m often wrong at pages: 0 of the last 20" in terminal.out.getvalue().partition("· Plan:")[0]


# --- who else makes the Job -------------------------------------------------------------------------------------


def test_a_job_that_the_running_vibe_takes_on_is_followed_to_its_end(terminal, script, monkeypatch):
    script.extend([PLAN, PAGE])
    claim, taken = jobs.claim, []

    def other(owner, *, only=None):
        """The server that runs beside is a little quicker."""
        job = claim("the server", only=only)
        if job:
            taken.append(threading.Thread(target=_make, args=(job,)))
            taken[-1].start()

    monkeypatch.setattr(generate.jobs, "claim", other)
    monkeypatch.setattr(generate.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda asked: "y")
    try:
        assert terminal.generate("A tea page", autonomy="plan") == generate.MADE
    finally:
        for thread in taken:
            thread.join(10)
    assert len(taken) == 1
    assert "The Vibe that runs here takes it on." in terminal.out.getvalue()
    assert (terminal.folder / "index.html").exists()


def _make(job):
    try:
        worker.attend(job)
    finally:
        connections.close_all()


def test_options_that_are_none_are_2(capsys):
    with pytest.raises((SystemExit, CommandError)) as caught:
        generate.Command().run_from_argv(["manage.py", "generate", "tea", "--shape", "cube"])
    assert getattr(caught.value, "code", None) == 2
