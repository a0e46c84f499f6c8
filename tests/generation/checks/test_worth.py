"""What a check is worth: whether two can both hold, which are kept back, what a writer is told, which mistakes show."""

import ast
import time

import pytest

from tests.generation.checks.test_verdict import SHARE, TOTAL
from vibe import recipes
from vibe.choices import Verdict
from vibe.generation.checks import Judged
from vibe.generation.checks.codemask import javascript, scripts_of_html
from vibe.generation.checks.contradictions import find
from vibe.generation.checks.hidden import kept_back
from vibe.generation.checks.mutants import KillRate, kill_rate, mutants
from vibe.generation.checks.nulls import programs
from vibe.generation.checks.writer import for_writer
from vibe.generation.gate import gate


def wants(id_, *expect, **more):
    return {
        **SHARE,
        "id": id_,
        "sentence": f"Promise {id_}",
        "vary": {},
        "again": {},
        "expect": list(expect),
        **more,
    }


def share(number):
    return {"see": "text", "target": {"mark": "share"}, "number": number}


def test_promises_that_cannot_both_hold_are_found_and_told():
    a, b = wants("a", share("bill / people")), wants("b", share("bill / people + 2"))
    assert find([a, b]) == [
        (
            "a",
            "b",
            "“Promise a” and “Promise b” cannot both hold: after the same steps one wants 30, the other 32.",
        )
    ]


def test_two_numbers_have_room_in_one_output_but_not_at_one_place():
    given = {"given": {"a": 12, "b": 8}, "input": {"a": "{a}"}}
    sums = [{"see": "stdout", "number": "a + b"}, {"see": "stdout", "number": "a * b"}]
    assert find([{"id": "one", "sentence": "Both", "expect": sums, **given}]) == []
    assert (
        find([wants("a", {"see": "text", "number": "bill"}), wants("b", {"see": "text", "number": "bill * 2"})])
        == []
    )
    assert find([wants("a", share("bill")), wants("b", share("bill * 2"))])


def test_numbers_of_their_own_do_not_hide_a_contradiction():
    a = wants("a", share("bill * 1.1"))
    other = {"given": {"sum": 50}, "steps": [{**SHARE["steps"][0], "value": "{sum}"}, SHARE["steps"][1]]}
    assert find([a, wants("b", share("sum * 1.1"), **other)]) == []
    assert len(find([a, wants("b", share("sum"), **other)])) == 1


def test_shown_and_hidden_at_once_cannot_be():
    shown, gone = ({"see": s, "target": {"text": "Done"}} for s in ("visible", "hidden"))
    assert find([wants("a", shown), wants("b", gone)])[0][2] == (
        "“Promise a” and “Promise b” cannot both hold: after the same steps one wants “Done” to be seen, "
        "the other “Done” not to be seen."
    )
    assert find([wants("a", shown, gone)])[0][:2] == ("a", "a")
    assert find([wants("a", shown), wants("b", gone, steps=[])]) == []


def test_promises_that_agree_are_left_alone():
    text = {"see": "text", "target": {"mark": "share"}}
    agree = [
        wants("a", share("bill / 3")),
        wants("b", {**text, "is": "€30.00"}),
        wants("c", {**text, "contains": "30"}),
    ]
    assert find(agree) == []
    assert find([*agree, wants("d", {**text, "is": "€31.00"})]) != []
    assert find([TOTAL, {**TOTAL, "id": "t2"}]) == []


def test_recipes_do_not_contradict_themselves():
    for recipe in recipes.catalog():
        assert find(recipes.build(recipe.slug, {}).checks) == []


def test_a_third_is_kept_back_and_what_the_person_ticked_only_when_there_is_nothing_else():
    many = [{**SHARE, "id": f"c{n}", "confirmed": n < 4} for n in range(7)]
    assert [len(kept_back(many[:n], "s")) for n in range(8)] == [0, 0, 0, 1, 1, 1, 2, 2]
    for salt in "abcdefgh":
        assert kept_back(many, salt) <= {"c4", "c5", "c6"}
        assert kept_back(many, salt) == kept_back(list(reversed(many)), salt)
    assert len({frozenset(kept_back(many, salt)) for salt in "abcdefgh"}) > 1
    assert len(kept_back(many[:3], "s")) == 1


def test_the_codes_writer_learns_the_names_and_no_answer():
    secret = {"see": "text", "target": {"mark": "note"}, "contains": "Nobody is ticked"}
    told = for_writer(
        [
            SHARE,
            {**TOTAL, "expect": [*TOTAL["expect"], {"see": "artifact", "is": "sum.csv"}]},
            wants("n", secret),
        ]
    )
    for line in (
        "- Everybody pays the same", "- A field labelled “Bill”, by a real label.", "- A button named “Split”.",
        '- An element with data-vibe="share" shows a number, and no other number.', "- A file out/sum.csv.",
        "- Inputs in tool.toml: table (file) and year (number).", '- An element with data-vibe="note" shows what was asked.',
    ):  # fmt: skip
        assert line in told.splitlines()
    for answer in ("90", "30", "20.5", "Nobody"):
        assert answer not in told
    assert for_writer([]) == ""


