"""Connecting a model: is this address one we may call, does it list models, does it answer?"""

import json
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx2

from vibe.llm.address import PinnedPlain, by_proxy, is_nobodys, plain
from vibe.llm.bounded import PLAIN
from vibe.llm.client import LOOPBACK, OpenAIClient
from vibe.llm.errors import ModelFault
from vibe.llm.message import Call, Message, Model

MOST_LISTED = 4 << 20  # bytes of a list of models
TEST_WORDS = "Answer with the single word: ready"


@dataclass(frozen=True)
class Tested:
    ok: bool
    sentence: str
    seconds: float = 0.0


def trouble_with(base_url: str) -> str:
    """Why this address cannot be used, as what to enter instead; empty when it can.

    Plain http is for this machine and its network only. Addresses that belong to no machine of anyone's (link-local,
    where clouds keep their secrets, and the like) are never called.
    """
    try:
        parts = urlsplit(base_url)
    except ValueError:  # half an IPv6 address
        return "No machine has that name. Check the address."
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "Use an address that begins with https:// or http://."
    if parts.username or parts.password or parts.query or parts.fragment:
        return "Use the plain address, without a name, a password or a question mark in it."
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = {info[4][0] for info in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
    except (OSError, ValueError):
        return "No machine has that name. Check the address."
    for text in found:
        address = plain(str(text))
        if is_nobodys(address):
            return "That address is not one of a model server. Check it."
        if parts.scheme == "http" and not (address.is_loopback or address.is_private):
            return (
                "Use https:// for a server that is not in your own network: your key would travel in the open."
            )
    return ""


def list_models(model: Model, timeout_s: float = 3.0) -> list[str]:
    """The names that the server lists; empty when it lists none or does not answer."""
    return [str(entry["id"]) for entry in listing(model, timeout_s)]


def listing(model: Model, timeout_s: float = 3.0) -> list[dict[str, Any]]:
    """The entries of the server's list of models, each with an "id"; empty when there is none that can be read."""
    local = model.local or urlsplit(model.base_url).hostname in LOOPBACK
    transport = None if by_proxy() and not local else PinnedPlain(trust_env=not local)
    headers = {"Authorization": f"Bearer {model.key or 'none'}", **PLAIN}
    try:
        with (
            httpx2.Client(timeout=timeout_s, trust_env=not local, transport=transport) as client,
            client.stream("GET", f"{model.base_url}/models", headers=headers) as reply,
        ):
            if reply.status_code != HTTPStatus.OK:  # to be led elsewhere, and the key with us, is none
                return []
            entries = json.loads(_beginning(reply))["data"]
            return [entry for entry in entries if isinstance(entry, dict) and "id" in entry][:500]
    except (ModelFault, httpx2.HTTPError, httpx2.InvalidURL, OSError):
        return []
    except (ValueError, KeyError, TypeError, RecursionError):  # what came is no list, or nested too deeply
        return []


def _beginning(reply: httpx2.Response) -> bytes:
    """At most MOST_LISTED bytes of what comes; the rest is left unread."""
    read = bytearray()
    for piece in reply.iter_raw():
        read += piece
        if len(read) > MOST_LISTED:
            break
    return bytes(read[:MOST_LISTED])


def test(model: Model) -> Tested:
    """Ask the model for one word. The sentence says how it went, for a person."""
    began = time.monotonic()
    try:
        OpenAIClient().ask(Call(model, (Message("user", TEST_WORDS),), max_tokens=500))
    except ModelFault as fault:
        if fault.kind == "empty":  # it answered; a model that only thinks in 500 tokens is still there
            return Tested(True, "It answers.", time.monotonic() - began)
        return Tested(False, fault.sentence, time.monotonic() - began)
    seconds = time.monotonic() - began
    return Tested(True, f"It answers, in {seconds:.1f} s.", seconds)
