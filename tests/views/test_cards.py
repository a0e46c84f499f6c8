"""A card: opened without a session, kept, thrown, brought back, revoked, copied; never longer by being opened."""

import html
import io
import os
import re
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.views.conftest import HELD, TOOL, make_card
from vibe import cards, jobs, results
from vibe.generation.bundle import bundle
from vibe.models import Card, Run, Version
from vibe.sealed import SANDBOX
from vibe.views import content

pytestmark = pytest.mark.django_db
NOBODY = {"HTTP_HOST": "localhost:8000"}


def sealed(seal, **more):
    return Client(HTTP_HOST=f"{seal}.localhost:8000").get("/", HTTP_SEC_FETCH_DEST="iframe", **more)


def test_a_link_opens_in_a_browser_that_has_no_session(browser):
    card = make_card(browser.maker())
    reply = Client(**NOBODY).get(card.get_absolute_url())
    assert reply.status_code == 200
    assert card.frame_url in reply.content.decode()
    assert not reply.cookies.get("sessionid")


def test_its_document_is_sealed(browser):
    card = make_card(browser.maker())
    reply = sealed(card.seal)
    assert reply.status_code == 200
    policy = reply["Content-Security-Policy"]
    assert f"sandbox {SANDBOX}" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert "frame-ancestors http://localhost:8000" in policy
    assert "webrtc" not in policy
    assert reply["Connection-Allowlist"] == "(response-origin)"
    assert reply["Referrer-Policy"] == "no-referrer"
    assert reply["Cache-Control"] == "no-store"
    assert "camera=()" in reply["Permissions-Policy"]
    assert not reply.cookies
    assert "<p>hi</p>" in reply.content.decode()


def test_the_content_origin_has_no_other_page(browser):
    card = make_card(browser.maker())
    there = Client(HTTP_HOST=f"{card.seal}.localhost:8000")
    for path in ("/shelf/", "/admin/", "/programs/", "/static/css/base.css", "/index.html"):
        assert there.get(path).status_code == 404, path
    assert there.post("/").status_code == 404
    assert sealed("0" * 32).status_code == 404


def test_opened_directly_a_document_leads_to_its_card(browser):
    card = make_card(browser.maker())
    reply = Client(HTTP_HOST=f"{card.seal}.localhost:8000").get("/", HTTP_SEC_FETCH_DEST="document")
    assert reply["Location"] == card.link


def test_a_document_that_finds_itself_alone_asks_for_its_card_and_gets_it(browser, settings):
    """Over the plain http of a home network no browser says how it opens a page."""
    card = make_card(browser.maker())
    assert Client(HTTP_HOST=f"{card.seal}.localhost:8000").get("/?card")["Location"] == card.link
    settings.SINGLE_ORIGIN = True
    assert Client(**NOBODY).get(f"/sealed/{card.seal}/?card")["Location"] == card.link


def test_a_document_is_made_once_however_often_it_is_opened(browser, monkeypatch):
    made = []
    monkeypatch.setattr(content, "bundle", lambda *args, **more: made.append(args) or bundle(*args, **more))
    card = make_card(browser.maker(), files={"index.html": "<p>hi</p>"})
    first, second = sealed(card.seal), sealed(card.seal)
    assert len(made) == 1
    assert first.content == second.content
    other = make_card(browser.maker(), files={"index.html": "<p>other</p>"}, once="2")
    assert "<p>other</p>" in sealed(other.seal).content.decode()


def test_documents_that_take_too_much_room_are_let_go_oldest_first(browser, monkeypatch):
    made = []
    monkeypatch.setattr(content, "bundle", lambda *args, **more: made.append(1) or bundle(*args, **more))
    one, two, three = (
        make_card(browser.maker(), files={"index.html": f"<p>{n}"}, once=str(n)).version for n in range(3)
    )
    kept = content.Documents(room=2 * len(content.Documents().of(one)) + 10)
    made.clear()
    for version in (one, two, one, three, one):  # three takes the place of two
        kept.of(version)
    assert len(made) == 3
    kept.of(two)
    assert len(made) == 4


def test_opening_a_card_never_makes_it_last_longer(browser):
    card = make_card(browser.maker())
    cards.keep(card, pinned=False)
    expires = Card.objects.get().expires
    Client(**NOBODY).get(card.get_absolute_url())
    browser.get(card.get_absolute_url())
    sealed(card.seal)
    assert Card.objects.get().expires == expires


def test_pinning_keeps_and_unpinning_lets_it_fade_in_seven_days(browser):
    card = make_card(browser.maker())
    browser.post(f"/cards/{card.pk}/keep/", {"pinned": "0"})
    left = Card.objects.get().expires - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    reply = browser.post(f"/cards/{card.pk}/keep/", {"pinned": "1"}, HTTP_HX_REQUEST="true")
    assert Card.objects.get().expires is None
    assert 'aria-pressed="true"' in reply.content.decode()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("fade", "This card has faded"),
        ("throw", "This card was thrown away"),
        ("retire", "This card was taken down"),
    ],
)
def test_a_closed_card_says_why_and_shows_nothing(browser, how, says):
    card = make_card(browser.maker())
    link, seal = card.get_absolute_url(), card.seal
    if how == "fade":
        Card.objects.update(expires=timezone.now() - timedelta(seconds=1))
    elif how == "throw":
        cards.throw(card)
    else:
        cards.retire(card)
    reply = Client(**NOBODY).get(link)
    assert reply.status_code == 410
    assert says in reply.content.decode()
    assert sealed(seal).status_code == 404
    for path in (f"{link}download", f"{link}qr.svg"):
        assert Client(**NOBODY).get(path).status_code == 404


