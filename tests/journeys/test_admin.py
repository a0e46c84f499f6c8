"""The admin as its owner uses it: in a real browser, with the scripts that Django brings."""

import re
import secrets

import pytest

from tests import modelserver as play

pytestmark = [pytest.mark.docker, pytest.mark.browser]


def test_all_rows_are_chosen_by_one_tick_and_stopped(played, visitor):
    served, model = played
    model.always(play.endless(60))
    key = secrets.token_urlsafe(12)
    served.env |= {"DJANGO_SUPERUSER_PASSWORD": key}
    made = served.manage("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org")
    assert made.returncode == 0, made.stderr
    maker, owner = visitor(), visitor()
    maker.describe(served.url, "A diary for my teas")
    page = owner.page
    page.goto(served.url + "/admin/vibe/job/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", key)
    page.click("input[type=submit]")
    page.wait_for_selector("#result_list")
    owner.shoot("admin-jobs")
    page.check("#action-toggle")
    assert "1 of 1 selected" in page.inner_text(".action-counter")
    page.select_option("select[name=action]", "stop")
    page.click("button[name=index]")
    assert "1 job was told to stop." in page.inner_text(".messagelist")
    assert maker.page.wait_for_selector("#part-end h2").inner_text() == "Stopped"
    before = page.get_attribute("html", "data-theme")
    page.click("header .theme-toggle")
    assert page.get_attribute("html", "data-theme") != before
    assert re.search("rgb|oklch", page.evaluate("getComputedStyle(document.body).backgroundColor"))
    page.goto(served.url + "/admin/")
    owner.shoot("admin-index")
    page.goto(served.url + "/admin/vibe/modelrow/add/")
    owner.shoot("admin-form")
