"""tool.toml, and what a visitor types and uploads."""

import json

import pytest

from sandbox.outcome import Outcome
from vibe.generation.samples import broken, sample
from vibe.generation.tool import BadTool, Cleaned, ToolSpec, Wrong, clean, message, source

TOML = """
title = "Totals"
run = ["python3", "main.py"]
[[inputs]]
name = "file"
label = "Bank file"
type = "file"
accept = [".csv"]
required = true
[[inputs]]
name = "months"
label = "How many months"
type = "number"
min = 1
max = 24
default = 6
[[inputs]]
name = "kind"
label = "Kind"
type = "choice"
choices = ["sum", "mean"]
[[inputs]]
name = "day"
label = "Day"
type = "date"
[[inputs]]
name = "bold"
label = "Bold"
type = "yesno"
"""
SPEC = ToolSpec.parse(TOML)
FILE = {"file": ("bank.csv", b"a,b\n1,2\n")}


def wrong(values, files=FILE):
    made = clean(SPEC, values, files)
    assert isinstance(made, Wrong)
    return made.sentences


def test_values_arrive_typed_and_files_under_in():
    made = clean(SPEC, {"months": "3", "kind": "mean", "day": "2026-12-24", "bold": "on"}, FILE)
    assert isinstance(made, Cleaned)
    assert made.values == {
        "file": "in/bank.csv",
        "months": 3,
        "kind": "mean",
        "day": "2026-12-24",
        "bold": True,
    }
    box = source({"main.py": "1"}, SPEC, made)
    assert json.loads(box.files["input.json"]) == made.values
    assert box.files["in/bank.csv"] == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"months": "60"}, "months", "Use a number from 1 to 24."),
        ({"months": "many"}, "months", "Use a number from 1 to 24."),
        ({"kind": "median"}, "kind", "Choose sum or mean."),
        ({"day": "tomorrow"}, "day", "Use a date like 2026-12-24."),
    ],
)
def test_a_bad_value_says_what_to_enter(values, field, says):
    assert wrong(values)[field] == says


@pytest.mark.parametrize(
    ("default", "is_"), [('"no"', False), ('"Yes"', True), ("true", True), ("false", False)]
)
def test_a_yes_or_no_begins_as_its_tool_says(default, is_):
    spec = ToolSpec.parse(
        f'title = "T"\nrun = ["python3", "main.py"]\n[[inputs]]\nname = "a"\nlabel = "A"\ntype = "yesno"\ndefault = {default}\n'
    )
    assert spec.inputs[0].default is is_


def test_a_missing_or_foreign_file_says_what_to_choose():
    assert wrong({}, {})["file"] == "Choose a file."
    assert wrong({}, {"file": ("x.exe", b"1")})["file"] == "Choose a file that ends with .csv."


@pytest.mark.parametrize(
    "name", ["../../x.csv", "a\\b\\c.csv", "\x00x.csv", "-rf.csv", " .csv", "ü" * 300 + ".csv"]
)
def test_a_hostile_file_name_stays_in_its_folder(name):
    made = clean(SPEC, {}, {"file": (name, b"1")})
    assert isinstance(made, Cleaned)
    (path,) = made.files
    assert path.startswith("in/")
    assert path.count("/") == 1
    assert ".." not in path
    source({"main.py": ""}, SPEC, made)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("run = [", "tool.toml cannot be read"),
        ('run = ["perl", "x.pl"]', "names no file that I can start"),
        ('run = ["python3", "main.js"]', 'JavaScript is started with run = ["node", "main.js"]'),
        ('run = ["gcc", "-o", "x", "main.c"]', 'C is started with run = ["c", "main.c"]'),
        ('run = ["gcc", "main.c", "-o", "x"]', 'I compile C myself: write run = ["c", "main.c"]'),
        ('run = ["python3", "main.py"]\n[[inputs]]\nname = "a b"\nlabel = "x"\ntype = "text"', "name"),
        ('run = ["python3", "main.py"]\n[[inputs]]\nname = "a"\nlabel = "x"\ntype = "colour"', "type"),
    ],
)
def test_a_bad_tool_toml_is_a_sentence(toml, says):
    with pytest.raises(BadTool) as caught:
        ToolSpec.parse(toml)
    assert says in caught.value.sentence


