"""The check language on real pages and tools: every verb, honest programs, cheats, and programs that do nothing."""

import json

import pytest

from vibe.choices import Verdict
from vibe.generation import look
from vibe.generation.bundle import bundle
from vibe.generation.checks import judge, runs
from vibe.generation.checks.nulls import idle, programs
from vibe.generation.checks.writer import PAGE_EXAMPLE, TOOL_EXAMPLE
from vibe.generation.tool import ToolSpec

pytestmark = pytest.mark.docker
SEED = 7


def page_answer(engine, files, checks):
    page = bundle(files)
    return look.observations(
        engine.run(look.source(page, runs(checks, SEED)), limits=look.limits()), page
    ).as_json()


def tool_answer(engine, files, checks):
    return look.run_tool_checks(engine, files, ToolSpec.parse(files["tool.toml"]), runs(checks, SEED)).as_json()


def broken(judged):
    return {r["id"]: (r["did"], r["expected"], r["saw"]) for r in judged.results if not r["held"]}


NOTES = """<!doctype html><title>Notes</title><h1>Notes</h1>
<label>Amount <input type="number" id="n"></label> <label>Day <input type="date" id="d"></label>
<label>Kind <select id="k"><option>tea</option><option>milk</option></select></label>
<label><input type="checkbox" id="w" checked> Wine</label> <label>Lost <input></label>
<button id="b">Add</button><button id="x">Break</button><p data-vibe="sum">0</p><p data-vibe="row">a</p><p data-vibe="row">b</p>
<script>
const $ = id => document.getElementById(id), show = () => {
  document.querySelector("[data-vibe=sum]").textContent = `${localStorage.sum || 0} ${$("d").value} ${$("k").value} ${$("w").checked}`;
};
$("b").onclick = () => { localStorage.sum = Number(localStorage.sum || 0) + Number($("n").value); show(); };
$("x").onclick = () => { if (window.armed) notThere(); window.armed = true; };
show();
</script>"""
ADD = {"do": "click", "target": {"role": "button", "name": "Add"}}
BREAK = {"do": "click", "target": {"role": "button", "name": "Break"}}
SUM = {"mark": "sum"}


def check(id_, steps, *expect):
    return {"id": id_, "sentence": id_, "steps": steps, "expect": list(expect)}


VERBS = [
    check(
        "fills",
        [
            {"do": "fill", "target": {"label": "Amount"}, "value": "12,5"},
            {"do": "fill", "target": {"label": "Day"}, "value": "2026-12-24"},
            {"do": "fill", "target": {"label": "Kind"}, "value": "milk"},
            {"do": "uncheck", "target": {"label": "Wine"}},
            ADD,
        ],
        {"see": "text", "target": SUM, "is": "12.5 2026-12-24 milk false"},
        {"see": "changed", "target": SUM},
        {"see": "changed"},
        {"see": "count", "target": {"mark": "row"}, "is": 2},
        {"see": "text", "target": {"mark": "row", "nth": 1}, "is": "b"},
    ),
    check(
        "kept",
        [{"do": "fill", "target": {"label": "Lost"}, "value": "x"}, {"do": "fill", "target": {"label": "Amount"}, "value": "3"}, ADD],
        {"see": "kept", "target": {"mark": "row"}},
        {"see": "kept", "target": {"label": "Lost"}, "is": False},
        {"see": "value", "target": {"label": "Lost"}, "is": "x"},
    ),
    check("anew", [{"do": "fill", "target": {"label": "Amount"}, "value": "3"}, ADD, {"do": "open"}], {"see": "text", "target": SUM, "contains": "0 tea"}),
    check("errors", [BREAK, BREAK], {"see": "errors", "is": 1}),
    check("calm", [BREAK], {"see": "errors"}),
    check("still", [], {"see": "changed", "is": False}),
]  # fmt: skip


def test_every_verb_does_and_sees_what_it_says(engine):
    answer = page_answer(engine, {"index.html": NOTES}, VERBS)
    assert broken(judge("page", VERBS, answer)) == {}


def test_what_is_not_there_is_named(engine):
    lost = check("lost", [ADD, {"do": "fill", "target": {"label": "Bill"}, "value": "1"}], {"see": "errors"})
    judged = judge("page", [lost], page_answer(engine, {"index.html": NOTES}, [lost]))
    assert broken(judged)["lost"] == (
        "I clicked “Add”",
        "no errors",
        "nothing labelled “Bill” is there: I could not type into it",
    )


