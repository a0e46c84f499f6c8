"""Backup and restore: a folder with the dump of the database, the files, and what they were made of.

The dump is one moment of the database. A file is written before its row and deleted after it, so every file that the
dump names is among those that were there before the dump or are there after it: both are kept, the first by links.
"""

import hashlib
import json
import shutil
import tarfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from subprocess import DEVNULL
from typing import Any

from deploy import secret_files
from deploy.stack import Stack, Trouble, run

DUMP, FILES, SECRETS, ABOUT = "database.dump", "files.tar", "secrets.tar", "about.json"
TAKEN = (
    "secret_key",
    "openai_api_key",
    "tls",
    "own-authority.key",  # where there is one: the certificate is renewed with it
)  # of the secrets; passwords between containers are each machine's own
# Links into a folder beside them; run twice with one name it adds what came in between.
LINK = """import os, sys
for folder, folders, files in os.walk("."):
    folders[:] = [name for name in folders if not (folder == "." and name.startswith(".backup"))]
    os.makedirs(os.path.join(sys.argv[1], folder), exist_ok=True)
    for name in files:
        try: os.link(os.path.join(folder, name), os.path.join(sys.argv[1], folder, name))
        except (FileExistsError, FileNotFoundError): pass"""
# Of a backup that was killed: they would hold what is deleted for ever.
OLD_LINKS = [
    "find",
    ".",
    "-maxdepth",
    "1",
    "-name",
    ".backup-*",
    "-mmin",
    "+1440",
    "-exec",
    "rm",
    "-rf",
    "{}",
    "+",
]
WAIT_S = 120


def backup(stack: Stack, to: Path | None = None, *, with_secrets: bool = False) -> Path:
    """Into a new folder (backups/<time> unless one is named), while everything goes on. The folder."""
    to = (to or stack.folder / "backups" / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}").resolve()
    postgres = stack.container("postgres")
    links = f".backup-{token_hex(4)}"
    to.mkdir(mode=0o700, parents=True, exist_ok=False)
    stack.inside(OLD_LINKS, check=False)
    try:
        stack.inside(["python3", "-c", LINK, links])
        with _new(to / DUMP) as out:
            run(
                ["docker", "exec", postgres, "pg_dump", "-U", "vibe", "-d", "vibe", "--format=custom"],
                stdout=out,
            )
        stack.inside(["python3", "-c", LINK, links])
        with _new(to / FILES) as out:
            stack.inside(["tar", "-C", links, "-c", "."], stdout=out)
        if with_secrets:
            with _new(to / SECRETS) as out, tarfile.open(fileobj=out, mode="w") as packed:
                for name in TAKEN:
                    if (stack.secrets / name).exists():
                        packed.add(stack.secrets / name, name)
        about = {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "secret_key": fingerprint(stack),
            "sha256": {path.name: _digest(path) for path in sorted(to.iterdir())},
        }
        with _new(to / ABOUT) as out:  # last: a folder without it is none
            out.write(json.dumps(about, indent=1).encode())
    except BaseException:
        shutil.rmtree(to, ignore_errors=True)
        raise
    finally:
        stack.inside(["rm", "-rf", links], check=False)
    return to


def restore(stack: Stack, source: Path, *, other_key: bool = False) -> None:
    """Into a stack without a database yet, and start it. Raises Trouble before anything is changed."""
    about = verified(source)
    _secrets(stack, source)
    stack.prepare()
    if about["secret_key"] != fingerprint(stack) and not other_key:
        raise Trouble(
            f"The backup was made with another secret key than {stack.secrets}/secret_key: links of its cards would open "
            "nothing. Put its key there, or say --other-key."
        )
    stack.build()
    stack.compose("up", "-d", "--no-build", "postgres")
    stack.compose("run", "--rm", "--no-deps", "-T", "worker", "true", stdin=DEVNULL)  # makes its volumes
    postgres = stack.container("postgres")
    _wait(lambda: _sql(postgres, "SELECT 1") == "1")
    if _sql(postgres, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") != "0":
        raise Trouble(
            "There is a database in this stack already: nothing was changed. Restore into an empty one."
        )
    restoring = [
        "pg_restore",
        "-U",
        "vibe",
        "-d",
        "vibe",
        "--no-owner",
        "--single-transaction",
        "--exit-on-error",
    ]
    with (source / DUMP).open("rb") as dump:
        run(["docker", "exec", "-i", postgres, *restoring], stdin=dump)
    with (source / FILES).open("rb") as files:
        stack.inside(["tar", "-x", "-p"], stdin=files)
    stack.up()


def verified(source: Path) -> dict[str, Any]:
    """about.json of a whole backup. Raises Trouble for one that is cut short or was changed."""
    try:
        about: dict[str, Any] = json.loads((source / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise Trouble(f"{source} is no backup, or was not finished.") from problem
    sums: Mapping[str, str] = about["sha256"]
    for name, digest in sums.items():
        if not (source / name).is_file() or _digest(source / name) != digest:
            raise Trouble(f"{source / name} is not as it was written: take another backup.")
    return about


def fingerprint(stack: Stack) -> str:
    """Tells two secret keys apart and nothing about either."""
    key = (stack.secrets / "secret_key").read_bytes().strip()
    return hashlib.scrypt(key, salt=b"vibe backup", n=2**14, r=8, p=1).hex()[:32]


def _secrets(stack: Stack, source: Path) -> None:
    """Those of the backup, where this stack has none of its own yet."""
    if not (source / SECRETS).exists() or (stack.secrets / "secret_key").exists():
        return
    stack.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    (stack.secrets / "tls").mkdir(exist_ok=True)
    with tarfile.open(source / SECRETS) as packed:
        for member in packed.getmembers():
            if member.isfile() and (data := packed.extractfile(member)):
                path = (stack.secrets / member.name).resolve()
                if path.parent not in {stack.secrets.resolve(), (stack.secrets / "tls").resolve()}:
                    raise Trouble(f"{source / SECRETS} holds more than secrets.")
                secret_files.write(path, data.read(), mode=0o400 if path.name == "own-authority.key" else 0o444)


def _sql(container: str, sql: str) -> str:
    asked = [
        "docker",
        "exec",
        container,
        "psql",
        "-h",
        "/var/run/postgresql",
        "-U",
        "vibe",
        "-d",
        "vibe",
        "-tAc",
        sql,
    ]
    return run(asked, check=False, capture_output=True).stdout.decode().strip()


def _wait(ask: Any) -> None:
    until = time.monotonic() + WAIT_S
    while not ask():
        if time.monotonic() > until:
            raise Trouble("The database does not answer: look at  make logs")
        time.sleep(0.5)


def _new(path: Path) -> Any:
    path.touch(mode=0o600, exist_ok=False)
    return path.open("wb")


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
