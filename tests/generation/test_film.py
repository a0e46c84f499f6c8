"""What a box says it filmed: small JPEGs are taken, everything else is not, and the words are ours."""

import pytest

from tests.fakes import CALM, jpeg
from vibe.generation import film

RUN = {
    "id": "c1",
    "steps": [
        {"do": "fill", "target": {"label": "Bill"}, "value": "90"},
        {"do": "click", "target": {"role": "button", "name": "Split"}},
        {"do": "reload"},
    ],
}
TOLD = [
    {"step": -1, "x": None, "y": None},
    {"step": 0, "x": 0.5, "y": 0.25},
    {"step": 1, "x": 0.6, "y": 0.3},
    {"step": None, "x": 0.6, "y": 0.3},
]


def left(told, name="0", **more):
    return {f"film-{name}-{n}.jpg": more.get(f"n{n}", jpeg()) for n in range(len(told))}


def read(told=TOLD, files=None, *, runs=(RUN,), seen=CALM, name="0"):
    return film.films({"films": {name: told}}, left(told, name) if files is None else files, runs, seen)


def test_a_film_tells_its_steps_in_our_words():
    frames = read()["c1"]
    assert [f.words for f in frames] == [
        "I opened it",
        "I typed 90 into “Bill”",
        "I clicked “Split”",
        "Then I looked",
    ]
    assert [f.look for f in frames] == [False, False, False, True]
    assert (frames[1].x, frames[1].y, frames[1].width, frames[1].height) == (0.5, 0.25, 640, 400)


def test_a_step_that_failed_is_marked_and_says_why():
    seen = {**CALM, "checks": [{"id": "c1", "failed": {"step": 1, "why": "it was not there"}, "seen": []}]}
    last = read(TOLD[:3], seen=seen)["c1"][-1]
    assert (last.words, last.bad) == ("I could not click “Split”: it was not there", True)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (1, "I could not click “Split”: the page stopped answering"),
        (3, "I could not look: the page stopped answering"),
        (-1, "I could not begin: the page stopped answering"),
    ],
)
def test_where_a_page_hung_is_the_last_moment_though_no_picture_of_it_could_be_taken(step, words):
    failed = {"step": step, "why": "the page stopped answering"}
    frames = read(TOLD[:2], seen={**CALM, "checks": [{"id": "c1", "failed": failed, "seen": []}]})["c1"]
    assert [(f.words, f.bad) for f in frames] == [
        ("I opened it", False), ("I typed 90 into “Bill”", False), (words, True),
    ]  # fmt: skip
    assert frames[-1].picture == frames[-2].picture


def test_a_button_that_raised_an_error_is_named():
    tried = [{"name": "Go", "errors": 0}, {"name": "Bo\u202eom", "errors": 1}]
    told = [{"step": -1}, {"step": 0}, {"step": 1}]
    frames = read(told, seen={**CALM, "buttons_tried": tried}, name=film.BUTTONS)[film.BUTTONS_ID]
    assert [(f.words, f.bad) for f in frames] == [
        ("I opened it", False), ("I clicked “Go”", False), ("I clicked “Boom”, and it raised an error", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"do": "fill", "target": {"css": ".had"}, "value": "20"}, "I typed 20 here"),
        ({"do": "fill", "target": {"label": "Name"}, "value": ""}, "I emptied “Name”"),
        ({"do": "check", "target": {"label": "Wine"}}, "I ticked “Wine”"),
        ({"do": "check", "target": {"label": "Wine"}, "value": "no"}, "I unticked “Wine”"),
        ({"do": "uncheck", "target": {"label": "Wine"}}, "I unticked “Wine”"),
        ({"do": "select", "target": {"label": "Currency"}, "value": "€"}, "I chose € in “Currency”"),
        ({"do": "click", "target": {"role": "button"}}, "I clicked the button"),
        ({"do": "click", "target": {"mark": "split"}}, "I clicked “split”"),
        ({"do": "press", "key": "Enter"}, "I pressed Enter"),
        ({"do": "wait", "seconds": 1.5}, "I waited 1.5 s"),
        ({"do": "resize", "width": 390}, "I made the window 390 points wide"),
        ({"do": "reload"}, "I loaded the page anew"),
    ],
)
def test_every_step_has_words(step, words):
    frames = read([{"step": -1}, {"step": 0}], runs=[{"id": "c1", "steps": [step]}])["c1"]
    assert frames[1].words == words


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"<script>alert(1)</script>",
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"GIF89a" + bytes(50),
        jpeg()[:-2],  # cut off
        jpeg(filled=60_000),  # too large
        jpeg(65_000, 65_000),  # small here, huge where it is unpacked
        jpeg(0, 400),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x00" * 2000 + b"\xff\xd9",
    ],
    ids=["nothing", "markup", "png", "gif", "cut", "large", "bomb", "flat", "bare", "endless"],
)
def test_what_is_no_small_jpeg_is_left_out(picture):
    frames = read(files=left(TOLD, n1=picture))["c1"]
    assert [f.words for f in frames] == ["I opened it", "I clicked “Split”", "Then I looked"]


@pytest.mark.parametrize(
    "told",
    [None, 7, "film", {}, [], [7, None], [[]] * 3, [{"step": "0"}], [{}]],
    ids=str,
)
def test_an_account_that_makes_no_sense_is_no_film(told):
    assert film.films({"films": {"0": told}}, left([0] * 9), [RUN], CALM) == {}
    assert film.films({"films": told}, left([0] * 9), [RUN], CALM) == {}


def test_a_hand_that_is_nowhere_is_nowhere():
    told = [{"step": 0, "x": float("nan"), "y": 1e9}, {"step": 1, "x": "0.5", "y": True}]
    assert [(f.x, f.y) for f in read(told)["c1"]] == [(None, None), (None, None)]


def test_of_too_much_only_the_beginning_is_taken():
    many = [{"step": 0}] * 40
    assert len(read(many)["c1"]) == film.FRAMES
    runs = [{"id": f"c{n}", "steps": []} for n in range(60)]
    told = [{"step": None}] * 14
    files = {f"film-{n}-{m}.jpg": jpeg(filled=39_000) for n in range(60) for m in range(14)}
    found = film.films({"films": {str(n): told for n in range(60)}}, files, runs, CALM)
    assert sum(len(f.picture) for frames in found.values() for f in frames) <= film.LOOK_BYTES


def test_films_of_runs_that_nobody_asked_for_are_not_there():
    assert (
        film.films({"films": {"5": TOLD, "../0": TOLD}}, {**left(TOLD, "5"), **left(TOLD, "../0")}, [RUN], CALM)
        == {}
    )
