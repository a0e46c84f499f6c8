"""Every recipe, as it is and as people ask for it, opened or run in a sealed box: its own checks must hold."""

import pytest

from vibe import recipes
from vibe.choices import Verdict
from vibe.generation import look
from vibe.generation.bundle import bundle
from vibe.generation.checks import judge
from vibe.generation.tool import ToolSpec

pytestmark = pytest.mark.docker
ALL = recipes.catalog()


def seen(engine, built):
    if "tool.toml" in built.files:
        spec = ToolSpec.parse(built.files["tool.toml"])
        return look.run_tool_checks(engine, built.files, spec, built.checks).as_json()
    page = bundle(built.files)
    return look.observations(engine.run(look.source(page, built.checks), limits=look.limits()), page).as_json()


@pytest.mark.parametrize("recipe", ALL, ids=lambda r: r.slug)
def test_a_recipe_keeps_its_promises_in_a_sealed_box(engine, recipe):
    built = recipes.build(recipe.slug, {})
    judged = judge(recipe.shape, built.checks, seen(engine, built))
    assert [(r["sentence"], r["saw"]) for r in judged.results if not r["held"]] == []
    assert judged.verdict == Verdict.HELD


@pytest.mark.parametrize("recipe", ALL, ids=lambda r: r.slug)
def test_a_recipe_keeps_its_promises_with_settings_from_words(engine, recipe):
    say, _ = max(recipe.paraphrases, key=lambda p: len(p[1]))
    match = recipes.find(say)
    assert isinstance(match, recipes.Match)
    built = recipes.build(match.slug, {s.name: s.value for s in match.slots})
    judged = judge(recipe.shape, built.checks, seen(engine, built))
    assert [(r["sentence"], r["saw"]) for r in judged.results if not r["held"]] == []
