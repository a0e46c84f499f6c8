"""The admin: everything can be found, nothing is shown that is secret, and no page asks once a row."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.crypto import get_random_string

from tests.views.conftest import Browser, make_card
from vibe import jobs, limits
from vibe.choices import JobState
from vibe.models import Card, Charge, Count, DayTally, Job, Kept, Maker, MakerAllowance, ModelRow, StepRecord

pytestmark = pytest.mark.django_db
PAGES = [
    "program", "version", "job", "steprecord", "card", "modelrow", "maker", "run", "eventrecord",
    "charge", "daytally", "makerallowance", "count", "kept",
]  # fmt: skip


def limits_today():
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


def fill(count, start=0):
    for n in range(start, start + count):
        maker = Maker.objects.create()
        card = make_card(maker, title=f"Card {n}", shape="tool" if n % 2 else "page")
        job = card.program.jobs.get()
        step = StepRecord.objects.create(
            job=job,
            order=1,
            number="1",
            kind="ask",
            fingerprint="f",
            prompt="p1",
            model="m",
            tokens_in=5,
            tokens_out=7,
            cost_usd="0.01",
        )
        jobs.run(card.version, maker, values={"n": 3}, files={}, once=str(n), card=card)
        ModelRow.objects.create(name=f"m{n}", base_url="http://x", shutdown_date=timezone.now().date())
        Charge.objects.create(step=step, maker=maker, day=timezone.now().date(), model="m", micro=10_000)
        DayTally.objects.create(day=timezone.now().date(), who=maker.pk, used_micro=10_000)
        if n % 2:
            MakerAllowance.objects.create(maker=maker, usd_per_day=1)
        Count.objects.create(what="jobs", who=f"maker {maker.pk}", since=limits_today(), used=n)
        Kept.objects.create(who=f"maker {maker.pk}", size=1_000_000 * n, measured=timezone.now())


def test_a_list_takes_as_many_queries_for_sixty_rows_as_for_three(admin):
    def queries():
        found = {}
        for page in PAGES:
            with CaptureQueriesContext(connection) as asked:
                assert admin.get(f"/admin/vibe/{page}/").status_code == 200
            found[page] = len(asked)
        return found

    fill(3)
    queries()
    few = queries()
    fill(57, start=3)
    many = queries()
    assert not {page: (few[page], count) for page, count in many.items() if count > few[page]}


@pytest.mark.parametrize("page", PAGES)
def test_a_row_can_be_opened_and_searched(admin, page):
    fill(1)
    from django.apps import apps

    row = apps.get_model("vibe", page).objects.first()
    if row is not None:
        assert admin.get(f"/admin/vibe/{page}/{row.pk}/change/").status_code == 200
    assert admin.get(f"/admin/vibe/{page}/?q=Card").status_code == 200


def test_a_job_shows_its_steps_with_fingerprint_and_cost(admin):
    fill(1)
    job = Job.objects.filter(kind="make").first()
    page = admin.get(f"/admin/vibe/job/{job.pk}/change/").content.decode()
    assert "p1" in page
    assert "0.01" in page


def test_jobs_are_stopped_and_cards_retired_and_revoked(admin):
    fill(1)
    job = Job.objects.filter(kind="run").get()
    admin.post("/admin/vibe/job/", {"action": "stop", "_selected_action": [job.pk]})
    job.refresh_from_db()
    assert job.state == JobState.STOPPED
    card = Card.objects.get()
    old = card.token
    admin.post("/admin/vibe/card/", {"action": "new_link", "_selected_action": [card.pk]})
    assert Card.objects.get().token != old
    admin.post("/admin/vibe/card/", {"action": "retire", "_selected_action": [card.pk]})
    assert not Card.objects.get().is_open


def test_what_was_done_is_said_in_the_right_number(admin):
    fill(2)
    cards = [card.pk for card in Card.objects.all()]
    for page, action, one, many in (
        ("card", "new_link", "1 link was revoked.", "2 links were revoked."),
        ("card", "retire", "1 card was taken down.", "1 card was taken down."),
        ("program", "stop_jobs", "0 jobs were told to stop.", "0 jobs were told to stop."),
    ):
        rows = cards if page == "card" else [card.program_id for card in Card.objects.all()]
        for chosen, said in ((rows[:1], one), (rows, many)):
            form = {"action": action, "_selected_action": chosen}
            assert said in admin.post(f"/admin/vibe/{page}/", form, follow=True).content.decode()


def test_seconds_are_rounded(admin):
    fill(1)
    StepRecord.objects.update(seconds=12.345678901)
    step = StepRecord.objects.get()
    for path in ("steprecord/", f"steprecord/{step.pk}/change/", f"job/{step.job_id}/change/"):
        page = admin.get(f"/admin/vibe/{path}").content.decode()
        assert "12.3" in page
        assert "12.34" not in page


def test_who_uses_how_much_is_seen_ordered_and_limited(admin):
    fill(4)
    page = admin.get("/admin/vibe/maker/?o=-5").content.decode()  # by what is kept
    kept = re.findall(r'class="field-kept">([\d.]+)', page)
    assert kept == ["3.0", "2.0", "1.0", "0.0"]
    assert re.findall(r'class="field-jobs_today">(\d+)', page) == ["3", "2", "1", "0"]
    assert page.count("as for everyone</a>") == 2
    assert page.count("their own</a>") == 2
    free = Maker.objects.filter(allowance=None).first()
    assert f"/admin/vibe/makerallowance/add/?maker={free.pk}" in page
    form = {"maker": free.pk, "maker_jobs_per_day": "3", "maker_stored_mb": ""}
    assert admin.post("/admin/vibe/makerallowance/add/", form).status_code == 302
    assert limits.of(free).maker_jobs_per_day == 3
    assert admin.get("/admin/vibe/maker/?allowance__isempty=0").content.decode().count("their own</a>") == 3


def test_the_limits_of_the_site_are_changed_and_what_is_done_stands_beside_them(admin):
    browser = Browser()
    browser.post("/programs/", {"description": "tea", "once": "1"})
    form = {"maker_jobs_per_day": "2", "site_queue": "7", "address_makers_per_day": "4"}
    assert admin.post("/admin/vibe/siteallowance/add/", form).status_code == 302
    caps = limits.of()
    assert (caps.maker_jobs_per_day, caps.site_queue, caps.address_makers_per_day) == (2, 7, 4)
    page = admin.get("/admin/vibe/siteallowance/1/change/").content.decode()
    assert "programs and changes: 1; new makers: 1; given: 0 MB" in page


def test_a_key_goes_in_and_never_comes_out(admin):
    form = {
        "name": "m",
        "base_url": "http://x/v1",
        "new_key": "sk-secret-000000001",
        "tier": "strong",
        "enabled": "on",
    }
    assert admin.post("/admin/vibe/modelrow/add/", form).status_code == 302
    row = ModelRow.objects.get()
    assert row.as_model().key == "sk-secret-000000001"
    for path in ("/admin/vibe/modelrow/", f"/admin/vibe/modelrow/{row.pk}/change/"):
        assert "sk-secret" not in admin.get(path).content.decode()


def test_what_a_stranger_made_is_text_there(admin):
    make_card(
        Maker.objects.create(),
        title="<script>alert(1)</script>",
        files={"index.html": "<script>alert(2)</script>"},
    )
    for page in ("program", "version", "card"):
        assert "<script>alert" not in admin.get(f"/admin/vibe/{page}/").content.decode()
    version = Card.objects.get().version
    assert "<script>alert" not in admin.get(f"/admin/vibe/version/{version.pk}/change/").content.decode()


def test_the_admin_is_closed_to_others(browser):
    assert browser.get("/admin/vibe/program/").status_code == 302


def test_a_staff_login_ends_after_half_a_day_and_the_makers_cards_stay(admin, monkeypatch):
    from vibe.views import privacy

    now = [1_000_000.0]
    monkeypatch.setattr(privacy.time, "time", lambda: now[0])
    maker = Maker.objects.create()
    session = admin.session
    session["maker"] = maker.pk
    session.save()
    card = make_card(maker)
    assert admin.get("/admin/").status_code == 200
    now[0] += privacy.LOGIN_S - 60
    assert admin.get("/admin/").status_code == 200
    now[0] += 61
    assert admin.get("/admin/").status_code == 302
    assert admin.get(card.program.get_absolute_url()).status_code == 200
    admin.force_login(get_user_model().objects.get())
    assert admin.get("/admin/").status_code == 200


def test_a_saved_key_is_never_sent_to_another_address(admin):
    made = ModelRow(name="m", base_url="https://one.example/v1")
    made.set_key("sk-secret-000000001")
    made.save()
    page = f"/admin/vibe/modelrow/{made.pk}/change/"
    form = {"name": "m", "base_url": "https://two.example/v1", "tier": "strong", "enabled": "on"}
    reply = admin.post(page, form)
    assert reply.status_code == 200
    assert "enter the key that belongs to it" in reply.content.decode()
    assert ModelRow.objects.get().base_url == "https://one.example/v1"
    assert admin.post(page, {**form, "new_key": "sk-secret-000000002"}).status_code == 302
    assert ModelRow.objects.get().as_model().key == "sk-secret-000000002"
    assert admin.post(page, {**form, "name": "n"}).status_code == 302
    assert ModelRow.objects.get().as_model().key == "sk-secret-000000002"


def test_staff_who_may_not_change_models_connect_none(settings, browser):
    settings.LOCAL_ONLY = False
    user = get_user_model().objects.create_user("bob", password=get_random_string(20), is_staff=True)
    browser.force_login(user)
    form = {"do": "connect", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    assert browser.post("/connect/", form).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="change_modelrow"))
    assert browser.post("/connect/", form).status_code == 422


def test_staff_who_may_only_look_stop_and_take_down_nothing(browser):
    fill(1)
    card, job = Card.objects.get(), Job.objects.filter(kind="run").get()
    old, model = card.token, ModelRow.objects.get()
    user = get_user_model().objects.create_user("bob", password=get_random_string(20), is_staff=True)
    rows = {"card": card.pk, "job": job.pk, "program": card.program_id, "modelrow": model.pk}
    for name in rows:
        user.user_permissions.add(Permission.objects.get(codename=f"view_{name}"))
    browser.force_login(user)

    def act(page, action):
        return browser.post(
            f"/admin/vibe/{page}/", {"action": action, "_selected_action": [rows[page]]}, follow=True
        )

    every = (
        ("card", "retire"),
        ("card", "new_link"),
        ("job", "stop"),
        ("program", "stop_jobs"),
        ("program", "retire"),
        ("modelrow", "test_now"),
    )
    for page, action in every:
        assert browser.get(f"/admin/vibe/{page}/").status_code == 200
        said = act(page, action).content.decode()
        assert not re.search("told to stop|taken down\\.|revoked\\.|No machine has that name", said), action
    card.refresh_from_db()
    job.refresh_from_db()
    assert card.is_open
    assert card.token == old
    assert job.state == JobState.QUEUED
    for name in ("card", "job"):
        user.user_permissions.add(Permission.objects.get(codename=f"change_{name}"))
    browser.force_login(get_user_model().objects.get(pk=user.pk))
    act("job", "stop")
    act("card", "retire")
    card.refresh_from_db()
    job.refresh_from_db()
    assert not card.is_open
    assert job.state == JobState.STOPPED
