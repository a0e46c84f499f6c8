"""The scripts of a page: what they ask for in vain (no internet, one page, no files to fetch), and how they stand in it."""

import re

from vibe.generation.bundle import scripts
from vibe.generation.bundle.markup import Lines
from vibe.generation.bundle.material import PAGE, REMOTE, Material

ANOTHER_PAGE = re.compile(r"[^?#]*\.(?:html?|php)\s*(?:[?#]|$)", re.IGNORECASE)


class Code:
    def __init__(self, material: Material) -> None:
        self.material = material
        self._pieces = scripts.MAX_PIECES

    def look_at(self, text: str, path: str, first: int, module: bool | None) -> None:
        """What a script asks for in vain. `module` is None for the few words of a handler."""
        script = scripts.Script(text, self._pieces)
        self._pieces -= script.pieces
        if script.too_long:
            self.material.limit(
                f"The scripts hold more than {scripts.MAX_PIECES:,} separate texts: put them into one long text."
            )
        lines = Lines(text) if script.found else None
        for found in script.found:
            if lines and (sentence := self._vain(found, path, module)):
                self.material.problem(path, first - 1 + lines.of(found.at), sentence)

    def _vain(self, found: scripts.Found, path: str, module: bool | None) -> str:
        value = found.value.strip()[:80]
        remote = REMOTE.match(found.value) is not None
        match found.kind:
            case "import":
                place = "the internet" if remote else "another file"
                return f"It imports “{value}” from {place}. Cards have one page: put the code into a classic script."
            case "export":
                return "" if module else "A classic script cannot export: remove “export”."
            case "call" if remote:
                return "It asks the internet for something. Cards have no internet: put what is needed into the page."
            case "call" if value and self.material.path(value, PAGE) in self.material.files:
                return f"It fetches “{value}”. A card cannot fetch files: put what is in it into the page."
            case "go" if remote:
                return f"It leaves for “{value}”. A card cannot leave its page: make it a link."
            case "go" if ANOTHER_PAGE.match(value):
                return other_page(value)
        return ""


def other_page(value: str) -> str:
    """The sentence about a link to a page that a card does not have."""
    return f"A card is one page: “{value}” opens nothing here. Show and hide parts of this page instead."


def safe(text: str) -> str:
    """`text` such that no script end, and no comment start that swallows one, stands in it."""
    return (
        re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE)
        if "<!--" in text
        else re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)
    )
