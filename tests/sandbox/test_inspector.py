"""The box that looks into attached files: true of good files, calm about bad ones, and one spoils no other."""

import base64
import io
import json
import struct
import zipfile
import zlib
from dataclasses import replace

import pytest

from sandbox.source import Source
from vibe.generation import attachments, tool

pytestmark = pytest.mark.docker


def inspected(engine, files, *, pictures=False):
    outcome = engine.run(attachments.source(files, pictures=pictures), limits=attachments.limits())
    assert outcome.ok, outcome.stderr
    return attachments.read(outcome, {name: len(data) for name, data in files.items()})


def one(engine, name, data, **more):
    return inspected(engine, {name: data}, **more)[name]


def columns(summary):
    return {c.get("name"): c.get("type", "text") for c in summary["tables"][0]["columns"]}


# --- files, made by hand ----------------------------------------------------------------------------------------


def png(width, height, rows=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def pdf(text, password=False):
    stream = f"BT /F1 24 Tf 20 100 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % p for p in places)
    return out + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()


def workbook(engine):
    """A real one, made by openpyxl in a box."""
    program = b"""
import datetime, openpyxl, os
book = openpyxl.Workbook()
sheet = book.active
sheet.title = "Sales"
sheet.append(["Day", "Item", "Price"])
for n in range(1, 10):
    sheet.append([datetime.date(2026, 3, n), "tea", n * 1.5])
book.create_sheet("Empty")
book.save("out/a.xlsx")
"""
    outcome = engine.run(Source("python", ("python3", "main.py"), {"main.py": program}), limits=tool.limits())
    return outcome.artifacts[0].data


# --- good files -------------------------------------------------------------------------------------------------


def test_a_bank_file_with_semicolons_commas_and_a_title_above_is_understood(engine):
    rows = "".join(f"0{n}.03.2026;Müller;-1.2{n}4,50\n" for n in range(1, 9))
    data = f"Kontoauszug März\n\nDatum;Empfänger;Betrag\n{rows};Schmidt;\n".encode("latin-1")
    seen = one(engine, "umsatz.csv", data)
    assert (seen["encoding"], seen["separator"]) == ("latin-1", ";")
    table = seen["tables"][0]
    assert (table["rows"], table["header"], table["skipped"]) == (9, True, 2)
    day, who, amount = table["columns"]
    assert (day["name"], day["type"], day["form"], day["low"], day["high"]) == (
        "Datum", "date", "%d.%m.%Y", "2026-03-01", "2026-03-08",
    )  # fmt: skip
    assert (who["name"], who["distinct"]) == ("Empfänger", 2)
    assert (amount["type"], amount["form"], amount["low"], amount["empty"]) == (
        "number",
        "1.234,5",
        "-1284.5",
        1,
    )
    assert table["sample"][0] == ["01.03.2026", "Müller", "-1.214,50"]
    assert len(table["sample"]) == 5


def test_a_table_without_a_header_has_numbered_columns(engine):
    seen = one(engine, "a.csv", b"1,x\n2,y\n3,z\n")
    assert columns(seen) == {"column 1": "number", "column 2": "text"}
    assert seen["tables"][0]["rows"] == 3


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("a.csv", "\ufeffa,b\n1,2\n", "utf-8"),
        ("a.csv", "a,b\n1,2\n", "utf-16"),
        ("a.tsv", "a\tb\n1\t2\n", "ascii"),
    ],
)
def test_a_table_is_read_whatever_wrote_it(engine, name, text, encoding):
    assert columns(one(engine, name, text.encode(encoding))) == {"a": "number", "b": "number"}


def test_a_workbook_is_known_by_its_sheets(engine):
    seen = one(engine, "sales.xlsx", workbook(engine))
    assert (seen["kind"], seen["all_tables"]) == ("workbook", 2)
    first = seen["tables"][0]
    assert (first["name"], first["rows"], columns(seen)) == (
        "Sales", 9, {"Day": "date", "Item": "text", "Price": "number"},
    )  # fmt: skip
    assert (first["columns"][0]["high"], first["columns"][2]["high"]) == ("2026-03-09", "13.5")


def test_json_is_known_by_its_shape_and_a_list_of_records_as_a_table(engine):
    seen = inspected(
        engine,
        {
            "o.json": json.dumps({"name": "x", "tags": ["a"], "size": {"w": 1}}).encode(),
            "l.json": json.dumps([{"id": n, "who": "Ann"} for n in range(20)]).encode(),
            "lines.jsonl": b'{"a": 1}\n{"a": 2}\n',
            "broken.json": b"{not json",
        },
    )
    assert seen["o.json"]["shape"] == "object {name: text, tags: list of 1 × text, size: object {w: number}}"
    assert columns(seen["l.json"]) == {"id": "number", "who": "text"}
    assert seen["l.json"]["tables"][0]["rows"] == 20
    assert columns(seen["lines.jsonl"]) == {"a": "number"}
    assert (seen["broken.json"]["kind"], seen["broken.json"]["note"]) == ("text", "broken")


