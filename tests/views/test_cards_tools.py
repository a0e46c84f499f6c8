"""A card of a tool: its form, what its runs leave, and the copy that runs without us."""

import html
import io
import os
import subprocess
import sys
import zipfile

import pytest
from django.test import Client

from tests.views.conftest import NOBODY, TOOL, make_card
from vibe import jobs, results
from vibe.generation.checks import always
from vibe.models import EventRecord, Run, Version

pytestmark = pytest.mark.django_db


ADDER = """import json, pathlib
given = json.loads(pathlib.Path("input.json").read_text())
rows = pathlib.Path(given["table"]).read_text().splitlines()
print(sum(int(r) for r in rows) * given["n"] * (2 if given["twice"] else 1))
pathlib.Path("out", "result.csv").write_text("sum\\n")
"""
WITH_FILE = (
    TOOL
    + '[[inputs]]\nname = "twice"\nlabel = "Twice"\ntype = "yesno"\ndefault = "no"\n'
    + '[[inputs]]\nname = "table"\nlabel = "Table"\ntype = "file"\naccept = [".csv"]\nrequired = true\n'
)


def test_a_tool_is_saved_as_a_zip_that_runs_without_us(browser):
    card = make_card(browser.maker(), shape="tool")
    with zipfile.ZipFile(io.BytesIO(Client(**NOBODY).get(f"/c/{card.token}/download").content)) as box:
        assert set(box.namelist()) == {"tea/tool.toml", "tea/main.py", "tea/run.py", "tea/README.txt"}


def test_the_copy_of_a_tool_in_c_brings_what_compiles_it(browser):
    files = {"tool.toml": TOOL.replace('"python3", "main.py"', '"gcc", "main.c"'), "main.c": "int main() {}"}
    card = make_card(browser.maker(), shape="tool", files=files)
    with zipfile.ZipFile(io.BytesIO(Client(**NOBODY).get(f"/c/{card.token}/download").content)) as box:
        assert "tea/compiled" in box.namelist()
        assert "['bash', 'compiled', 'main.c']" in box.read("tea/run.py").decode()
        assert "It needs gcc." in box.read("tea/README.txt").decode()


def test_a_field_is_described_by_its_help_and_by_what_is_wrong(browser):
    inputs = (
        TOOL
        + 'help = "A whole number"\n[[inputs]]\nname = "way"\nlabel = "Way"\ntype = "choice"\nchoices = ["a", "b"]\n'
    )
    card = make_card(browser.maker(), shape="tool", files={"tool.toml": inputs, "main.py": ""})
    page = browser.post(f"/c/{card.token}/run/", {"n": "99", "way": "c", "once": "1"}).content.decode()
    assert 'aria-describedby="wrong-n help-n"' in page
    assert (
        '<select class="input" id="in-way" name="way" aria-invalid="true" aria-describedby="wrong-way"' in page
    )
    assert 'id="help-n"' in page


def test_the_copy_of_a_tool_really_runs_without_us(browser, tmp_path):
    """As its README says: only Python, in a folder of its own, nothing of ours in reach."""
    card = make_card(browser.maker(), shape="tool", files={"tool.toml": WITH_FILE, "main.py": ADDER})
    with zipfile.ZipFile(io.BytesIO(Client(**NOBODY).get(f"/c/{card.token}/download").content)) as box:
        box.extractall(tmp_path)
    (tmp_path / "numbers.csv").write_text("2\n3\n")
    ran = subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path / "tea", capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"]}, timeout=60, input="3\n\n../numbers.csv\n",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1].endswith("15")
    assert (tmp_path / "tea" / "out" / "result.csv").read_text() == "sum\n"


def test_a_saved_tool_asks_again_in_a_plain_sentence_and_never_shows_a_traceback(browser, tmp_path):
    inputs = (
        '[[inputs]]\nname = "kind"\nlabel = "Kind"\ntype = "choice"\nchoices = ["sum", "mean"]\nrequired = true\n'
        '[[inputs]]\nname = "day"\nlabel = "Day"\ntype = "date"\n'
    )
    files = {"tool.toml": WITH_FILE + inputs, "main.py": ADDER}
    card = make_card(browser.maker(), shape="tool", files=files)
    with zipfile.ZipFile(io.BytesIO(Client(**NOBODY).get(f"/c/{card.token}/download").content)) as box:
        box.extractall(tmp_path)
    (tmp_path / "numbers.csv").write_text("2\n3\n")

    def run(typed):
        return subprocess.run(
            [sys.executable, "run.py"], cwd=tmp_path / "tea", capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"]}, timeout=60, input=typed,
        )  # fmt: skip

    ran = run("abc\nnan\n1e400\n3\nno\nno.csv\n../numbers.csv\nmedian\n\nsum\nsoon\n2026-12-24\n")
    assert (ran.returncode, ran.stderr) == (0, "")
    said = ran.stdout
    assert said.count("Use a number") == 3
    assert "There is no such file." in said
    assert "Choose sum or mean." in said
    assert "Fill this in." in said
    assert "Use a date like 2026-12-24." in said
    assert said.splitlines()[-1].endswith("15")
    ran = run("abc\n")  # and then they leave
    assert ran.returncode == 1
    assert ran.stderr == "\nStopped: nothing was run.\n"


