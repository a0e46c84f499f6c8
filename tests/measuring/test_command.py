"""Measuring from the terminal: what is kept, what it may cost, what is the same when it is played again."""

import io
import json

import pytest

from tests import fakes
from vibe.llm.message import Usage
from vibe.management.commands import measure
from vibe.management.measuring import both, own, results
from vibe.models import Job, ModelRow, StepRecord

PLAN = "TITLE Tea\nSTEP A kettle\nCHECK It boils\n" + json.dumps(
    {"expect": [{"see": "visible", "target": {"text": "Hot"}}], "covers": [1]}
)
PAGE = "Here it is.\n\nFILE index.html\n```html\n<!doctype html><title>Tea</title><h1>Hot</h1>\n```\nDONE\n"
TALK = "Shall I begin?"
SUITE = 'title = "Two"\n' + "".join(
    f'[[requests]]\nid = "{id_}"\ntext = "A {id_} page"\nshape = "page"\n' for id_ in ("tea", "milk")
)


class Bench:
    def __init__(self, tmp_path):
        self.folder, self.suite, self.kept = tmp_path, tmp_path / "two.toml", tmp_path / "kept.jsonl"
        self.suite.write_text(SUITE)
        self.out, self.err = io.StringIO(), io.StringIO()

    def measure(self, **options):
        self.out, self.err = io.StringIO(), io.StringIO()
        command = measure.Command(stdout=self.out, stderr=self.err, no_color=True)
        given = {
            "suite": str(self.suite), "only": [], "times": 1, "autonomy": "make", "effort": "normal", "without_bare": False,
            "most_usd": 1.0, "price_unknown": False, "record": None, "play": [], "out": str(self.kept), "markdown": False,
            "into": None, **options,
        }  # fmt: skip
        return command.work(given)

    @property
    def said(self):
        return self.out.getvalue()

    @property
    def complaint(self):
        return self.err.getvalue()

    def rows(self):
        return [(m.request, m.way, m.first, m.held, m.verdict, m.calls) for m in results.read(self.kept)]


@pytest.fixture
def bench(tmp_path, transactional_db, boxes):
    return Bench(tmp_path)


def test_the_product_and_the_bare_model_are_measured_side_by_side(bench, script):
    script.extend([PLAN, PAGE, PAGE, PLAN, TALK, PAGE, TALK])
    assert bench.measure() == measure.ALL_HELD
    assert bench.rows() == [
        ("tea", "product", True, True, "held", ["plan", "write"]),
        ("tea", "bare", True, True, "held", ["write"]),
        ("milk", "product", False, True, "held", ["plan", "write", "again"]),
        ("milk", "bare", False, False, "none", ["write"]),
    ]
    assert "1/2 (9–91 %)" in bench.said
    assert "held after repair" in bench.said
    assert "at most 5 calls each, and one of the bare model" in bench.said


def test_the_bare_model_is_told_the_promises_gets_one_call_and_is_paid_for_in_the_same_books(bench, script):
    script.extend([PLAN, PAGE, PAGE])
    bench.measure(only=["tea"])
    plan, _, alone = fakes.CALLS
    assert alone.model == plan.model
    assert "It must hold that:\n- It boils" in alone.messages[-1].text
    job = Job.objects.get()
    paid = StepRecord.objects.filter(job=job, kind="ask")
    assert [step.purpose for step in paid] == ["plan", "write", "write"]
    assert all(step.charge.state == "settled" for step in paid)
    product, bare = results.read(bench.kept)
    assert product.usd + bare.usd == pytest.approx(sum(float(step.cost_usd) for step in paid))


def test_a_limit_that_the_first_call_could_pass_is_none_that_is_passed(bench, script):
    script.extend([PLAN, PAGE])
    assert bench.measure(most_usd=0.001) == measure.NOT_MEASURED
    assert fakes.CALLS == []
    assert "The limit of $0.00 is reached" in bench.complaint
    assert results.read(bench.kept) == []


