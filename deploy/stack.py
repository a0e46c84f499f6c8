"""One stack: its folder (.env, secrets, backups), its compose project, and what compose is told."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from deploy import secret_files

ROOT = Path(__file__).resolve().parent.parent
HOST_CERTS = Path("/usr/local/share/ca-certificates")
BUILT = ("web", "proxy", "redis", "postgres")  # worker, migrate and gate are the image of web
FIRST_ENV = """# The stack of compose.yaml on this machine; web and worker find each line in their environment.
# Secrets do not belong here: they are files under secrets/. What else can be set: docs/operating.md.
#VIBE_SITE=vibe.example
#VIBE_CARDS=cards.example
#VIBE_LISTEN=0.0.0.0
#VIBE_HTTPS=443
#VIBE_HTTP=80
#OPENAI_BASE_URL=https://api.openai.com/v1
#VIBE_MODEL=
"""
SECRET = ("OPENAI_API_KEY", "SECRET_KEY", "DATABASE_PASSWORD", "REDIS_PASSWORD")


class Trouble(Exception):
    """Raised with one sentence for the operator: what is wrong and what to do."""


class Stack:
    """`folder` is the checkout unless a second stack is wanted; `project` names its containers and volumes."""

    def __init__(self, folder: Path = ROOT, project: str = "vibe") -> None:
        self.folder, self.project = folder.resolve(), project
        self.env_file, self.secrets = self.folder / ".env", self.folder / "secrets"

    # --- settings ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, str]:
        """What .env says, without quotes and comments."""
        lines = self.env_file.read_text(encoding="utf-8").splitlines() if self.env_file.exists() else []
        pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
        return {name.strip(): value.strip().strip("'\"") for name, value in pairs}

    def setting(self, name: str, default: str) -> str:
        return os.environ.get(name) or self.settings.get(name) or default

    def set(self, name: str, value: str) -> None:
        """Write one line of .env, in its place or at the end."""
        lines = self.env_file.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith(f"{name}=")]
        self.env_file.write_text("\n".join([*kept, f"{name}={value}"]) + "\n", encoding="utf-8")

    @property
    def site(self) -> str:
        return self.setting("VIBE_SITE", "vibe.localhost:8443")

    @property
    def cards(self) -> str:
        return self.setting("VIBE_CARDS", "cards.localhost:8443")

    def prepare(self) -> None:
        """Make what is missing of .env, secrets and certificate; refuse what cannot work. Changes nothing that is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.env_file.exists():
            self.env_file.write_text(FIRST_ENV, encoding="utf-8")
        if there := [name for name in SECRET if self.settings.get(name)]:
            raise Trouble(f"{there[0]} does not belong into .env: put it into a file under {self.secrets}/.")
        secret_files.make(self.secrets)
        secret_files.certificate(self.secrets, self.site.partition(":")[0], self.cards.partition(":")[0])
        for path in sorted((self.secrets / "tls").glob("*")):
            if not path.stat().st_mode & 0o004:
                raise Trouble(
                    f"The proxy, which has a user of its own, cannot read {path}: chmod 644 it. The folder is for you alone."
                )
        key = (self.secrets / "openai_api_key").read_text(encoding="utf-8").strip()
        if key and not (self.settings.get("OPENAI_BASE_URL") and self.settings.get("VIBE_MODEL")):
            raise Trouble(
                "There is a model key: name its address and model in .env (OPENAI_BASE_URL, VIBE_MODEL)."
            )

    # --- compose ----------------------------------------------------------------------------------------------------

    def compose(self, *args: str, **more: Any) -> "subprocess.CompletedProcess[bytes]":
        """Run compose on this stack. Raises Trouble when it fails."""
        files = ["-f", str(ROOT / "compose.yaml")]
        files += ["-f", str(ROOT / "compose.debian.yaml")] if self.is_debian else []
        command = [*_tool(), "-p", self.project, "--env-file", str(self.env_file), *files, *args]
        return run(command, env=self._environment(), cwd=ROOT, **more)

    def _environment(self) -> dict[str, str]:
        more = {"VIBE_ENV": str(self.env_file), "VIBE_SECRETS": str(self.secrets)}
        wanted = self.setting("DOCKER_SOCKET", "/var/run/docker.sock")
        if not self.setting("DOCKER_GID", "") and os.path.exists(wanted):
            more["DOCKER_GID"] = str(os.stat(wanted).st_gid)
        if not shutil.which("docker-buildx") and not _has_buildx():
            more |= {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}
        return {**os.environ, **more}

    @property
    def is_debian(self) -> bool:
        """Whether the images are made from Debian's packages: VIBE_IMAGES says so, or our own base is there."""
        wanted = self.setting("VIBE_IMAGES", "")
        if wanted not in {"", "public", "debian"}:
            raise Trouble(f"VIBE_IMAGES must be public or debian, got {wanted[:20]!r}.")
        if not wanted:
            from sandbox.build import OWN_BASE

            found = run(["docker", "image", "inspect", OWN_BASE], check=False, capture_output=True)
            return found.returncode == 0
        return wanted == "debian"

    def container(self, service: str) -> str:
        """The id of one container of a service. Raises Trouble when there is none."""
        listed = self.compose("ps", "-q", service, capture_output=True).stdout.decode().split()
        if not listed:
            raise Trouble(f"The service {service} does not run: start the stack first.")
        return listed[0]

    def inside(self, command: list[str], **more: Any) -> "subprocess.CompletedProcess[bytes]":
        """Run a command in a fresh container of the app that has the files of the stack and nothing else."""
        image = f"vibe-app:{self.setting('VIBE_RELEASE', 'local')}"
        return run(
            ["docker", "run", "--rm", "-i", "--network", "none", "--read-only", "--cap-drop", "ALL", "--log-driver", "none",
             "-v", f"{self.project}_files:/var/lib/vibe", "-w", "/var/lib/vibe", image, *command], **more
        )  # fmt: skip

    # --- what an operator does --------------------------------------------------------------------------------------

    def build(self) -> None:
        """Images of the boxes and of the stack; what is built already is a look-up."""
        import sandbox
        from sandbox.build import build_all

        build_all(sandbox.default_engine().client, lambda line: print(f"· {line}", flush=True))
        for cert in HOST_CERTS.glob("*.crt") if HOST_CERTS.is_dir() else ():
            shutil.copy(
                cert, ROOT / "deploy" / "certs"
            )  # behind a private authority pip reaches its index only with it
        self.compose("build", "--quiet", *BUILT)

    def up(self) -> None:
        self.prepare()
        self.build()
        counts = [f"worker={self.setting('VIBE_WORKERS', '1')}", f"web={self.setting('VIBE_PAGES', '1')}"]
        scale = [word for count in counts for word in ("--scale", count)]
        self.compose("up", "-d", "--no-build", "--remove-orphans", *scale)
        self.wait()

    def wait(self, seconds: float = 120.0) -> None:
        """Until a page comes through the proxy. Raises Trouble with what to look at."""
        until = time.monotonic() + seconds
        while not self.answers():
            if time.monotonic() > until:
                raise Trouble("No page came within two minutes: look at  make logs")
            time.sleep(0.5)

    def answers(self) -> bool:
        name, _, _ = self.site.partition(":")
        listen = self.setting("VIBE_LISTEN", "127.0.0.1")
        at = "127.0.0.1" if listen == "0.0.0.0" else listen  # noqa: S104
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = (
            False,
            ssl.CERT_NONE,
        )  # whose certificate it is, browsers ask
        talk = HTTPSConnection(at, int(self.setting("VIBE_HTTPS", "8443")), timeout=5, context=context)
        try:
            raw = socket.create_connection((at, talk.port), 5)
            talk.sock = context.wrap_socket(raw, server_hostname=name)
            talk.request("GET", "/readyz", headers={"Host": self.site})
            return talk.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            talk.close()

    def scale(self, service: str, count: int) -> None:
        """So many workers or pages from now on, and after the next start too. What runs goes on."""
        name = {"worker": "VIBE_WORKERS", "web": "VIBE_PAGES"}[service]
        self.set(name, str(count))
        self.compose(
            "up", "-d", "--no-build", "--no-deps", "--no-recreate", "--scale", f"{service}={count}", service
        )

    def down(self, *, volumes: bool = False) -> None:
        self.compose("down", "--remove-orphans", *(["--volumes"] if volumes else []))


def run(command: list[str], **more: Any) -> "subprocess.CompletedProcess[bytes]":
    """Raises Trouble when the command fails or is not there."""
    check = more.pop("check", True)
    try:
        done = subprocess.run(command, check=False, **more)  # noqa: S603
    except FileNotFoundError as problem:
        raise Trouble(f"{command[0]} is not installed.") from problem
    if check and done.returncode:
        said = (done.stderr or b"").decode("utf-8", "replace").strip()[-600:]
        raise Trouble(f"{' '.join(command[:2])} … {command[-1]} failed ({done.returncode}). {said}")
    return done


def _tool() -> list[str]:
    """`docker compose` where it is, else docker-compose. Raises Trouble when neither is."""
    if run(["docker", "compose", "version"], check=False, capture_output=True).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise Trouble("The stack needs compose: install docker-compose, or the compose plugin of Docker.")


def _has_buildx() -> bool:
    return run(["docker", "buildx", "version"], check=False, capture_output=True).returncode == 0
