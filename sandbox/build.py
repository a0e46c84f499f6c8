"""Builds the images of the boxes with the engine's classic builder, and the base where no registry answers.

An image is tagged by the hash of its folder, the runner and the base: building again what is built is a look-up.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sandbox.catalog import FOLDER, names, runner_files, tag
from sandbox.complaints import FULL
from sandbox.docker_engine import APIError, ImageNotFound, RequestException
from sandbox.errors import EngineUnavailable

PUBLIC_BASE = "python:3.11-slim-bookworm"
OWN_BASE = "vibe-base:bookworm"
HOST_CERTS = Path("/usr/local/share/ca-certificates")

TAIL = 6  # lines of a failed build that are told

Say = Callable[[str], None]


def build_all(client: Any, say: Say) -> None:
    """Build what is not built yet. Raises SandboxError with a sentence on what to do.

    Those that nothing can do without come first. One that fails does not keep the others from being built; the sentence
    names all that did, each with the last lines of its build. A full disk ends it at once.
    """
    missing = [name for name in names() if not _has(client, tag(name))]
    if not missing:
        return
    try:
        base = _base(client, say)
    except EngineUnavailable as problem:
        if problem.sentence == FULL:
            raise
        raise EngineUnavailable(f"{_which(missing)} could not be built.\n{problem.sentence}") from problem
    failed: dict[str, str] = {}
    for name in missing:
        say(f"Building image {name} (once; about a minute)")
        try:
            _build(client, name, base, say)
        except EngineUnavailable as problem:
            if problem.sentence == FULL:
                raise
            failed[name] = problem.sentence
    if failed:
        raise EngineUnavailable("\n".join([f"{_which(list(failed))} could not be built.", *failed.values()]))


def _which(images: list[str]) -> str:
    """The subject of a sentence, as in "Images browser and node"."""
    *others, last = images
    return f"Images {', '.join(others)} and {last}" if others else f"Image {last}"


def _has(client: Any, reference: str) -> bool:
    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


def _build(client: Any, name: str, base: str, say: Say) -> None:
    with tempfile.TemporaryDirectory(prefix="vibe-image-") as temporary:
        context = Path(temporary) / "context"
        shutil.copytree(FOLDER / name, context, ignore=shutil.ignore_patterns("__pycache__"))
        for place, path in runner_files().items():
            (context / place).parent.mkdir(exist_ok=True)
            shutil.copy(path, context / place)
        certs = context / "certs"
        certs.mkdir()
        (certs / ".keep").touch()
        for cert in HOST_CERTS.glob("*.crt") if HOST_CERTS.is_dir() else ():
            shutil.copy(cert, certs)  # a machine behind a private authority reaches registries only with it
        for path in context.rglob("*"):  # a careful umask here must not hide files from the user of the box
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        try:
            stream = client.api.build(
                path=str(context), tag=tag(name), buildargs={"BASE": base}, rm=True, forcerm=True, decode=True,
                labels={"vibe.image": name},
            )  # fmt: skip
            for line in _progress(name, stream):
                say(f"  {name}: {line}")
        except APIError as problem:
            said = trouble(name, problem.explanation or problem)
            raise EngineUnavailable(said) from problem
    client.images.get(tag(name)).tag(f"vibe-{name}", "latest")


def _progress(name: str, stream: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Step lines of a build. Raises EngineUnavailable with its last lines when the build fails."""
    tail: list[str] = []
    for part in stream:
        text = part.get("stream", "").rstrip()
        tail = [*tail, *text.splitlines()][-TAIL:]
        if text.startswith("Step "):
            yield text[:100]
        if problem := part.get("error"):
            raise EngineUnavailable(trouble(name, "\n  ".join([problem.strip(), *tail])))


def trouble(what: str, problem: Exception | str) -> str:
    """A sentence on what went wrong with a build. A full disk is what anybody can act on, whoever met it."""
    words = str(problem)
    return FULL if "no space left" in words.lower() else f"{what}: {words}"


# --- the base ---------------------------------------------------------------------------------------------------


def _base(client: Any, say: Say) -> str:
    """The public base where a registry answers, else our own, made from Debian packages."""
    if _has(client, OWN_BASE):
        return OWN_BASE
    if _has(client, PUBLIC_BASE):
        return PUBLIC_BASE
    before, client.api.timeout = client.api.timeout, 10
    try:
        client.images.get_registry_data(PUBLIC_BASE)
    except (APIError, RequestException):
        say("No image registry answers: making the base from Debian packages")
        return _debootstrap(client, say)
    finally:
        client.api.timeout = before
    return PUBLIC_BASE


def _debootstrap(client: Any, say: Say) -> str:
    if not shutil.which("debootstrap"):
        raise EngineUnavailable(
            f"No image registry answers and debootstrap is not installed: install it, or pull {PUBLIC_BASE} once."
        )
    main, security = _mirrors()
    with tempfile.TemporaryDirectory(prefix="vibe-base-") as temporary:
        root = Path(temporary) / "root"
        command = [
            "debootstrap",
            "--variant=minbase",
            "--include=python3,python3-venv,ca-certificates",
            "bookworm",
        ]
        made = subprocess.run(  # noqa: S603
            [*command, str(root), main], capture_output=True, text=True, check=False
        )
        if made.returncode:
            said = trouble("debootstrap failed (it needs root)", f"{made.stdout[-400:]} {made.stderr[-200:]}")
            raise EngineUnavailable(said)
        lists = f"deb {main} bookworm main\ndeb {main} bookworm-updates main\ndeb {security} bookworm-security main\n"
        (root / "etc/apt/sources.list").write_text(lists, encoding="utf-8")
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
        say("  base: importing")
        packed = Path(temporary) / "base.tar"
        tar = ["tar", "-C", str(root), "--numeric-owner", "--exclude=./dev/*", "-cf", str(packed), "."]
        packing = subprocess.run(tar, capture_output=True, text=True, check=False)  # noqa: S603
        if packing.returncode:
            raise EngineUnavailable(trouble("The base could not be packed", packing.stderr[-400:]))
        repository, _, label = OWN_BASE.partition(":")
        client.api.import_image_from_file(str(packed), repository=repository, tag=label)
    return OWN_BASE


def _mirrors() -> tuple[str, str]:
    """(main, security): the mirrors that apt here uses already, else Debian's own names."""
    found: dict[str, str] = {}
    paths = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for path in paths:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for uri in re.findall(r"^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(\S+)", text, re.MULTILINE):
            kind = "security" if "security" in uri else "main" if re.search(r"/debian/?$", uri) else ""
            if kind:
                found.setdefault(kind, uri.rstrip("/"))
    return (
        found.get("main", "http://deb.debian.org/debian"),
        found.get("security", "http://deb.debian.org/debian-security"),
    )
