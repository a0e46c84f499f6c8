"""Reads the tables that people have: CSV of any separator and encoding, or Excel; German and English numbers, dates."""

import csv
import datetime
import io
import pathlib
import re
import sys


def stop(sentence):
    """One plain sentence for the person, and the end."""
    print(sentence, file=sys.stderr)
    raise SystemExit(1)


def read(path):
    """(heads, rows, what was found in words). Rows are lists of text, as long as the heads."""
    data = pathlib.Path(path).read_bytes()
    if not data.strip():
        stop("The file is empty. Choose one with a table in it.")
    if data[:4] == b"PK\x03\x04":
        lines, kind = _excel(path), "Excel"
    elif b"\x00" in data[:4000] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        stop("This is not a table that I can read. Choose a CSV or Excel file.")
    else:
        lines, kind = _csv(data)
    lines = [[cell.strip() for cell in line] for line in lines]
    lines = [line for line in lines if any(line)]
    start = _head(lines)
    heads = [cell or f"Column {number}" for number, cell in enumerate(lines[start], 1)]
    rows = [(line + [""] * len(heads))[: len(heads)] for line in lines[start + 1 :]]
    if not rows or len(heads) < 2:
        stop("I found no table in this file. Choose a CSV or Excel file with a line of column names.")
    return heads, rows, f"{kind}, {len(rows)} rows, {len(heads)} columns"


def _excel(path):
    try:
        import openpyxl
    except ImportError:
        stop("Excel files need the module openpyxl here. Save the table as CSV and try that.")
    try:
        sheet = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0]
        return [["" if cell is None else _cell(cell) for cell in line] for line in sheet.iter_rows(values_only=True)]
    except Exception:  # of a damaged file openpyxl raises whatever it met: the file is what is wrong
        stop("I could not read this Excel file. Save it as CSV and try that.")


def _cell(value):
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.strftime("%Y-%m-%d")
    return str(value)


def _csv(data):
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "cp1252", "latin-1"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if sum(1 for c in text[:4000] if ord(c) < 32 and c not in "\r\n\t") > 20:
        stop("This is not a table that I can read. Choose a CSV or Excel file.")
    head = text.splitlines()[:40]
    counts = {mark: sorted(line.count(mark) for line in head)[len(head) // 2] if head else 0 for mark in ";\t,|"}
    mark = max(counts, key=counts.get)
    csv.field_size_limit(10_000_000)
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=mark if counts[mark] else ","))
    except csv.Error:
        stop("I could not read this file as a table. Choose a CSV or Excel file.")
    names = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "bars"}
    return lines, f"CSV with {names[mark]}"


def _head(lines):
    """The line of column names: banks write their address above it. The first one as wide as most lines."""
    widths = [sum(1 for cell in line if cell) for line in lines[:200]]
    usual = max(set(widths), key=lambda w: (widths.count(w) * min(w, 6), w)) if widths else 0
    for at, line in enumerate(lines[:40]):
        if sum(1 for cell in line if cell) >= max(2, usual - 1) and not any(number(cell) is not None for cell in line if cell):
            return at
    for at, line in enumerate(lines[:40]):
        if sum(1 for cell in line if cell) >= max(2, usual - 1):
            return at
    return 0


def number(text):
    """1.234,56 · 1,234.56 · -12,5 · (12.50) · 12 EUR → a float; None when it is none."""
    plain = re.sub(r"[\s\u00a0\u202f'€$£]|EUR|USD|GBP|CHF", "", str(text)).replace("\u2212", "-")
    sign = -1 if plain.startswith("(") and plain.endswith(")") or plain.endswith("-") or plain.upper().endswith("S") and plain[:-1].replace(",", "").replace(".", "").isdigit() else 1
    plain = plain.strip("()").rstrip("-SHsh%")
    if not re.fullmatch(r"[-+]?[\d.,]*\d[\d.,]*", plain):
        return None
    comma, dot = plain.rfind(","), plain.rfind(".")
    if comma >= 0 and dot >= 0:
        plain = plain.replace("." if comma > dot else ",", "").replace(",", ".")
    elif comma >= 0:
        plain = plain.replace(",", "") if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+", plain) and plain.count(",") > 1 else plain.replace(",", ".")
    elif plain.count(".") > 1:
        if not re.fullmatch(r"[-+]?\d{1,3}(\.\d{3})+", plain):
            return None  # 24.12.2026
        plain = plain.replace(".", "")
    try:
        return sign * float(plain)
    except ValueError:
        return None


FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%Y%m%d", "%d/%m/%y")


def dates(cells):
    """A date, or None, for each cell, all read by the one format that fits most of them."""
    cells = [re.sub(r"[T ]\d{1,2}:\d{2}.*$", "", cell.strip()) for cell in cells]
    best = []
    for form in FORMATS:
        made = [_date(cell, form) for cell in cells]
        if sum(d is not None for d in made) > sum(d is not None for d in best):
            best = made
    return best or [None] * len(cells)


def _date(cell, form):
    try:
        made = datetime.datetime.strptime(cell, form).date()
    except ValueError:
        return None
    return made if 1950 <= made.year <= 2100 else None


def find(heads, words):
    """The first column whose name holds one of the words."""
    for word in words:
        for at, head in enumerate(heads):
            if word in head.lower():
                return at
    return None
