"""Style sheets with everything in them that they ask for: other sheets where they are imported, pictures as data."""

import re

from vibe.generation.bundle import styles
from vibe.generation.bundle.markup import Lines
from vibe.generation.bundle.material import Material
from vibe.generation.bundle.pictures import Pictures

MAX_IMPORTS = 200  # style sheets that import style sheets


class Sheets:
    def __init__(self, material: Material, pictures: Pictures) -> None:
        self.material, self.pictures = material, pictures
        self._imports, self._pieces = 0, styles.MAX_PIECES

    def inline(self, css: str, path: str, first: int, within: tuple[str, ...]) -> str:
        """The sheet with everything in it that it asks for. `within`: the sheets that import this one, and itself."""
        sheet = styles.Styles(css, self._pieces)
        self._pieces -= sheet.pieces
        if sheet.too_long:
            self.material.limit(
                f"The style sheets have more than {styles.MAX_PIECES:,} texts and addresses: write fewer."
            )
        if not sheet.references:
            return css + (sheet.left_open if within else "")
        lines, out, at = Lines(css), list[str](), 0
        for one in sheet.references:
            if self.material.full:
                break
            line = first - 1 + lines.of(one.start)
            out += (css[at : one.start], self._asked(one, css[one.start : one.end], path, line, within))
            at = one.end
        return "".join((*out, css[at:], sheet.left_open if within else ""))

    def _asked(self, one: styles.Reference, written: str, path: str, line: int, within: tuple[str, ...]) -> str:
        if one.kind == "import":
            return self._imported(one, path, line, within)
        if one.kind == "set":
            self.material.problem(path, line, f"Write url(…) around “{one.value[:80]}” in image-set().")
            return written
        fresh = self.pictures.address(one.value, path, line, what="picture or font")
        return written if fresh == one.value else f'url("{fresh}")'

    def _imported(self, one: styles.Reference, path: str, line: int, within: tuple[str, ...]) -> str:
        if one.around is None:
            self.material.problem(
                path, line, "This @import cannot be read: write the style sheet into the page."
            )
            return ""
        text = self.material.local(one.value, path, line, "style sheet")
        there = self.material.path(one.value, path)
        if text is None:
            return ""
        if there in within:
            self.material.problem(path, line, f"The style sheet “{there}” imports itself: remove one @import.")
            return ""
        self._imports += 1
        if self._imports > MAX_IMPORTS or len(within) > 20:
            self.material.limit(
                f"The style sheets import each other more than {MAX_IMPORTS} times: put them into one."
            )
            return ""
        if not self.material.spend(len(text)):
            return ""
        inner = self.inline(text, there, 1, (*within, there))
        return "".join(f"{rule} {{ " for rule in one.around) + inner + " }" * len(one.around)


def safe(text: str) -> str:
    """`text` such that it cannot end its <style>."""
    return re.sub(r"</(?=style)", r"<\\/", text, flags=re.IGNORECASE)
