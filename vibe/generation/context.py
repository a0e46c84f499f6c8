"""What goes into each model call. Attachments go in as computed facts and samples, never raw; text that somebody
else wrote is fenced with a tag that it cannot know (DESIGN §5, research: injection)."""

import csv
import hashlib
import io

from vibe.generation.prompt import fill
from vibe.generation.request import Request, Upload

SAMPLE_ROWS = 5
CURRENT_MAX = 120_000  # characters of current files; more would not fit the smallest useful context


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
    """`text` as material that cannot close its own fence: the tag carries 8 hex digits it does not know."""
    tag = hashlib.sha256(f"{salt}:{name}".encode()).hexdigest()[:8]
    return f'<data {tag} name="{name}">\n{text}\n</data {tag}>'


def describe(upload: Upload) -> str:
    """Facts about an attached file, computed by us: kind, size, columns and a few rows, or its first lines."""
    name = upload.name.lower()
    head = upload.head.decode("utf-8", "replace").replace("\0", "�")
    if name.endswith((".csv", ".tsv")):
        return _describe_table(upload, head)
    if name.endswith((".txt", ".md", ".json", ".xml", ".html", ".log", ".ics")):
        return f"text, {upload.size} bytes, begins:\n{head[:1000]}"
    return f"{name.rsplit('.', 1)[-1] if '.' in name else 'unknown'} file, {upload.size} bytes"


def _describe_table(upload: Upload, head: str) -> str:
    lines = head.splitlines()[: SAMPLE_ROWS + 1]
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff("\n".join(lines), delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    rows = list(csv.reader(io.StringIO("\n".join(lines)), dialect))
    shown = "\n".join(" | ".join(cell[:60] for cell in row[:20]) for row in rows)
    return f"table, {upload.size} bytes, first rows:\n{shown}"


def uploads_block(request: Request) -> str:
    if not request.uploads:
        return ""
    parts = [data_block(u.name, describe(u), request.salt) for u in request.uploads[:10]]
    more = f"\n({len(request.uploads) - 10} more files)" if len(request.uploads) > 10 else ""
    return "Files that the person attached:\n" + "\n".join(parts) + more + "\n"


def pointed_block(request: Request) -> str:
    """What the person pointed at in the preview. Its words are those of a made page, so they are fenced."""
    if not request.pointed:
        return ""
    block = data_block("pointed", request.pointed, request.salt)
    return f"\n\nThe person pointed at this part of the program:\n{block}"


def current_block(files: dict[str, str]) -> str:
    """The files of the program as FILE blocks, in the form the reply should have."""
    parts = []
    for path in sorted(files):
        fence = "````" if "```" in files[path] or path.endswith(".md") else "```"
        parts.append(f"FILE {path}\n{fence}\n{files[path].rstrip()}\n{fence}")
    text = "\n\n".join(parts)
    return text if len(text) <= CURRENT_MAX else text[:CURRENT_MAX] + "\n(the rest did not fit)"


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


def plan_lines(plan: dict[str, object] | None) -> str:
    if not plan:
        return ""
    steps, checks = plan.get("steps") or [], plan.get("checks") or []
    assert isinstance(steps, list)
    assert isinstance(checks, list)
    lines = ["The agreed plan:", *[f"- {s}" for s in steps]]
    if checks:
        lines += ["It must hold that:", *[f"- {c}" for c in checks]]
    return "\n".join(lines) + "\n"


def write_text(request: Request, plan: dict[str, object] | None, engine: bool) -> str:
    if request.base is None:
        return fill(
            "write",
            kind=kind_line(request.shape, engine),
            plan=plan_lines(plan),
            files=uploads_block(request),
            request=request.description,
        )
    return fill(
        "change",
        current=current_block(request.base.files),
        plan=plan_lines(plan),
        files=uploads_block(request),
        history="\n".join(f"- {h}" for h in request.history[-20:]) or "- (none)",
        request=request.description + pointed_block(request),
    )


def repair_text(request: Request, files: dict[str, str], evidence: str) -> str:
    return fill(
        "repair",
        request=request.description,
        current=current_block(files),
        evidence=data_block("what the check saw", evidence, request.salt),
    )