def test_a_run_that_leaves_many_large_tables_is_still_a_small_page(browser):
    card = make_card(browser.maker(), shape="tool")
    browser.post(f"/c/{card.token}/run/", {"n": "3", "once": "1"})
    run = Run.objects.get()
    line = ",".join(["x" * 300] * 40) + "\n"
    for n in range(32):
        jobs.keep_run_file(run, f"{n}.csv", (line * 400).encode(), made=True)
    found = results.shown(run)
    assert len(found.tables) == results.TABLES
    assert sum(len(t.rows) * len(t.head) for t in found.tables) <= results.CELLS
    assert len(found.files) == 32
    small = [t for t in results.shown(run).tables if t.left_out]
    assert small, "what is left out is said"


def test_three_ordinary_tables_are_shown_whole(browser):
    card = make_card(browser.maker(), shape="tool")
    browser.post(f"/c/{card.token}/run/", {"n": "3", "once": "1"})
    run = Run.objects.get()
    for n in range(3):
        jobs.keep_run_file(run, f"{n}.csv", b"month,sum\n" + b"may,1\n" * 100, made=True)
    assert [(len(t.rows), t.left_out) for t in results.shown(run).tables] == [(100, 0)] * 3


def test_a_tool_card_asks_and_says_what_to_enter(browser):
    card = make_card(browser.maker(), shape="tool")
    page = Client(**NOBODY).get(card.get_absolute_url()).content.decode()
    assert "How many" in page
    reply = Client(**NOBODY).post(f"/c/{card.token}/run/", {"n": "60"})
    assert reply.status_code == 422
    page = reply.content.decode()
    assert "Use a number from 1 to 24." in page
    assert 'value="60"' in page


def test_without_boxes_a_tool_says_that_it_cannot_run(browser, boxes):
    boxes.trouble = "Docker is not running."
    card = make_card(browser.maker(), shape="tool")
    reply = Client(**NOBODY).post(f"/c/{card.token}/run/", {"n": "3"})
    assert reply.status_code == 503
    assert "Docker is not running." in reply.content.decode()


def test_a_file_of_a_run_is_never_served_as_a_page(browser, stranger):
    card = make_card(browser.maker(), shape="tool")
    stranger.post(f"/c/{card.token}/run/", {"n": "3", "once": "1"})
    run = Run.objects.get()
    evil = jobs.keep_run_file(run, 'x".html', b"<script>alert(1)</script>", made=True)
    svg = jobs.keep_run_file(run, "a.svg", b"<svg onload=alert(1)>", made=True)
    for row in (evil, svg):
        reply = stranger.get(f"/runs/{run.pk}/files/{row.pk}/")
        assert b"alert" in b"".join(reply.streaming_content)
        assert reply["Content-Type"] == "application/octet-stream"
        assert reply["Content-Disposition"].startswith("attachment")
        assert "sandbox" in reply["Content-Security-Policy"]
        assert '"' not in reply["Content-Disposition"]


SECRET = "ValueError: could not convert string to float: 'Ann Lee, IBAN DE02'"


def _broken_on_its_makers_file(maker):
    card = make_card(maker, shape="tool")
    outcome = {
        "ended": "exit",
        "code": 1,
        "stdout": "",
        "stderr": f"Traceback (most recent call last):\n{SECRET}\n",
    }
    made = always.tool({"runs": [{"check": "sample", "of": "person", "outcome": outcome}]})
    card.version.results, card.version.verdict = made.results, "broken"
    card.version.save()
    return card


def test_what_a_tool_said_of_its_makers_own_file_stays_with_the_maker(browser, stranger):
    """The page that shares a card says: whoever opens it sees what you asked for, not your files."""
    card = _broken_on_its_makers_file(stranger.maker())
    assert "Ann Lee" in str(card.version.results)
    page = html.unescape(browser.get(f"/c/{card.token}/").content.decode())
    assert "Ann Lee" not in page
    assert "I ran it on its maker’s file in a sealed box" in page
    remixed = browser.post(f"/c/{card.token}/remix/", {"once": "1"})["Location"]
    assert "Ann Lee" not in browser.get(remixed).content.decode()
    assert "Ann Lee" not in str(list(Version.objects.exclude(program=card.program).values_list("results")))
    assert "Ann Lee" not in str(list(EventRecord.objects.values_list("payload")))
