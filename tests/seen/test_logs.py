"""What logs say, and what they never hold, whatever is thrown at them."""

import io
import json
import logging
import subprocess
import sys
import threading
from contextvars import copy_context

import pytest

from tests.jobs.carrying import PAGE, begin, carry
from tests.journeys.served import ROOT, environment
from vibe import logs
from vibe.config import BadConfig, Config
from vibe.llm import client

TOKEN = "Zm9vYmFyYmF6cXV4cXV1eA"
SEAL = "0123456789abcdef0123456789abcdef"
HOSTILE = {
    "the link of a card": (f"/c/{TOKEN}/", TOKEN),
    "a link with its slashes escaped": (f"next=%2Fc%2F{TOKEN}%2F", TOKEN),
    "a sealed frame by its path": (f"/sealed/{SEAL}/", SEAL),
    "a sealed frame by its host": (f"http://{SEAL}.localhost:8000/", SEAL),
    "a key": ("the key sk-proj-0123456789abcdef is wrong", "0123456789abcdef"),
    "a bearer": ("Authorization: Bearer abcdefgh.ijkl", "abcdefgh.ijkl"),
    "a password in an address": ("postgres://vibe:hunter2x@db/vibe", "hunter2x"),
    "a session": ("Cookie: sessionid=abcdef0123456789", "abcdef0123456789"),
}


@pytest.fixture
def log():
    """A logger of its own; `read()` gives what it wrote as text, `lines()` the same as objects."""

    class Log:
        def __init__(self):
            self.logger = logging.Logger("vibe.test")

        def to(self, formatter):
            self.stream = io.StringIO()
            handler = logging.StreamHandler(self.stream)
            handler.setFormatter(formatter)
            self.logger.handlers = [handler]
            return self.logger

        def read(self):
            return self.stream.getvalue()

        def lines(self):
            return [json.loads(line) for line in self.read().splitlines()]

    return Log()


@pytest.mark.parametrize("formatter", [logs.Line(), logs.JsonLine()], ids=["line", "json"])
@pytest.mark.parametrize(("said", "secret"), HOSTILE.values(), ids=HOSTILE)
def test_what_opens_something_stands_neither_in_a_message_nor_in_a_traceback(log, formatter, said, secret):
    logger = log.to(formatter)
    logger.warning("asked for %s", said)
    logger.warning(said)
    try:
        try:
            raise ValueError(said)
        except ValueError as problem:
            raise RuntimeError(f"because of {said}") from problem
    except RuntimeError:
        logger.exception("failed: %s", said)
    assert secret not in log.read()
    assert log.read().count("…") >= 4 or log.read().count("\\u2026") >= 4
    assert "because of" in log.read()


@pytest.mark.parametrize("formatter", [logs.Line(), logs.JsonLine()], ids=["line", "json"])
def test_the_secrets_of_this_server_stand_in_no_line_even_without_a_sign_before_them(log, formatter, settings):
    log.to(formatter).error("it was %s", settings.SECRET_KEY)
    assert settings.SECRET_KEY not in log.read()


def test_nobodys_words_begin_a_line_of_their_own(log):
    forged = "x\n2026-01-01 ERROR vibe forged\r\u2028\x1b[2Jmore"
    logger = log.to(logs.Line())
    with logs.about(job="1\nERROR vibe forged"):
        logger.warning("said: %s", forged)
        try:
            raise ValueError(forged)
        except ValueError:
            logger.exception("failed")
    lines = log.read().splitlines()
    assert not [line for line in lines if line.startswith(("2026-01-01 ERROR", "ERROR"))]
    assert sum(1 for line in lines if not line.startswith("    ")) == 2
    assert "\x1b" not in log.read()


