"""`make run` with real boxes: killed, or ended by Ctrl-C in a real terminal, with Jobs running and in the line."""

import os
import pty
import re
import select
import signal
import time
from pathlib import Path

import pytest

from tests import modelserver as play
from tests.journeys.served import ROOT, Served, boxes, environment
from tests.journeys.test_with_a_model import MAIN, TOML, blocks
from tests.reliability.people import Person, until

pytestmark = pytest.mark.docker
SLOW_TOOL = blocks(toml=TOML, main=MAIN.replace("print(", "import time; time.sleep(60)\nprint(", 1))
PAGE = "FILE index.html\n```html\n<!doctype html><html lang='en'><title>Tea</title><h1>Tea</h1></html>\n```\nDONE\n"


def writes(handler):
    """A tool is written whole, and then hangs in its box; a page is begun, and then the model says nothing more."""
    if "Count the lines" in str(handler.body["messages"]):
        return play.say(SLOW_TOOL, piece=400)(handler)
    return play.silence("FILE index.html\n```html\n<!doctype html>\n<h1>Te", 120)(handler)


def busy(served, model):
    """One Job in a box, one at a silent model, and a second request in the line of its program."""
    model.always(writes)
    tool, page = Person(served.url), Person(served.url)
    in_box = tool.begin("Count the lines of a text file", shape="tool")
    silent = page.begin("A page about tea", shape="page")
    until(lambda: served.rows("SELECT 1 FROM vibe_steprecord WHERE kind = 'run' AND job_id = ?", in_box))
    until(lambda: boxes(*served.pids, warm=False))
    until(lambda: served.rows("SELECT 1 FROM vibe_eventrecord WHERE job_id = ? AND type = 'file-text'", silent))
    program = served.rows("SELECT program_id FROM vibe_job WHERE id = ?", silent)[0][0]
    page.send(f"/programs/{program}/jobs/", description="and make it blue", once="second")
    in_line = served.rows("SELECT max(id) FROM vibe_job")[0][0]
    return in_box, silent, in_line


def goes_on(served, model, jobs):
    """Everything is made to its end, and no answer that was journaled is asked for again."""
    model.always(play.say(PAGE, piece=400))
    plans = len(model.plans)
    assert served.rows("PRAGMA integrity_check") == [("ok",)]
    served.start()
    tool, silent, in_line = jobs
    over = "SELECT 1 FROM vibe_job WHERE id = ? AND state IN ('done', 'failed')"
    for job in (silent, in_line):
        until(lambda job=job: served.rows(over, job), 60, f"job {job}")
        assert served.rows("SELECT state FROM vibe_job WHERE id = ?", job) == [("done",)]
    told = "SELECT max(seq) FROM vibe_eventrecord WHERE job_id = ? AND type = ?"
    began_again = until(lambda: served.rows(told, tool, "restarted")[0][0])
    until(
        lambda: served.rows(f"{told} AND seq > ?", tool, "step-started", began_again)[0][0]
    )  # its check, in a box
    written = served.rows(
        "SELECT count(*) FROM vibe_steprecord WHERE job_id = ? AND kind = 'ask' AND purpose = 'write'", tool
    )
    assert written == [(1,)]
    assert len(model.plans) <= plans + 1, "only the request that was in the line is planned"
    return True


@pytest.fixture
def running(tmp_path):
    with play.ModelServer() as model:
        made = Served(tmp_path / "var", OPENAI_BASE_URL=model.url, OPENAI_API_KEY="sk-t", VIBE_MODEL="m")
        yield made, model
        if made.process and made.process.poll() is None:
            made.stop()


def test_killed_and_started_again_running_and_queued_jobs_go_on_and_no_container_is_left(running):
    served, model = running
    served.start()
    jobs = busy(served, model)
    served.stop(signal.SIGKILL)
    killed = time.monotonic()
    until(lambda: not boxes(*served.pids), 30, "a box outlived its owner")
    print(f"no box left {time.monotonic() - killed:.2f} s after kill -9")
    assert goes_on(served, model, jobs)


class Terminal:
    """A command with a terminal of its own, as a person has one."""

    def __init__(self, command, env):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execvpe(command[0], command, env)
        self.said = ""

    def read(self, seconds=0.1):
        while select.select([self.master], [], [], seconds)[0]:
            try:
                block = os.read(self.master, 65536)
            except OSError:  # the other end is gone
                return self.said
            self.said += block.decode(errors="replace")
        return self.said

    def control_c(self):
        os.write(self.master, b"\x03")

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                os.close(self.master)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it goes on: {self.said[-500:]}")


def test_control_c_in_a_terminal_ends_all_within_six_seconds_and_the_jobs_go_on_the_next_time(running):
    served, model = running
    served.var.mkdir(parents=True)
    env = environment(served.var, VIBE_PORT=str(served.port), **served.env)
    terminal = Terminal(["make", "--no-print-directory", "-o", "setup", "run"], env)  # the set-up has been made
    try:
        until(lambda: "Ctrl-C ends it." in terminal.read(), 90)
        until(lambda: _answers(served), 30)
        served.pids += _session(terminal.pid)
        jobs = busy(served, model)
        began = time.monotonic()
        terminal.control_c()
        terminal.wait(20)
        took = time.monotonic() - began
    finally:
        left = _session(terminal.pid)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    print(f"ended {took:.2f} s after Ctrl-C")
    assert took <= 6
    assert left == []
    assert "Nothing is left running but the Docker engine." in terminal.said
    assert "Traceback" not in terminal.said
    until(lambda: not boxes(*served.pids))
    assert {served.rows("SELECT state FROM vibe_job WHERE id = ?", job)[0][0] for job in jobs} == {"queued"}
    model.always(play.say(PAGE, piece=400))
    served.start()
    until(lambda: served.rows("SELECT 1 FROM vibe_job WHERE id = ? AND state = 'done'", jobs[1]), 60)


def _answers(served):
    try:
        return Person(served.url).get()
    except OSError:
        return None


def _session(leader):
    """Processes of the terminal's session that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = re.sub(r"\(.*\)", "x", stat.read_text()).split()
        except OSError:
            continue
        if fields[5] == str(leader) and fields[2] != "Z":
            found.append(int(fields[0]))
    return found
