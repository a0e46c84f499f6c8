"""The one form: every bad input is a clear sentence, and nothing typed is lost."""

import html
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from tests.views.conftest import Browser, make_card
from vibe import models_in_use, recipes
from vibe.choices import Effort
from vibe.generation.policy import policy
from vibe.models import Job, Maker, ModelRow, Program, Upload
from vibe.views import estimates
from vibe.views.home import EFFORTS, STOPS

pytestmark = pytest.mark.django_db


def send(browser, description="A tea timer", **more):
    return browser.post("/programs/", {"description": description, "once": "k", **more})


def test_a_sentence_leads_to_its_program(browser):
    reply = send(browser)
    program = Program.objects.get()
    assert (reply.status_code, reply["Location"]) == (302, f"/programs/{program.pk}/")
    assert Job.objects.get().request == "A tea timer"


def test_sent_twice_it_is_one_program(browser):
    assert send(browser)["Location"] == send(browser)["Location"]
    assert Program.objects.count() == 1


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ("", "Say in a few words what it should do."),
        ("   \n ", "Say in a few words what it should do."),
        ("x" * 20_001, "Use at most 20,000 characters."),
        ("tea\0timer", "cannot be shown (NUL)"),
    ],
)
def test_a_bad_description_is_answered_with_a_sentence_and_kept(browser, description, says):
    reply = send(browser, description)
    assert reply.status_code == 422
    page = html.unescape(reply.content.decode())
    assert says in page
    assert description.strip()[:200] in page
    assert not Program.objects.exists()


@pytest.mark.parametrize(("field", "value"), [("shape", "hologram"), ("autonomy", "x"), ("effort", "huge")])
def test_a_choice_that_is_none_is_refused_and_the_words_stay(browser, field, value):
    reply = send(browser, "My long wish", **{field: value})
    assert reply.status_code == 422
    assert "My long wish" in reply.content.decode()


def files(count, size=1, name="a.txt"):
    return [SimpleUploadedFile(f"{n}{name}", b"x" * size) for n in range(count)]


def test_htmx_hears_only_what_to_change_so_that_words_and_files_stay(browser):
    reply = browser.post("/programs/", {"description": "x" * 20_001, "once": "k"}, HTTP_HX_REQUEST="true")
    assert reply.status_code == 422
    page = reply.content.decode()
    assert "Use at most 20,000 characters." in page
    assert "<html" not in page


def test_htmx_is_led_to_the_program(browser):
    reply = browser.post("/programs/", {"description": "A tea timer", "once": "k"}, HTTP_HX_REQUEST="true")
    assert reply.status_code == 204
    assert reply["HX-Redirect"] == f"/programs/{Program.objects.get().pk}/"


def test_301_files_are_too_many_and_the_words_stay(browser):
    reply = send(browser, "Sort these", files=files(301))
    assert reply.status_code == 422
    page = reply.content.decode()
    assert "Add at most 300 files" in page
    assert "Sort these" in page
    assert not Upload.objects.exists()


def test_300_files_are_taken(browser):
    assert send(browser, files=files(300)).status_code == 302
    assert Upload.objects.count() == 300


def test_a_file_of_26_mb_is_too_large_and_the_words_stay(browser):
    reply = send(browser, "Read this", files=files(1, 26 * 1024 * 1024))
    assert reply.status_code == 422
    page = reply.content.decode()
    assert "larger than 25 MB" in page
    assert "Read this" in page


def test_more_than_100_mb_in_all_is_refused_before_it_is_read(browser):
    reply = browser.generic(
        "POST",
        "/programs/",
        b"",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(200 * 1024 * 1024),
    )
    assert reply.status_code == 413
    assert "100 MB" in reply.content.decode()


def raw_upload(browser, name: str, boundary="XX"):
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="description"\r\n\r\nRead it\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\na,b\r\n--{boundary}--\r\n'
    ).encode()
    return browser.generic("POST", "/programs/", body, content_type=f"multipart/form-data; boundary={boundary}")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../x", "x"),
        ("..", "file"),
        ("a/b/c.csv", "c.csv"),
        ("C:\\temp\\d.csv", "d.csv"),
        ("bell\x07.csv", "bell.csv"),
        ("q<w>?.csv", "q_w__.csv"),
        ("..hidden.csv", "hidden.csv"),
    ],
)
def test_a_hostile_file_name_is_made_harmless_and_the_person_is_told(browser, name, kept):
    reply = raw_upload(browser, name)
    assert reply.status_code == 302
    assert Upload.objects.get().name == kept
    page = html.unescape(browser.get(reply["Location"]).content.decode())
    assert f"“{kept}”" in page
    assert "I call" in page


