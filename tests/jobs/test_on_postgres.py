"""Claims and leases where single rows are locked: with PostgreSQL, in a process of their own."""

import subprocess
import sys

import pytest

from tests.journeys.served import ROOT, environment
from tests.services import Postgres


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    server = Postgres()
    server.start()
    made = environment(tmp_path_factory.mktemp("var"), PYTHONPATH=str(ROOT), DATABASE_URL=server.url)
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=made, check=True)
    yield made
    server.close()


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param("one_program", id="no two Jobs of one program are claimed at once"),
        pytest.param("frozen", id="a machine that froze in a transaction keeps its Job from nobody"),
        pytest.param("settings", id="every connection asks for what that takes"),
    ],
)
def test_with_locks_of_single_rows(env, scene):
    ran = subprocess.run(
        [sys.executable, "-m", "tests.jobs.on_postgres", scene], cwd=ROOT, env=env, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    print(ran.stdout)
    assert ran.returncode == 0, ran.stderr
    assert "Exception in thread" not in ran.stderr
