"""A page's files become one document; what cannot work in a sealed card is said with its place."""

import base64
import time

import pytest

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


@pytest.mark.parametrize("more", ["main.py/a.txt", "out", "in", "values", "input.json/a.txt"])
def test_a_tool_whose_files_cannot_lie_in_its_box_is_refused(more):
    said = gate(
        {"tool.toml": 'run = ["python3", "main.py"]', "main.py": "print(1)", more: "text"}, shape="tool"
    )
    assert "folder" in said[0].sentence


def test_the_title_is_the_programs_own():
    assert title_of(FILES) == "Tea"
    assert title_of({"tool.toml": 'title = "Totals"'}) == "Totals"


def test_a_good_page_passes():
    assert faults(FILES) == []


# --- pictures, wherever they stand ------------------------------------------------------------------------------


DOT = FILES["dot.svg"]
DATA = "data:image/svg+xml;base64," + base64.b64encode(DOT.encode()).decode()


def made(page, **files):
    """The document of a page with these files (a.svg: a__svg), without what we put into it. No problems allowed."""
    named = {name.replace("__", "."): text for name, text in files.items()}
    one = bundle({"index.html": page, "a.svg": DOT, **named}, sealed=True)
    assert not one.problems
    return one.document.split("</script>", 1)[1]


@pytest.mark.parametrize(
    ("page", "becomes"),
    [
        ('<img alt="a.svg" src="a.svg">', f'<img alt="a.svg" src="{DATA}">'),
        ("<img src=a.svg?v=2 alt=x>", f'<img src="{DATA}" alt=x>'),
        ("<img src='a.svg#part'>", f'<img src="{DATA}#part">'),
        ('<img srcset="a.svg 1x, a.svg 2x">', f'<img srcset="{DATA} 1x, {DATA} 2x">'),
        ('<p style="background: url(a.svg)">', f'<p style="background: url(&quot;{DATA}&quot;)">'),
        ("<style>p{background:url( 'a.svg' )}</style>", f'<style>p{{background:url("{DATA}")}}</style>'),
        ('<video poster="a.svg"></video>', f'<video poster="{DATA}"></video>'),
        ('<svg><image href="a.svg"/></svg>', f'<svg><image href="{DATA}"/></svg>'),
        ('<body background="a.svg">', f'<body background="{DATA}">'),
    ],
)
def test_a_picture_goes_in_where_it_stands(page, becomes):
    assert made(page) == becomes


def test_a_name_with_an_ampersand_is_read_as_browsers_do():
    one = bundle({"index.html": '<img src="a&amp;b.svg">', "a&b.svg": DOT})
    assert not one.problems
    assert DATA in one.document


def test_a_part_of_a_drawing_is_used_from_the_page_itself():
    icons = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><symbol id="tick"/></svg>'
    page = '<body><svg><use href="icons.svg#tick"/></svg></body>'
    document = made(page, icons__svg=icons)
    assert '<use href="#tick"/>' in document
    assert document.count('<symbol id="tick"/>') == 1
    assert document.index("<symbol") < document.index("</body>")
    assert "no part “#cross”" in str(faults({"index.html": page.replace("tick", "cross"), "icons.svg": icons}))


@pytest.mark.parametrize(
    "page",
    [
        '<img src="lost.svg">', '<img srcset="lost.svg 2x">', '<p style="background:url(lost.svg)">x',
        "<style>p{background:url(lost.svg)}</style>x", '<svg><use href="lost.svg#a"/></svg>', '<img src="photo.png">',
        "<style>p{background:image-set('a.svg' 1x)}</style>x", '<iframe src="a.html"></iframe>', '<object data="a.svg">',
        '<script src="lost.js"></script>',
    ],
)  # fmt: skip
def test_what_would_be_dead_is_a_fault(page):
    assert faults({"index.html": page, "a.svg": DOT, "photo.png": "not a picture"}), page


@pytest.mark.parametrize(
    "page",
    [
        "<!-- <img src='lost.png'> <script src='lost.js'></script> -->x",
        "<textarea><img src='lost.png'></textarea>",
        "<template><img src='{{ picture }}'><script src='lost.js'></script></template>x",
        "<title><img src='lost.png'></title>x",
        "<style>/* url(lost.png) @import 'lost.css'; */ a::after{content:'url(lost.png)'}</style>x",
        """<style>p{background:url("data:image/svg+xml,<svg fill='url(%23g)'/>")}</style>x""",
        "<style>p{fill:url(#g)} @namespace svg url(http://www.w3.org/2000/svg);</style>x",
        "<script>// import a from './b.js'\n/* export default 1 */ let s = \"import b from './c.js'\";</script>",
        "<script>let s = `\nimport a from './b.js'\nexport default ${f(`export {x}`)}\nfetch('https://a.example')`;</script>",
        "<script>let t = { import: 'a', export: 'b' }; let r = /import('x')/; x.import('y');</script>",
        "<script>let s = '<!-- <script> import \"./x.js\"';</script>",
    ],
)  # fmt: skip
def test_what_nobody_reads_is_no_fault(page):
    assert faults({"index.html": page}) == []


@pytest.mark.parametrize(
    "script",
    [
        "import a from './b.js'", "import './b.js'", "import { a,\n b } from './b.js'", "let a = await import('./b.js')",
        "let a = 4 / 2; import './b.js' // '", "export default 1", "export { a }", "let q = `${ `}` }`; import './b.js'",
    ],
)  # fmt: skip
def test_what_is_code_is_found_behind_anything(script):
    assert faults({"index.html": f"<p>x<script>{script}</script>"}), script