def test_a_line_of_json_is_one_object_whatever_was_said(log):
    logger = log.to(logs.JsonLine())
    logger.error("a\nb \ud83d half \x00 “quotes” %s", {"a": "b"}, extra={"job": 7})
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("failed")
    one, two = log.lines()
    assert one["message"].startswith("a\nb")
    assert (one["level"], one["logger"], one["job"]) == ("ERROR", "vibe.test", "7")
    assert one["time"].endswith("+00:00")
    assert "second" in two["trace"]
    assert "trace" not in one


def test_a_line_says_what_it_is_about_and_a_maker_only_by_a_hash(log):
    logger = log.to(logs.JsonLine())
    with logs.about(request="r1"):
        logs.note(maker="the-maker-id-itself")
        with logs.about(job=5, program="p", maker=""):
            logger.warning("inside")
        logger.warning("outside")
    logger.warning("after")
    inside, outside, after = log.lines()
    assert (inside["request"], inside["job"], inside["program"]) == ("r1", "5", "p")
    assert inside["maker"] == outside["maker"]
    assert len(outside["maker"]) == 12
    assert "the-maker" not in log.read()
    assert "job" not in outside
    assert set(after) == {"time", "level", "logger", "message"}


def test_what_a_job_is_about_follows_it_into_threads_and_into_the_loop_of_the_model(log):
    logger = log.to(logs.JsonLine())

    async def ask():
        logger.warning("in the loop")

    import asyncio

    with logs.about(job=9):
        asyncio.run_coroutine_threadsafe(ask(), client._loop()).result(10)
        thread = threading.Thread(target=copy_context().run, args=(logger.warning, "beside"))
        thread.start()
        thread.join()
    assert [line["job"] for line in log.lines()] == ["9", "9"]


@pytest.mark.django_db(transaction=True)
def test_what_is_logged_while_a_job_is_made_names_it(log, boxes, script, monkeypatch):
    from vibe.llm.errors import ModelFault

    logger = logging.getLogger("vibe.perform.asking")
    monkeypatch.setattr(logger, "handlers", log.to(logs.JsonLine()).handlers)
    script += [ModelFault("refused", "no"), PAGE]
    job = carry(begin())
    said = [line for line in log.lines() if "model fault" in line["message"]]
    assert said
    assert {(line["job"], line["program"]) for line in said} == {(str(job.pk), job.program_id)}
    assert job.maker_id not in log.read()


@pytest.mark.parametrize(
    ("asked", "read"),
    [("", ("", False)), ("json", ("", True)), ("debug", ("DEBUG", False)), ("json,INFO", ("INFO", True))],
)
def test_how_much_and_in_which_form_is_one_setting(tmp_path, asked, read):
    config = Config.read({"VIBE_VAR": str(tmp_path), "VIBE_LOG": asked})
    assert (config.log_level, config.log_json) == read


@pytest.mark.parametrize("asked", ["xml", "INFO,DEBUG", "json;INFO"])
def test_another_form_is_named_at_start(tmp_path, asked):
    with pytest.raises(BadConfig, match="VIBE_LOG must be json, or one of DEBUG, INFO"):
        Config.read({"VIBE_VAR": str(tmp_path), "VIBE_LOG": asked})


def test_a_process_with_json_logs_says_everything_in_json_even_what_a_thread_dies_of(tmp_path):
    dies = (
        "import threading, warnings; from vibe import logs; logs.take_over();"
        "t = threading.Thread(target=lambda: 1/0, name='poor'); t.start(); t.join();"
        "warnings.warn('old'); raise SystemError('sk-0123456789abcdef')"
    )
    said = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {dies}"], cwd=ROOT, capture_output=True, text=True,
        env=environment(tmp_path / "var", VIBE_LOG="json", DJANGO_SETTINGS_MODULE="vibe.settings"), check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["CRITICAL", "WARNING", "CRITICAL"]
    assert "thread poor" in lines[0]["message"]
    assert "ZeroDivisionError" in lines[0]["trace"]
    assert "0123456789abcdef" not in said.stderr
