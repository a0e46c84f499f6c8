"""Each file in a process of its own, with less memory and time than the box has: one bad file spoils no other."""

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from . import documents, texts

MEMORY = 400 * 1024 * 1024
FILE_S = 10.0
ALL_S = 27.0
ANSWER = 400_000  # bytes that one file may answer
PICTURES = 4
MAGIC = (
    (b"%PDF-", "pdf"), (b"\x89PNG\r\n\x1a\n", "picture"), (b"\xff\xd8\xff", "picture"), (b"GIF8", "picture"),
    (b"BM", "picture?"), (b"II*\0", "picture"), (b"MM\0*", "picture"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0", "old Office document"), (b"\x1f\x8b", "gzip archive"), (b"BZh", "bzip2 archive"),
    (b"7z\xbc\xaf", "7z archive"), (b"\xfd7zXZ", "xz archive"), (b"Rar!", "rar archive"), (b"\x7fELF", "program"),
    (b"MZ", "program?"), (b"SQLite format 3\0", "SQLite database"), (b"ID3", "sound"), (b"OggS", "sound"),
    (b"fLaC", "sound"), (b"\x1aE\xdf\xa3", "video"),
)  # fmt: skip


def magic(data: bytes) -> str:
    """What the first bytes say: pdf, picture, zip, or a thing that is only named; "" for text or nothing known."""
    if data[4:8] == b"ftyp":
        return "picture" if data[8:12] in (b"avif", b"avis") else "video"
    if data[:4] == b"RIFF":
        return {b"WEBP": "picture", b"WAVE": "sound"}.get(data[8:12], "video")
    kind = next((kind for mark, kind in MAGIC if data.startswith(mark)), "")
    if kind.endswith("?"):  # two letters that a text may begin with too
        return kind[:-1] if b"\0" in data[:200] else ""
    return kind


def look(name: str, data: bytes, show: bool) -> dict[str, Any]:
    ending = name.lower().rsplit(".", 1)[-1] if "." in name else ""
    kind = magic(data)
    if kind == "pdf":
        return documents.pdf(data)
    if kind == "picture":
        return documents.picture(data, show)
    if kind == "zip":
        return documents.workbook(data) if ending in {"xlsx", "xlsm"} else documents.archive(data)
    if kind:
        return {"kind": "other", "what": kind}
    if ending in {"csv", "tsv", "tab"}:
        return texts.separated(data, "\t" if ending != "csv" else ",")
    text = b"\0" not in data[:8000] or data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not text:
        return {"kind": "other", "what": "unknown"}
    if ending in {"json", "jsonl", "ndjson", "geojson"}:
        return texts.structured(data)
    return texts.words(data)


def answer(name: str, path: str, show: bool) -> dict[str, Any]:
    """The facts of one file, or what kept us from them."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        return look(name, data, show)
    except MemoryError:
        return {"kind": "other", "note": "too_large"}
    except Exception as problem:  # whatever a parser does with a stranger's bytes, it is the bytes that are odd
        sys.stderr.write(f"{name[:60]!a}: {problem!r:.200}\n")
        return {"kind": "other", "what": magic(data)[:40] or "unknown", "note": "broken"}


def apart(work: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What `work` answers in a child of ours within `seconds`; a child that dies or is slow costs only itself."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(FILE_S), int(FILE_S) + 1))
        with os.fdopen(writing, "wb") as out:
            out.write(json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    got, until = b"", time.monotonic() + seconds
    while len(got) <= ANSWER and (left := until - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            continue
        block = os.read(reading, 65536)
        if not block:
            break
        got += block
    late = time.monotonic() >= until
    os.close(reading)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        made: dict[str, Any] = json.loads(got)
    except ValueError:
        return {"kind": "other", "note": "slow" if late else "too_large"}
    return made


def main() -> None:
    with open("files.json", encoding="utf-8") as file:
        job = json.load(file)
    until = time.monotonic() + ALL_S
    found: dict[str, Any] = {}
    pictures = 0
    for name, path in job["files"]:
        left = until - time.monotonic()
        if left < 0.2:
            found[name] = {"kind": "other", "note": "slow"}
            continue
        show = job["pictures"] and pictures < PICTURES
        found[name] = apart(lambda n=name, p=path, s=show: answer(n, p, s), min(FILE_S, left))  # type: ignore[misc]
        pictures += "picture" in found[name]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