def test_an_honest_name_is_kept_without_a_word(browser):
    reply = raw_upload(browser, "Bank März 2026.csv")
    assert Upload.objects.get().name == "Bank März 2026.csv"
    assert "I call" not in browser.get(reply["Location"]).content.decode()


def test_two_files_of_one_name_are_both_kept(browser):
    send(browser, files=[SimpleUploadedFile("a.csv", b"1"), SimpleUploadedFile("a.csv", b"2")])
    assert sorted(Upload.objects.values_list("name", flat=True)) == ["a (2).csv", "a.csv"]


def test_looking_at_the_desk_makes_nobody(browser):
    reply = browser.get("/")
    assert reply.status_code == 200
    assert not Maker.objects.exists()
    assert "sessionid" not in reply.cookies


def test_without_a_model_the_desk_says_so_and_shows_no_dial(browser):
    page = browser.get("/").content.decode()
    assert "No AI model is connected yet." in page
    assert "Find a recipe" in page
    assert 'name="autonomy"' not in page


def test_with_a_model_the_dial_shows_its_four_stops(browser, script):
    page = browser.get("/").content.decode()
    for stop in ("ask", "plan", "make", "keep"):
        assert f'name="autonomy" form="describe" value="{stop}"' in page
    assert "Make it" in page


def test_a_visitor_is_told_what_becomes_of_a_file(browser, script):
    page = browser.get("/").content.decode()
    assert "What happens to my files?" in page
    told = page[page.index("The model test-model is told") :]
    for part in ("how a text begins", "the columns of a table", "rows", "picture", "what came out"):
        assert part in told


def test_a_sum_that_cannot_end_it_is_not_said_to(browser, script):
    assert "50 ¢" in browser.get("/").content.decode()
    ModelRow.objects.update(price_out=None)
    page = browser.get("/").content.decode()
    assert "50 ¢" not in page
    assert "no sum ends it" in page
    ModelRow.objects.update(local=True)
    assert "50 ¢" in browser.get("/").content.decode()


def test_with_a_model_on_this_machine_nothing_of_a_file_goes_elsewhere(browser, script):
    ModelRow.objects.update(local=True)
    page = browser.get("/").content.decode()
    assert "test-model runs on this machine too" in page
    assert "is told" not in page


def test_a_recipe_is_offered_with_its_settings(browser):
    page = browser.get("/?recipe=focus-timer").content.decode()
    assert 'name="slot.work"' in page
    assert 'name="recipe" value="focus-timer"' in page


def test_settings_of_a_recipe_travel_to_the_job(browser):
    send(browser, recipe="focus-timer", **{"slot.work": "50", "slot.rest": "5"})
    job = Job.objects.get()
    assert (job.recipe, job.slots) == ("focus-timer", {"work": "50", "rest": "5"})


def test_a_model_server_on_this_machine_is_offered_on_the_desk(browser, monkeypatch):
    from vibe.llm.local import Found

    monkeypatch.setattr(
        models_in_use, "local_servers", lambda: [Found("Ollama", "http://127.0.0.1:11434/v1", ("llama",))]
    )
    assert "Use Ollama, found on this machine" in browser.get("/").content.decode()


def test_settings_that_cannot_be_used_are_shown_again_as_they_were_typed(browser):
    typed = {"slot.pairs": "x", "slot.title": "<b>Tea</b>"}
    reply = browser.post("/programs/", {"recipe": "chart", "description": "", **typed})
    assert reply.status_code == 422
    page = reply.content.decode()
    assert "\nx</textarea>" in page
    assert "&lt;b&gt;Tea&lt;/b&gt;" in page


@pytest.mark.parametrize("recipe", recipes.catalog(), ids=lambda r: r.slug)
@pytest.mark.parametrize("typed", ["", "x", "²", "1e999", "\x00", "9" * 5000, "a: b\n: 1\n::"])
def test_no_setting_of_any_recipe_breaks_the_page(browser, recipe, typed):
    slots = {f"slot.{s.name}": typed for s in recipes.settings_of(recipe.slug, {})}
    reply = browser.post("/programs/", {"recipe": recipe.slug, "description": "", **slots})
    assert reply.status_code == 422


