"""make bench-films: what filming costs: the same look with films and without, in turns on one machine (goal: at most 15 % more).

    python -m bench.films [--pairs 9] [--json]

The pages are taken in turns, each pair of looks in a random order, so that what else the machine does falls on all
alike. The first table column is the median of the paired ratios with the range that nine of ten such medians would lie in
(bootstrap of the pairs); the second is what filming took by the box's own clock against the rest of the same look,
which is steadier on a busy machine.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

from bench.boxes import machine
from sandbox.docker_engine import DockerEngine
from sandbox.source import Source
from vibe import recipes
from vibe.generation import look
from vibe.generation.bundle import bundle
from vibe.generation.checks import runs

RECIPES = ("split-bill", "checklist", "focus-timer")
GOAL = 0.15

# The look as the image has it, with so many seconds in the purse for films. At its end it says how long it took, and
# how much of that was filming: Chromium's start is in neither, as in a warm box.
METERED = """import os, sys, time
sys.path.insert(0, "/usr/local/bin")
from playwright.sync_api import sync_playwright
from chrome import launch
from kept import made_warm
import film, look
film.PURSE.seconds = {purse}
driver = sync_playwright().start()
look.BROWSER = launch(driver)
made_warm(look.BROWSER)
began, leave = time.monotonic(), os._exit
def end(code):
    print(time.monotonic() - began, {purse} - film.PURSE.seconds, flush=True)
    leave(code)
os._exit = end
look.main(driver)
"""
PURSE = 10.0


def metered(source: Source, purse: float) -> Source:
    return replace(source, command=("python3", "-c", METERED.format(purse=purse)))


def seconds(engine: DockerEngine, source: Source, *, films: bool) -> tuple[float, float]:
    """(of the whole look, of its filming), by the box's own clock."""
    outcome = engine.run(source, limits=look.limits())
    made = sum(a.name.endswith(".jpg") for a in outcome.artifacts)
    if outcome.ended != "exit" or outcome.code or bool(made) is not films:
        raise SystemExit(
            f"the look went wrong: {outcome.ended} {outcome.code}, {made} frames\n{outcome.stderr}"
        )
    took, filming = outcome.stdout.split()[-2:]
    return float(took), float(filming)


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, and the range in which nine of ten medians of such a sample lie."""
    medians = sorted(statistics.median(random.choices(values, k=len(values))) for _ in range(2000))
    return statistics.median(values), medians[100], medians[1899]


def percent(share: float) -> str:
    return f"{100 * share:+.0f} %"


def measure(pairs: int) -> dict[str, list[dict[str, float]]]:
    """{page: its pairs}, each {"with", "without", "filming"} in seconds."""
    engine, found = DockerEngine(), {slug: [] for slug in RECIPES}
    ways = {}
    for slug in RECIPES:
        built = recipes.build(slug, {})
        filmed = look.source(bundle(built.files), runs(built.checks, 7))
        ways[slug] = {True: metered(filmed, PURSE), False: metered(filmed, 0.0)}
    try:
        for _ in range(pairs):
            for slug in random.sample(RECIPES, len(RECIPES)):
                pair: dict[bool, tuple[float, float]] = {}
                for films in random.sample((True, False), 2):
                    pair[films] = seconds(engine, ways[slug][films], films=films)
                found[slug].append({"with": pair[True][0], "without": pair[False][0], "filming": pair[True][1]})
    finally:
        engine.close()
    return found


def table(found: dict[str, list[dict[str, float]]]) -> str:
    rows = [
        "| page | pairs | without films, s | with films | 90 % of medians | filming by its own clock | goal |",
        "|" + "---|" * 7,
    ]
    every = [pair for pairs in found.values() for pair in pairs]
    for name, pairs in [*found.items(), ("all", every)]:
        middle, low, high = spread([one["with"] / one["without"] - 1 for one in pairs])
        own = statistics.median(one["filming"] / (one["with"] - one["filming"]) for one in pairs)
        plain = statistics.median(one["without"] for one in pairs)
        rows.append(
            f"| {name} | {len(pairs)} | {plain:.2f} | {percent(middle)} | {percent(low)} to {percent(high)} | {percent(own)} "
            f"| {'met' if middle <= GOAL else 'not met'} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.films", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--pairs", type=int, default=9, help="pairs of looks a page (9; four minutes on a quiet machine)"
    )
    parser.add_argument("--json", action="store_true", help="every single pair, in seconds")
    options = parser.parse_args()
    before, began = machine(), time.monotonic()
    found = measure(options.pairs)
    if options.json:
        print(json.dumps({"machine": before, "pairs": found}))
        return
    print(f"Before: {before}. After: {machine()}, {time.monotonic() - began:.0f} s.\n\n{table(found)}")


if __name__ == "__main__":
    main()
