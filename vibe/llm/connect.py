"""Connecting a model: is this address one we may call, does it list models, does it answer?"""

import http.client
import ipaddress
import json
import socket
import time
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vibe.llm.client import OpenAIClient
from vibe.llm.errors import ModelFault
from vibe.llm.local import NoRedirect
from vibe.llm.message import Call, Message, Model

# Where clouds keep secrets outside the link-local range.
_NOBODYS = (ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("fd00:ec2::254/128"))
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
        address = ipaddress.ip_address(str(text).split("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_loopback:  # first: the library counts ::1 as reserved
            continue
        if any(address in net for net in _NOBODYS if net.version == address.version):
            return "That address is not one of a model server. Check it."
        if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
            return "That address is not one of a model server. Check it."
        if parts.scheme == "http" and not address.is_private:
            return (
                "Use https:// for a server that is not in your own network: your key would travel in the open."
            )
    return ""


def list_models(model: Model, timeout_s: float = 3.0) -> list[str]:
    """The names that the server lists; empty when it lists none or does not answer."""
    return [str(entry["id"]) for entry in listing(model, timeout_s)]


def listing(model: Model, timeout_s: float = 3.0) -> list[dict[str, Any]]:
    """The entries of the server's list of models, each with an "id"; empty when there is none that can be read."""
    opener = urllib.request.build_opener(NoRedirect)
    try:
        request = urllib.request.Request(  # noqa: S310  the scheme was checked
            f"{model.base_url}/models", headers={"Authorization": f"Bearer {model.key or 'none'}"}
        )
        with opener.open(request, timeout=timeout_s) as reply:
            entries = json.loads(reply.read(4 << 20))["data"]
            return [entry for entry in entries if isinstance(entry, dict) and "id" in entry][:500]
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return []


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
