"""A Docker engine of its own is killed and started again with boxes running: reported lost, made honest, refilled."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from sandbox import catalog
from tests import modelserver as play
from tests.journeys.served import Served
from tests.journeys.test_with_a_model import MAIN, TOML, blocks
from tests.reliability.people import Person, told_all, until

pytestmark = [pytest.mark.docker, pytest.mark.soak]
PAGE = "FILE index.html\n```html\n<!doctype html><html lang='en'><title>Tea</title><h1>Tea</h1></html>\n```\nDONE\n"


class Engine:
    """dockerd with folders, a socket and a network namespace of its own: nobody else's engine is touched. Without the last
    it would remove the bridge of the machine's own engine, since it is told to have none."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="vibe-engine-"))
        self.host = f"unix://{self.folder}/docker.sock"
        self.process = None

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "unshare", "--net", "dockerd", "--host", self.host, "--data-root", str(self.folder / "data"),
                    "--exec-root", str(self.folder / "exec"), "--pidfile", str(self.folder / "pid"),
                    "--shutdown-timeout=1", "--bridge=none", "--iptables=false", "--ip6tables=false",
                ], stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(lambda: self.docker("version").returncode == 0, 60, (self.folder / "log").read_text()[-2000:])

    def docker(self, *args):
        return subprocess.run(
            ["docker", "--host", self.host, *args], capture_output=True, text=True, check=False
        )

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def close(self):
        if self.process.poll() is None:
            self.docker("rm", "-f", *self.docker("ps", "-aq").stdout.split())
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def engine():
    assert os.getuid() == 0, "an engine of its own needs root: sudo make soak"
    made = Engine()
    made.start()
    try:
        names = [catalog.tag(name) for name in catalog.needed()]
        saved = subprocess.Popen(["docker", "save", *names], stdout=subprocess.PIPE)
        with saved:
            subprocess.run(
                ["docker", "--host", made.host, "load"], stdin=saved.stdout, check=True, capture_output=True
            )
        yield made
    finally:
        made.close()


def test_the_engine_stopped_and_started_in_mid_run_and_the_jobs_end_honestly(engine, tmp_path):
    slow = blocks(toml=TOML, main=MAIN.replace("print(", "import time; time.sleep(60)\nprint(", 1))
    with play.ModelServer() as model:
        served = Served(
            tmp_path / "var",
            OPENAI_BASE_URL=model.url,
            OPENAI_API_KEY="sk-t",
            VIBE_MODEL="m",
            DOCKER_HOST=engine.host,
        )
        served.start()
        try:
            model.always(play.say(slow, piece=400))
            tool = Person(served.url)
            job = tool.begin("Count the lines of a text file", shape="tool")
            told = tool.listen(job)
            until(
                lambda: served.rows("SELECT 1 FROM vibe_steprecord WHERE kind = 'run' AND job_id = ?", job), 60
            )
            until(lambda: engine.docker("ps", "-q").stdout.split(), 30)
            time.sleep(1)
            engine.stop()
            model.always(play.say(PAGE, piece=400))
            meanwhile = Person(served.url)
            page = meanwhile.listen(meanwhile.begin("A page about tea", shape="page"))
            told_all([page, told], 120)
            print(f"while it was away: {_end(told)!r}, {_end(page)!r}")
            assert told.state in {"done", "failed"}
            assert "Reference" not in _end(told), (
                "an engine that is away is no fault of the program’s or of ours"
            )
            assert _end(page) == "Made, but not checked."
            engine.start()
            back = time.monotonic()
            until(lambda: "Sealed boxes are not available" not in Person(served.url).get(), 30)
            after = Person(served.url)
            again = after.listen(after.begin("A page about juice", shape="page"))
            told_all([again], 120)
            print(f"after it was back: {_end(again)!r}")
            assert _end(again).startswith("Done.")
            until(
                lambda: engine.docker("ps", "-q", "--filter", "label=vibe.box.warm").stdout or _warm(engine), 60
            )
            print(f"boxes stand ready {time.monotonic() - back:.1f} s after it was back")
        finally:
            served.stop(signal.SIGINT, 20)
        until(lambda: not engine.docker("ps", "-q").stdout.split(), 20)


def _warm(engine):
    return "warm" in engine.docker("ps", "--format", "{{.Labels}}").stdout


def _end(listener):
    return [e for _, e in listener.heard if e["type"] == "state-changed"][-1]["sentence"]
