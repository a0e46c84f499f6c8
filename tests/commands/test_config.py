"""The environment: every bad value is named in one message, and a secret never."""

import subprocess
import sys

import pytest

from tests.journeys.served import ROOT, environment
from vibe.config import BadConfig, Config


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
        ("VIBE_CONTENT_ORIGIN", "http://x:99999"), ("REDIS_URL", "http://x"), ("REDIS_URL", "redis://[::1"),
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