def test_a_sample_uses_the_persons_own_file_where_one_fits():
    assert sample(SPEC, {"mine.csv": b"x,y\n"}).files == {"in/mine.csv": b"x,y\n"}
    assert next(iter(sample(SPEC, {"mine.png": b"\x89"}).files)) == "in/sample.csv"
    assert sample(SPEC).values["months"] == 6


IBAN = ToolSpec.parse(
    'run = ["python3", "main.py"]\n[[inputs]]\nname = "iban"\nlabel = "IBAN"\ntype = "text"\nrequired = true\n'
    '[[inputs]]\nname = "list"\nlabel = "List"\ntype = "file"\naccept = [".csv"]\n'
)
GOOD = {
    "id": "good",
    "input": {"iban": "DE02", "list": "a.csv"},
    "files": {"a.csv": "x\n1\n"},
    "expect": [{"see": "exit"}],
}
REFUSES = {"id": "bad", "input": {"iban": "nonsense"}, "expect": [{"see": "message", "contains": "IBAN"}]}


def test_two_files_of_the_person_go_into_two_inputs_each_where_its_name_is_said():
    spec = ToolSpec.parse(
        'title = "T"\nrun = ["python3", "main.py"]\n'
        + "".join(
            f'[[inputs]]\nname = "{name}"\nlabel = "{label}"\ntype = "file"\naccept = [".csv"]\n'
            for name, label in (("first", "First list"), ("second", "Mail list"))
        )
    )
    assert sorted(sample(spec, {"mail.csv": b"m", "shop.csv": b"s"}).files.values()) == [b"m", b"s"]
    named = sample(spec, {"mail.csv": b"m", "shop.csv": b"s"})
    assert named.files[named.values["second"]] == b"m"
    in_order = sample(spec, {"a.csv": b"a", "b.csv": b"b", "c.csv": b"c"})
    assert [in_order.files[in_order.values[n]] for n in ("first", "second")] == [b"a", b"b"]
    assert set(sample(spec, {"only.csv": b"o"}).files.values()) == {b"o"}


def test_a_sample_is_what_a_promise_gives_where_nothing_else_fits():
    made = sample(IBAN, checks=[REFUSES, GOOD])
    assert (made.of, made.values, made.files) == (
        "promise",
        {"iban": "DE02", "list": "in/a.csv"},
        {"in/a.csv": b"x\n1\n"},
    )
    mine = sample(IBAN, {"mine.csv": b"y"}, [REFUSES, GOOD])
    assert (mine.of, mine.values["iban"], mine.files) == ("person", "DE02", {"in/mine.csv": b"y"})
    assert sample(IBAN, {"mine.csv": b"y"}).of == "ours"  # the text is made up
    assert sample(IBAN, checks=[REFUSES]).of == "ours"
    assert sample(ToolSpec.parse('run = ["python3", "main.py"]')).of == "tool"


def test_noise_comes_with_fitting_values_for_the_rest():
    noise = broken(IBAN, [GOOD])
    assert noise is not None
    assert noise.values["iban"] == "DE02"
    assert noise.files["in/a.csv"].startswith(bytes(range(32)))


def test_there_is_something_to_break_a_tool_with():
    noise = broken(SPEC)
    assert noise is not None
    assert next(iter(noise.files.values())).startswith(bytes(range(32)))


def test_a_tools_plain_sentence_is_found_and_a_traceback_is_none():
    said = Outcome(
        ended="exit", code=1, signal=None, stdout="", stderr="I found no dates.\n", artifacts=(), seconds=0.1
    )
    assert message(said) == "I found no dates."
    trace = Outcome(
        ended="exit",
        code=1,
        signal=None,
        stdout="",
        stderr="Traceback (most recent call last)\nKeyError: 'x'",
        artifacts=(),
        seconds=0.1,
    )
    assert message(trace) == ""
