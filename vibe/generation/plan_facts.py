"""What the call for plan and checks may know of attached files. It never reads a stranger's text (DESIGN §5)."""

import re
from collections.abc import Mapping

from vibe.generation.attachments import Kind, Summary
from vibe.generation.steps import Json

# Heads of columns that everybody uses. A head made of these and of the person's own words carries no instruction.
HEADS = """
id nr no number name first last title date day month year time week hour start end from to due amount price
cost total sum net gross tax vat quantity qty count unit rate percent balance currency account category type
kind status note notes comment text description email phone address city zip country item product customer
order score grade value age weight height length width temperature distance minutes hours kg km eur usd datum
tag monat jahr zeit von bis betrag preis summe menge anzahl saldo konto kategorie art text notiz beschreibung
vorname nachname ort plz land kunde artikel währung buchungstag valuta empfänger verwendungszweck fecha nombre
precio importe cantidad total cuenta nom prix montant quantité compte
"""
USUAL = frozenset(HEADS.split())
KINDS: dict[Kind, str] = {
    "table": "a table", "workbook": "a workbook", "json": "a JSON file", "text": "a text file", "pdf": "a PDF",
    "picture": "a picture", "archive": "a zip", "other": "a file of another kind",
}  # fmt: skip


def facts_for_plan(summaries: Mapping[str, Json], request: str) -> list[str]:
    """One line a file, of our own words only: kinds, counts and types of columns.

    The names of columns are a stranger's text, and cleaning cannot take an instruction out of words. So a name is
    said only when each of its words (three at most) is a usual head of a column or stands in the person's own
    request; every other column is "column 3". Names of files and sheets, cells and texts are never said.
    """
    own = {w for w in re.findall(r"\w+", request.lower()) if len(w) <= 30}
    lines = []
    for number, summary in enumerate(list(summaries.values())[:10], 1):
        s = Summary.model_validate(summary)
        line = f"File {number} is {KINDS[s.kind]}"
        for count, noun in ((s.pages, "pages"), (s.all_tables, "sheets"), (s.all_names, "files inside")):
            line += f" with {count} {noun}" if count else ""
        if s.tables:
            columns = [
                f"{_known(c.name, at, own)} ({c.type})" for at, c in enumerate(s.tables[0].columns[:30], 1)
            ]
            line += f" with {s.tables[0].rows} rows and these columns: {', '.join(columns)}"
        lines.append(line + ".")
    return lines


def _known(name: str, at: int, own: set[str]) -> str:
    words = re.findall(r"[^\W_]+", name)
    usual = 0 < len(words) <= 3 and len(name) <= 30 and all(w.lower() in USUAL | own for w in words)
    return f"“{' '.join(words)}”" if usual else f"column {at}"
