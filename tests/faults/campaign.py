"""A campaign of faults against a run: kills and damage, then every verb again.

``python -m tests.faults.campaign --count 1000 --seed 0`` does 1,000 kills, 1,400 single-bit
flips and every other damage; a smaller count does as much less of each. Nothing may be lost,
doubled, silently different, or end in a traceback. One seed gives one campaign.
"""

import argparse
import csv
import math
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

# One thread, set before torch loads: a fork of a process with OpenMP threads can hang.
os.environ["OMP_NUM_THREADS"] = "1"

from tests.faults import child, damage
from tests.faults.bench import Bench

FLAWS = ("lost", "doubled", "different", "traceback")


def kills(bench, count, rng):
    """Yield (fault, flaws, case): kills at each event in turn, and at random moments."""
    event = 0
    for number in range(count):
        folder = bench.fresh()
        if number % 2:
            moment = rng.uniform(0, 1.1 * bench.seconds)
            child.agile(*bench.extract(folder), killed_after=moment)
            yield "kill at a random moment", bench.resumed(folder), f"after {moment:.3f} s"
            continue
        event += 1
        if child.agile(*bench.extract(folder), dies_at=event, under=folder).code != child.KILLED:
            event = 0
        elif number % 4 == 0:  # the resuming call dies too
            child.agile(*bench.extract(folder), dies_at=rng.randint(1, 9), under=folder)
        yield "kill at a write, link or rename", bench.resumed(folder), f"event {event}"


def flips(bench, count, rng):
    """Yield single-bit flips in files drawn by size, as a disk would."""
    files = [file.name for file in bench.files]
    sizes = [file.stat().st_size for file in bench.files]
    for name in rng.choices(files, sizes, k=count):
        yield "single-bit flip", *_damaged(bench, name, damage.flipped, rng)


def damages(bench, count, rng):
    """Yield every kind of damage to every file of the run, and to what is beside it."""
    every = [(file.name, way) for file in bench.files for way in damage.BYTES]
    every += [(file.name, "foreign") for file in bench.files]
    every += [(file.name, "of another shard") for file in bench.files if "-" in file.name]
    every += [("run.json", way) for way in damage.JSON for _ in range(5)]
    for name, way in rng.sample(every, min(count, len(every))):
        make = damage.BYTES.get(way) or damage.JSON.get(way) or bench.replacement(name, way)
        yield (
            f"{'run.json' if name == 'run.json' else 'shard'}: {way}",
            *_damaged(bench, name, make, rng),
        )


def inputs(bench, count, rng):
    """Yield damage to the JSON files a call reads beside the run: checkpoint and provenance."""
    ways = {**damage.BYTES, **damage.JSON}
    every = [(file, way) for file in bench.beside for way in ways]
    for file, way in rng.sample(every, min(count, len(every))):
        flaws = bench.beside_damaged(file, ways[way], rng)
        yield f"{file.name}: damaged", flaws, way


def _damaged(bench, name, make, rng):
    """Damage one file of a copy; return what the verbs make of it, and the case."""
    folder = bench.copy()
    file = folder / name
    data = make(file.read_bytes(), rng)
    file.unlink()
    if data is not None:
        file.write_bytes(data)
    return bench.read_and_resumed(folder, name), name


PARTS = {"kills": kills, "flips": flips, "damages": damages, "inputs": inputs}
# Cases of each part for one of the count.
SHARES = {"kills": 1, "flips": 1.4, "damages": 1, "inputs": 1}


def campaign(count, seed, work, chosen):
    """Return cases and flaws of each fault, and a line for each case with a flaw."""
    bench = Bench(work)
    table, holes = {}, []
    for name in chosen:
        rng = random.Random(f"{seed} {name}")
        for fault, flaws, case in PARTS[name](bench, math.ceil(SHARES[name] * count), rng):
            table.setdefault(fault, Counter()).update(["cases", *flaws])
            holes += [f"{fault}: {case}: {flaw}: {said}" for flaw, said in flaws.items()]
    return table, holes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path, help="CSV to write")
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        table, holes = campaign(given.count, given.seed, work, given.parts)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    rows = [["fault", "cases", *FLAWS, "seed"]]
    rows += [[f, n["cases"], *(n[x] for x in FLAWS), given.seed] for f, n in sorted(table.items())]
    if given.out is not None:
        with given.out.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
    sys.stderr.writelines(f"{hole}\n" for hole in holes)
    sys.exit(bool(holes))


if __name__ == "__main__":
    main()
