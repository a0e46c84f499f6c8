"""python -m sandbox run|images|engine|gate|reap|bench: the library from a shell, without the product."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import sandbox
from sandbox import BadSource, EngineUnavailable, SandboxError, Source, build, catalog
from sandbox.complaints import why
from sandbox.docker_engine import APIError, RequestException
from sandbox.limits import MIB, Limits

Number = TypeVar("Number", int, float)

ABOUT = """Run a program that nobody trusts, once, in a fresh sealed Docker box: no network, no capabilities, a strict
seccomp profile, a read-only root, and limits on time, memory, processes, output and disk.

  python -m sandbox images                    build the images, once
  python -m sandbox run hello.py              run a file; its output is yours
  python -m sandbox run --json --input a.csv --out results count.py -- --column 2
"""
RUN = """The file is laid in /box and started by its ending (.py, .js, .sh, .c, .cpp, .rs), in /box. Files given with
--input are in /box/in/ there; what the program writes to /box/out/ is brought back to --out.

Exit: 0 the program ended with 0 · 1 it ended in any other way (see --json) · 2 wrong usage, or a file that could not be
read or written · 3 no box could be run · 141 whoever read the output is gone."""
IMAGES = """Build those images of the boxes that this engine does not have in their current form, those that are needed most first.
The first time takes some minutes and 2 GB of disk; afterwards it is a look-up. Where no image registry answers, the
base is made from Debian packages (debootstrap, as root).

Exit: 0 all images are there · 2 wrong usage · 3 no engine answers, or a build failed; a line says which."""
ENGINE = """Ask the engine that DOCKER_HOST or Docker's current context names for a sign of life, and say why there is none.

Exit: 0 it answers · 2 wrong usage · 3 it does not."""
REAP = """Remove boxes that nobody will come for: past their deadline, or of an owner that is gone. Boxes end by themselves;
this is for what outlived a crash of the engine or the machine.

Exit: 0 none is left · 2 wrong usage · 3 no engine answers."""
GATE = """Serve a socket in place of the engine's: through it sealed boxes are made, used and removed, and nothing else can be
done. For a process that must not be root on its machine. Set its DOCKER_HOST to unix://PATH.
SANDBOX_RUNTIME names the runtime of the boxes (runsc: gVisor).

Exit: 0 it was told to end (SIGTERM, SIGINT) · 2 wrong usage · 3 it cannot listen there."""
BENCH = """Run the same small program as a bare process, in a box that stood ready and in one that is opened for it, in turns;
print medians and 95th percentiles in ms, and how many times a bare process that is.

Exit: 0 it was measured · 2 wrong usage · 3 no box could be run."""
ENVIRONMENT = """DOCKER_HOST names another engine (unix://, tcp:// with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, ssh://user@host),
SANDBOX_RUNTIME another runtime of it (runsc: gVisor)."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        code = _do(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Our reader is gone, as in `… | head -1`. What is left to print, and what Python says of that, is for nobody.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
        return 128 + signal.SIGPIPE
    except BadSource as problem:
        print(problem.sentence, file=sys.stderr)
        return 2
    except SandboxError as problem:
        print(problem.sentence, file=sys.stderr)
        return 3
    finally:
        if sandbox.default_engine.cache_info().currsize:
            sandbox.default_engine().close()


def _do(options: argparse.Namespace) -> int:
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


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=ABOUT, epilog=ENVIRONMENT, formatter_class=raw
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, brief: str, about: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=brief,
            description=about,
            formatter_class=raw,
            epilog="" if name == "gate" else ENVIRONMENT,
        )

    run = command("run", "run one file and print what happened", RUN)
    run.add_argument("file", type=Path, metavar="FILE", help="the program")
    run.add_argument("arguments", nargs="*", metavar="ARG", help="its own arguments, after --")
    run.add_argument(
        "--image", choices=catalog.names(), help="which box (by the ending of the file; else python)"
    )
    run.add_argument("--time-s", type=_within(float, 86_400), default=10.0, help="seconds it may run (10)")
    run.add_argument("--memory-mb", type=_within(int, 1 << 20), default=256, help="memory it may use (256)")
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
    command("images", "build the images that are missing (some minutes, the first time)", IMAGES)
    command("engine", "say whether a Docker engine answers (exit 3: none)", ENGINE)
    command("reap", "remove boxes that are past their deadline, whoever made them", REAP)
    gate = command(
        "gate", "serve a socket through which an engine makes sealed boxes and does nothing else", GATE
    )
    gate.add_argument("--listen", required=True, metavar="PATH", help="the socket to make")
    gate.add_argument("--engine", default="/var/run/docker.sock", metavar="PATH", help="the engine's own")
    bench = command("bench", "what a box costs on this machine, against a bare python3 process", BENCH)
    bench.add_argument(
        "--runs", type=_within(int, 10_000), default=30, help="of each kind (30; some 2 seconds a run)"
    )
    return parser


def _within(kind: type[Number], most: int) -> Callable[[str], Number]:
    """Reads a number above 0 and up to `most`."""

    def number(text: str) -> Number:  # argparse calls it by this name
        read = kind(text)
        if not 0 < read <= most:  # nor nan
            raise argparse.ArgumentTypeError(f"{text[:20]} is not above 0 and at most {most}")
        return read

    return number


def _engine() -> int:
    try:
        sandbox.default_engine().client.ping()
    except SandboxError as problem:
        print(problem.sentence)
        return 3
    except (APIError, RequestException) as problem:
        print(why(problem))
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
    try:
        client = sandbox.default_engine().client
        client.ping()
    except (APIError, RequestException) as problem:
        raise EngineUnavailable(why(problem)) from problem
    try:
        build.build_all(client, lambda line: print(f"· {line}", flush=True))
    except BrokenPipeError:
        raise
    except (APIError, RequestException, OSError) as problem:
        said = build.trouble("The images of the boxes could not be built", problem)
        raise EngineUnavailable(said[:400]) from problem
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
        for path in options.input:
            if f"in/{path.name}" in files:
                raise BadSource(
                    f"two files of --input cannot lie beside each other: both are called {path.name}"
                )
            files[f"in/{path.name}"] = path.read_bytes()
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
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
    unwritten = ""
    try:
        for artifact in outcome.artifacts if options.out else ():
            (options.out / artifact.name).write_bytes(artifact.data)
    except OSError as problem:
        unwritten = f"{problem.filename}: {problem.strerror}"
    if options.json:
        print(json.dumps(outcome.as_json(), ensure_ascii=False))
    else:
        what = next((x for x in (outcome.code, outcome.signal) if x is not None), "")
        if not outcome.ok:
            print(f"ended: {outcome.ended} {what}".rstrip(), file=sys.stderr)
        for note in outcome.notes:
            print(f"note: {note}", file=sys.stderr)
    if unwritten:
        print(unwritten, file=sys.stderr)
        return 2
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    for words in (sys.stdout, sys.stderr):
        words.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may not know every letter
    sys.exit(main())
