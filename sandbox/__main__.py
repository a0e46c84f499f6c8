"""python -m sandbox run|images|engine|gate|reap|bench: the library from a shell, without the product."""

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

import sandbox
from sandbox import SandboxError, Source, build, catalog
from sandbox.docker_engine import APIError, RequestException
from sandbox.limits import MIB, Limits

ABOUT = """Run a program that nobody trusts, once, in a fresh sealed Docker box: no network, no capabilities, a strict
seccomp profile, a read-only root, and limits on time, memory, processes, output and disk.

  python -m sandbox images                    build the images, once
  python -m sandbox run hello.py              run a file; its output is yours
  python -m sandbox run --json --input a.csv --out results count.py -- --column 2
"""
RUN = """The file is laid in /box and started by its ending (.py, .js, .sh, .c, .cpp, .rs), in /box. Files given with
--input are in /box/in/ there; what the program writes to /box/out/ is brought back to --out.

Exit: 0 the program ended with 0 · 1 it ended in any other way (see --json) · 2 wrong usage · 3 no box could be run."""
ENVIRONMENT = """DOCKER_HOST names another engine (unix://, tcp:// with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, ssh://user@host),
SANDBOX_RUNTIME another runtime of it (runsc: gVisor)."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "images":
            return _images()
        if options.command == "engine":
            return _engine()
        if options.command == "gate":
            return _gate(options.listen, options.engine)
        if options.command == "reap":
            gone = sandbox.default_engine().reap()
            print(f"{gone} boxes removed" if gone != 1 else "1 box removed")
            return 0
        if options.command == "bench":
            return _bench(options.runs)
        return _run(options)
    except SandboxError as problem:
        print(problem.sentence, file=sys.stderr)
        return 3
    finally:
        if sandbox.default_engine.cache_info().currsize:
            sandbox.default_engine().close()


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=ABOUT, epilog=ENVIRONMENT, formatter_class=raw
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run",
        help="run one file and print what happened",
        description=RUN,
        epilog=ENVIRONMENT,
        formatter_class=raw,
    )
    run.add_argument("file", type=Path, metavar="FILE", help="the program")
    run.add_argument("arguments", nargs="*", metavar="ARG", help="its own arguments, after --")
    run.add_argument(
        "--image", choices=catalog.names(), help="which box (by the ending of the file; else python)"
    )
    run.add_argument("--time-s", type=float, default=10.0, help="seconds it may run (10)")
    run.add_argument("--memory-mb", type=int, default=256, help="memory it may use (256)")
    run.add_argument(
        "--input",
        type=Path,
        action="append",
        default=[],
        metavar="F",
        help="a file, laid in /box/in/; may be repeated",
    )
    run.add_argument("--stdin", action="store_true", help="read standard input to its end and pass it on")
    run.add_argument("--out", type=Path, metavar="DIR", help="where the files of /box/out/ go")
    run.add_argument(
        "--json", action="store_true", help="print the outcome as JSON: how it ended, code, output, files"
    )
    commands.add_parser("images", help="build the images that are missing (some minutes, the first time)")
    commands.add_parser("engine", help="say whether a Docker engine answers (exit 3: none)")
    commands.add_parser("reap", help="remove boxes that are past their deadline, whoever made them")
    gate = commands.add_parser(
        "gate", help="serve a socket through which an engine makes sealed boxes and does nothing else"
    )
    gate.add_argument("--listen", required=True, metavar="PATH", help="the socket to make")
    gate.add_argument("--engine", default="/var/run/docker.sock", metavar="PATH", help="the engine's own")
    bench = commands.add_parser(
        "bench", help="what a box costs on this machine, against a bare python3 process"
    )
    bench.add_argument("--runs", type=int, default=30, help="of each kind (30; some 2 seconds a run)")
    return parser


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


def _gate(listen: str, engine: str) -> int:
    from sandbox.gate import serve

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve(listen, engine)
    except KeyboardInterrupt:
        pass
    except OSError as problem:
        print(f"The gate cannot listen at {listen}: {problem.strerror}", file=sys.stderr)
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


def _bench(runs: int) -> int:
    """A pool hit, a miss and a bare process, in turns: median milliseconds and ratios."""
    from sandbox.measure import table

    print(table(runs))
    return 0


def _run(options: argparse.Namespace) -> int:
    name = options.file.name
    language = catalog.language_of(name) or catalog.languages()[0]
    try:
        files = {name: options.file.read_bytes()}
        files |= {f"in/{path.name}": path.read_bytes() for path in options.input}
    except OSError as problem:
        print(f"{problem.filename}: {problem.strerror}", file=sys.stderr)
        return 2
    limits = Limits(time_s=options.time_s, memory_bytes=options.memory_mb * MIB)
    stdin = sys.stdin.buffer.read() if options.stdin else b""

    def show(stream: str, text: str) -> None:
        out = sys.stdout if stream == "stdout" else sys.stderr
        out.write(text)
        out.flush()

    source = Source(options.image or language.image, (*language.start, name, *options.arguments), files)
    outcome = sandbox.run(source, limits=limits, stdin=stdin, on_output=None if options.json else show)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for artifact in outcome.artifacts:
            (options.out / artifact.name).write_bytes(artifact.data)
    if options.json:
        print(json.dumps(outcome.as_json(), ensure_ascii=False))
    else:
        what = next((x for x in (outcome.code, outcome.signal) if x is not None), "")
        if not outcome.ok:
            print(f"ended: {outcome.ended} {what}".rstrip(), file=sys.stderr)
        for note in outcome.notes:
            print(f"note: {note}", file=sys.stderr)
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main())
