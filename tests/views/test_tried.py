"""A tool on its maker's own file: tried when it was made, run again without choosing the file anew."""

import html
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from sandbox.outcome import Artifact, Outcome
from tests import fakes
from tests.jobs.carrying import carry, timeline
from tests.jobs.test_resuming import to_the_end
from tests.views.conftest import make_card
from vibe import jobs
from vibe.models import Job, Program, Run

pytestmark = pytest.mark.django_db(transaction=True)
TOTALS = "Turn my bank CSV into monthly totals, rent on its own line"
BANK = b"Date;Text;Amount\n02.01.2026;Rent;-870,00\n"
SPEC = 'title = "Lines"\nrun = ["python3", "main.py"]\n[[inputs]]\nname = "f"\nlabel = "File"\ntype = "file"\nrequired = true\naccept = [".csv"]\n'


def bank(name="german.csv", data=BANK):
    return SimpleUploadedFile(name, data)


@pytest.fixture
def totals(browser, boxes):
    boxes.tool = Outcome(
        "exit", 0, stdout="Read CSV with semicolons, 1 row\n",
        artifacts=(Artifact("totals.csv", b"Month,Rent\n2026-01,870.00\n"), Artifact("chart.png", fakes.PIXEL)),
        seconds=0.1,
    )  # fmt: skip
    browser.post("/programs/", {"description": TOTALS, "once": "1", "files": [bank()]})
    carry(Job.objects.get())
    return Program.objects.get()


def test_what_a_tool_made_of_the_attached_file_is_in_the_preview(browser, totals, stranger):
    assert totals.current.is_tool
    page = html.unescape(browser.get(totals.get_absolute_url()).content.decode())
    preview = page[page.index('id="part-preview"') : page.index('id="p-output"')]
    assert "Tried on your german.csv:" in preview
    assert "Read CSV with semicolons, 1 row" in preview
    assert "870.00</td>" in preview
    run = Run.objects.get()
    assert preview.count(f"/runs/{run.pk}/files/") >= 3
    assert browser.get(f"/runs/{run.pk}/").status_code == 200
    assert stranger.get(f"/runs/{run.pk}/").status_code == 404
    card = totals.cards.get()
    assert "german.csv" not in stranger.get(card.get_absolute_url()).content.decode()


def test_what_it_made_outlives_the_worker_that_tried_it(browser, boxes):
    boxes.tool = Outcome("exit", 0, stdout="1 row\n", artifacts=(
        Artifact("totals.csv", b"Month,Rent\n2026-01,870.00\n", "text/csv"), Artifact("chart.png", fakes.PIXEL),
    ), seconds=0.1, notes=("its disk was full",))  # fmt: skip
    browser.post("/programs/", {"description": TOTALS, "once": "1", "files": [bank()]})
    job = Job.objects.get()
    assert to_the_end(job, {}, "4")
    assert job.steps.get(number="4").purpose == "checked"
    assert job.state == "done"
    kept = Run.objects.get()
    assert kept.outcome == boxes.tool.as_json()
    assert [row.path.read_bytes() for row in kept.files.filter(made=True)] == [
        artifact.data for artifact in boxes.tool.artifacts
    ]
    assert timeline(job).output == "1 row\n"
    assert not any(jobs.folder("tries-of-jobs").iterdir())


def test_every_file_that_went_in_is_named(totals):
    run = Run.objects.get()
    run.files.create(name="in/second.csv", size=1, made=False)
    assert run.given_name == "german.csv and second.csv"


def test_a_tool_made_without_a_file_shows_only_its_form(browser, boxes):
    browser.post("/programs/", {"description": TOTALS, "once": "1"})
    carry(Job.objects.get())
    assert not Run.objects.exists()
    assert "Tried on your" not in browser.get(Program.objects.get().get_absolute_url()).content.decode()


@pytest.fixture
def lines(browser):
    return make_card(browser.maker(), shape="tool", files={"tool.toml": SPEC, "main.py": "print(1)"})


def test_a_run_again_takes_the_file_of_the_last_one(browser, lines):
    path = f"/c/{lines.token}/run/"
    reply = browser.post(path, {"once": "1", "f": bank()})
    assert reply["Location"].endswith("/#result")
    first = Run.objects.get()
    page = browser.get(f"/runs/{first.pk}/").content.decode()
    assert "german.csv from the last run" in page
    assert browser.post(path, {"once": "2", "after": first.pk}).status_code == 302
    again = Run.objects.exclude(pk=first.pk).get()
    assert again.files.get(made=False).path.read_bytes() == BANK
    browser.post(path, {"once": "3", "after": first.pk, "f": bank("other.csv", b"1")})
    assert Run.objects.latest("created").files.get(made=False).name == "in/other.csv"


def test_the_file_of_another_visitor_or_of_yesterday_is_not_taken(browser, lines, stranger):
    path = f"/c/{lines.token}/run/"
    browser.post(path, {"once": "1", "f": bank()})
    first = Run.objects.get()
    assert stranger.post(path, {"once": "2", "after": first.pk}).status_code == 422
    Run.objects.update(expires=timezone.now() - timedelta(minutes=1))
    assert browser.post(path, {"once": "3", "after": first.pk}).status_code == 422
    assert "from the last run" not in browser.get(f"/runs/{first.pk}/").content.decode()


def test_a_run_says_its_last_sentence_once(browser, lines, boxes):
    boxes.tool = Outcome("exit", 1, stderr="This file has no column “Amount”.\n", seconds=0.1)
    browser.post(f"/c/{lines.token}/run/", {"once": "1", "f": bank()})
    run = Run.objects.get()
    page = browser.get(f"/runs/{run.pk}/").content.decode()
    assert "Nothing so far." in page
    assert "Pages print nothing" not in page
    boxes.tool = Outcome("exit", 1, stdout="This file has no column “Amount”.\n", seconds=0.1)
    carry(run.job)
    page = html.unescape(browser.get(f"/runs/{run.pk}/").content.decode())
    assert len(re.findall("This file has no column", page)) == 1
