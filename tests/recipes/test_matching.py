"""Which recipe is taken, with which settings, and above all which is not."""

import time

import pytest

from vibe import recipes
from vibe.generation.checks import Check
from vibe.generation.gate import gate, shape_of
from vibe.recipes.readers import from_form, from_words
from vibe.recipes.slots import SlotSpec
from vibe.recipes.words import normalise, with_digits

ALL = recipes.catalog()
PARAPHRASES = [(r.slug, say, slots) for r in ALL for say, slots in r.paraphrases]
NEAR = [(r.slug, say) for r in ALL for say in r.near_misses]
UNRELATED = """Write a poem about the sea
Tell me what the weather will be tomorrow
A snake game with levels
A chat room for my friends
Book a flight to Rome
Explain quantum physics
Draw a cat
A website for my bakery with a shop
Convert a video to mp3
Rename 300 photos by date
A meditation guide with sounds
A map of my bike tours
Turn this PDF into text
An app that identifies plants
A family tree
A piano keyboard that I can play
Sudoku
A mortgage calculator
Convert inches to centimetres
A contact form for my homepage
Remind me to drink water
Design a logo for my band
A to-do app like Trello but for teams
A QR code for my wifi
Find typos in my letter
A colour palette generator
A quiz about the capitals of Europe that you make up
Translate my menu into English
Why does the moon have phases?
Generate strong passwords
A tracker for my habits
A diary with a password
Compare two texts and show the differences
Sort my mail""".splitlines()


def test_there_are_twelve_and_at_least_three_are_tools():
    assert len(ALL) >= 12
    assert sum(r.shape == "tool" for r in ALL) >= 3


@pytest.mark.parametrize(
    ("slug", "say", "slots"), PARAPHRASES, ids=[f"{s}-{n}" for n, (s, _, _) in enumerate(PARAPHRASES)]
)
def test_a_paraphrase_is_taken_with_its_settings(slug, say, slots):
    match = recipes.find(say)
    assert isinstance(match, recipes.Match), match
    assert match.slug == slug
    assert {s.name: s.value for s in match.slots if s.origin == "words"} == slots


@pytest.mark.parametrize(("slug", "say"), NEAR, ids=[f"{s}-{n}" for n, (s, _) in enumerate(NEAR)])
def test_a_near_miss_is_offered_and_never_taken(slug, say):
    offer = recipes.find(say)
    assert isinstance(offer, recipes.Offer), (slug, offer)
    assert len(offer.nearest) == 3


@pytest.mark.parametrize("say", UNRELATED)
def test_an_unrelated_wish_is_never_taken(say):
    assert isinstance(recipes.find(say), recipes.Offer)


def test_words_that_are_not_used_are_named():
    match = recipes.find("A packing list for Lisbon in purple: passport, charger")
    assert isinstance(match, recipes.Match)
    assert match.ignored == ("purple",)


def test_a_request_that_asks_for_clearly_more_is_offered():
    assert isinstance(
        recipes.find("A packing list with maps of every town, museum tickets, tram timetables and restaurants"),
        recipes.Offer,
    )


@pytest.mark.parametrize(
    ("say", "number"),
    [
        ("A countdown timer of ten minutes to Christmas", "10"),
        ("A packing list for Lisbon for 4 people", "4"),
        ("We were five, split the dinner bill evenly between Anna, Ben and Chris", "five"),
        ("a pomodoro timer, 25/5, and 15 minutes after all rounds", "15"),
    ],
)
def test_a_number_that_nothing_uses_is_named_and_refuses(say, number):
    offer = recipes.find(say)
    assert isinstance(offer, recipes.Offer)
    assert number in offer.nearest[0].ignored


def test_a_part_of_a_number_is_no_number():
    offer = recipes.find("Split a bill of $1,200.50 between Ann and Bob")
    assert isinstance(offer, recipes.Offer)
    assert "1,200.50" in offer.nearest[0].ignored