def test_what_was_measured_before_the_limit_is_kept_and_gone_on_from(bench, script):
    script.extend([PLAN, PAGE, PAGE])
    bench.measure(only=["tea"])
    held = [Usage(call.asked(), call.room()).cost_usd(call.model) for call in fakes.CALLS]
    enough_for_one = sum(m.usd for m in results.read(bench.kept)) + max(held)
    bench.kept = bench.folder / "limited.jsonl"
    fakes.SCRIPT[:] = [PLAN, PAGE, PAGE, PLAN, PAGE]
    assert bench.measure(most_usd=enough_for_one) == measure.NOT_MEASURED
    assert "go on with --out" in bench.complaint
    before = bench.rows()
    assert {row[0] for row in before} == {"tea"}
    fakes.SCRIPT[:] = [PLAN, PAGE, PAGE]
    fakes.CALLS.clear()
    assert bench.measure() == measure.ALL_HELD
    assert bench.rows()[: len(before)] == before
    assert {row[0] for row in bench.rows()} == {"tea", "milk"}
    assert len(fakes.CALLS) == 3
    assert bench.measure() == measure.ALL_HELD, "all is there: nothing is made"
    assert len(fakes.CALLS) == 3


def test_a_stop_keeps_what_there_is_and_shows_it(bench, script, monkeypatch):
    script.extend([PLAN, PAGE, PAGE])
    one, seen = both.measure, []

    def stopped(*given):
        if seen:
            raise KeyboardInterrupt
        seen.append(given)
        return one(*given)

    monkeypatch.setattr(both, "measure", stopped)
    assert bench.measure() == measure.NOT_MEASURED
    assert len(bench.rows()) == 2
    assert "Stopped. What was measured is kept" in bench.complaint
    assert "1/1" in bench.said


def test_what_was_recorded_is_dated_and_plays_to_the_same_end_for_nothing(bench, script, settings):
    script.extend([PLAN, PAGE, PAGE, PLAN, TALK, PAGE, TALK])
    tapes = bench.folder / "tapes"
    bench.measure(record=str(tapes))
    rows, usd = bench.rows(), [m.usd for m in results.read(bench.kept)]
    text = (tapes / "tea.txt").read_text()
    assert "recorded: 20" in text
    assert "model: test-model" in text
    asked = len(fakes.CALLS)
    ModelRow.objects.all().delete()  # nothing is connected now
    bench.kept = bench.folder / "again.jsonl"
    assert bench.measure(play=[str(tapes)]) == measure.ALL_HELD
    assert bench.rows() == rows
    assert [m.usd for m in results.read(bench.kept)] == pytest.approx(usd)
    assert len(fakes.CALLS) == asked
    assert "no success rate of any model" in bench.said.replace("\n", " ")


def test_results_are_shown_again_as_they_were(bench, script):
    script.extend([PLAN, PAGE, PAGE] * 2)
    bench.measure()
    table = bench.said[bench.said.index("model or set") : bench.said.index("Results:")]
    assert bench.measure(suite=str(bench.kept)) == measure.ALL_HELD
    assert table.strip() == bench.said.strip()


def test_without_a_model_or_a_price_it_says_what_is_missing(bench, script):
    ModelRow.objects.update(price_in=None)
    assert bench.measure() == measure.NOT_MEASURED
    assert "The price of test-model is not known, so no limit in money can hold." in bench.complaint
    ModelRow.objects.all().delete()
    assert bench.measure() == measure.NOT_MEASURED
    assert "No AI model is connected yet." in bench.complaint
    assert fakes.CALLS == []