SPLIT = """<!doctype html><title>Split</title><label>Bill <input id="b"></label> <label>Tip in % <input id="t"></label>
<label>People <input id="p"></label> <button id="s">Split</button> <p data-vibe="share"></p>
<script>const of = id => Number(document.getElementById(id).value);
document.getElementById("s").onclick = () => { document.querySelector("[data-vibe=share]").textContent = SHARE; };</script>"""
HONEST = {"index.html": SPLIT.replace("SHARE", "'€' + (of('b') * (1 + of('t') / 100) / of('p')).toFixed(2)")}
CHEAT = {"index.html": SPLIT.replace("SHARE", "'€33.00'")}
SHARE = json.loads(PAGE_EXAMPLE)
THERE = check("there", [], {"see": "visible", "target": {"role": "button", "name": "Split"}})
CALM = check("calm", [], {"see": "errors"})
FIXED = {**SHARE, "id": "fixed", "vary": {}, "again": {}}


def test_a_page_that_reckons_holds_and_one_that_knows_the_answer_does_not(engine):
    assert broken(judge("page", [SHARE], page_answer(engine, HONEST, [SHARE]), seed=SEED)) == {}
    cheat = judge("page", [SHARE], page_answer(engine, CHEAT, [SHARE]), seed=SEED)
    assert cheat.verdict == Verdict.BROKEN
    assert broken(cheat)["share"][1:] == ("€66.00", "“€33.00”")


def test_the_checks_of_a_page_that_cannot_fail_are_found(engine):
    checks = [SHARE, THERE, CALM, FIXED]
    nulls = programs("Split our dinner bill", checks, "page", previous=HONEST)
    answers = {name: page_answer(engine, files, checks) for name, files in nulls.items()}
    found = idle(checks, answers, shape="page", seed=SEED, carried={"share"})
    assert found == {"there": "words", "calm": "blank", "fixed": "constant"}
    assert idle(checks, answers, shape="page", seed=SEED)["share"] == "previous"
    judged = judge("page", checks, page_answer(engine, HONEST, checks), seed=SEED, idle=found)
    assert judged.verdict == Verdict.HELD
    assert "share" in judged.held_ids
    assert not {"there", "calm", "fixed"} & judged.held_ids


ADDS = {
    "tool.toml": 'title = "Add"\nrun = ["python3", "main.py"]\n[[inputs]]\nname = "table"\nlabel = "Table"\ntype = "file"\n',
    "main.py": """import csv, json
table = json.load(open("input.json"))["table"]
with open(table, newline="", encoding="utf-8", errors="replace") as file:
    print(f"Total: {sum(float(r['Amount']) for r in csv.DictReader(file) if r.get('Amount')):,.2f}")
""",
}
TOTAL = json.loads(TOOL_EXAMPLE)


def test_the_checks_of_a_tool_that_cannot_fail_are_found_and_an_honest_tool_holds(engine):
    fixed = {**TOTAL, "id": "fixed", "vary": {}}
    ends = {**TOTAL, "id": "ends", "expect": [{"see": "exit"}]}
    checks = [TOTAL, fixed, ends]
    nulls = programs("Add up my bank file", checks, "tool")
    answers = {name: tool_answer(engine, files, checks) for name, files in nulls.items()}
    assert idle(checks, answers, shape="tool", seed=SEED) == {"fixed": "constant", "ends": "blank"}
    honest = judge("tool", checks, tool_answer(engine, ADDS, checks), seed=SEED)
    assert [r for r in honest.results if not r["held"] and r["id"] in {"total", "fixed", "ends"}] == []


INDEX = {
    "tool.toml": 'title = "Index"\nrun = ["python3", "main.py"]\n'
    + "".join(
        f'[[inputs]]\nname = "{name}"\nlabel = "{name}"\ntype = "{kind}"\n'
        for name, kind in [("name", "text"), ("born", "text"), ("height", "number"), ("weight", "number")]
    ),
    "main.py": """import datetime, json, sys
given = json.load(open("input.json"))
try:
    datetime.date.fromisoformat(given["born"])
except ValueError:
    sys.exit("Enter the day of birth like 1990-05-31.")
if given["height"] < 50:
    sys.exit("Enter the height in centimetres.")
print(f"{given['name']}: {given['weight'] / (given['height'] / 100) ** 2:.1f}")
""",
}
BODY = {
    "id": "index", "sentence": "It reckons the index", "given": {"kilos": 80}, "vary": {"kilos": [50, 99]},
    "input": {"name": "Ann", "born": "1990-05-31", "height": 200, "weight": "{kilos}"},
    "expect": [{"see": "stdout", "number": "kilos / 4"}],
}  # fmt: skip


def test_a_tool_that_needs_fitting_input_is_tried_on_what_its_promise_gives(engine):
    judged = judge("tool", [BODY], tool_answer(engine, INDEX, [BODY]), seed=SEED)
    assert broken(judged) == {}
    assert judged.verdict == Verdict.HELD
    assert {"a-runs", "a-says", "index"} <= judged.held_ids


def test_a_tool_for_which_there_is_no_fitting_input_is_neither_broken_nor_held(engine):
    judged = judge("tool", [], tool_answer(engine, INDEX, []))
    assert broken(judged) == {}
    assert judged.verdict == Verdict.UNCHECKED
    assert "Enter the day of birth" in judged.not_checked[1]
