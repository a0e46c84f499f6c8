"""What a program printed, short enough and clean enough for a model: it is a stranger's text and mostly repetition."""

import re
from collections.abc import Collection, Iterator

from vibe.generation.steps import Json

LINES = 30  # kept of the beginning and of the end
BYTES = 2000
LINE = 300  # characters of one line
BLOCK = 3  # lines of the longest pattern that is folded

ESCAPES = re.compile(
    r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|\[[0-?]*[ -/]*[@-~]?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
PYTHON_FRAME = re.compile(r'^\s*File "([^"]+)", line \d+')
SCRIPT_FRAME = re.compile(r"^\s+at (?:.*\()?(.*?):\d+:\d+\)?$")


def plain(text: str) -> str:
    """Without terminal escapes and control characters; of a line that was written over, what stood there last."""
    text = ESCAPES.sub("", text).replace("\r\n", "\n")
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return "\n".join("".join(c for c in line if c.isprintable() or c == "\t") for line in lines)


def trim(text: str, own: Collection[str] = ()) -> str:
    """At most 2 kB: repeats folded, frames of other files than `own` (paths) left out, the middle cut away."""
    short = [line[:LINE].rstrip() + ("…" if len(line) > LINE else "") for line in plain(text).split("\n")]
    lines = list(_folded(list(_own_frames(short, own))))
    if len(lines) > 2 * LINES:
        left = len(lines) - 2 * LINES
        lines = [*lines[:LINES], f"… {left} lines left out …", *lines[-LINES:]]
    return _middle_cut("\n".join(lines).strip("\n"))


def _own_frames(lines: list[str], own: Collection[str]) -> Iterator[str]:
    dropped, inside = 0, False
    for line in lines:
        frame = PYTHON_FRAME.match(line) or SCRIPT_FRAME.match(line)
        if frame:
            inside = not _is_own(frame[1], own)
            dropped += inside
        elif inside and not line.startswith("    "):  # the code lines of a frame are indented below it
            inside = False
        if inside:
            continue
        if dropped:
            yield f"  … {dropped} frames of libraries …" if dropped > 1 else "  … a frame of a library …"
            dropped = 0
        yield line
    if dropped:
        yield "  … frames of libraries …"


def _is_own(path: str, own: Collection[str]) -> bool:
    bare = re.sub(r"^(?:https?://[^/]+/|file://)?(?:/?box/)?", "", path)
    return bare in own or bare in {"", "index.html"}


def _folded(lines: list[str]) -> Iterator[str]:
    """Runs of the same line, or of the same two or three lines, once and with how often."""
    at = 0
    while at < len(lines):
        for size in range(1, BLOCK + 1):
            block, times = lines[at : at + size], 1
            while lines[at + times * size : at + (times + 1) * size] == block:
                times += 1
            if times > 1 and (any(block) or size == 1):
                break
        else:
            size, times = 1, 1
        yield from lines[at : at + size - 1]
        last = lines[at + size - 1]
        if times == 1 or not any(lines[at : at + size]):
            yield last
        else:
            yield f"{last} × {times}" if size == 1 else f"{last} (these {size} lines × {times})"
        at += size * times


def _middle_cut(text: str) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= BYTES:
        return text
    half = BYTES // 2 - 20
    head, tail = data[:half].decode("utf-8", "ignore"), data[-half:].decode("utf-8", "ignore")
    return f"{head}\n… cut …\n{tail}"


def last_run(answer: Json, own: Collection[str]) -> str:
    """What a Run step's answer showed, in few lines; "" when there was no run. `own`: paths of the program's files."""
    if "runs" in answer:
        first = next((r for r in answer["runs"] if r.get("check") == "sample"), None)
        if first is None:
            return ""
        o = first["outcome"]
        ended = f"exit code {o.get('code')}" if o.get("ended") == "exit" else str(o.get("ended"))
        texts = [str(o.get(stream) or "") for stream in ("stdout", "stderr")]
        return _middle_cut("\n".join([f"It ended with {ended}.", *[trim(t, own) for t in texts if t.strip()]]))
    if "loaded" not in answer:
        return ""
    lines = ["It opened." if answer["loaded"] else f"It did not open: {answer.get('reason', '')}"]
    errors = [
        f"{e.get('file') or 'somewhere'}, line {e.get('line') or '?'}: {plain(str(e.get('text', '')))[:LINE]}"
        for e in answer.get("errors", [])
    ]
    for line in dict.fromkeys(errors):
        times = errors.count(line)
        lines.append(f"error: {line}{f' × {times}' if times > 1 else ''}")
    return _middle_cut("\n".join(lines))
