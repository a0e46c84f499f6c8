"""Models as rows: which one is asked, what was seen of it, and what an admin can do about it."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests import modelserver as play
from tests.modelserver import ModelServer
from vibe import models_in_use
from vibe.llm.message import Learned, Model
from vibe.models import ModelRow

pytestmark = pytest.mark.django_db
KEY = "sk-very-secret-0001"
TODAY = date(2026, 11, 24)


def row(name="m", tier="strong", **more):
    return ModelRow.objects.create(name=name, base_url="http://127.0.0.1:9/v1", tier=tier, **more)


@pytest.fixture
def env(settings):
    bare = settings.CONFIG

    def be(**named):
        settings.CONFIG = replace(bare, **named)

    return be


def names():
    return tuple(m.name if (m := models_in_use.model_for(tier)) else "" for tier in ("quick", "strong"))


# --- which one is asked -----------------------------------------------------------------------------------------


def test_each_tier_has_its_model_and_takes_the_others_where_it_has_none():
    assert names() == ("", "")
    row("small", "quick")
    assert names() == ("small", "small")
    row("big")
    assert names() == ("small", "big")
    ModelRow.objects.filter(name="small").update(enabled=False)
    assert names() == ("big", "big")


def test_models_that_see_or_draw_are_not_asked_to_write():
    row("eye", "vision")
    row("brush", "image")
    assert names() == ("", "")


def test_the_environment_goes_before_the_rows(env):
    row("small", "quick")
    row("big")
    env(model_key=KEY, model="env-big")
    assert names() == ("small", "env-big")
    env(model_key=KEY, model="env-big", quick_model="env-small")
    assert names() == ("env-small", "env-big")
    ModelRow.objects.all().delete()
    env(model_key=KEY, quick_model="env-small")
    assert names() == ("env-small", "env-small")


def test_what_an_admin_wrote_about_the_environments_model_counts_and_its_key_is_the_environments(env):
    row(
        "env-big", enabled=False, price_in=1, price_out=2, max_out=100, capabilities={"reasoning_effort": False}
    )
    env(model_key=KEY, model_url="http://127.0.0.1:9/v1", model="env-big")
    model = models_in_use.current_model()
    assert (model.price_in, model.max_out, model.refuses, model.key) == (1, 100, {"reasoning_effort"}, KEY)


# --- what was seen of it ----------------------------------------------------------------------------------------


def test_a_test_writes_down_what_was_seen_and_leaves_what_an_admin_entered():
    listed = {"id": "m", "shutdown_date": "2026-12-11", "context_length": 8192}
    with ModelServer(models=[listed]) as server:
        server.always(play.able(refuses=["reasoning_effort"]))
        made = row(price_in=3, price_out=4, context=4096)
        made.base_url = server.url
        made.save()
        assert models_in_use.try_out(made.as_model(), made).ok
    made.refresh_from_db()
    assert made.capabilities["vision"] is True
    assert made.capabilities["reasoning_effort"] is False
    assert (made.context, made.price_in, made.shutdown_date) == (4096, 3, date(2026, 12, 11))
    assert timezone.now() - made.tested < timedelta(minutes=1)
    assert made.as_model().refuses == {"reasoning_effort"}
    assert "json_schema" in made.as_model().can


def test_a_model_that_does_not_answer_leaves_its_row_as_it_was():
    with ModelServer() as server:
        server.always(play.status(401))
        made = row(capabilities={"vision": True})
        made.base_url = server.url
        assert not models_in_use.try_out(made.as_model(), made).ok
    assert ModelRow.objects.get().capabilities == {"vision": True}


def test_a_test_of_the_environments_model_is_kept_without_its_key(env):
    with ModelServer() as server:
        server.always(play.able())
        env(model_key=KEY, model_url=server.url, model="test-model")
        models_in_use.try_out(models_in_use.current_model())
        made = ModelRow.objects.get()
        assert (made.enabled, made.sealed_key, made.capabilities["usage"]) == (False, "", True)
        assert models_in_use.current_model().can >= {"usage", "vision"}


def test_what_a_call_learned_is_remembered_in_the_row():
    made = row(capabilities={"vision": True})
    models_in_use.learn(made.as_model(), Learned(frozenset({"reasoning_effort"}), max_out=4096))
    made.refresh_from_db()
    assert (made.capabilities, made.max_out) == ({"vision": True, "reasoning_effort": False}, 4096)
    models_in_use.learn(Model("stranger", "http://127.0.0.1:9/v1"), Learned(frozenset({"max_tokens"})))
    assert ModelRow.objects.count() == 1, "nothing names the stranger any more"


@pytest.mark.parametrize("named", ["model", "quick_model"])
def test_what_a_call_learned_of_the_environments_model_outlives_the_process(env, named):
    env(model_key=KEY, model_url="http://127.0.0.1:9/v1", **{named: "env-big"})
    for learned in (Learned(frozenset({"reasoning_effort"})), Learned(max_out=4096), Learned()):
        models_in_use.learn(models_in_use.current_model(), learned)
    made = ModelRow.objects.get()
    assert (made.enabled, made.sealed_key, made.tested) == (False, "", None)
    model = models_in_use.current_model()
    assert (model.refuses, model.max_out, model.key) == ({"reasoning_effort"}, 4096, KEY)


@pytest.mark.parametrize(
    ("days", "words"),
    [(31, ""), (12, "in 12 days"), (1, "tomorrow"), (0, "today"), (-1, "ended it on 23 November 2026")],
)
def test_a_model_that_its_provider_ends_soon_is_warned_of(days, words):
    near = ModelRow(name="m", shutdown_date=TODAY + timedelta(days=days)).end_is_near(TODAY)
    assert words in near
    assert bool(near) == bool(words)


def test_a_model_past_its_date_is_not_asked_and_another_of_its_tier_is():
    today = timezone.now().date()
    row("older")
    newer = row("newer", shutdown_date=today)
    assert names()[1] == "newer", "on its last day it still is"
    ModelRow.objects.filter(pk=newer.pk).update(shutdown_date=today - timedelta(days=1))
    assert names() == ("older", "older")
    ModelRow.objects.filter(name="older").delete()
    assert names() == ("", "")
    said = models_in_use.why_none()
    assert "newer was ended by its provider on" in said
    assert "no other one is connected" in said


def test_a_model_of_the_environment_past_its_date_gives_way_to_a_row(env):
    yesterday = timezone.now().date() - timedelta(days=1)
    env(model_key=KEY, model_url="http://127.0.0.1:9/v1", model="env-big")
    assert names()[1] == "env-big"
    row("env-big", enabled=False, shutdown_date=yesterday)
    assert names()[1] == ""
    row("mine")
    assert names()[1] == "mine"
    assert models_in_use.row_in_use().name == "mine"
    assert [r.name for r, _ in models_in_use.ending(timezone.now().date())] == ["env-big"]


def test_dates_are_read_off_the_servers_list_without_a_paid_call():
    with ModelServer(models=[{"id": "m", "shutdown_date": "2031-05-04"}, "n"]) as server:
        for name in ("m", "n", "unlisted"):
            ModelRow.objects.create(name=name, base_url=server.url)
        assert models_in_use.read_dates() == 1
        assert models_in_use.read_dates() == 0
        assert server.requests == []
    assert ModelRow.objects.get(name="m").shutdown_date == date(2031, 5, 4)
    assert models_in_use.read_dates() == 0, "a server that is gone changes nothing"


# --- the admin --------------------------------------------------------------------------------------------------


def test_the_admin_tests_a_model_for_real_and_the_key_stays_inside(admin):
    with ModelServer() as server:
        server.always(play.able(sees=False))
        made = ModelRow(name="test-model", base_url=server.url)
        made.set_key(KEY)
        made.save()
        action = {"action": "test_now", "_selected_action": [made.pk]}
        page = admin.post("/admin/vibe/modelrow/", action, follow=True).content.decode()
        assert {r["headers"]["authorization"] for r in server.requests} == {f"Bearer {KEY}"}
    assert "“test-model”: It answers" in page
    assert "does not see pictures" in page
    for path in ("/admin/vibe/modelrow/", f"/admin/vibe/modelrow/{made.pk}/change/", "/connect/"):
        assert "sk-very" not in admin.get(path).content.decode()
    assert KEY not in json.dumps(ModelRow.objects.values("capabilities", "sealed_key", "name").get())


def test_the_admin_asks_no_address_that_is_no_model_servers(admin):
    made = row()
    ModelRow.objects.update(base_url="http://169.254.169.254/v1")
    action = {"action": "test_now", "_selected_action": [made.pk]}
    page = admin.post("/admin/vibe/modelrow/", action, follow=True).content.decode()
    assert "That address is not one of a model server" in page


def test_the_admin_warns_of_a_model_that_ends(admin):
    row("old", shutdown_date=timezone.now().date() + timedelta(days=3))
    assert "“old”: Its provider ends it on" in admin.get("/admin/vibe/modelrow/").content.decode()
    assert "Its provider ends it on" in admin.get("/admin/").content.decode(), "on the first page of the admin"


def test_the_admin_says_that_the_environment_goes_first(admin, env):
    env(model_key=KEY, model="env-big")
    page = admin.get("/admin/vibe/modelrow/").content.decode()
    assert "names env-big, which goes before" in page
    assert KEY not in page


@pytest.mark.parametrize(
    "given", ['{"sees": true}', '{"vision": "yes"}', "[1]", '{"vision": 1}'],
)  # fmt: skip
def test_capabilities_are_typed_in_only_as_they_are_named(admin, given):
    form = {"name": "m", "base_url": "http://x/v1", "tier": "strong", "capabilities": given}
    page = admin.post("/admin/vibe/modelrow/add/", form)
    assert page.status_code == 200
    assert not ModelRow.objects.exists()


FILE = {
    "openai/m": {"input_cost_per_token": 2e-06, "output_cost_per_token": 8e-06, "max_output_tokens": 4096},
    "other": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06},
}


def test_the_admin_reads_what_each_tier_is_asked_for(admin):
    page = admin.get("/admin/vibe/modelrow/add/").content.decode()
    assert "this one writes first" in page
    assert "Nothing draws pictures yet" in page


def test_prices_from_a_file_are_shown_first_and_then_used(admin):
    made, lonely = row(price_in=1), row("lonely")
    page = admin.post("/admin/vibe/modelrow/prices/", {"text": json.dumps(FILE)})
    shown = page.content.decode()
    assert "names 2 models" in shown
    assert "price in: 1 → 2.0" in shown
    assert "price out: not known → 8.0" in shown
    assert "lonely" in shown
    made.refresh_from_db()
    assert made.price_out is None
    admin.post("/admin/vibe/modelrow/prices/", {"text": page.context["kept"], "apply": "1"})
    made.refresh_from_db()
    lonely.refresh_from_db()
    assert (made.price_in, made.price_out, made.max_out, lonely.price_in) == (2, 8, 4096, None)


def test_prices_can_be_uploaded(admin):
    from django.core.files.uploadedfile import SimpleUploadedFile

    row()
    file = SimpleUploadedFile("prices.json", json.dumps(FILE).encode())
    page = admin.post("/admin/vibe/modelrow/prices/", {"file": file}).content.decode()
    assert "price in: not known → 2.0" in page


def test_what_is_no_price_file_changes_nothing_and_says_so(admin):
    row()
    page = admin.post("/admin/vibe/modelrow/prices/", {"text": "<b>hello", "apply": "1"}).content.decode()
    assert "That is not JSON" in page
    assert "<b>hello" not in page
    assert ModelRow.objects.get().price_in is None


def test_prices_are_for_admins(browser):
    assert browser.get("/admin/vibe/modelrow/prices/").status_code == 302


# --- the page to connect one ------------------------------------------------------------------------------------


def test_a_quick_model_is_connected_beside_the_strong_one(browser):
    with ModelServer(models=("big", "small")) as server:
        server.always(play.able())
        form = {"do": "connect", "base_url": server.url, "key": KEY, "model": "big", "tier": "strong"}
        browser.post("/connect/", form)
        page = browser.post("/connect/", {**form, "model": "small", "tier": "quick"}).content.decode()
        assert names() == ("small", "big")
        assert "Plans and checks go to" in page
        assert "sk-very" not in page
        page = browser.post("/connect/", {"do": "test"}).content.decode()
        assert "small: It answers" in page
        assert "big: It answers" in page
        browser.post("/connect/", form)
        assert names() == ("big", "big")
    assert ModelRow.objects.count() == 2


def test_connecting_the_same_model_again_keeps_its_prices(browser):
    with ModelServer() as server:
        server.always(play.able())
        form = {"do": "connect", "base_url": server.url, "key": KEY, "model": "test-model"}
        browser.post("/connect/", form)
        ModelRow.objects.update(price_in=5)
        browser.post("/connect/", form)
    assert models_in_use.current_model().price_in == 5


def test_a_key_that_was_kept_with_another_secret_can_be_entered_again(admin, settings):
    made = row()
    made.set_key(KEY)
    made.save()
    settings.SECRET_KEY = "another one, that read nothing of the first"
    assert ModelRow.objects.get().as_model().key == ""
    assert models_in_use.current_model().name == "m"
    admin.force_login(get_user_model().objects.get())
    assert "cannot be read" in admin.get("/admin/vibe/modelrow/").content.decode()
    assert admin.get(f"/admin/vibe/modelrow/{made.pk}/change/").status_code == 200