# --- scripts and styles -----------------------------------------------------------------------------------------


def test_data_for_a_script_stays_data_and_keeps_its_name():
    document = made(
        '<script type="application/json" id="rows" src="rows.json"></script>', rows__json='["</script>"]'
    )
    assert document == '<script type="application/json" id="rows">["<\\/script>"]</script>'


def test_a_script_keeps_what_it_is_called():
    assert (
        made('<script id=main data-a="1" src="a.js"></script>', a__js="a()")
        == '<script id="main" data-a="1">a()</script>'
    )


@pytest.mark.parametrize(
    ("rule", "becomes"),
    [
        ("@import 'a.css';", "p{}"),
        ('@import url("a.css") screen and (width > 9px);', "@media screen and (width > 9px) { p{} }"),
        ("@import 'a.css' layer(base);", "@layer base { p{} }"),
        ("@import url(a.css) layer supports(display: grid) print;", "@media print { @supports (display: grid) { @layer { p{} } } }"),
        ("@import/**/'a.css'", "p{}"),
    ],
)  # fmt: skip
def test_an_imported_sheet_is_wrapped_in_what_its_import_asks(rule, becomes):
    assert made(f"<style>{rule}</style>", a__css="p{}") == f"<style>{becomes}</style>"


def test_an_imported_sheet_that_is_left_open_swallows_nothing():
    assert made("<style>@import 'a.css';b{}</style>", a__css="p{} /* end") == "<style>p{} /* end*/b{}</style>"


# --- one page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        '<a href="about.html">About</a>', '<a href="about.html#team">Team</a>', '<a href="index.html">Home</a>',
        '<button onclick="location.href=\'page2.html\'">On</button>', "<script>window.location = 'page2.html'</script>x",
        "<script>location.assign(`page2.html`)</script>x", "<script>open('page2.html')</script>x",
        "<script>location.replace('https://example.org')</script>x",
    ],
)  # fmt: skip
def test_a_way_to_another_page_is_refused_with_a_sentence(page):
    (_, sentence), *_ = faults({"index.html": page, "about.html": "x", "page2.html": "y"})
    assert sentence.startswith(("A card is one page", "It leaves"))


@pytest.mark.parametrize(
    "page",
    [
        '<a href="#team">Team</a>', '<a href="https://example.org/a.html">There</a>', '<a href="mailto:a@b.c">Write</a>',
        '<a href="">Top</a>', "<script>location.hash = '#a'; let location = 'Berlin'; location.href == 'a.html'</script>x",
    ],
)  # fmt: skip
def test_a_way_within_the_page_or_out_is_no_fault(page):
    assert faults({"index.html": page}) == []


def test_a_file_to_save_comes_along():
    assert 'href="data:text/csv;base64,' in made('<a href="a.csv" download>Save</a>', a__csv="1,2")


def test_a_fetch_of_a_file_that_would_not_come_is_named():
    assert "put what is in it" in str(
        faults({"index.html": "x<script>fetch('a.json')</script>", "a.json": "[]"})
    )


# --- the head ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "begins"),
    [
        ("<p>x", "<!doctype html><meta"),
        ("<html lang=de><head><title>x</title>", "<!doctype html><html lang=de><head><meta"),
        ("<!-- a --><!DOCTYPE html>\n<html><head>", "<!-- a --><!DOCTYPE html>\n<html><head><meta"),
        ("\ufeff<!doctype html><p>x", "<!doctype html><meta"),
        ("<script>a()</script><html><head>", "<!doctype html><meta"),
        ("<!doctype html><body><p>x", "<!doctype html><meta"),
    ],
)
def test_our_head_stands_first_and_a_doctype_before_it(page, begins):
    document = bundle({"index.html": page}).document
    assert document.startswith(begins)
    assert document.index("vibe:init") < (document.index("a()") if "a()" in page else len(document))


def test_a_page_that_says_its_width_is_still_told_how_it_is_written():
    page = '<meta name="viewport" content="width=device-width"><p>ä'
    document = bundle({"index.html": page}, sealed=False).document
    assert document.encode()[:1024].count(b'<meta charset="utf-8">') == 1
    assert document.count('name="viewport"') == 1


def test_the_title_of_a_drawing_is_not_the_pages():
    assert "<title>Tea</title>" in bundle({"index.html": "<svg><title>Dot</title></svg>"}, title="Tea").document


def test_a_deferred_script_runs_when_the_page_is_there():
    assert made("<script defer src=a.js></script><body><p>x</body>", a__js="a()").endswith(
        "<p>x<script>a()</script></body>"
    )


def test_more_python_than_can_be_read_in_a_second_is_refused_with_what_to_do_and_not_read():
    tool = {
        "tool.toml": 'run = ["python3", "main.py"]\n',
        "main.py": "a<b\n" * 25_000,
        "more.py": "f(a,b)\n" * 40_000,
    }
    began = time.process_time()
    (fault,) = gate(tool, "tool")
    assert time.process_time() - began < 0.2
    assert (fault.file, fault.line) == ("more.py", 1)
    assert "put what is data into files of its own" in fault.sentence
    assert gate({**tool, "more.py": "", "data.json": "[" + "1," * 400_000 + "1]"}, "tool") == []