def test_something_that_does_not_hold_is_1_and_a_fault_of_ours_is_3(bench, script, caplog):
    boxes_see = {**fakes.CALM, "loaded": False}
    fakes.FakeEngine.observations = boxes_see
    script.extend([PLAN, *[PAGE] * 5] * 2)
    assert bench.measure(without_bare=True) == measure.SOME_BROKEN
    assert [row[4] for row in bench.rows()] == ["broken", "broken"]
    fakes.FakeEngine.observations = {"loaded": object()}
    fakes.SCRIPT[:] = [PLAN, PAGE]
    bench.kept = bench.folder / "other.jsonl"
    assert bench.measure() == measure.OUR_FAULT
    assert bench.rows() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("requests = 3", "has no [[requests]]"),
        ('[[requests]]\nid = "a"', "Say in a few words"),
        ('[[requests]]\nid = "../a"\ntext = "x"', "an id of small letters"),
        ('[[requests]]\nid = "a"\ntext = "x"\nshape = "cube"', "no shape “cube”"),
        ('[[requests]]\nid = "a"\ntext = "x"\nfiles = ["no.csv"]', "no.csv is not there"),
        ('[[requests]]\nid = "a"\ntext = "x"\ncheck = 3', "“check” is not known"),
        ('[[requests]]\nid = "a"\ntext = "x"\nchecks = "no.json"', "no.json cannot be read"),
        ('[[requests]]\nid = "a"\ntext = "x"\n' * 2, "two requests have the id “a”"),
        ("[[", "is no TOML"),
    ],
)
def test_a_suite_that_cannot_be_used_is_2_and_says_where(bench, text, words):
    bench.suite.write_text(text)
    assert bench.measure() == measure.NOT_MEASURED
    assert words in bench.complaint


def test_the_help_says_the_form_of_a_suite_and_the_exit_codes():
    said = measure.Command().create_parser("manage.py", "measure").format_help()
    for words in ("[[requests]]", "--most-usd", "Exit 0", "--play DIR", "goes on where it ended"):
        assert words in said


OWN = [
    {"id": "hot", "sentence": "It says that it is hot", "expect": [{"see": "text", "contains": "Hot"}]},
    {"id": "cold", "sentence": "It never says cold", "expect": [{"see": "hidden", "target": {"text": "cold"}}]},
]


def with_own(bench, checks):
    (bench.folder / "own.json").write_text(json.dumps(checks) if not isinstance(checks, str) else checks)
    bench.suite.write_text(SUITE.replace('id = "tea"', 'id = "tea"\nchecks = "own.json"'))


def test_the_suites_own_checks_are_run_on_both_and_no_model_sees_them(bench, script):
    with_own(bench, OWN)
    script.extend([PLAN, PAGE, PAGE, PLAN, TALK, PAGE, TALK])
    bench.measure()
    assert "never says cold" not in "".join(m.text for call in fakes.CALLS for m in call.messages)
    assert [(m.request, m.way, m.own, m.own_held) for m in results.read(bench.kept)] == [
        ("tea", "product", 2, 2), ("tea", "bare", 2, 2), ("milk", "product", 0, 0), ("milk", "bare", 0, 0),
    ]  # fmt: skip
    assert "own checks" in bench.said
    assert "1/1 (21–100 %)" in bench.said


def test_where_there_is_no_program_none_of_the_own_checks_holds(bench, script):
    with_own(bench, OWN)
    script.extend([PLAN, PAGE, TALK])
    bench.measure(only=["tea"])
    assert [(m.way, m.own, m.own_held) for m in results.read(bench.kept)] == [("product", 2, 2), ("bare", 2, 0)]


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        ("{", "cannot be read"),
        ([], "no list of checks"),
        ([{"id": "x"}], "check 1:"),
        ([OWN[0], OWN[0]], "two checks have the id “hot”"),
    ],
)
def test_own_checks_that_cannot_be_used_are_2_and_say_where(bench, checks, words):
    with_own(bench, checks)
    assert bench.measure() == measure.NOT_MEASURED
    assert words in bench.complaint


def test_an_input_of_a_tool_is_found_by_name_label_or_as_the_only_one_of_its_kind():
    files = {
        "tool.toml": 'run = ["python3", "main.py"]\n[[inputs]]\nname = "t"\nlabel = "Table"\ntype = "file"\n'
        '[[inputs]]\nname = "n"\nlabel = "Hours"\ntype = "number"\n[[inputs]]\nname = "w"\nlabel = "Who"\ntype = "text"\n'
    }
    check = {
        "id": "c",
        "input": {"list": "a.csv", "hours": "{h}", "name": "Ann"},
        "given": {"h": 3},
        "files": {"a.csv": "x"},
    }
    assert own._fitted(files, [check])[0]["input"] == {"t": "a.csv", "n": "{h}", "w": "Ann"}
