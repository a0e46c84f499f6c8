"""Runs a Python file in a fork of the runner, in which the usual libraries are imported already.

To the program, and to who reads what it prints, it is `python3 file.py`: its own __main__, arguments, path, signals, exit
codes, tracebacks from its first line on, threads that are waited for, atexit, and objects that are deleted at the end.
What cannot be had alike goes the ordinary way: see can().
"""

import atexit
import builtins
import gc
import importlib
import os
import signal
import sys
import threading
import types
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from typing import Any

HERE = os.path.abspath(__file__)
PACKAGE = __name__.rpartition(".")[0]  # our modules, which a program shall not find
OURS = os.path.dirname(os.path.dirname(HERE))  # where they lie


def load(names: list[str], env: dict[str, str]) -> None:
    """Import modules as a program in a box would: under its environment. One that is not there is left out."""
    os.environ.clear()
    os.environ.update(env)
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    gc.collect()
    gc.freeze()  # what is here now lives as long as we: no collection in the program walks it again


def can(command: list[str], files: list[Any]) -> bool:
    """Whether `python3 FILE [arguments]` is asked for and nothing in the box bears the name of a module that we have:
    the program would get ours instead of its own."""
    if len(command) < 2 or command[0] not in ("python3", "python") or not command[1].endswith(".py"):
        return False
    if command[1].startswith("-") or not os.path.isfile(command[1]):
        return False
    # In the folder of the file, and anywhere else, since a program may put folders on its path.
    parts = {part for path, _ in files for part in path.split("/")}
    return not any(part.removesuffix(".py") in sys.modules for part in parts if part != PACKAGE)


def fork(command: list[str], begin: Callable[[], None]) -> int:
    """Run the file in a child, after `begin` there. Its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        restore_signals()
        begin()
        code = run(command)
    finally:
        os._exit(code)


def restore_signals() -> None:
    """As Python sets them at its start: a write to a closed pipe or beyond the file limit is an OSError, not the end."""
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(command: list[str]) -> int:
    """Be `python3 FILE arguments` until its end. The exit code."""
    path = os.path.abspath(command[1])
    main = types.ModuleType("__main__")
    main.__dict__.update(
        __file__=path,
        __builtins__=builtins,
        __loader__=SourceFileLoader("__main__", path),
        __cached__=None,
        __annotations__={},
    )
    for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]
    sys.modules["__main__"] = main
    sys.argv = command[1:]
    sys.orig_argv = list(command)
    sys.path[:] = [
        os.path.dirname(os.path.realpath(path)),
        *(p for p in sys.path if p != OURS),
    ]
    del command
    code = execute(path, main.__dict__)
    return finish(code, main)


def execute(path: str, namespace: dict[str, Any]) -> int:
    try:
        with open(path, "rb") as source:
            text = source.read()
        exec(compile(text, path, "exec", dont_inherit=True), namespace)
        return 0
    except BaseException as problem:
        ended = problem
    # Out of the handler: what a hook raises has not come "during handling" of anything.
    if isinstance(ended, SystemExit):
        return exit_code(ended.code)
    report(ended)
    return -signal.SIGINT if isinstance(ended, KeyboardInterrupt) else 1


def exit_code(code: Any) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 255
    sys.stderr.write(f"{code}\n")
    return 1


def report(problem: BaseException) -> None:
    """Through sys.excepthook, as the interpreter does, without the frames that are ours."""
    problem.__traceback__ = trace = theirs(problem)
    sys.last_type, sys.last_value, sys.last_traceback = type(problem), problem, trace
    try:
        sys.excepthook(type(problem), problem, trace)
        return
    except SystemExit:
        raise
    except BaseException as worse:
        second = worse
    sys.stderr.write("Error in sys.excepthook:\n")
    second.__traceback__ = theirs(second)
    sys.__excepthook__(type(second), second, second.__traceback__)
    sys.stderr.write("\nOriginal exception was:\n")
    sys.__excepthook__(type(problem), problem, trace)


def theirs(problem: BaseException) -> types.TracebackType | None:
    """Its traceback from the first frame on that is not ours."""
    trace = problem.__traceback__
    while trace and trace.tb_frame.f_code.co_filename == HERE:
        trace = trace.tb_next
    return trace


def finish(code: int, main: types.ModuleType) -> int:
    """What Py_FinalizeEx does that a program can notice, in its order: threads are waited for, atexit runs, output is
    flushed, the globals of __main__ go (names with one underscore first), then what only they held."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
    except BaseException as problem:
        report(problem)
    atexit._run_exitfuncs()
    failed = flush()
    sys.last_type = sys.last_value = sys.last_traceback = None
    names = list(main.__dict__)
    for name in [n for n in names if n.startswith("_") and not n.startswith("__")] + names:
        if name != "__builtins__":
            main.__dict__[name] = None
    gc.collect()
    failed = flush() or failed
    if code < 0:  # the end of an interrupted program is the signal itself
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return 120 if failed and code == 0 else code


def flush() -> bool:
    """Whether output was lost."""
    failed = False
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream and not stream.closed:
                stream.flush()
        except BaseException as problem:
            failed = failed or stream is sys.stdout
            if stream is sys.stdout:
                try:
                    sys.stderr.write(f"Exception ignored in: {stream!r}\n{type(problem).__name__}: {problem}\n")
                except BaseException:  # nobody reads
                    continue
    return failed