def test_text_pdf_picture_and_zip_are_each_known_by_what_they_are(engine):
    seen = inspected(
        engine,
        {
            "a.md": b"# Tea\n\nHot water.\n",
            "letter.pdf": pdf("Invoice 42 for tea"),
            "photo.PNG": png(1600, 800, (b"\0" + b"\x10\x80\x40" * 1600) * 800),
            "all.zip": zipped({"one.csv": "a", "two/three.txt": "b"}),
            "song.mp3": b"ID3\x04" + bytes(200),
            "odd.bin": bytes(range(256)),
            "not-really.csv": b"%PDF-1.4 broken",
        },
        pictures=True,
    )
    assert (seen["a.md"]["lines"], seen["a.md"]["words"]) == (3, 4)
    assert seen["letter.pdf"]["pages"] == 1
    assert "Invoice 42 for tea" in seen["letter.pdf"]["text"]
    photo = seen["photo.PNG"]
    assert (photo["what"], photo["width"], photo["height"], photo["mode"]) == ("PNG", 1600, 800, "RGB")
    shown = base64.b64decode(photo["picture"])
    assert shown.startswith(b"\xff\xd8\xff")
    assert struct.pack(">HH", 384, 768) in shown  # made small, its sides as they were
    assert seen["all.zip"]["names"] == ["one.csv", "two/three.txt"]
    assert seen["song.mp3"]["what"] == "sound"
    assert seen["odd.bin"]["what"] == "unknown"
    assert (seen["not-really.csv"]["what"], seen["not-really.csv"]["note"]) == ("pdf", "broken")


def test_a_picture_is_brought_along_only_when_it_is_asked_for(engine):
    assert "picture" not in one(engine, "p.png", png(4, 4, (b"\0" + b"\x10\x80\x40" * 4) * 4))


# --- hostile files ----------------------------------------------------------------------------------------------


def test_hostile_files_cost_only_themselves(engine):
    nested = b"[" * 200_000
    sheet = zipped({"xl/workbook.xml": b"0" * 300_000_000, "[Content_Types].xml": b"<a/>"})
    seen = inspected(
        engine,
        {
            "huge.png": png(100_000, 100_000),
            "bomb.xlsx": sheet,
            "deep.json": nested,
            "long.csv": b"a" * 10_000_000 + b",b\n1,2\n",
            "wide.csv": b",".join(b"c%d" % n for n in range(5000)) + b"\n" + b"1," * 4999 + b"1\n",
            "nul.csv": b"a,b\n\0\0,2\n3,\0\n",
            "bidi.csv": "na\u202eme,b\n\x1b[2Jx,2\n".encode(),
            "cut.png": png(50, 50),
            "good.csv": b"a,b\n1,2\n",
        },
        pictures=True,
    )
    assert (seen["huge.png"]["width"], seen["huge.png"]["note"]) == (100_000, "too_large")
    assert seen["bomb.xlsx"]["note"] == "too_large"
    assert seen["deep.json"]["note"] == "broken"
    assert len(seen["long.csv"]["tables"][0]["columns"]) == 2
    wide = seen["wide.csv"]["tables"][0]
    assert (len(wide["columns"]), wide["all_columns"]) == (40, 5000)
    assert seen["nul.csv"]["tables"][0]["rows"] == 2
    assert "\u202e" not in str(seen["bidi.csv"])
    assert "\x1b" not in str(seen["bidi.csv"])
    assert seen["cut.png"]["note"] == "broken"
    assert columns(seen["good.csv"]) == {"a": "number", "b": "number"}
    for name, summary in seen.items():
        assert len(attachments.summary_text(summary)) <= attachments.SHORT, name


def test_a_zip_that_unpacks_to_terabytes_is_only_listed(engine):
    seen = one(engine, "b.zip", zipped({f"{n}.txt": b"0" * 1_000_000 for n in range(300)}))
    assert (seen["all_names"], len(seen["names"]), seen["unpacked"]) == (300, 40, 300_000_000)


def test_a_workbook_that_claims_a_million_rows_and_has_two_has_two(engine):
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
    rows = '<row r="1"><c r="A1"><v>7</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    book = workbook(engine)
    with zipfile.ZipFile(io.BytesIO(book)) as packed:
        files = {n: packed.read(n) for n in packed.namelist()}
    files["xl/worksheets/sheet1.xml"] = sheet.format(rows).encode()
    table = one(engine, "far.xlsx", zipped(files))["tables"][0]
    assert (table["rows"], table["all_columns"], len(table["columns"])) == (2, 16384, 40)


def test_a_parser_that_hangs_or_eats_memory_costs_one_file(engine):
    source = attachments.source({"hangs.md": b"a", "eats.json": b"1", "good.csv": b"a,b\n1,2\n"})
    bad = b"\ndef words(data):\n    while True: pass\n\ndef structured(data):\n    return [b'x' * 2**30]\n"
    main, texts = "inspector/__main__.py", "inspector/texts.py"
    assert b"FILE_S = 10.0" in source.files[main]
    files = {
        **source.files,
        main: source.files[main].replace(b"FILE_S = 10.0", b"FILE_S = 1.0"),
        texts: source.files[texts] + bad,
    }
    outcome = engine.run(replace(source, files=files), limits=attachments.limits())
    seen = attachments.read(outcome, {"hangs.md": 1, "eats.json": 1, "good.csv": 8})
    assert [seen[n].get("note", "") for n in seen] == ["slow", "too_large", ""]


def test_a_box_that_answers_nonsense_is_believed_nothing(engine):
    source = attachments.source({"a.csv": b"a,b\n1,2\n"})
    for lie in (
        b"print('[]')",
        b"print('{\"a.csv\": 7}')",
        b"print('x' * 9_000_000)",
        b"import sys; sys.exit(3)",
    ):
        outcome = engine.run(
            replace(source, files={**source.files, "inspector/__main__.py": lie}), limits=attachments.limits()
        )
        assert attachments.read(outcome, {"a.csv": 8}) == {"a.csv": {"size": 8, "note": "unread"}}


def test_a_name_is_never_a_path(engine):
    seen = inspected(engine, {"../../etc/passwd": b"x\n", "inspector/__main__.py": b"y\n", "a\nb": b"z\n"})
    assert [s["words"] for s in seen.values()] == [1, 1, 1]
