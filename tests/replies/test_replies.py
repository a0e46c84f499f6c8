"""What becomes of each reply: none that cheats is accepted, none that is good refused, none that breaks what held kept.

This tests the harness. It is no success rate of any model.
"""

import re
from collections import Counter

import pytest

from tests.replies.cases import every

CASES = every()
_FENCED = re.compile(r"<data (\w{8}) name=[^\n]*>\n.*?\n</data \1>", re.DOTALL)
NEVER_HELD = {"cheats", "regressions"}


@pytest.mark.docker
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.name}")
def test_a_reply_comes_to_what_it_is(stage, case):
    played = stage.play(case)
    version, said = played.version, played.job.sentence
    told = f"{said} | {played.purposes} | {played.results(held=False)}"
    assert played.purposes == case.calls, told
    assert (version.verdict if version else "none") == case.one("verdict"), told
    assert played.job.state == case.one("state", "done" if version else "failed"), told
    assert not played.job.fault_ref, told
    assert played.current == (case.one("current", "yes" if version else "no") == "yes"), told
    for words in case.all("says"):
        assert words in said, told
    for words in case.all("broken"):
        assert any(words in line for line in played.results(held=False)), told
    for words in case.all("unbroken"):
        assert any(words in line for line in played.results(held=True)), told
    assert played.idle == set(case.all("idle")), told
    for words in case.all("not-checked"):
        assert any(words in line for line in version.not_checked), version.not_checked
    if case.one("files"):
        assert sorted(version.files) == case.one("files").split()
    for words in case.all("never-in-plan"):
        assert words not in played.plan_asked
    for words in case.all("fenced"):
        _is_fenced(words, played.asked)
    for words in case.all("told"):
        assert words in played.asked[-1], played.asked[-1][-600:]
    for words in case.all("untold"):
        assert words not in played.asked[-1]
    for words in case.all("has"):
        assert any(words in text for text in version.files.values())
    for words in case.all("lacks"):
        assert not any(words in text for text in version.files.values())


def _is_fenced(words, asked):
    """A stranger's words reach the model as material only: inside a data block, whose tag they could not know."""
    assert any(words in text for text in asked), "it never reached the model"
    for text in asked:
        assert words not in _FENCED.sub("", text)


def test_there_are_enough_of_them_and_of_each_kind():
    kinds = Counter(case.kind for case in CASES)
    assert len(CASES) >= 60
    wanted = {
        "good", "cut", "prose", "fences", "lazy", "edits", "cheats", "idle", "paths", "injected", "regressions", "faults",
    }  # fmt: skip
    assert wanted <= set(kinds), kinds


def test_no_case_lets_a_cheat_or_a_regression_pass_or_a_good_one_fail():
    """What the cases themselves must say: the run of each is held to it above."""
    for case in CASES:
        if case.kind in NEVER_HELD:
            assert case.one("verdict") != "held" or case.one("idle"), case.name
        if case.kind == "regressions":
            assert case.one("current") == "no", case.name
        if case.kind == "good":
            assert case.one("verdict") == "held", case.name
