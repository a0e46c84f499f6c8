"""Asks for the inputs of this tool, then runs it here. Needs Python 3.11 or newer, and nothing of ours."""

import json
import math
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

COMMAND = ["python3", "main.py"]


class Wrong(Exception):
    """What was typed cannot be used; str() says what to type instead."""


def main(here: Path) -> int:
    import tomllib  # Python 3.11

    spec = tomllib.loads((here / "tool.toml").read_text(encoding="utf-8"))
    values = {field["name"]: ask(field, here) for field in spec.get("inputs", [])}
    for name in ("out", "values"):
        (here / name).mkdir(exist_ok=True)
    (here / "input.json").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    for name, value in values.items():
        said = "" if value is None else ("yes" if value else "no") if isinstance(value, bool) else str(value)
        (here / "values" / name).write_text(said, encoding="utf-8")
    command = [sys.executable if part == "python3" else part for part in COMMAND]
    if shutil.which(command[0]) is None:
        sys.stderr.write(f"This tool needs {command[0]}, which is not on this machine. README.txt says more.\n")
        return 1
    return subprocess.run(command, cwd=here, check=False).returncode  # noqa: S603  their own tool, on their own machine


def ask(field: dict[str, Any], here: Path) -> Any:
    """The value of one input, asked for until it can be used."""
    default = field.get("default")
    hint = " (path of a file)" if field["type"] == "file" else ""
    hint += f" ({' or '.join(field['choices'])})" if field.get("choices") else ""
    hint += f" [{default}]" if default is not None else ""
    while True:
        try:
            return read(field, input(f"{field['label']}{hint}: ").strip(), here)
        except Wrong as problem:
            sys.stdout.write(f"{problem}\n")


def read(field: dict[str, Any], said: str, here: Path) -> Any:
    """What was typed, as the tool reads it. Raises Wrong."""
    kind = field["type"]
    if kind == "yesno":
        return (said or str(field.get("default"))).lower() in {"y", "yes", "1", "true", "on"}
    if not said:
        if field.get("required") and field.get("default") is None:
            raise Wrong("Fill this in.")
        return field.get("default")
    if kind == "file":
        return laid(said, here)
    if kind == "number":
        return number(field, said)
    if kind == "choice" and said not in field.get("choices", []):
        raise Wrong(f"Choose {' or '.join(field.get('choices', []))}.")
    if kind == "date":
        try:
            return date.fromisoformat(said).isoformat()
        except ValueError:
            raise Wrong("Use a date like 2026-12-24.") from None
    return said


def number(field: dict[str, Any], said: str) -> float:
    low, high = field.get("min", -math.inf), field.get("max", math.inf)
    try:
        value = float(said.replace(" ", "").replace(",", "."))
    except ValueError:
        value = math.nan
    if not low <= value <= high or abs(value) > 1e15:
        ends = [f"from {low}"] * (low > -math.inf) + [f"to {high}"] * (high < math.inf)
        raise Wrong(f"Use a number{' ' if ends else ''}{' '.join(ends)}.")
    return int(value) if value.is_integer() else value


def laid(said: str, here: Path) -> str:
    """A copy of the file in the folder "in", and its path there."""
    source = Path(said.strip("\"'")).expanduser()
    if not source.is_file():
        raise Wrong("There is no such file. Type its path, or drag the file into this window.")
    (here / "in").mkdir(exist_ok=True)
    target = here / "in" / source.name
    if not (target.exists() and os.path.samefile(source, target)):
        try:
            shutil.copy(source, target)
        except OSError as problem:
            raise Wrong(f"That file cannot be read: {problem.strerror}.") from None
    return f"in/{source.name}"


if __name__ == "__main__":
    try:
        raise SystemExit(main(Path(__file__).resolve().parent))
    except ModuleNotFoundError:
        raise SystemExit("Python 3.11 or newer is needed.") from None
    except (EOFError, KeyboardInterrupt):
        raise SystemExit("\nStopped: nothing was run.") from None
