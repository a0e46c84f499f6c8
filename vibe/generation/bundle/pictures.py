"""Pictures and other files as addresses that need no network: their own data, or a part of a drawing in the page."""

import base64
import re
from dataclasses import dataclass

from vibe.generation.bundle.material import PAGE, REMOTE, SCHEME, Material


@dataclass(frozen=True)
class Sprite:
    """A drawing whose parts are used one by one: from its <svg> on, and the names of its parts."""

    text: str
    ids: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Sprite":
        begin = text.find("<svg")
        drawing = text[begin:] if begin >= 0 else ""
        return cls(drawing, frozenset(re.findall(r"\sid\s*+=\s*+[\"']?([^\"'\s>/]++)", drawing)))


class Pictures:
    def __init__(self, material: Material) -> None:
        self.material = material
        self.sprites: dict[str, Sprite] = {}  # drawings whose parts are used by name: they go to the page's end
        self._encoded: dict[tuple[str, str], str] = {}

    def in_set(self, value: str, line: int, inert: bool) -> str:
        """A srcset, with each address in its place."""

        def one(found: re.Match[str]) -> str:
            address = found[1].rstrip(",")
            comma = found[1][len(address) :]
            return self.address(address, PAGE, line, inert) + comma + found[2]

        return re.sub(r"([^\s,][^\s]*+)([^,]*+)", one, value)

    def address(self, value: str, base: str, line: int, inert: bool = False, what: str = "picture") -> str:
        """What stands for an address of a picture: its data; the address itself, with a Problem, when there is none."""
        bare = value.strip()
        if not bare or bare.startswith("#") or (SCHEME.match(bare) and not REMOTE.match(bare)):
            return value
        path = self.material.path(bare, base)
        if inert and path not in self.material.files:
            return value
        text = self.material.local(bare, base, line, what)
        if text is None:
            return value
        if not path.lower().endswith(".svg"):
            self.material.problem(
                base, line, f"The {what} “{bare[:80]}” cannot be shown in a card: draw it as an SVG."
            )
            return value
        data = self.data(path, text, "image/svg+xml")
        return data + _part(bare) if data else value

    def data(self, path: str, text: str, kind: str) -> str:
        """The text as a data address, or "" when the page would grow too large."""
        if (path, kind) not in self._encoded:
            encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
            self._encoded[path, kind] = f"data:{kind};base64,{encoded}"
        data = self._encoded[path, kind]
        return data if self.material.spend(len(data)) else ""

    def part(self, value: str, line: int, inert: bool) -> str:
        """`#part` of the drawing that `value` names, which is laid into the page; "" when it stays as it is.

        Browsers take parts of a drawing from the page alone.
        """
        path, part = self.material.path(value, PAGE), _part(value)
        if inert and path not in self.material.files:
            return ""
        text = self.material.local(value, PAGE, line, "picture")
        if text is None:
            return ""
        if path not in self.sprites:
            if not self.material.spend(len(text)):
                return ""
            self.sprites[path] = Sprite.of(text)
        if part[1:] in self.sprites[path].ids:
            return part
        self.material.problem(PAGE, line, f"There is no part “{part[:80]}” in “{path[:80]}”.")
        return ""


def _part(reference: str) -> str:
    """`#part` of an address, or ""."""
    _, sign, part = reference.partition("#")
    return sign + part
