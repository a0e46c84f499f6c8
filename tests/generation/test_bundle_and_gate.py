"""A page's files become one document; what cannot work in a sealed card is said with its place."""

from vibe.generation.bundle import SHIM, bundle
from vibe.generation.gate import gate, shape_of, title_of

PAGE = """<!doctype html>
<html><head><title>Tea</title>
<link rel="stylesheet" href="style.css">
</head><body>
<img src="dot.svg" alt="">
<script src="app.js"></script>
</body></html>
"""
FILES = {
    "index.html": PAGE,
    "style.css": "p { color: red }\n",
    "app.js": "let a = 1;\nboom();\n",
    "dot.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
}


def test_styles_scripts_and_pictures_go_inline():
    made = bundle(FILES)
    assert not made.problems
    assert "p { color: red }" in made.document
    assert "boom();" in made.document
    assert 'href="style.css"' not in made.document
    assert 'src="app.js"' not in made.document
    assert "data:image/svg+xml" in made.document


def test_the_first_script_supplies_what_an_opaque_origin_lacks():
    document = bundle({"index.html": "<p>hi</p>"}).document
    assert document.index(SHIM[:40]) < document.index("<p>hi</p>")


def test_a_line_of_the_document_is_traced_to_its_file():
    made = bundle(FILES)
    line = made.document[: made.document.index("boom();")].count("\n") + 1
    assert made.where(line) == ("app.js", 2)


def test_a_script_that_ends_its_element_cannot_break_out():
    made = bundle({"index.html": "<script src='a.js'></script>", "a.js": "let s = '</script><b>x';"})
    assert "</script><b>x" not in made.document


def faults(files):
    return [(f.file, f.sentence) for f in gate(files, shape_of(files) or "page")]


def test_imports_between_files_are_refused_with_a_sentence():
    (file, sentence), *_ = faults(
        {
            "index.html": '<script type="module" src="a.js"></script>',
            "a.js": 'import { b } from "./b.js";',
            "b.js": "export const b = 1",
        }
    )
    assert file == "a.js"
    assert "./b.js" in sentence


def test_what_would_come_from_the_internet_is_named():
    for page in (
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        "<script>fetch('https://api.example/x')</script>",
    ):
        assert faults({"index.html": f"<p>hi</p>{page}"}), page


def test_a_missing_file_is_named():
    assert "lost.css" in str(faults({"index.html": '<link rel="stylesheet" href="lost.css"><p>x</p>'}))


def test_a_page_without_anything_is_refused():
    assert faults({"index.html": "<!doctype html><title>x</title>"})


def test_python_that_cannot_be_read_is_located():
    fault = gate({"tool.toml": 'run = ["python3", "main.py"]', "main.py": "x = 1\nif x\n"}, "tool")[0]
    assert (fault.file, fault.line) == ("main.py", 2)


def test_a_tool_whose_program_is_missing_is_refused():
    assert "main.py" in str(faults({"tool.toml": 'run = ["python3", "main.py"]'}))


def test_the_title_is_the_programs_own():
    assert title_of(FILES) == "Tea"
    assert title_of({"tool.toml": 'title = "Totals"'}) == "Totals"


def test_a_good_page_passes():
    assert faults(FILES) == []
