"""What filming costs: the same look with films and without, in turns on one machine (goal: at most 15 % more time).

    python -m bench.films [PAIRS]

Prints the median of the paired ratios, and what filming took by the box's own clock against the rest of the same look: on a
busy machine the second is the steadier figure.
"""

import argparse
import statistics
import time
from dataclasses import replace

from sandbox.docker_engine import DockerEngine
from sandbox.source import Source
from vibe import recipes
from vibe.generation import look
from vibe.generation.bundle import bundle
from vibe.generation.checks import runs

RECIPES = ("split-bill", "checklist", "focus-timer")


# The look as the image has it, with so many seconds in the purse for films; at its end it says what they took.
METERED = """import os, runpy, sys
sys.path.insert(0, "/usr/local/bin")
import film
film.PURSE.seconds = {purse}
leave = os._exit
os._exit = lambda code: (print("films", {purse} - film.PURSE.seconds, flush=True), leave(code))
runpy.run_path("/usr/local/bin/look", run_name="__main__")
"""
PURSE = 10.0


def metered(source: Source, purse: float) -> Source:
    return replace(source, command=("python3", "-c", METERED.format(purse=purse)))


def seconds(engine: DockerEngine, source: Source, *, films: bool) -> tuple[float, float]:
    """(of the whole look, of its filming by the box's own clock)."""
    began = time.monotonic()
    outcome = engine.run(source, limits=look.limits())
    took = time.monotonic() - began
    made = sum(a.name.endswith(".jpg") for a in outcome.artifacts)
    if outcome.ended != "exit" or outcome.code or bool(made) is not films:
        raise SystemExit(
            f"the look went wrong: {outcome.ended} {outcome.code}, {made} frames\n{outcome.stderr}"
        )
    return took, float(outcome.stdout.split()[-1])


def percent(share: float) -> str:
    return f"{100 * share:+.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="?", type=int, default=6)
    pairs = parser.parse_args().pairs
    engine = DockerEngine()
    try:
        for slug in RECIPES:
            built = recipes.build(slug, {})
            filmed = look.source(bundle(built.files), runs(built.checks, 7))
            ways = {True: metered(filmed, PURSE), False: metered(filmed, 0.0)}
            took: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
            for pair in range(pairs):
                for films in (True, False) if pair % 2 else (False, True):
                    took[films].append(seconds(engine, ways[films], films=films))
            ratios = [a / b - 1 for (a, _), (b, _) in zip(took[True], took[False], strict=True)]
            own = [filming / (all_ - filming) for all_, filming in took[True]]
            print(
                f"{slug}: {statistics.median(b for b, _ in took[False]):.2f} s without films; with them "
                f"{percent(statistics.median(ratios))} (from {percent(min(ratios))} to {percent(max(ratios))}); "
                f"by the box's own clock {percent(statistics.median(own))}",
                flush=True,
            )
    finally:
        engine.close()


if __name__ == "__main__":
    main()
