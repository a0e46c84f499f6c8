"""What the images hold, and how a file of each language is started from a shell."""

import json
import re
import subprocess
import sys

import pytest

from sandbox import Limits, Source, catalog
from tests.journeys.served import ROOT

pytestmark = pytest.mark.docker

LIBRARIES = """
import warnings; warnings.simplefilter("error")
import numpy, pandas, PIL.Image, openpyxl, docx, pypdf, markdown, jinja2, sympy, networkx, qrcode
import matplotlib.pyplot as plot
plot.title("\u4e2d\u6587 \u304b\u306a \ud55c\uad6d\uc5b4 and plain words")
plot.savefig("out/words.png")
frame = pandas.DataFrame({"a": [1, 2]})
frame.to_excel("out/a.xlsx"); assert int(pandas.read_excel("out/a.xlsx")["a"].sum()) == 3
paper = docx.Document(); paper.add_paragraph("hello"); paper.save("out/a.docx")
qrcode.make("hello").save("out/qr.png")
networkx.draw(networkx.path_graph(3)); plot.savefig("out/graph.png")
print(sympy.simplify("2*x - x"), markdown.markdown("*a*"), jinja2.Template("{{ a }}").render(a=1))
"""
HELLO = {
    ".py": "print('hello')",
    ".js": "console.log('hello')",
    ".c": '#include <stdio.h>\nint main(void) { puts("hello"); }',
    ".cpp": '#include <iostream>\nint main() { std::cout << "hello\\n"; }',
    ".rs": 'fn main() { println!("hello"); }',
    ".sh": "echo hello",
}


def test_python_has_what_a_model_is_told_of_and_draws_any_script(engine):
    """A glyph that no font has is a warning of matplotlib, and warnings are errors here."""
    got = engine.run(
        Source("python", ("python3", "main.py"), {"main.py": LIBRARIES.encode()}), limits=Limits(time_s=60.0)
    )
    assert got.ok, got.stderr
    assert got.stdout == "x <p><em>a</em></p> 1\n"
    assert {a.name for a in got.artifacts} == {"words.png", "a.xlsx", "a.docx", "qr.png", "graph.png"}


@pytest.mark.parametrize("language", catalog.languages(), ids=lambda one: one.name)
def test_a_file_is_started_by_its_ending(language, tmp_path):
    file = tmp_path / f"hello{language.endings[0]}"
    file.write_text(HELLO[file.suffix])
    said = subprocess.run(
        [sys.executable, "-m", "sandbox", "run", "--json", "--time-s", "40", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert json.loads(said.stdout)["stdout"] == "hello\n"


def test_several_files_are_compiled_together_and_given_their_arguments(engine):
    files = {
        "main.c": b'#include <stdio.h>\nint sum(int, int);\nint main(int n, char **words) { printf("%d %s\\n", sum(1, 2), words[1]); return 5; }',
        "my sum.c": b"int sum(int a, int b) { return a + b; }",
    }
    got = engine.run(
        Source("native", ("compiled", "main.c", "my sum.c", "-x"), files), limits=Limits(time_s=40)
    )
    assert (got.ended, got.code, got.stdout, got.stderr) == ("exit", 5, "3 -x\n", "")


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [
        ("main.c", "int main(void) {\n  return x;\n}\n", "main.c:2:10: error: "),
        ("main.cpp", "#include <vector>\nint main() {\n  std::vector<int> a;\n  a.pusch(1);\n}\n", "main.cpp:4:5: error: "),
        ("main.rs", "fn main() {\n    let a: i32 = 1;\n    let b: i32 = a + \"x\";\n}\n", " --> main.rs:3:20\n"),
    ],
)  # fmt: skip
def test_what_does_not_compile_ends_as_the_compiler_did_with_the_line(engine, name, code, line):
    source = Source("native", ("compiled", name), {name: code.encode()})
    got = engine.run(source, limits=Limits(time_s=40))
    assert (got.ended, got.code, got.stdout) == ("exit", 1, "")
    assert line in got.stderr
    assert got.stderr.endswith(f"{name} could not be compiled.\n")


def test_the_browser_knows_every_header_that_seals_a_page(engine):
    """Connection-Allowlist came with Chromium 152."""
    asked = Source("browser", ("chromium", "--version"), {"page.html": b"x"})
    said = engine.run(asked, limits=Limits(time_s=60.0)).stdout
    assert int(re.findall(r"\d+", said)[0]) >= 152, said


def test_the_images_that_are_always_needed_come_first():
    assert catalog.names()[:2] == catalog.needed() == ("browser", "python")
    assert set(catalog.names()) == {"browser", "python", "native", "node"}