def test_null_programs_pass_the_gate_and_know_nothing_of_the_varied_numbers():
    for shape, check in (("page", SHARE), ("tool", TOTAL)):
        made = programs("Split it <b>fairly</b>", [check], shape, {"index.html": "<p>old</p>"})
        assert set(made) == {"blank", "words", "constant", "previous"}
        for name in ("words", "constant"):
            assert gate(made[name], shape) == []
        assert "previous" not in programs("x", [check], shape)
    assert ">30<" in programs("x", [SHARE], "page")["constant"]["index.html"]
    assert "30" not in programs("x", [SHARE], "page")["words"]["index.html"]
    two = [SHARE, {**SHARE, "id": "b", "given": {"bill": 60, "people": 3}}]
    assert ">30<" not in programs("x", two, "page")["constant"]["index.html"]


# --- mutants ----------------------------------------------------------------------------------------------------

JS = """const a = "x < 3 && true"; // 7 < 8
const t = `sum ${a.length + 1 < 4 ? `in ${b} 9` : 0} true`;
if (a.length / 2 < 4 && /a \\/ 5["]/.test(a)) box.addEventListener("click", go);
"""


def test_what_is_no_code_is_blank_and_nothing_moves():
    code = javascript(JS)
    assert len(code) == len(JS)
    assert "a.length + 1 < 4" in code
    assert "a.length / 2 < 4 &&" in code
    for hidden in ("x < 3", "true", "7 < 8", " 9", "5", "click"):
        assert hidden not in code


def test_a_mutant_is_one_small_mistake_in_code():
    made = mutants(
        {"app.js": JS, "index.html": "<p>3 < 4</p><script>let a = 1;</script><p>true</p>"}, "page", 3, most=40
    )
    assert {m.what for m in made} >= {
        "“<” became “>=”",
        "“&&” became “||”",
        "“addEventListener” became “removeEventListener”",
    }
    for mutant in made:
        original = JS if mutant.file == "app.js" else "<p>3 < 4</p><script>let a = 1;</script><p>true</p>"
        lines = zip(original.splitlines(), mutant.files[mutant.file].splitlines(), strict=True)
        assert [n for n, (old, new) in enumerate(lines, 1) if old != new] == [mutant.line]
        assert '"x < 3 && true"; // 7 < 8' in mutant.files["app.js"]
        assert "<p>true</p>" in mutant.files["index.html"]


def test_a_python_mutant_still_parses_and_the_same_seed_gives_the_same_ones():
    for slug in ("count-words", "clean-table"):
        files = recipes.build(slug, {}).files
        made = mutants(files, "tool", 11, most=12)
        assert len(made) == 12
        assert made == mutants(files, "tool", 11, most=12)
        for mutant in made:
            ast.parse(mutant.files[mutant.file])


def test_files_that_hold_no_code_have_no_mutants():
    assert mutants({"index.html": "<p>1 < 2</p>", "data.json": "[1]", "main.py": "def ("}, "page", 1) == []


def judged(*held):
    ids = ("a", "b")
    return Judged(Verdict.HELD, [{"id": i, "held": i in held, "idle": ""} for i in ids])


def test_a_mutant_is_killed_when_a_check_that_held_does_not():
    tried = [judged("a"), judged("a", "b"), judged(), Judged(Verdict.UNCHECKED)]
    assert kill_rate(judged("a", "b"), tried) == KillRate(2, 3)
    assert kill_rate(judged("a"), tried) == KillRate(1, 3)


@pytest.mark.parametrize("unit", ["<script>", "<script ", "<script>/[", "<script>'", "/[", "[/", "`${"])
def test_programs_that_are_made_to_be_read_for_minutes_are_read_at_once(unit):
    text = unit * (100_000 // len(unit))
    began = time.process_time()
    assert len(scripts_of_html(text)) == len(javascript(text)) == len(text)
    assert time.process_time() - began < 3


def test_of_a_page_only_its_own_scripts_are_code():
    page = (
        "<p title='a > b'>1 < 2</p><!-- <script>1</script> --><script type='text/javascript; charset=utf-8'>a = 1</script>"
        "<script type=application/json>{}</script><SCRIPT>b = '2' / /x/</SCRIPT ><script type=module>c</script>"
    )
    assert "".join(scripts_of_html(page).split()) == "a=1b=/c"
