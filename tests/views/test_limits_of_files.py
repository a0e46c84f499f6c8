"""Limits of the files that people give and of what is kept of them: what goes over them is never written down."""

import tempfile

import pytest

from tests.views.capped import files, run, says, send
from tests.views.conftest import Browser, make_card
from vibe import housekeeping, jobs, stored
from vibe.models import (
    Kept,
    RunFile,
    Upload,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("whose", ["maker", "address", "site"])
def test_files_over_the_days_room_are_refused_and_none_is_kept(browser, cap, whose):
    cap(**{f"{whose}_upload_mb_per_day": 3})
    assert send(browser, "one", files=files(1)).status_code == 302
    before = {path.name for path in jobs.folder("uploads").iterdir()}
    for size in (2.1, 2.9):  # small enough for memory, and passed over while it is read
        reply = send(browser, "Read this", files=files(size))
        assert reply.status_code == 429, size
        assert "Read this" in says(reply)
        assert "It goes on at 00:00 UTC" in says(reply)
    assert {path.name for path in jobs.folder("uploads").iterdir()} == before
    assert Upload.objects.count() == 1
    assert send(browser, "one more word").status_code == 302, "without files it can be made"


def test_a_file_larger_than_a_days_room_is_told_so(browser, cap):
    cap(maker_upload_mb_per_day=3)
    browser.maker()
    reply = send(browser, "Read this", files=files(5))
    assert "These files are 5.0 MB, and 3 MB a day are all." in says(reply)


def test_a_large_file_without_room_touches_no_disk(browser, cap, monkeypatch):
    cap(maker_upload_mb_per_day=3)
    browser.maker()
    written = []
    real = tempfile.NamedTemporaryFile
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", lambda *a, **k: written.append(a) or real(*a, **k))
    assert send(browser, "Read this", files=files(5)).status_code == 429
    assert not written


def test_a_file_for_a_tool_counts_too(browser, stranger, cap):
    tool = (
        'title = "Sum"\nrun = ["python3", "main.py"]\n[[inputs]]\nname = "f"\nlabel = "File"\ntype = "file"\n'
    )
    card = make_card(browser.maker(), shape="tool", files={"tool.toml": tool, "main.py": "print(1)"})
    cap(maker_upload_mb_per_day=4)
    for size, status in ((3, 302), (3, 429), (1, 302), (0.1, 429)):
        reply = stranger.post(f"/c/{card.token}/run/", {"f": files(size)[0], "once": f"{size}{status}"})
        assert reply.status_code == status, size
    assert "You may give 4 MB of files a day here" in says(reply)
    assert RunFile.objects.count() == 2


def test_what_is_kept_of_a_maker_is_the_sum_of_files_results_pictures_and_films(browser, stranger):
    card = make_card(browser.maker(), shape="tool")
    film = sum(len(bytes(one.data)) for one in card.version.films.all())
    card.version.shot = b"x" * 500
    card.version.save()
    Upload.objects.create(program=card.program, name="a", size=1000)
    run(stranger, card)
    jobs.keep_run_file(stranger.maker().runs.get(), "o", b"y" * 70, made=True)
    assert stored.of_maker(card.maker) == 1000 + 500 + film
    assert stored.of_maker(stranger.maker()) == 70
    assert stored.of_everybody() == {card.maker.pk: 1500 + film, stranger.maker().pk: 70}
    stored.measure()
    assert dict(Kept.objects.values_list("who", "size")) == {
        f"maker {card.maker.pk}": 1500 + film, f"maker {stranger.maker().pk}": 70, "site": 1570 + film,
    }  # fmt: skip
    assert stored.measure() == 0
    RunFile.objects.all().delete()
    stored.measure()
    assert Kept.objects.get(who=f"maker {stranger.maker().pk}").size == 0
    assert stored.of_site() == 1500 + film


def test_who_keeps_all_they_may_is_told_how_to_make_room(browser, cap):
    cap(maker_stored_mb=2)
    send(browser, "one", files=files(1.5))
    reply = send(browser, "two", files=files(0.6))
    assert reply.status_code == 429
    assert (
        "What is kept of you here takes 1.5 MB of 2 MB; these are 0.6 MB more. Throw away on your shelf"
        in says(reply)
    )
    Upload.objects.update(size=2_000_000)
    assert send(browser, "words alone").status_code == 429
    Upload.objects.all().delete()
    assert send(browser, "two", files=files(0.6)).status_code == 302


def test_a_full_site_takes_no_more_files(browser, cap):
    cap(site_stored_mb=2)
    send(browser, "one", files=files(1.5))
    reply = send(Browser(), "two", files=files(0.6))
    assert "This server is full. What you made is safe." in says(reply)
    assert reply.status_code == 429
    Upload.objects.all().delete()
    housekeeping.keep_house()
    assert send(Browser(), "two", files=files(0.6)).status_code == 302


def test_a_form_in_an_alphabet_of_its_own_is_not_read(browser):
    """Django reads a form with whatever codec it names; Python's punycode takes time by the square."""
    form = b'--x\r\nContent-Disposition: form-data; name="description"\r\n\r\n-' + b"a" * 200 + b"\r\n--x--\r\n"
    for charset, status in (("punycode", 400), ("rot13", 400), ("utf-16", 400), ("UTF-8", 302), ("utf8", 302)):
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        assert browser.generic("POST", "/programs/", form, content_type=kind).status_code == status, charset
