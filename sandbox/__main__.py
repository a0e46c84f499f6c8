"""python -m sandbox run|images|engine|reap: the library from a shell, without the product."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import sandbox
from sandbox import SandboxError, Source, build
from sandbox.docker_engine import APIError, RequestException
from sandbox.limits import MIB, Limits


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="Run a program once in a fresh sealed box."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run one file and print what happened")
    run.add_argument("file", type=Path, metavar="FILE")
    run.add_argument("--image", default="python", help="which box (python)")
    run.add_argument("--time-s", type=float, default=10.0, help="seconds it may run (10)")
    run.add_argument("--memory-mb", type=int, default=256, help="memory it may use (256)")
    run.add_argument(
        "--input", type=Path, action="append", default=[], metavar="F", help="a file, laid in /box/in/"
    )
    run.add_argument("--out", type=Path, metavar="DIR", help="where the files of /box/out/ go")
    run.add_argument("--json", action="store_true", help="print the outcome as JSON")
    commands.add_parser("images", help="build the images that are missing")
    commands.add_parser("engine", help="say whether a Docker engine answers (exit 3: none)")
    commands.add_parser("reap", help="remove boxes that are past their deadline")
    options = parser.parse_args()
    try:
        if options.command == "images":
            return _images()
        if options.command == "engine":
            return _engine()
        if options.command == "reap":
            print(f"{sandbox.default_engine().reap()} boxes removed")
            return 0
        return _run(options)
    except SandboxError as problem:
        print(problem.sentence, file=sys.stderr)
        return 3


def _engine() -> int:
    try:
        sandbox.default_engine().client.ping()
    except SandboxError as problem:
        print(problem.sentence)
        return 3
    except (APIError, RequestException) as problem:
        print(problem)
        return 3
    return 0


def _images() -> int:
    """Without an engine this ends well: the app still runs and says so itself."""
    try:
        client = sandbox.default_engine().client
        client.ping()
    except (SandboxError, APIError, RequestException):
        print("· No Docker engine answers: no images are built, tools cannot run, pages are not checked.")
        return 0
    try:
        build.build_all(client, lambda line: print(f"· {line}", flush=True))
    except (APIError, RequestException, OSError, subprocess.CalledProcessError) as problem:
        print(f"The images of the boxes could not be built: {problem}"[:400], file=sys.stderr)
        return 3
    return 0


def _run(options: argparse.Namespace) -> int:
    name = options.file.name
    files = {name: options.file.read_bytes()}
    files |= {f"in/{path.name}": path.read_bytes() for path in options.input}
    limits = Limits(time_s=options.time_s, memory_bytes=options.memory_mb * MIB)

    def show(stream: str, text: str) -> None:
        (sys.stdout if stream == "stdout" else sys.stderr).write(text)

    outcome = sandbox.run(
        Source(options.image, ("python3", name), files), limits=limits, on_output=None if options.json else show
    )
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for artifact in outcome.artifacts:
            (options.out / artifact.name).write_bytes(artifact.data)
    if options.json:
        print(json.dumps(outcome.as_json(), ensure_ascii=False))
    elif not outcome.ok:
        print(f"ended: {outcome.ended} {outcome.code if outcome.code is not None else ''}", file=sys.stderr)
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main())