def test_after_throwing_a_card_away_the_way_back_has_the_focus(browser):
    card = make_card(browser.maker())
    page = browser.post(f"/cards/{card.pk}/throw/", follow=True).content.decode()
    note = page[page.index("Threw away") :]
    assert re.search(r"<button[^>]* autofocus>Bring back</button>", note[: note.index("</form>")])
    assert "autofocus" not in browser.get("/shelf/").content.decode()


def test_a_thrown_card_comes_back_within_a_day_and_not_later(browser):
    card = make_card(browser.maker())
    browser.post(f"/cards/{card.pk}/throw/")
    assert "Bring back" in browser.get("/shelf/").content.decode()
    browser.post(f"/cards/{card.pk}/restore/")
    assert browser.get(card.get_absolute_url()).status_code == 200
    Card.objects.update(thrown=timezone.now() - timedelta(hours=25))
    browser.post(f"/cards/{card.pk}/restore/")
    assert Card.objects.get().thrown
    assert "Tea" not in browser.get("/shelf/").content.decode()


def test_a_faded_card_comes_back_with_its_link_for_seven_days(browser, stranger):
    card = make_card(browser.maker())
    Card.objects.update(expires=timezone.now() - timedelta(days=3))
    way = f'action="/cards/{card.pk}/restore/"'
    assert way in browser.get(card.get_absolute_url()).content.decode()
    assert way not in stranger.get(card.get_absolute_url()).content.decode()
    page = browser.post(f"/cards/{card.pk}/restore/", follow=True).content.decode()
    assert "gone" not in page
    assert Client(**NOBODY).get(card.get_absolute_url()).status_code == 200
    assert Card.objects.get().days_left == 7


def test_a_card_that_was_taken_down_does_not_come_back(browser):
    card = make_card(browser.maker())
    cards.retire(card)
    assert "/restore/" not in browser.get(card.get_absolute_url()).content.decode()
    assert "cannot be brought back" in browser.post(f"/cards/{card.pk}/restore/", follow=True).content.decode()


@pytest.mark.parametrize("how", [cards.revoke, lambda card: cards.show_version(card, card.version)])
def test_a_change_of_the_link_undoes_nothing_that_happened_meanwhile(browser, how):
    card = make_card(browser.maker())
    Card.objects.update(opens=5, thrown=timezone.now(), title="Renamed")
    how(card)
    now = Card.objects.get()
    assert (now.opens, bool(now.thrown), now.title) == (5, True, "Renamed")
    assert now.seal == card.seal
    assert cards.of_link(card.token) == card


def test_its_page_counts_the_checks_that_say_something(browser):
    card = make_card(browser.maker())
    Version.objects.update(results=[*HELD, {**HELD[0], "id": "b", "held": False, "idle": True}])
    assert "1 of 1 checks hold" in browser.get(card.get_absolute_url()).content.decode()


def test_a_revoked_link_is_dead_for_ever_and_the_card_has_a_new_one(browser):
    card = make_card(browser.maker())
    old, seal = card.get_absolute_url(), card.seal
    browser.post(f"/cards/{card.pk}/revoke/")
    assert Client(**NOBODY).get(old).status_code == 404
    assert sealed(seal).status_code == 404
    assert Client(**NOBODY).get(Card.objects.get().get_absolute_url()).status_code == 200


def test_a_guessed_link_and_a_missing_one_look_alike(browser):
    for token in ("x", "A" * 22, "A" * 4000, "../admin"):
        assert Client(**NOBODY).get(f"/c/{token}/").status_code == 404


def test_a_stolen_database_opens_no_card(browser):
    card = make_card(browser.maker())
    row = Card.objects.values().get()
    assert card.token not in str(row)


def test_showing_another_version_changes_the_frame_for_good(browser):
    card = make_card(browser.maker())
    seal = card.seal
    Version.objects.create(
        program=card.program,
        number=2,
        shape="page",
        origin="model",
        files={"index.html": "<p>two</p>"},
        verdict="held",
    )
    browser.post(f"/cards/{card.pk}/show-version/", {"number": "2"})
    assert sealed(seal).status_code == 404
    assert "<p>two</p>" in sealed(Card.objects.get().seal).content.decode()
    for number in ("3", "x", ""):
        assert browser.post(f"/cards/{card.pk}/show-version/", {"number": number}).status_code == 404


