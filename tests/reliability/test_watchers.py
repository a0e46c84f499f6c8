"""A thousand sockets on one Job in one process of pages: each is told everything, and in time."""

import os
import resource
import subprocess
import sys

import pytest

from tests.journeys.served import ROOT
from tests.reliability.people import Person, until
from tests.reliability.test_parts_die import Parts, writing

pytestmark = pytest.mark.soak
WATCHERS = 1000


@pytest.fixture
def parts(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    raised = ("VIBE_TEST_SOCKETS", "VIBE_MAKER_SOCKETS", "VIBE_ADDRESS_SOCKETS", "VIBE_SITE_SOCKETS")
    os.environ.update(dict.fromkeys(raised, str(WATCHERS + 8)))
    made = Parts(tmp_path / "var")
    yield made
    made.close()
    for name in raised:
        del os.environ[name]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_watchers_hear_all_of_it(parts):
    parts.worker()
    parts.model.always(writing(30))
    person = Person(parts.site.url)
    job = person.begin("A page about tea", autonomy="plan")
    cookies = "; ".join(f"{c.name}={c.value}" for c in person.jar)
    watching = subprocess.Popen(
        [sys.executable, "-m", "tests.reliability.watching", person.url, str(job), cookies, str(WATCHERS)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with watching:
        assert watching.stdout.readline() == "all there\n"
        person.send(f"/jobs/{job}/answer/", yes="1")  # and now it is written
        said = watching.stdout.readline()
    print(said)
    figures = dict(pair.split("=") for pair in said.split())
    until(lambda: parts.rows("SELECT 1 FROM vibe_job WHERE id = %s AND state = 'done'", job))
    assert int(figures["gaps"]) == int(figures["unfinished"]) == 0
    assert float(figures["p99_ms"]) <= 300
