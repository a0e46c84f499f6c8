"""Finds model servers on this machine, at the ports where they usually are. Loopback only, 300 ms at most."""

import http.client
import json
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

TIMEOUT_S = 0.3
# 127.0.0.1, not localhost: where that resolves to ::1 first, these servers do not listen.
USUAL = {"Ollama": 11434, "LM Studio": 1234, "llama.cpp": 8080, "vLLM": 8000}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A model server has no reason to send us, and the key, somewhere else."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


@dataclass(frozen=True)
class Found:
    name: str
    base_url: str
    models: tuple[str, ...]


def detect(*, own_port: int = 0, ports: Mapping[str, int] = USUAL) -> list[Found]:
    """The servers that answer as a model server does. `own_port` is ours and never asked."""
    asked = [(name, port) for name, port in ports.items() if port != own_port]
    pool = ThreadPoolExecutor(max_workers=len(asked) or 1)
    answers = [pool.submit(_ask, *pair) for pair in asked]
    wait(answers, timeout=TIMEOUT_S)  # a server that dribbles would hold us longer than its socket's own limit
    pool.shutdown(wait=False, cancel_futures=True)
    return [found for answer in answers if answer.done() and (found := answer.result())]


def _ask(name: str, port: int) -> Found | None:
    base = f"http://127.0.0.1:{port}/v1"
    # Without proxies, and going nowhere else when told to: this request must not leave the machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)
    try:
        with opener.open(f"{base}/models", timeout=TIMEOUT_S) as reply:
            listed = json.loads(reply.read(1 << 20))
        models = tuple(str(m["id"]) for m in listed["data"] if "embed" not in str(m["id"]).lower())
    except (OSError, ValueError, KeyError, TypeError, RecursionError, http.client.HTTPException):
        return None
    return Found(name, base, models)
