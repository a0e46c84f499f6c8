"""Files that need a parser of their own: workbooks, PDF, pictures, archives."""

import base64
import io
import zipfile
from typing import Any

from .columns import clip, table

UNPACKED = 200 * 1024 * 1024  # bytes that an archive may claim before it is not unpacked
PIXELS = 40_000_000
EDGE = 768
PICTURE = 150_000  # bytes of the picture that a model may see
PAGES = 3


def workbook(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        if sum(i.file_size for i in packed.infolist()) > UNPACKED:
            return {"kind": "workbook", "note": "too_large"}
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    sheets = book.worksheets
    shown = sheets[:8]
    tables = [
        table(
            (list(r) for r in sheet.iter_rows(values_only=True)),
            name=sheet.title,
            cells=50_000,
            seconds=6.0 / len(shown),
        )
        for sheet in shown
    ]
    return {"kind": "workbook", "tables": tables, "all_tables": len(sheets)}


def pdf(data: bytes) -> dict[str, Any]:
    import pypdf

    read = pypdf.PdfReader(io.BytesIO(data))
    if read.is_encrypted and not read.decrypt(""):
        return {"kind": "pdf", "note": "locked"}
    pages = len(read.pages)
    text = ""
    for page in list(read.pages[:PAGES]):
        text += page.extract_text()[:1500] + "\n"
        if len(text) > 900:
            break
    return {
        "kind": "pdf",
        "pages": pages,
        "text": text.strip()[:900],
        "note": "" if text.strip() else "no_text",
    }


def picture(data: bytes, show: bool) -> dict[str, Any]:
    """Size, mode and format; with `show` the picture itself, at most 768 px, as JPEG in base64."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # what is claimed is read from the header and judged here
    with Image.open(io.BytesIO(data)) as opened:
        made: dict[str, Any] = {
            "kind": "picture", "what": str(opened.format), "mode": str(opened.mode)[:12],
            "width": opened.width, "height": opened.height,
        }  # fmt: skip
        if opened.width * opened.height > PIXELS:
            return {**made, "note": "too_large"}
        if not show:
            return made
        opened.draft("RGB", (EDGE, EDGE))
        opened.thumbnail((EDGE, EDGE))
        flat = Image.new("RGB", opened.size, "white")
        plain = opened.convert("RGBA")
        flat.paste(plain, mask=plain)
    for quality in (80, 60, 40):
        out = io.BytesIO()
        flat.save(out, "JPEG", quality=quality)
        if out.tell() <= PICTURE:
            return {**made, "picture": base64.b64encode(out.getvalue()).decode()}
    return made


def archive(data: bytes) -> dict[str, Any]:
    """The names in a zip. Nothing is unpacked."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        inside = packed.infolist()
    return {
        "kind": "archive", "names": [clip(i.filename, 100) for i in inside[:40]], "all_names": len(inside),
        "unpacked": min(sum(i.file_size for i in inside), 10**15),
    }  # fmt: skip