def test_a_number_out_of_a_setting_s_range_refuses():
    assert isinstance(recipes.find("the top 1000 words in a text"), recipes.Offer)
    assert isinstance(recipes.find("the top 100 words in a text"), recipes.Match)


def test_a_number_is_used_by_one_setting_only():
    match = recipes.find("25/5 pomodoro timer with four rounds")
    assert isinstance(match, recipes.Match)
    assert {s.name: s.value for s in match.slots} == {"work": 25, "rest": 5, "rounds": 4}


def test_a_count_beside_the_names_has_to_agree():
    assert isinstance(recipes.find("A wheel for the three of us: Ada, Bo, Cem"), recipes.Match)
    assert isinstance(recipes.find("A wheel for the four of us: Ada, Bo, Cem"), recipes.Offer)


def test_a_list_that_is_too_long_to_keep_is_not_cut_off():
    assert isinstance(recipes.find("To do: " + ", ".join(f"thing {n}" for n in range(60))), recipes.Match)
    assert isinstance(recipes.find("To do: " + ", ".join(f"thing {n}" for n in range(61))), recipes.Offer)
    assert isinstance(
        recipes.find("To do: call mum, pay rent." + " " * 7000 + "Share it online"), recipes.Offer
    )


@pytest.mark.parametrize("say", ["shoping list: milk, eggs", "shoppnig list: milk, eggs"])
def test_a_slip_of_the_fingers_is_mended(say):
    match = recipes.find(say)
    assert isinstance(match, recipes.Match)
    assert match.slug == "checklist"


def test_a_change_names_the_numbers_that_it_does_not_use():
    match = recipes.revise("split-bill", {}, "make it 15 percent and 3 columns")
    assert match is not None
    assert match.ignored == ("3", "columns")


def test_a_chosen_kind_is_kept_to():
    say = "Monthly totals from my bank file"
    assert isinstance(recipes.find(say, shape="tool"), recipes.Match)
    assert isinstance(recipes.find(say, shape="page"), recipes.Offer)
    assert isinstance(recipes.find("slides: one; two; three", shape="slides"), recipes.Match)


def test_a_file_goes_to_a_tool_that_reads_its_kind():
    say = "Monthly totals from my bank file"
    assert isinstance(recipes.find(say, files={"bank.csv": b"a;b\n"}), recipes.Match)
    assert isinstance(recipes.find(say, files={"bank.pdf": b"%PDF"}), recipes.Offer)
    assert isinstance(recipes.find("shopping list: milk, eggs", files={"x.csv": b""}), recipes.Offer)


@pytest.mark.parametrize("recipe", ALL, ids=lambda r: r.slug)
def test_a_recipe_passes_the_gate_and_its_checks_are_well_formed(recipe):
    built = recipes.build(recipe.slug, {})
    shape = shape_of(built.files)
    assert shape == recipe.shape
    assert gate(built.files, shape) == []
    assert "__" not in built.files.get("tool.toml", "")
    for check in built.checks:
        assert Check.model_validate(check).source == "recipe"


