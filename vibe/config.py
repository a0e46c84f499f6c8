"""The environment, read once into a frozen Config. Every bad value is named in one message at start.

Knows nothing of Django: settings.py turns a Config into Django's settings.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from vibe.caps import Caps, read_caps

ROOT = Path(__file__).resolve().parent.parent


class BadConfig(Exception):
    """Raised once, at start, naming every bad value."""


class Given(Mapping[str, str]):
    """The environment, where NAME_FILE may stand for NAME: a file that holds the value, as Docker hands out secrets.

    An empty file counts as not given. What cannot be read is added to `wrong`, once, and never with what is in it.
    """

    def __init__(self, env: Mapping[str, str], wrong: list[str]) -> None:
        self._env, self._wrong = env, wrong
        self._read: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        path = self._env.get(f"{name}_FILE", "")
        if not path or name in BY_ITSELF:
            return self._env[name]
        if name not in self._read:
            self._read[name] = self._of_file(name, path)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)

    def _of_file(self, name: str, path: str) -> str:
        if self._env.get(name):
            self._wrong.append(f"{name} and {name}_FILE must not be set both")
            return ""
        try:
            data = Path(path).read_bytes()[: MOST_OF_FILE + 1]
            text = data.decode("utf-8").strip()
        except (OSError, ValueError) as problem:
            why = (problem.strerror if isinstance(problem, OSError) else None) or "not text"
            self._wrong.append(f"{name}_FILE must name a file that can be read, got {path[:200]!r} ({why})")
            return ""
        if len(data) > MOST_OF_FILE or any(c in text for c in "\n\r\0"):
            self._wrong.append(f"{name}_FILE must name a file of one line, got {path[:200]!r}")
            return ""
        return text


MOST_OF_FILE = 16_384  # bytes
BY_ITSELF = {"DOCKER_HOST", "SANDBOX_RUNTIME", "VIBE_LOG"}  # also read by what knows nothing of this rule


def overridden(env: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    """`env` with these settings (None: without them), whether it names them or a file that holds them."""
    gone = {*given, *(f"{name}_FILE" for name in given)}
    kept = {name: value for name, value in env.items() if name not in gone}
    return kept | {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Config:
    """What the environment asks for (DESIGN §4). Everything is optional; secrets stay out of the repr."""

    var: Path
    port: int
    origin: str
    content_origin: str  # holds "{card}", or equals `origin` in single-origin mode
    database_url: str
    redis_url: str
    docker_host: str
    sandbox_runtime: str
    model_key: str
    model_url: str
    model: str
    quick_model: str
    image_model: str
    secret_key: str
    lan: bool
    proxies: int  # trusted ones in front of the pages, each of which adds one address to X-Forwarded-For
    caps: Caps
    log_level: str = ""  # "": WARNING, and INFO of our own
    log_json: bool = False
    metrics_at: tuple[str, int] | None = None  # where a worker, which has no pages, serves its figures
    metrics_token: str = ""

    def __repr__(self) -> str:
        return f"Config(var={str(self.var)!r}, origin={self.origin!r}, embedded={self.embedded})"

    @property
    def embedded(self) -> bool:
        """One process does everything; there is no Redis."""
        return not self.redis_url

    @property
    def single_origin(self) -> bool:
        """Cards are served from the app's own origin, sealed by header alone (phones at home)."""
        return "{card}" not in self.content_origin

    @property
    def local_only(self) -> bool:
        """Only who sits at this machine can open it."""
        return _local_only(embedded=self.embedded, lan=self.lan, origin=self.origin)

    @classmethod
    def read(cls, env: Mapping[str, str], root: Path = ROOT) -> "Config":
        """The Config of `env`. Raises BadConfig that lists every wrong value, what came and what was expected.

        Makes the var folder and, the first time, a secret key in it (mode 600).
        """
        wrong: list[str] = []
        env = Given(env, wrong)
        var = Path(env.get("VIBE_VAR") or "var")
        var = var if var.is_absolute() else root / var
        port = _port(env.get("VIBE_PORT", "8000"), wrong)
        origin = _origin("VIBE_ORIGIN", env.get("VIBE_ORIGIN") or f"http://localhost:{port}", wrong)
        content = env.get("VIBE_CONTENT_ORIGIN") or f"http://{{card}}.localhost:{port}"
        content = _origin("VIBE_CONTENT_ORIGIN", content, wrong)
        redis = env.get("REDIS_URL", "")
        if redis and _scheme(redis) not in {"redis", "rediss"}:
            wrong.append(f"REDIS_URL must begin with redis:// or rediss://, got {redis[:40]!r}")
        database = env.get("DATABASE_URL", "")
        known = {"sqlite", "postgres", "postgresql"}
        if database and _scheme(database) not in known:
            wrong.append(f"DATABASE_URL must begin with sqlite:// or postgres://, got {database[:20]!r}")
        redis = _with_password(redis, env.get("REDIS_PASSWORD", ""))
        database = _with_password(database, env.get("DATABASE_PASSWORD", ""))
        runtime = env.get("SANDBOX_RUNTIME") or "runc"
        if runtime not in {"runc", "runsc"}:
            wrong.append(f"SANDBOX_RUNTIME must be runc or runsc, got {runtime!r}")
        url = env.get("OPENAI_BASE_URL", "").strip().rstrip("/")
        if url and not _is_address(url):
            wrong.append(f"OPENAI_BASE_URL must be like http://localhost:11434/v1, got {url[:40]!r}")
        key = env.get("OPENAI_API_KEY", "").strip()
        if any(not 33 <= ord(c) <= 126 for c in key):  # never shown: it is a secret
            wrong.append("OPENAI_API_KEY must be letters, digits and signs only, without spaces or line ends")
        lan = env.get("VIBE_LAN") == "1"
        proxies = env.get("VIBE_PROXIES") or "0"
        if proxies not in set("0123456789"):
            wrong.append(f"VIBE_PROXIES must be a number from 0 to 9, got {proxies[:20]!r}")
            proxies = "0"
        caps = read_caps(env, own=_local_only(embedded=not redis, lan=lan, origin=origin), wrong=wrong)
        secret = env.get("SECRET_KEY", "")
        metrics_at = _place("VIBE_METRICS", env.get("VIBE_METRICS", ""), wrong)
        level, as_json = _log(env.get("VIBE_LOG", ""), wrong)
        token = env.get("VIBE_METRICS_TOKEN", "").strip()
        if token and (len(token) < 16 or any(not 33 <= ord(c) <= 126 for c in token)):
            wrong.append("VIBE_METRICS_TOKEN must be at least 16 letters, digits and signs, without spaces")
        if wrong:
            raise BadConfig("These settings cannot be used:\n" + "\n".join(f"  - {w}" for w in wrong))
        return cls(
            var=var,
            port=port,
            origin=origin,
            content_origin=content,
            database_url=database or f"sqlite:///{var / 'vibe.sqlite3'}",
            redis_url=redis,
            docker_host=env.get("DOCKER_HOST", ""),
            sandbox_runtime=runtime,
            model_key=key,
            model_url=url,
            model=env.get("VIBE_MODEL", ""),
            quick_model=env.get("VIBE_QUICK_MODEL", ""),
            image_model=env.get("VIBE_IMAGE_MODEL", ""),
            secret_key=secret or _own_secret(var),
            lan=lan,
            proxies=int(proxies),
            caps=caps,
            log_level=level,
            log_json=as_json,
            metrics_at=metrics_at,
            metrics_token=token,
        )


