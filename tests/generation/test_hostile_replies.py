"""Whatever a model sends is read in time that grows with its length, and never ends the Job by a fault of ours."""

import time

import pytest

from vibe.generation import plan, reply
from vibe.generation.edits import EditFailed, apply_edits
from vibe.generation.reply import Hunk, ReplyParser, parse

PIECES = [
    "\n", "a\n", "```\n", "```x\n", "FILE a.js\n", "<<<<<<< SEARCH\n", "DONE\n", "// ...\n", "...\n", "# rest of the code\n",
    "FILE a.js\n```\nx\n```\n", "/*", "/*/ ", "<!--", "<!-", '\\"', "'\\'", "`", "--- ", "the rest of ", " ", "\t", "*",
]  # fmt: skip
BLOCKS = {
    "prose": "{}",
    "fence": "FILE index.html\n```{}!\n",
    "file": "FILE index.html\n```html\n{}\n```\nDONE\n",
    "edit": "EDIT index.html\n```\n<<<<<<< SEARCH\nx\n=======\n{}\n>>>>>>> REPLACE\n```\nDONE\n",
}


def seconds(work):
    """Of this process alone, the best of three: what other programs do hardly counts."""
    spent = []
    for _ in range(3):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def grows_evenly(read):
    """What is quadratic would take 64 times as long; so little that it cannot be measured is enough too."""
    once, more = (seconds(lambda n=n: read(n * 20_000)) for n in (1, 8))
    return more < 30 * once + 0.1


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("piece", PIECES)
def test_eight_times_the_reply_takes_about_eight_times_the_time(piece, block):
    assert grows_evenly(lambda length: parse(BLOCKS[block].format(piece * (length // len(piece)))))


@pytest.mark.parametrize("head", ["", "EDIT a.js\n```\n<<<<<<< SEARCH\n", "FILE a.js\n```\n"])
@pytest.mark.parametrize("letter", ["a", " "])
def test_a_line_without_an_end_is_read_as_it_streams(head, letter):
    def stream(length):
        parser = ReplyParser()
        parser.feed(head)
        for _ in range(length // 2):
            parser.feed(2 * letter)
        parser.close()

    assert grows_evenly(stream)


def test_what_is_wrong_with_a_reply_is_said_a_hundred_times_at_most():
    assert len(parse("FILE a.js\n" * 5000).problems) == reply.MAX_PROBLEMS


def test_the_one_page_is_found_behind_a_fence_that_nothing_ends():
    parsed = parse("Look:\n````\n```html\n<p>tea</p>\n```\nBye\n")
    assert parsed.adopted
    assert parsed.files == {"index.html": "<p>tea</p>\n"}
    assert not parse("```html\n<p>a</p>\n```\n```html\n<p>b</p>\n```\n").adopted


@pytest.mark.parametrize(
    "check", ['{"a":' * 20_000, '{"a":[' * 20_000, "[" * 50_000, '{"a":"' * 20_000, '{"a":[1,' * 9000]
)
def test_a_check_that_is_nested_without_end_has_no_form_that_i_can_run(check):
    read = plan.read(f"STEP Make it\nCHECK It adds up {check}\nCHECK It opens {check}\n")
    assert read
    assert [p.form for p in read.promises] == [None, None]


def test_a_number_of_thousands_of_digits_drops_no_promise():
    read = plan.read(f"STEP Make it\nDROP {'9' * 5000}\nDROP 2\n")
    assert read
    assert 2 in read.drops


@pytest.mark.parametrize(("lines", "search"), [(1, 1), (1, 900), (900, 900)])
def test_edits_that_fit_nowhere_take_time_that_grows_with_the_file(lines, search):
    def edit(length):
        text = "x\n" * (length // 2)
        with pytest.raises(EditFailed):
            apply_edits({"a.js": text}, [Hunk("a.js", "x\n" * search + "y", "z")] * lines)

    assert grows_evenly(edit)


def test_a_reply_of_countless_edits_is_refused_before_any_is_tried():
    with pytest.raises(EditFailed, match="more than 200"):
        apply_edits({"a.js": "x"}, [Hunk("a.js", "x", "x")] * 201)
