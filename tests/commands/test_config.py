"""The environment: every bad value is named in one message, and a secret never."""

import subprocess
import sys

import dj_database_url
import pytest

from tests.journeys.served import ROOT, environment
from vibe.config import BadConfig, Config, overridden
from vibe.management.commands import measure


def complaint(tmp_path, **env: str) -> str:
    with pytest.raises(BadConfig) as caught:
        Config.read({"VIBE_VAR": str(tmp_path / "var"), **env})
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIBE_PORT", "²"), ("VIBE_PORT", "9" * 5000), ("VIBE_PORT", "0"), ("VIBE_PORT", "65536"), ("VIBE_PORT", "-1"),
        ("OPENAI_BASE_URL", "localhost:11434"), ("OPENAI_BASE_URL", "http://[::1"), ("OPENAI_BASE_URL", "http://x:99999/v1"),
        ("OPENAI_BASE_URL", "http://"), ("VIBE_ORIGIN", "http://[::1"), ("VIBE_ORIGIN", "http://x/path"),
        ("VIBE_CONTENT_ORIGIN", "http://x:99999"), ("REDIS_URL", "http://x"), ("REDIS_URL", "unix:///run/redis.sock"), ("REDIS_URL", "redis://[::1"),
        ("DATABASE_URL", "mysql://x"), ("DATABASE_URL", "postgres://[::1"), ("SANDBOX_RUNTIME", "kata"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_named(tmp_path, name, value):
    assert f"- {name} must" in complaint(tmp_path, **{name: value})


@pytest.mark.parametrize("key", ["sk-schlüssel-1", "sk-two\nlines", "sk two words"])
def test_a_key_that_no_header_can_carry_is_named_but_never_shown(tmp_path, key):
    said = complaint(tmp_path, OPENAI_API_KEY=key)
    assert "- OPENAI_API_KEY must" in said
    assert key[3:6] not in said


def test_a_line_end_behind_a_key_is_only_the_files_that_it_was_read_from(tmp_path):
    read = Config.read({"VIBE_VAR": str(tmp_path / "var"), "OPENAI_API_KEY": "sk-0123456789\n"})
    assert read.model_key == "sk-0123456789"


def test_all_bad_values_come_in_one_message_and_without_a_traceback(tmp_path):
    env = environment(tmp_path / "var", VIBE_PORT="²", OPENAI_API_KEY="schlüssel", SANDBOX_RUNTIME="kata")
    said = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "serve"], env=env, capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert said.stderr.count("\n  - ") == 3
    assert "Traceback" not in said.stderr


# --- settings that a file holds ---------------------------------------------------------------------------------


def holds(tmp_path, text: str | bytes, name: str = "secret") -> str:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_every_setting_may_stand_in_a_file(tmp_path):
    read = Config.read(
        {
            "VIBE_VAR": str(tmp_path / "var"),
            "SECRET_KEY_FILE": holds(tmp_path, "of-a-file\n", "a"),
            "OPENAI_API_KEY_FILE": holds(tmp_path, "sk-0123456789\n", "b"),
            "VIBE_PORT_FILE": holds(tmp_path, "8123\n", "c"),
        }
    )
    assert (read.secret_key, read.model_key, read.port) == ("of-a-file", "sk-0123456789", 8123)


def test_passwords_of_servers_go_into_their_addresses(tmp_path):
    read = Config.read(
        {
            "VIBE_VAR": str(tmp_path / "var"),
            "DATABASE_URL": "postgres://vibe@postgres/vibe",
            "DATABASE_PASSWORD_FILE": holds(tmp_path, "a/b:c@d\n", "a"),
            "REDIS_URL": "redis://redis:6379/0",
            "REDIS_PASSWORD_FILE": holds(tmp_path, "secret", "b"),
        }
    )
    assert read.database_url == "postgres://vibe:a%2Fb%3Ac%40d@postgres/vibe"
    assert read.redis_url == "redis://:secret@redis:6379/0"
    assert dj_database_url.parse(read.database_url)["PASSWORD"] == "a/b:c@d"


def test_an_empty_file_counts_as_not_given(tmp_path):
    env = {"VIBE_VAR": str(tmp_path / "var"), "OPENAI_API_KEY_FILE": holds(tmp_path, "\n")}
    assert Config.read(env).model_key == ""


def test_a_file_that_cannot_be_read_is_named_like_any_bad_value(tmp_path):
    said = complaint(tmp_path, OPENAI_API_KEY_FILE=str(tmp_path / "nowhere"), SECRET_KEY_FILE=str(tmp_path))
    assert "- OPENAI_API_KEY_FILE must name a file that can be read" in said
    assert "- SECRET_KEY_FILE must name a file that can be read" in said
    assert said.count("\n  - ") == 2


@pytest.mark.parametrize("text", ["sk-two\nlines", b"sk-\xff\xfe", "x" * 20_000])
def test_what_is_in_a_bad_file_is_never_shown(tmp_path, text):
    said = complaint(tmp_path, OPENAI_API_KEY_FILE=holds(tmp_path, text))
    assert "- OPENAI_API_KEY_FILE must" in said
    assert "sk-two" not in said
    assert "xxx" not in said


def test_a_bad_value_in_a_file_is_named_by_its_setting(tmp_path):
    assert "- VIBE_PORT must be a number" in complaint(tmp_path, VIBE_PORT_FILE=holds(tmp_path, "nine"))


def test_a_setting_given_twice_is_refused(tmp_path):
    said = complaint(tmp_path, SECRET_KEY="one", SECRET_KEY_FILE=holds(tmp_path, "two"))
    assert "- SECRET_KEY and SECRET_KEY_FILE must not be set both" in said


def test_a_setting_that_is_replaced_is_replaced_in_its_file_too():
    env = {"DATABASE_URL_FILE": "/run/secrets/url", "VIBE_VAR_FILE": "/run/var", "VIBE_MODEL": "m", "HOME": "/"}
    assert overridden(env, {"DATABASE_URL": None, "VIBE_MODEL": None, "VIBE_VAR": "/tmp/new"}) == {
        "HOME": "/",
        "VIBE_VAR": "/tmp/new",
    }


def test_the_form_of_the_log_is_not_looked_for_in_a_file(tmp_path):
    """Whoever names one means the log itself, perhaps."""
    env = {"VIBE_VAR": str(tmp_path / "var"), "VIBE_LOG_FILE": str(tmp_path / "vibe.log")}
    assert Config.read(env).log_json is False


def test_played_replies_never_reach_the_database_that_a_file_names(tmp_path, monkeypatch):
    seen = {}

    class Child:
        def __init__(self, command, env):
            seen.update(env)

        def wait(self):
            return 0

    monkeypatch.setenv("DATABASE_URL_FILE", holds(tmp_path, "postgres://vibe@postgres/vibe"))
    monkeypatch.setenv("OPENAI_API_KEY_FILE", holds(tmp_path, "sk-0123456789", "key"))
    monkeypatch.setattr(measure.subprocess, "Popen", Child)
    assert measure._in_a_database_of_its_own(["measure"]) == 0
    assert Config.read(seen).database_url == f"sqlite:///{seen['VIBE_VAR']}/vibe.sqlite3"
    assert Config.read(seen).model_key == ""
