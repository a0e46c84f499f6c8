"""What goes into each model call: text that somebody else wrote is fenced with a tag that it cannot know (DESIGN §5,
research: injection)."""

import hashlib
import re

from vibe.generation.request import Request


def title_from(text: str) -> str:
    """A short title out of a request: its first words, at most 48 characters, without the politeness."""
    line = " ".join(text.split())
    for opening in (
        "please ",
        "can you ",
        "could you ",
        "make me ",
        "make ",
        "i want ",
        "i need ",
        "create ",
        "build ",
    ):
        if line.lower().startswith(opening):
            line = line[len(opening) :]
    for article in ("a ", "an ", "the "):
        if line.lower().startswith(article):
            line = line[len(article) :]
    line = line.split(". ")[0].split("! ")[0].split("? ")[0].rstrip(".!?,;: ")
    if len(line) > 48:
        line = line[:48].rsplit(" ", 1)[0].rstrip(",;:-") + "…"
    return (line[:1].upper() + line[1:]) or "Untitled"


def data_block(name: str, text: str, salt: str) -> str:
    """`text` as material that cannot close its own fence: the tag carries 8 hex digits that it does not hold.

    They depend on the Job's secret and on the text, so whoever saw the tag of one block knows that of no other one,
    and the same block has the same tag in the next call (a provider's prefix cache holds).
    """
    plain = "".join(c if c.isprintable() and c not in '"<>' else "_" for c in name)[:120]
    times = 0
    while True:
        tag = hashlib.sha256(f"{salt}:{name}:{times}:{text}".encode("utf-8", "replace")).hexdigest()[:8]
        if tag not in text and tag not in plain:
            return f'<data {tag} name="{plain}">\n{text}\n</data {tag}>'
        times += 1


def file_block(path: str, text: str) -> str:
    """One file as a FILE block; its fence is longer than any that the file holds."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * max(longest + 1, 4 if path.endswith(".md") else 3)
    return f"FILE {path}\n{fence}\n{text.rstrip()}\n{fence}"


def pointed_block(request: Request) -> str:
    """What the person pointed at in the preview. Its words are those of a made page, so they are fenced."""
    if not request.pointed:
        return ""
    block = data_block("pointed", request.pointed, request.salt)
    return f"\n\nThe person pointed at this part of the program:\n{block}"


def kind_line(shape: str, engine: bool) -> str:
    """What the person said about the kind of thing, for the top of the request."""
    if shape == "tool":
        return "Make a TOOL."
    if shape == "auto":
        if engine:
            return "Choose PAGE or TOOL yourself; a page unless the work is on the person's files."
        return "Make a PAGE; tools cannot run here now."
    if shape == "page":
        return "Make a PAGE."
    return f"Make a PAGE that is a {'picture or poster' if shape == 'picture' else shape}."
