"""What changed, in lines and in words."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe.generation.difference import MOST, Difference, Line, difference, in_words, regressions, unseen

TEN = "".join(f"line {n}\n" for n in range(1, 11))


def words(old, new):
    return in_words(difference(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a.js": "x\n"}, {"a.js": "x\n"}, "Nothing changed."),
        ({"style.css": TEN}, {"style.css": TEN.replace("line 4", "line four")}, "Changed 1 line in style.css."),
        ({"style.css": TEN}, {"style.css": TEN.replace("line 1\n", "1\n").replace("line 7\n", "7\n"), "app.js": "x\n" * 40},
         "app.js is new (40 lines); changed 2 lines in style.css."),
        ({"b.js": TEN}, {"b.js": TEN + "more\nand more\n"}, "Added 2 lines in b.js."),
        ({"b.js": TEN}, {"b.js": TEN.replace("line 2\nline 3\n", "")}, "Removed 2 lines in b.js."),
        ({"b.js": TEN}, {"b.js": TEN.replace("line 2\n", "two\ntwo and a half\n").replace("line 9\n", "")}, "Changed 1 line, added 1 and removed 1 in b.js."),
        ({"a.js": TEN, "b.js": "y\n"}, {"b.js": "y\n"}, "a.js is gone (10 lines)."),
        ({"a.js": TEN}, {"c.js": TEN}, "c.js was called a.js."),
        ({}, {"index.html": "<p>\n"}, "index.html is new (1 line)."),
        ({"a.js": "x"}, {"a.js": "x\n"}, "Changed the end of lines in a.js."),
        ({"a.js": "x\ny\n"}, {"a.js": "x\r\ny\r\n"}, "Changed the end of lines in a.js."),
    ],
)  # fmt: skip
def test_what_changed_is_said_without_a_model(old, new, said):
    assert words(old, new) == said


def test_many_files_are_counted():
    said = words({}, {f"{n}.js": "x\n" for n in range(9)})
    assert said.endswith("; and 3 more files.")


def test_lines_are_shown_with_their_numbers_and_a_little_around_them():
    (one,) = difference({"a.js": TEN}, {"a.js": TEN.replace("line 5\n", "five\n")}).files
    (hunk,) = one.hunks
    assert [(line.kind, line.text, line.old, line.new) for line in hunk[2:6]] == [
        ("same", "line 4", 4, 4),
        ("removed", "line 5", 5, None),
        ("added", "five", None, 5),
        ("same", "line 6", 6, 6),
    ]
    assert len(hunk) == 8


def test_changes_far_apart_stand_in_hunks_of_their_own():
    long = "".join(f"{n}\n" for n in range(60))
    (one,) = difference(
        {"a": long}, {"a": long.replace("\n5\n", "\nfive\n").replace("\n50\n", "\nfifty\n")}
    ).files
    assert len(one.hunks) == 2
    (near,) = difference(
        {"a": long}, {"a": long.replace("\n5\n", "\nfive\n").replace("\n9\n", "\nnine\n")}
    ).files
    assert len(near.hunks) == 1


TEXT = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12).map("\n".join)


@given(TEXT, TEXT)
def test_the_lines_shown_turn_the_old_text_into_the_new(old, new):
    for one in difference({"a": old} if old else {}, {"a": new} if new else {}).files:
        lines = [line for hunk in one.hunks for line in hunk]
        assert sum(line.kind == "added" for line in lines) == one.added + one.changed
        assert sum(line.kind == "removed" for line in lines) == one.removed + one.changed
        a, b = old.removesuffix("\n").split("\n"), new.removesuffix("\n").split("\n")
        assert all(a[line.old - 1] == line.text for line in lines if line.old)
        assert all(b[line.new - 1] == line.text for line in lines if line.new)


def test_the_same_files_differ_in_nothing():
    assert not difference({"a": "x"}, {"a": "x"})
    assert in_words(Difference()) == "Nothing changed."


def test_a_long_file_takes_no_long_time():
    old, new = "".join(f"a{n % 7}\n" for n in range(40_000)), "".join(f"b{n % 7}\n" for n in range(40_000))
    began = time.process_time()
    assert difference({"a": old}, {"a": new}).files[0].changed == 40_000
    assert time.process_time() - began < 2


def test_a_check_that_held_and_holds_no_more_is_named():
    before = [{"id": "a", "sentence": "It adds", "held": True}, {"id": "b", "sentence": "It sorts", "held": False},
              {"id": "c", "sentence": "Always", "held": True, "idle": "blank"}]  # fmt: skip
    after = [{**r, "held": False} for r in before] + [{"id": "d", "sentence": "It is new", "held": False}]
    assert regressions(before, after) == ["It adds"]
    assert regressions(before, before) == []


def test_a_promise_that_held_still_stands_and_was_not_looked_at_is_broken_where_nothing_opens():
    before = [
        {"id": "p1", "sentence": "It adds", "held": True},
        {"id": "a-phone", "sentence": "It fits", "held": True},
    ]
    stands = [{"id": "p1", "sentence": "It adds"}]
    for row in ({"id": "a-opens", "sentence": "It opens"}, {"id": "g-1", "sentence": "The code can be read"}):
        after = [{**row, "held": False}]
        assert regressions(before, after, stands) == ["It adds"]
        assert regressions(before, after, []) == [], "a promise that was let go stands no more"
        assert unseen(before, after, stands) == []


def test_a_promise_that_held_and_was_not_looked_at_for_want_of_time_or_of_a_box_is_unseen():
    before = [
        {"id": "p1", "sentence": "It adds", "held": True},
        {"id": "p2", "sentence": "It sorts", "held": False},
    ]
    stands = [{"id": "p1", "sentence": "It adds"}, {"id": "p2", "sentence": "It sorts"}]
    opened = [{"id": "a-opens", "sentence": "It opens", "held": True}]
    for after in (opened, []):
        assert unseen(before, after, stands) == ["It adds"]
        assert regressions(before, after, stands) == []


def test_of_two_checks_with_one_id_each_is_known_by_its_own_sentence():
    before = [
        {"id": "own1", "sentence": "It adds", "held": True},
        {"id": "own1", "sentence": "It sorts", "held": False},
    ]
    after = [
        {"id": "own1", "sentence": "It adds", "held": True},
        {"id": "own1-2", "sentence": "It sorts", "held": False},
    ]
    assert regressions(before, after) == []
    assert regressions([{**r, "held": True} for r in before], after) == ["It sorts"]


def test_a_long_file_of_which_every_second_line_is_blank_is_compared_at_once():
    old = "\n".join("" if n % 2 else f"old {n}" for n in range(2000))
    new = "\n".join("" if n % 2 else f"new {n}" for n in range(2000))
    began = time.process_time()
    found = difference({"a.js": old}, {"a.js": new})
    assert time.process_time() - began < 2
    assert found.files[0].changed >= 1000


def test_in_a_long_file_a_small_change_far_from_another_is_still_found_as_small():
    old = ["}" if n % 2 else f"line {n}" for n in range(2000)]
    new = [*old[:10], "put in", *old[10:1990], *old[1991:]]
    found = difference({"a.js": "\n".join(old)}, {"a.js": "\n".join(new)}).files[0]
    assert (found.added, found.removed, found.changed) == (1, 1, 0)


def test_files_that_are_made_to_be_compared_for_minutes_are_compared_in_seconds():
    """Of like lines no two stand side by side, so each is found alone and all the others are looked at for it anew."""

    def text(other, lines):
        return "".join(f"{n % 50}\n{other}{n}\n" for n in range(lines))

    old, new = ({f"{n}.js": text(other, 1500 if n else 200) for n in range(5)} for other in "uv")
    began = time.process_time()
    found = difference(old, new)
    assert time.process_time() - began < 6
    assert found.files[0].changed == 200
    assert [one.changed for one in found.files[1:]] == [2999] * 4, (
        "where no work is left, all counts as replaced"
    )


def test_of_a_very_long_difference_only_the_beginning_is_kept_and_the_rest_is_counted():
    tracemalloc.start()
    (one,) = difference({"a.js": "a\n" * 200_000}, {"a.js": "b\n" * 200_000}).files
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000
    assert one.changed == 200_000
    assert sum(map(len, one.hunks)) == MOST
    assert one.left_out == 400_000 - MOST
    assert one.hunks[0][0] == Line("removed", "a", 1, None)
