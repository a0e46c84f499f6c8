"""Who breaks off in mid-sentence, with a real server: it is no fault of ours, and nothing is logged as if it were."""

import time

import pytest

from tests import modelserver as play
from tests.journeys.served import Served
from tests.reliability.people import Person, Wire

WORDS = "FILE index.html\n```html\n" + "<p>tea</p>\n" * 4000


@pytest.fixture
def served(tmp_path):
    with play.ModelServer() as model:
        model.always(play.say(WORDS, piece=12, pause_s=0.005))
        made = Served(
            tmp_path / "var",
            OPENAI_BASE_URL=model.url,
            OPENAI_API_KEY="sk-test-0123456789",
            VIBE_MODEL="test-model",
        )
        made.start()
        yield made
        made.stop()


def test_who_is_sent_away_while_something_is_said_leaves_no_traceback(served):
    ada = Person(served.url)
    job = ada.begin("A page about tea")
    cookies = "; ".join(f"{c.name}={c.value}" for c in ada.jar)
    lines = [Wire(served.url, f"/live/jobs/{job}/?format=json", cookies) for _ in range(4)]
    while "file-text" not in (lines[0].receive() or ""):
        pass
    for line in lines:
        line.send(
            "no acknowledgement"
        )  # the server closes; until this end answers, what it says reaches nobody
    time.sleep(1.5)
    log = served.log.read_text()
    assert "Traceback" not in log, log
    assert f"socket of job {job} failed" not in log
    lines.append(Wire(served.url, f"/live/jobs/{job}/?format=json", cookies))
    assert lines[-1].receive()  # and a new one is told all of it
    for line in lines:
        line.close()
