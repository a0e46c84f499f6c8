"""What tool.toml may say to run, and what the languages themselves say when a program breaks."""

import json

import pytest

from sandbox import catalog
from sandbox.outcome import Outcome
from vibe.generation import reading, tool
from vibe.generation.checks.results import ended
from vibe.generation.complaint import complaint
from vibe.generation.gate import gate
from vibe.generation.prompt import fill

NODE = """/box/main.js:3
  const x = ;
            ^

SyntaxError: Unexpected token ';'
    at internalCompileFunction (node:internal/vm:73:18)

Node.js v18.20.4
"""
THROWN = """/box/lib/sum.js:7
  throw new TypeError("no numbers");
  ^

TypeError: no numbers
    at sum (/box/lib/sum.js:7:9)
    at Object.<anonymous> (/box/main.js:2:1)
"""
GCC = "main.c: In function \u2018main\u2019:\nmain.c:3:13: error: expected \u2018;\u2019 before \u2018return\u2019\n    3 |   int x = 1\nmain.c could not be compiled.\n"
LINK = "/usr/bin/ld: /tmp/ccbf.o: in function `main':\nmain.c:(.text+0xa): undefined reference to `sum'\ncollect2: error: ld returned 1 exit status\nmain.c could not be compiled.\n"
RUST = 'error[E0308]: mismatched types\n --> main.rs:2:18\n  |\n2 |     let x: u32 = "a";\nmain.rs could not be compiled.\n'
PANIC = "thread 'main' panicked at 'index out of bounds: the len is 1 but the index is 5', main.rs:4:5\nnote: run with `RUST_BACKTRACE=1`\n"
BASH = "main.sh: line 2: syntax error near unexpected token `fi'\n"


def spec(*run):
    return tool.ToolSpec.parse(f"run = {json.dumps(list(run))}")


@pytest.mark.parametrize(
    ("run", "image", "command"),
    [
        (["python3", "main.py"], "python", ("python3", "main.py")),
        (["python", "-u", "./main.py", "a"], "python", ("python3", "-u", "main.py", "a")),
        (["main.py"], "python", ("python3", "main.py")),
        (["node", "app.mjs"], "node", ("node", "app.mjs")),
        (["c", "main.c"], "native", ("compiled", "main.c")),
        (["gcc", "main.c", "sum.c", "quick"], "native", ("compiled", "main.c", "sum.c", "quick")),
        (["g++", "main.cpp"], "native", ("compiled", "main.cpp")),
        (["rustc", "main.rs"], "native", ("compiled", "main.rs")),
        (["/bin/sh", "main.sh"], "native", ("bash", "main.sh")),
    ],
)
def test_what_it_says_to_run_chooses_the_box_and_the_command(run, image, command):
    assert (spec(*run).language.image, spec(*run).command) == (image, command)
    assert tool.source({}, spec(*run), tool.Cleaned({})).image == image


@pytest.mark.parametrize("language", catalog.languages(), ids=lambda one: one.name)
def test_a_model_is_told_of_every_language_as_it_is_then_written(language):
    form = f'["{language.words[0]}", "main{language.endings[0]}"]'
    assert form in fill("system")
    assert spec(*json.loads(form)).language == language
    assert reading.unreferenced({f"main{language.endings[0]}": "", "tool.toml": ""}, "") == set()


def test_a_file_that_is_not_there_is_found_before_any_box_is_opened():
    (fault,) = gate({"tool.toml": 'run = ["rust", "main.rs"]'}, "tool")
    assert fault.sentence == "run names main.rs, which is not among the files."


def test_values_of_languages_without_json_are_plain_texts():
    cleaned = tool.Cleaned({"n": 3, "name": "Zoë", "bold": False, "file": None})
    laid = tool.source({"main.c": ""}, spec("c", "main.c"), cleaned).files
    assert {n: laid[f"values/{n}"].decode() for n in cleaned.values} == {
        "n": "3", "name": "Zoë", "bold": "no", "file": "",
    }  # fmt: skip
    assert json.loads(laid["input.json"]) == cleaned.values
    assert "values/n" not in tool.source({}, spec("node", "a.js"), cleaned).files


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (NODE, "main.js, line 3: SyntaxError: Unexpected token ';'."),
        (THROWN, "lib/sum.js, line 7: TypeError: no numbers."),
        (GCC, "main.c, line 3: expected ‘;’ before ‘return’."),
        (LINK, "main.c: undefined reference to `sum'."),
        (RUST, "main.rs, line 2: mismatched types."),
        (PANIC, "main.rs, line 4: index out of bounds: the len is 1 but the index is 5."),
        (BASH, "main.sh, line 2: syntax error near unexpected token `fi'."),
        ("main.sh: 3: foo: not found\n", "main.sh, line 3: foo: not found."),
    ],
)
def test_a_languages_own_complaint_has_its_place_and_is_no_sentence_for_a_person(said, found):
    assert str(complaint(said)) == found
    broken = Outcome("exit", 1, stderr=said)
    assert tool.message(broken) == ""
    if complaint(said).line:
        assert ended(broken).startswith(f"it broke: {found} / ")


@pytest.mark.parametrize(
    "said",
    [
        "Choose a file with numbers.",
        "Error: choose a file",  # a program's own words, without a stack
        "total: 3: three",
        "The time is 10:45: too late",
        "x" * 500_000,
        ("a" * 120 + ":1") * 4_000,
    ],
)
def test_a_programs_own_sentence_is_no_complaint(said):
    assert complaint(said) is None


def test_what_cannot_be_compiled_is_said_in_plain_words():
    said = tool.sentence(Outcome("exit", 1, stderr=GCC))
    assert (
        said == "The tool cannot run: main.c, line 3: expected ‘;’ before ‘return’. Its maker has to mend it."
    )