def test_an_old_version_is_restored_as_a_new_one(browser):
    card = make_card(browser.maker())
    program = card.program
    Version.objects.update(measures={"mutants": 4, "noticed": 3})
    second = Version.objects.create(
        program=program,
        number=2,
        shape="page",
        origin="model",
        files={"index.html": "<p>two</p>"},
        verdict="held",
    )
    program.current = second
    program.save()
    browser.post(f"/programs/{program.pk}/versions/1/restore/")
    program.refresh_from_db()
    assert (program.current.number, program.current.files) == (3, {"index.html": "<p>hi</p>"})
    assert program.current.measures == {"mutants": 4, "noticed": 3}
    assert Card.objects.get().version.number == 1


def test_the_shelf_finds_and_renames(browser):
    maker = browser.maker()
    make_card(maker, title="Tea", once="1")
    card = make_card(maker, title="Bank file", once="2")
    assert "Bank file" not in browser.get("/shelf/?q=tea").content.decode()
    browser.post(f"/cards/{card.pk}/rename/", {"title": " My  <b>money</b> "})
    page = browser.get("/shelf/").content.decode()
    assert "My &lt;b&gt;money&lt;/b&gt;" in page
    browser.post(f"/cards/{card.pk}/rename/", {"title": " "})
    assert Card.objects.get(pk=card.pk).title == "My <b>money</b>"
    assert "No card mentions" in browser.get("/shelf/?q=zebra").content.decode()


def test_a_page_is_saved_as_one_file_that_runs_without_us(browser):
    card = make_card(
        browser.maker(), files={"index.html": '<p>hi</p><script src="a.js"></script>', "a.js": "let a=1"}
    )
    reply = Client(**NOBODY).get(f"/c/{card.token}/download")
    assert reply["Content-Disposition"] == 'attachment; filename="tea.html"'
    assert "let a=1" in reply.content.decode()


def test_a_saved_page_brings_its_seal_along_and_its_card_says_what_that_is_worth(browser):
    card = make_card(browser.maker())
    document = Client(**NOBODY).get(f"/c/{card.token}/download").content.decode()
    policy = html.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', document)[1])
    served = sealed(card.seal)["Content-Security-Policy"]
    assert served.startswith(policy)
    assert "frame-ancestors" not in policy
    assert document.index("http-equiv") < document.index("<p>hi</p>")
    assert "saved copy" in Client(**NOBODY).get(card.get_absolute_url()).content.decode()


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


@pytest.mark.parametrize("number", ["²", "9" * 5000, "9" * 12, "-1", "x", ""])
def test_a_version_that_is_none_is_not_there(browser, number):
    card = make_card(browser.maker())
    assert browser.post(f"/cards/{card.pk}/show-version/", {"number": number}).status_code == 404
    assert browser.post(f"/programs/{card.program_id}/versions/{'9' * 5000}/restore/").status_code == 404
    assert browser.post(f"/programs/{card.program_id}/versions/{'9' * 30}/restore/").status_code == 404
    assert browser.post(f"/jobs/{'9' * 30}/stop/").status_code == 404


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


def test_the_qr_code_is_a_picture_of_the_link(browser):
    reply = Client(**NOBODY).get(f"/c/{make_card(browser.maker()).token}/qr.svg")
    assert reply["Content-Type"] == "image/svg+xml"
    assert reply.content.startswith(b"<?xml")


# --- a tool's form ----------------------------------------------------------------------------------------------


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


def test_a_link_that_was_cut_off_or_ended_is_told_what_may_have_happened(browser):
    card = make_card(browser.maker())
    ended = card.get_absolute_url()
    browser.post(f"/cards/{card.pk}/revoke/")
    for link in (ended, "/c/half-a-link/"):
        reply = Client(**NOBODY).get(link)
        assert reply.status_code == 404
        assert "This link opens no card" in reply.content.decode()
        assert "its maker ended it" in reply.content.decode()


def test_pinning_on_the_shelf_changes_the_count_beside_its_title(browser):
    card = make_card(browser.maker())
    told = {"HTTP_HX_REQUEST": "true"}
    on_shelf = browser.post(
        f"/cards/{card.pk}/keep/",
        {"pinned": "1"},
        **told,
        HTTP_HX_CURRENT_URL="http://localhost:8000/shelf/?q=tea",
    ).content.decode()
    assert 'hx-swap-oob="true">1 card, 1 pinned<' in on_shelf
    at_home = browser.post(
        f"/cards/{card.pk}/keep/", {"pinned": "0"}, **told, HTTP_HX_CURRENT_URL="http://localhost:8000/"
    ).content.decode()
    assert "shelf-counts" not in at_home, "the desk has no such count"


def test_the_first_opening_counts_itself(browser):
    card = make_card(browser.maker())
    assert "1 use<" in Client(**NOBODY).get(card.get_absolute_url()).content.decode()


def test_an_empty_shelf_with_something_in_its_bin_does_not_say_that_nothing_was_made(browser):
    card = make_card(browser.maker())
    cards.throw(card)
    page = browser.get("/shelf/").content.decode()
    assert "Your shelf is empty" in page
    assert "Make the first one" not in page
