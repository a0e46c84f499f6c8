"""Cleans a table: blanks, double rows, odd numbers and dates; sorts it; writes CSV and Excel."""

import csv
import json
import re

from table import dates, number, read, stop

values = json.load(open("input.json", encoding="utf-8"))
if not values.get("file"):
    stop("Choose a table first.")
heads, rows, facts = read(values["file"])
print(f"Read {facts}")
rows = [[re.sub(r"\s+", " ", cell.replace("\u00a0", " ")).strip() for cell in row] for row in rows]
rows = [row for row in rows if any(row)]
columns = list(range(len(heads)))
numeric, dated = {}, {}
for at in columns:
    filled = [row[at] for row in rows if row[at]]
    if not filled:
        continue
    # What begins with a zero is a post code or a telephone number, not an amount.
    codes = any(re.match(r"^[+0]\d{2,}", cell) for cell in filled)
    if not codes and all(number(cell) is not None for cell in filled):
        numeric[at] = True
    elif all(day is not None for day in dates(filled)):
        dated[at] = True

if values.get("plain"):
    for at in dated:
        for row, day in zip(rows, dates([row[at] for row in rows]), strict=True):
            row[at] = day.isoformat() if day else row[at]
    for at in numeric:
        cells = [row[at] for row in rows if row[at]]
        places = max(len(m[1]) if (m := re.search(r"[.,](\d+)\D*$", c)) and len(m[1]) != 3 else 0 for c in cells)
        for row in rows:
            if row[at]:
                row[at] = f"{number(row[at]):.{places}f}"

before = len(rows)
if values.get("duplicates", True):
    rows = list(dict.fromkeys(map(tuple, rows)))
gone = before - len(rows)
print(f"{gone} double {'row' if gone == 1 else 'rows'} removed, {len(rows)} left")

wanted = (values.get("sort") or "").strip()
if wanted:
    at = next((i for i, head in enumerate(heads) if head.lower() == wanted.lower()), None)
    if at is None:
        at = next((i for i, head in enumerate(heads) if wanted.lower() in head.lower()), None)


    def place(row):
        if at in numeric:
            return (row[at] == "", number(row[at]) or 0.0, "")
        return (row[at] == "", 0.0, row[at].lower())

    if at is None:
        print(f"Not sorted: there is no column called “{wanted}”. The file has: {', '.join(heads[:12])}.")
    else:
        rows.sort(key=place, reverse=bool(values.get("descending")))
        print(f"Sorted by {heads[at]}")

with open("out/clean.csv", "w", newline="", encoding="utf-8") as out:
    table = csv.writer(out)
    table.writerow(heads)
    # A cell that begins like a formula is written as text: spreadsheets would run it.
    table.writerows([["'" + c if re.match(r"^[=@]|^[-+](?![\d.,]+$)", c) else c for c in row] for row in rows])
try:
    import openpyxl
except ImportError:
    print("No Excel file: openpyxl is not installed here.")
else:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Table")
    sheet.append(heads)
    for row in rows:
        sheet.append([number(c) if at in numeric and c else c for at, c in enumerate(row)])
    book.save("out/clean.xlsx")
