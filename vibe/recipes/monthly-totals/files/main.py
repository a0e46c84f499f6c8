"""Adds up a bank file by month: came in, went out, and one word of its own."""

import csv
import json
from collections import defaultdict

from table import dates, find, number, read, stop

DATE = ["buchungstag", "booking date", "buchung", "valuta", "datum", "date", "tag", "day"]
AMOUNT = ["betrag", "amount", "umsatz", "value", "sum"]
OUT, IN = ["debit", "soll", "paid out", "money out", "withdrawal", "ausgabe"], ["credit", "haben", "paid in", "money in", "deposit", "einnahme"]

values = json.load(open("input.json", encoding="utf-8"))
if not values.get("file"):
    stop("Choose a bank file first.")
heads, rows, facts = read(values["file"])
print(f"Read {facts}")
word = (values.get("keyword") or "").strip().lower()


def column_of_dates():
    named = find(heads, DATE)
    order = ([named] if named is not None else []) + [at for at in range(len(heads)) if at != named]
    for at in order:
        made = dates([row[at] for row in rows])
        if sum(d is not None for d in made) >= max(1, len(rows) * 0.6):
            return at, made
    stop("I found no column of dates in this file. Choose the file with one line for each booking.")


at_date, days = column_of_dates()
at_out, at_in, at_amount = find(heads, OUT), find(heads, IN), find(heads, AMOUNT)
if at_out is None or at_in is None or at_out == at_in:
    at_out = at_in = None
    if at_amount is None or at_amount == at_date:
        rest = [at for at in range(len(heads)) if at != at_date]
        counts = {at: sum(number(row[at]) is not None for row in rows) for at in rest}
        at_amount = max(counts, key=counts.get) if counts else None
        if at_amount is None or counts[at_amount] < max(1, len(rows) * 0.5):
            stop("I found no column of amounts in this file. Choose the file with one line for each booking.")
print(f"Date column: {heads[at_date]}. Amounts: {heads[at_amount] if at_out is None else heads[at_out] + ' and ' + heads[at_in]}")

came, own, other, left_out = defaultdict(float), defaultdict(float), defaultdict(float), 0
for row, day in zip(rows, days, strict=True):
    if at_out is None:
        amount = number(row[at_amount])
    else:
        out, in_ = number(row[at_out]), number(row[at_in])
        amount = None if out is None and in_ is None else (in_ or 0) - abs(out or 0)
    if day is None or amount is None:
        left_out += 1
        continue
    month = day.strftime("%Y-%m")
    came[month] += max(amount, 0)
    mine = word and any(word in cell.lower() for cell in row)
    (own if mine else other)[month] += max(-amount, 0)

months = sorted(set(came) | set(own) | set(other))
if not months:
    stop("I could read no line with a date and an amount. Choose the file with one line for each booking.")
column = word.capitalize() or "Marked"
with open("out/monthly-totals.csv", "w", newline="", encoding="utf-8") as out:
    table = csv.writer(out)
    table.writerow(["Month", "Came in", column, "Everything else", "Left over"])
    for month in months:
        line = [round(part[month], 2) for part in (came, own, other)]
        table.writerow([month, *(f"{n:.2f}" for n in line), f"{line[0] - line[1] - line[2]:.2f}"])
for month in months:
    print(f"{month}   in {came[month]:>10,.2f}   out {own[month] + other[month]:>10,.2f}")
if left_out:
    print(f"Left out: {left_out} {'row' if left_out == 1 else 'rows'} without a date or an amount")

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plot
except ImportError:
    print("No chart: matplotlib is not installed here.")
else:
    figure, axis = plot.subplots(figsize=(max(7, len(months) * 0.7), 4), dpi=120)
    places = range(len(months))
    axis.bar(places, [other[m] for m in months], color="#2f57c9", label="Everything else")
    axis.bar(places, [own[m] for m in months], bottom=[other[m] for m in months], color="#8a95a8", label=column)
    axis.plot(places, [came[m] for m in months], "o-", color="#2b7a4b", label="Came in")
    axis.set_xticks(list(places), months, rotation=45 if len(months) > 8 else 0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_title("By month")
    axis.legend(frameon=False)
    figure.tight_layout()
    figure.savefig("out/monthly-totals.png")