HOSTILE = [
    "</script><script>alert(1)</script>",
    '"]]\n',
    "'; DROP TABLE",
    "\u202egnirts",
    "x" * 10_000,
    "${items.0}",
    "<!--",
    "\\u003c",
    "{{ 7*7 }}",
    "\x00\x1b[31m",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("recipe", ALL, ids=lambda r: r.slug)
def test_a_hostile_setting_stays_data(recipe, value):
    raw = {s.name: [value, "b", "c"] if s.kind in {"list", "lines"} else value for s in recipe.slots}
    good, _ = recipes.clean(recipe.slug, raw)
    built = recipes.build(recipe.slug, good)
    assert gate(built.files, recipe.shape) == []
    page = built.files.get("index.html", "")
    assert "<script>alert" not in page
    assert page.count("</script>") == recipe.files.get("index.html", "").count("</script>")


def test_a_change_in_words_edits_a_list():
    before = {"items": ["milk", "eggs"]}
    added = recipes.revise("checklist", before, "add bread and butter")
    assert added is not None
    assert next(s.value for s in added.slots if s.name == "items") == ["milk", "eggs", "bread", "butter"]
    removed = recipes.revise("checklist", before, "remove the eggs")
    assert removed is not None
    assert next(s.value for s in removed.slots if s.name == "items") == ["milk"]


def test_a_change_that_names_no_setting_is_none():
    assert recipes.revise("checklist", {}, "make it look nicer") is None


# --- reading settings -------------------------------------------------------------------------------------------


def spec(kind, **more):
    return SlotSpec("x", "X", kind, None, **more)


@pytest.mark.parametrize(
    ("text", "value"),
    [("24 December 2026", "2026-12-24"), ("Dec 24th", "--12-24"), ("2027-03-01", "2027-03-01"), ("on 24.12.2026", "2026-12-24"),
     ("the 3rd of May, 2027", "2027-05-03"), ("christmas eve", "--12-24"), ("31 February 2026", None), ("version 1.2.3", None), ("in may", None)],
)  # fmt: skip
def test_dates(text, value):
    found = from_words(spec("date"), text)
    assert (found[0] if found else None) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("for 25 minutes", 25),
        ("2,5 min", 2.5),
        ("half an hour", 30),
        ("twenty-five minutes", 25),
        ("900 minutes", None),
        ("25 metres", None),
    ],
)
def test_quantities_with_units(text, value):
    found = from_words(spec("number", units=("minutes?", "min"), min=1, max=180), with_digits(normalise(text)))
    assert (found[0] if found else None) == value


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("x: a, b and c", ["a", "b", "c"]),
        ("x:\n- a\n- b", ["a", "b"]),
        ("x\n1. a\n2. b", ["a", "b"]),
        ("x: a, a, b", ["a", "b"]),
        ("a plain wish", None),
    ],
)
def test_lists(text, items):
    found = from_words(spec("list", at_least=2), text)
    assert (found[0] if found else None) == items


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a: 1, b: 2", [["a", 1], ["b", 2]]),
        ("of x: Mon 3, Tue 2.5", [["Mon", 3], ["Tue", 2.5]]),
        ("x:\nrent: 870 €\nfood = 12,50", [["rent", 870], ["food", 12.5]]),
        ("a: one, b: two", None),
    ],
)
def test_pairs(text, pairs):
    found = from_words(
        spec("pairs", at_least=2),
        f"chart {text}" if text.startswith("of") else f"chart: {text}" if not text.startswith("x") else text,
    )
    assert (found[0] if found else None) == pairs


@pytest.mark.parametrize("raw", ["", "none", "99999", "-5", "nan", "1e999"])
def test_a_number_out_of_range_is_refused(raw):
    with pytest.raises(ValueError):  # noqa: PT011  the reason is shown with the field's label
        from_form(spec("number", min=0, max=100), raw)


def test_words_that_are_made_to_be_read_for_hours_are_read_at_once():
    """The engine of patterns holds all threads while it searches: pages, sockets and leases stand still with it."""
    for words in ("add to the ", "drop it from the "):
        began = time.process_time()
        recipes.revise("checklist", {}, words * 300 + "\n\nx")
        assert time.process_time() - began < 0.5, words


def test_what_is_to_be_added_stands_on_the_last_line():
    found = recipes.revise(
        "checklist", {"title": "Trip", "items": ["tent"]}, "Thank you.\nAdd milk and eggs to the list"
    )
    assert next(slot.value for slot in found.slots if slot.name == "items") == ["tent", "milk", "eggs"]


@pytest.mark.parametrize(("slug", "unit"), [("chart", "a\n"), ("flashcards", "- "), ("flashcards", "a=")])
def test_more_words_than_are_read_change_no_setting(slug, unit):
    """What is read takes time by the square: 20,000 characters more than five seconds."""
    began = time.process_time()
    assert recipes.revise(slug, {}, unit * 5000 + "!") is None
    assert time.process_time() - began < 0.5
