"""What an engine's trouble means to the person who can do something about it: one sentence, by the words of the error.

The SDK wraps what went wrong on the socket twice and the engine answers in its own words, so words are what there is.
"""

import re
import shlex
import sys

SILENT = "The Docker engine accepts calls but does not answer: restart Docker."
NO_APPARMOR = "This machine has AppArmor but not the program that loads its profiles: install the package apparmor, and restart Docker."
NO_SECCOMP = "This Docker engine has no seccomp, so boxes would not be sealed: use another engine."
FULL = "The disk is full, so no box can be made: free some space."
# Builds the images: by the interpreter that has this library's packages, which the `python` of a shell may lack. A product
# that has a command of its own says that one in its place.
BUILD = f"{shlex.quote(sys.executable or 'python3')} -m sandbox images"
# Of the API: Docker 19.03. Older ones know neither private IPC for all nor our way of attaching.
OLDEST = (1, 40)
# What the engine says when it is there and the program that starts boxes for it failed, in that one's own words: they may
# well be "no such file" or "permission denied", which else would be the engine's socket.
_STARTING = re.compile(r"oci runtime|failed to (?:create|start) (?:shim|task)|runc create failed")


def why(problem: Exception | str) -> str:
    """One sentence for a person who can act on it."""
    text = str(problem)
    low = text.lower()
    if "no space left" in low:
        return FULL
    if "unknown or invalid runtime" in low or "unknown runtime" in low:
        return "This Docker engine does not have the runtime that SANDBOX_RUNTIME names: install it there, or leave it out."
    if "seccomp" in low and ("not enabled" in low or "not supported" in low):
        return NO_SECCOMP
    if "apparmor" in low and "could not be loaded" in low:
        return NO_APPARMOR
    if starting := _STARTING.search(low):
        words = text[starting.start() :].rstrip("\")' ")
        # The reason stands last; who passed it on stands before.
        return f"The Docker engine says: {words if len(words) <= 280 else '… ' + words[-278:]}"
    if "timed out" in low:
        return SILENT
    if "permission denied" in low:
        return "Docker is running, but this user may not use it: add the user to the group “docker” and log in again."
    if any(
        w in low
        for w in (
            "filenotfounderror",
            "no such file",
            "connection refused",
            "connection aborted",
            "connection reset",
        )
    ):
        return f"No Docker engine answers: start Docker, or install it, then run  {BUILD}"
    if "name or service not known" in low or "name resolution" in low or "nodename nor servname" in low:
        return "The machine that DOCKER_HOST names cannot be found."
    if "certificate" in low or "tls" in low or "ssl" in low:
        return "The engine at DOCKER_HOST and this machine do not trust each other: see DOCKER_CERT_PATH and DOCKER_TLS_VERIFY."
    return f"The Docker engine says: {text[:200]}"


def too_old(version: str) -> str:
    """A sentence when the engine's API is older than we can seal a box with, else an empty string."""
    try:
        known = tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        return ""
    if known >= OLDEST:
        return ""
    return f"This Docker engine is too old (API {version}): boxes need Docker 19.03 or later."


def not_built(images: list[str]) -> str:
    """The sentence for an engine on which these images were never built."""
    return f"The images of the boxes are not built ({', '.join(images)}): run  {BUILD}"


def not_sealed(options: list[str]) -> str:
    """The sentence for an engine that made a box without what seals it."""
    return f"This Docker engine did not take {', '.join(options)}, so boxes would not be sealed: use another engine."
