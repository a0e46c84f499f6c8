"""The person's own files, and their lines that a later change lost."""

import pytest

from vibe.generation.byhand import NotKept, files_by_hand, lost_by_hand

BEFORE = {"app.js": "let a = 1;\nlet b = 2;\n"}
MINE = {"app.js": "let a = 1;\nlet b = 3; // my own\n}\nlet c = 4;\n"}


def test_files_are_kept_as_typed_with_the_line_ends_that_they_had():
    sent = [("app.js", "a\r\nb\r\n"), ("old.txt", "a\r\nb\r\n"), ("", " ")]
    files = files_by_hand(sent, {"app.js": "a\n", "old.txt": "x\r\ny\r\n"})
    assert files == {"app.js": "a\nb\n", "old.txt": "a\r\nb\r\n"}
    assert list(files) == ["app.js", "old.txt"]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("", "let x = 1;")], "Give the file"),
        ([], "at least one file"),
        ([("../up.js", "x")], "Use a plain name"),
        ([("/etc/passwd", "x")], "Use a plain name"),
        ([("a.js", "1"), ("a.js", "2")], "Two files"),
        ([("a.js", "x" * 1_000_001)], "under a million"),
        ([("a.js", "\0")], "NUL"),
        ([(f"{n}.js", "x") for n in range(41)], "at most 40 files"),
        ([(f"{n}.js", "x" * 999_999) for n in range(5)], "four million"),
    ],
)
def test_what_cannot_be_kept_is_said_in_words(pairs, said):
    with pytest.raises(NotKept, match=said):
        files_by_hand(pairs, {})


def test_a_line_of_mine_that_went_is_named():
    assert lost_by_hand(MINE, BEFORE, {"app.js": "let a = 1;\nlet c = 4;\n"}) == [
        "Your line “let b = 3; // my own” in app.js is gone."
    ]


def test_lines_that_were_there_before_me_are_not_mine():
    assert lost_by_hand(MINE, BEFORE, {"app.js": "let b = 3; // my own\n  let c = 4;\n"}) == []


def test_a_line_that_moved_is_not_lost():
    assert lost_by_hand(MINE, BEFORE, {"app.js": "", "more.js": "let b = 3; // my own\nlet c = 4;"}) == []


def test_a_line_that_was_gone_already_is_not_lost_again():
    base = {"app.js": "let a = 1;\nlet c = 4;\n"}
    assert lost_by_hand(MINE, BEFORE, {"app.js": "let a = 1;\n"}, base) == [
        "Your line “let c = 4;” in app.js is gone."
    ]


def test_a_long_line_is_shown_in_short():
    (said,) = lost_by_hand({"a.js": "x" * 200}, {}, {})
    assert len(said) < 100