def _local_only(*, embedded: bool, lan: bool, origin: str) -> bool:
    return embedded and not lan and _host(origin) == "localhost"


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _port(text: str, wrong: list[str]) -> int:
    if text.isdecimal() and len(text) < 6 and 0 < int(text) < 65536:
        return int(text)
    wrong.append(f"VIBE_PORT must be a number from 1 to 65535, got {text!r}")
    return 8000


def _place(name: str, text: str, wrong: list[str]) -> tuple[str, int] | None:
    host, _, port = text.rpartition(":")
    if not text:
        return None
    if host and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536:
        return host.strip("[]"), int(port)
    wrong.append(f"{name} must be an address and a port, like 127.0.0.1:9464, got {text[:40]!r}")
    return None


LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _log(text: str, wrong: list[str]) -> tuple[str, bool]:
    """The level, "" when none is named, and whether lines are JSON: `json`, `DEBUG`, `json,INFO`."""
    words = [word.upper() for word in text.replace(",", " ").split()]
    levels = [word for word in words if word in LEVELS]
    if len(levels) > 1 or set(words) - {*LEVELS, "JSON"}:
        wrong.append(
            f"VIBE_LOG must be json, or one of {', '.join(LEVELS)}, or both, as in json,INFO; got {text[:40]!r}"
        )
    return (levels[0] if levels else ""), "JSON" in words


def _origin(name: str, text: str, wrong: list[str]) -> str:
    parts = urlsplit(text) if _is_address(text) else None
    if parts is None or parts.path not in {"", "/"} or parts.query:
        wrong.append(f"{name} must be like http://localhost:8000, without a path, got {text[:60]!r}")
    return text.rstrip("/")


def _scheme(text: str) -> str:
    try:
        return urlsplit(text).scheme
    except ValueError:
        return ""


def _with_password(url: str, password: str) -> str:
    """`url` with this password in place of its own; as it is where there is none, or no server it could be for."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if not password or not parts.hostname:
        return url
    user, _, host = ("@" + parts.netloc).rpartition("@")
    name = user.lstrip("@").partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}:{quote(password, safe='')}@{host}"))


def _is_address(text: str) -> bool:
    """Whether it is http or https to some host, with a port that exists."""
    try:
        parts = urlsplit(text.replace("{card}", "card"))
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port past 65535
        return False


def _own_secret(var: Path) -> str:
    path = var / "secret-key"
    if not path.exists():
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48), encoding="utf-8")
        try:
            path.hardlink_to(fresh)  # two processes that start together agree on one key
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="utf-8").strip()
