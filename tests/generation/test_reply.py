"""The reply format: strict, and the same for every way of cutting the stream."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibe.generation.edits import EditFailed, apply_edits
from vibe.generation.reply import FileText, Hunk, Prose, ReplyParser, parse

GOOD = """Here is your page.

FILE index.html
```html
<!doctype html>
<title>Tea &lt;b&gt;</title>
<p>a < b && c</p>
```

FILE app.js
```js
const fence = "``";
// ... and more
console.log(1)
```

DONE
"""
EDIT = """EDIT app.js
```js
<<<<<<< SEARCH
let a = 1;
=======
let a = 2;
>>>>>>> REPLACE
```
DONE
"""
MARKDOWN = "FILE README.md\n````md\nUse:\n```\nmake run\n```\n````\nDONE\n"
STRANGE = ["FILE x\n```\nno ending\n```", "FILE a.html\nno fence", "```html\n<p>hi\n```", "FILE ../../x.py\n```\n1\n```", "FILE a.js\n```\n// rest of the code\n```",
           "EDIT a.js\n```\nnonsense\n```", "FILE a.js\n```\nnever closed", "", "\ufeffFILE a.js\r\n```\r\nx\r\n```\r\nDONE\r\n", "**FILE `a.js`**\n```\nx\n```"]  # fmt: skip


def merged(items):
    """Neighbouring texts of one kind as one: how a stream was cut must not show."""
    out = []
    for item in items:
        if out and isinstance(item, FileText) and isinstance(out[-1], FileText) and item.path == out[-1].path:
            out[-1] = FileText(item.path, out[-1].text + item.text)
        elif out and isinstance(item, Prose) and isinstance(out[-1], Prose):
            out[-1] = Prose(out[-1].text + item.text)
        else:
            out.append(item)
    return out


def read(text, cuts=()):
    parser, items, at = ReplyParser(), [], 0
    for cut in [*sorted(set(cuts)), len(text)]:
        items += parser.feed(text[at:cut])
        at = cut
    return merged([*items, *parser.close()])


@pytest.mark.parametrize("text", [GOOD, EDIT, MARKDOWN, *STRANGE])
def test_cut_at_every_place_a_reply_reads_the_same(text):
    whole = read(text)
    for cut in range(len(text) + 1):
        assert read(text, [cut]) == whole, cut
    assert read(text, range(len(text))) == whole


PIECES = st.sampled_from(
    ["FILE a.html\n", "FILE b.js\n", "EDIT a.html\n", "```", "```html\n", "```\n", "````\n", "DONE", "\n", "\r\n", "x < y", "  ", "//", " ...",
     "// rest of code\n", "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n", "é", "\ufeff", "\0", "FILE", "# ", "<!-- same as before -->\n"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=25).map("".join), st.data())
def test_any_text_cut_anywhere_reads_the_same(text, data):
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=10))
    assert read(text, cuts) == read(text)


def test_files_hold_what_was_written_byte_for_byte():
    parsed = parse(GOOD)
    assert parsed.files["index.html"] == "<!doctype html>\n<title>Tea &lt;b&gt;</title>\n<p>a < b && c</p>\n"
    assert parsed.prose.strip() == "Here is your page."
    assert parsed.done
    assert parsed.truncated is None


def test_text_of_a_file_arrives_before_its_line_is_whole():
    parser = ReplyParser()
    parser.feed("FILE index.html\n```html\n")
    assert parser.feed("<p>half a li") == [FileText("index.html", "<p>half a li")]


def test_a_placeholder_for_code_is_refused():
    for line in (
        "// ... rest of the code",
        "<!-- existing code remains here -->",
        "# keep the existing functions",
        "/* ... */",
    ):
        parsed = parse(f"FILE a.js\n```js\nlet a = 1;\n{line}\n```\nDONE\n")
        assert parsed.problems, line


def test_dots_in_honest_code_are_no_placeholder():
    assert not parse(
        'FILE a.js\n```js\nf(...args);\nsay("the rest of the code is yours");\n```\nDONE\n'
    ).problems


def test_a_path_that_leaves_the_folder_is_refused():
    for path in ("../x.py", "/etc/passwd.txt", "a/../../b.py", "C:/x.py"):
        assert not parse(f"FILE {path}\n```\nx\n```\nDONE\n").files


def test_prose_that_begins_with_file_stays_prose():
    parsed = parse("FILE a tax return by May.\nDONE\n")
    assert parsed.prose.startswith("FILE a tax return")
    assert not parsed.problems


def test_a_reply_that_was_cut_off_names_the_file():
    parsed = parse("FILE a.html\n```html\n<p>", "length")
    assert parsed.truncated == "a.html"
    assert parsed.files == {}


def test_one_page_in_one_fence_is_adopted():
    parsed = parse("Sure:\n```html\n<p>Hi</p>\n```\n")
    assert parsed.files == {"index.html": "<p>Hi</p>\n"}
    assert parsed.adopted


def test_markdown_may_hold_fences_of_its_own():
    assert parse(MARKDOWN).files["README.md"] == "Use:\n```\nmake run\n```\n"


def test_edits_apply_all_or_none():
    files = {"a.js": "one\ntwo\nthree\n"}
    good, bad = Hunk("a.js", "two", "2"), Hunk("a.js", "four", "4")
    assert apply_edits(files, [good]) == {"a.js": "one\n2\nthree\n"}
    with pytest.raises(EditFailed) as caught:
        apply_edits(files, [good, bad])
    assert "nearest lines" in str(caught.value)
    assert files == {"a.js": "one\ntwo\nthree\n"}


def test_an_edit_that_would_fit_twice_is_refused():
    with pytest.raises(EditFailed, match="2 times"):
        apply_edits({"a.js": "x\ny\nx\n"}, [Hunk("a.js", "x", "z")])


def test_an_edit_follows_the_indent_of_the_file():
    files = {"a.py": "def f():\n    if x:\n        return 1\n"}
    assert (
        apply_edits(files, [Hunk("a.py", "if x:\n    return 1", "if x:\n    return 2")])["a.py"]
        == "def f():\n    if x:\n        return 2\n"
    )