def test_one_key_in_a_run_and_in_a_program_is_two_keys(browser):
    card = make_card(browser.maker(), shape="tool")
    run, program = (f"/c/{card.token}/run/", {"n": "3"}), ("/programs/", {"description": "A tea page"})
    change = (f"/programs/{card.program_id}/jobs/", {"description": "Larger"})
    for first, second in ((run, program), (program, run), (change, program)):
        places = [browser.post(path, {**data, "once": first[0]})["Location"] for path, data in (first, second)]
        assert places[0] != places[1]


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-1", "x"])
def test_a_length_that_is_none_is_refused(browser, length):
    reply = browser.generic("POST", "/programs/", b"", content_type="text/plain", CONTENT_LENGTH=length)
    assert reply.status_code == 413


def test_a_sixth_thing_at_once_is_asked_to_wait_and_the_words_stay(browser):
    for n in range(5):
        assert send(browser, f"Tea page {n}", once=str(n)).status_code == 302
    reply = send(browser, "One more tea page", once="6")
    assert reply.status_code == 429
    assert "I am making 5 things for you already" in reply.content.decode()
    assert "One more tea page" in reply.content.decode()
    small = browser.post("/programs/", {"description": "More", "once": "7"}, headers={"HX-Request": "true"})
    assert small.status_code == 429
    assert len(small.content) < 1000
    program = Job.objects.first().program
    assert browser.post(f"/programs/{program.pk}/jobs/", {"description": "Larger"}).status_code == 429
    assert send(browser, "Tea page 4", once="4").status_code == 302, "the same form again is no other"
    Job.objects.filter(state="queued").first().delete()
    assert send(browser, "One more tea page", once="6").status_code == 302


def test_what_waits_for_the_person_counts_for_nothing(browser):
    for n in range(6):
        assert send(browser, f"Tea page {n}", once=str(n)).status_code == 302
        Job.objects.update(state="waiting")


def test_a_sixth_run_at_once_is_asked_to_wait(browser):
    card = make_card(browser.maker(), shape="tool")
    for n in range(5):
        assert browser.post(f"/c/{card.token}/run/", {"n": "3", "once": str(n)}).status_code == 302
    reply = browser.post(f"/c/{card.token}/run/", {"n": "4", "once": "6"})
    assert reply.status_code == 429
    assert "5 runs of yours are not done yet" in reply.content.decode()
    assert 'value="4"' in reply.content.decode()
    assert browser.post(f"/c/{card.token}/run/", {"n": "3", "once": "1"}).status_code == 302
    assert Browser().post(f"/c/{card.token}/run/", {"n": "3", "once": "1"}).status_code == 302


def test_a_stop_of_the_dial_names_what_it_asks_and_nothing_else():
    words = {
        "question": "question",
        "contradiction": "cannot both hold",
        "plan": "plan",
        "look": "about the look",
        "repair": "repair",
        "save": "keep it",
    }
    for stop, _, line in STOPS:
        assert {ask for ask, word in words.items() if word in line} == policy(stop, Effort.NORMAL).asks, stop


def test_the_way_to_what_happens_to_files_leads_to_the_words_and_no_name_is_used_twice(browser):
    page = browser.get("/").content.decode()
    names = re.findall(r'\sid="([^"]+)"', page)
    assert len(names) == len(set(names))
    section = re.search(r'href="/#([\w-]+)">What happens to my files', page)
    assert section
    assert f'<section class="section" id="{section[1]}"' in page


def test_a_guess_counts_the_time_of_the_steps_and_not_the_days_a_job_waited_for_its_maker(browser):
    maker, now = browser.maker(), timezone.now()
    for n in range(3):
        job = Job.objects.create(
            maker=maker, kind="make", once=f"e{n}", state="done", effort="normal",
            started=now - timedelta(days=3), ended=now,
        )  # fmt: skip
        for order, number, kind, seconds in (
            (1, "1", "ask", 5),
            (2, "2", "approve", 0),
            (3, "3.1", "ask", 7),
            (3, "3.2", "ask", 9),
        ):
            job.steps.create(order=order, number=number, kind=kind, seconds=seconds, cost_usd="0.0001")
    found = estimates.for_maker(maker, EFFORTS)
    guess = next(row for row in found.rows if row.value == "normal")
    assert found.source == "Guesses, from your last cards."
    assert (guess.seconds, round(guess.cost_usd, 4)) == (14, 0.0003)
