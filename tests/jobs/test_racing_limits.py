"""Requests that race in several processes never take more than a limit, in SQLite and in PostgreSQL."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from django.utils import timezone

from tests.journeys.served import ROOT, environment
from tests.services import Postgres

PROCESSES = ("a", "b")
CAPS = {
    "VIBE_MAKER_AT_ONCE": "none", "VIBE_MAKER_JOBS_PER_DAY": "7", "VIBE_ADDRESS_JOBS_PER_DAY": "5",
    "VIBE_ADDRESS_UPLOAD_MB_PER_DAY": "4", "VIBE_CARD_RUNS_PER_HOUR": "6", "VIBE_ADDRESS_MAKERS_PER_DAY": "3",
    "VIBE_ADDRESS_PASSWORDS_PER_HOUR": "4", "VIBE_SITE_JOBS_PER_DAY": "none", "VIBE_SITE_STORED_MB": "1000", "VIBE_SITE_QUEUE": "none",
}  # fmt: skip
GIVEN = {
    "jobs of one maker": 7, "jobs of an address": 5, "bytes of an address": 4, "runs of a card": 6,
    "copies of an address": 5, "makers of an address": 3, "passwords of an address": 4,
}  # fmt: skip
BEGIN = """
from tests.views.conftest import make_card
from vibe.models import Maker
make_card(Maker.objects.create(pk="racer"), shape="tool")
"""
COUNTED = """
import json
from django.db.models import Sum
from vibe.models import Count, Film, Job, Kept, Upload
print(json.dumps({
    "used": dict(Count.objects.exclude(who="site").values_list("what").annotate(Sum("used")).order_by()),
    "waiting": Job.objects.filter(state="queued").count(), "uploads": Upload.objects.count(),
    "kept": Kept.objects.get(who="site").size, "films": sum(len(film.data) for film in Film.objects.all()),
    "addresses": list(Count.objects.filter(who__startswith="address").values_list("who", flat=True)),
}))
"""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """(environment of processes that share a database, their var folder)"""
    server = Postgres() if request.param == "postgres" else None
    more = {}
    if server:
        server.start()
        more["DATABASE_URL"] = server.url
    env = environment(tmp_path / "var", PYTHONPATH=str(ROOT), **CAPS, **more)
    manage(env, "migrate", "--verbosity", "0")
    manage(env, "shell", "--verbosity", "0", "-c", BEGIN)
    yield env, tmp_path / "var"
    if server:
        server.close()


def manage(env, *args):
    ran = subprocess.run(
        [sys.executable, "manage.py", *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def process(env, command):
    return subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def race(env, round_, now):
    command = [sys.executable, "-m", "tests.jobs.racing_limits"]
    ran = [process(env, [*command, name, round_, now.isoformat()]) for name in PROCESSES]
    given, refused = Counter(), set()
    for one in ran:
        out, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
        assert "Exception in thread" not in err, err
        told = json.loads(out)
        given.update(told["given"])
        refused |= set(told["refused"])
    return given, refused


def test_requests_that_race_take_exactly_what_there_is(place):
    env, var = place
    began = timezone.now()
    given, refused = race(env, "limits", began)
    assert dict(given) == GIVEN
    assert all(sentence.strip().endswith(".") for sentence in refused)
    now = json.loads(manage(env, "shell", "--verbosity", "0", "-c", COUNTED).splitlines()[-1])
    assert now["uploads"] == len(list((var / "uploads").iterdir())) == 4, "what was refused left no file"
    assert now["kept"] == 4_000_000
    assert now["used"]["makers"] == 3
    assert now["used"]["password"] == 4
    assert now["used"]["uploaded"] == 2 * 4_000_000, "once for the address, once for the makers"
    assert now["used"]["runs"] == 2 * 6, "once for the card, once for the visitors"
    assert not [who for who in now["addresses"] if "192.0.2" in who]

    kept = [process(env, [sys.executable, "manage.py", "housekeep"]) for _ in range(2)]
    for one in kept:
        _, err = one.communicate(timeout=120)
        assert (one.returncode, "failed" in err) == (0, False), err
    after = json.loads(manage(env, "shell", "--verbosity", "0", "-c", COUNTED).splitlines()[-1])
    assert after == now | {"kept": 4_000_000 + now["films"]}, (
        "done twice at once it adds up what is there, once"
    )

    room = 8
    given, refused = race({**env, "VIBE_SITE_QUEUE": str(now["waiting"] + room)}, "line", began)
    assert given.total() == room
    assert any("wait for their turn here" in sentence for sentence in refused)
