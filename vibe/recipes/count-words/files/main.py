"""Counts a text: words, sentences, reading time, the words used most."""

import csv
import json
import re
import sys
from collections import Counter

SMALL = set(
    """a an and are as at be been but by can did do for from had has have he her his i if in is it its me my no not of on
    or our she so than that the their them then there they this to up us was we were what when which who will with would you
    your der die das und ist in zu den von mit nicht ein eine auf für es im dem sie er ich wir auch als an so""".split()
)

values = json.load(open("input.json", encoding="utf-8"))
text = values.get("text") or ""
if values.get("file"):
    data = open(values["file"], "rb").read()
    if b"\x00" in data[:4000] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        print("This is not a text file. Choose one that ends with .txt or .md.", file=sys.stderr)
        raise SystemExit(1)
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "cp1252", "latin-1"):
        try:
            text += data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue

words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text)
if not words:
    print("I found no words. Paste a text or choose a text file.", file=sys.stderr)
    raise SystemExit(1)
sentences = max(1, len(re.findall(r"[.!?…]+(?=\s|$|[\"”’)])", text)))
paragraphs = len([p for p in re.split(r"\n\s*\n", text) if p.strip()])


def count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


print(count(len(words), "word"))
print(count(len({w.lower() for w in words}), "different word"))
print(count(sentences, "sentence") + f", {len(words) / sentences:.1f} words each")
print(count(paragraphs, "paragraph"))
bare = len("".join(text.split()))
print(count(len(text), "character") + f", {bare:,} without blanks")
minutes = len(words) / 220
print(f"Reading time: {'less than a minute' if minutes < 1 else f'about {minutes:.0f} minutes'}")

top = int(values.get("top") or 20)
counted = Counter(w.lower() for w in words if values.get("all") or w.lower() not in SMALL)
with open("out/words.csv", "w", newline="", encoding="utf-8") as out:
    table = csv.writer(out)
    table.writerow(["Word", "Times", "Share"])
    for word, times in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:top]:
        table.writerow([word, times, f"{100 * times / len(words):.1f}%"])
