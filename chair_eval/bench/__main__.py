"""Run the benchmark: ``python -m chair_eval.bench [--quick] [--only NAME]``."""

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from chair_eval.bench.made import IMAGES, long_captions, write_annotations, write_captions
from chair_eval.bench.slow import pattern_normaliser, slow_mentions, wordnet_normaliser
from chair_eval.errors import ChairError
from chair_eval.ground_truth import GroundTruth
from chair_eval.ground_truth_files import write_ground_truth
from chair_eval.matcher import Matcher
from chair_eval.nltk_data import missing_packages
from chair_eval.readers import read_captions
from chair_eval.records import records_of
from chair_eval.scoring import Scorer
from chair_eval.vocabulary import Vocabulary

# `ours_s` and `reference_s` are processor time; `wall_s` is what elapsed, with `load` processes
# running, and it is what the limits of whole processes are judged by.
FIELDS = (
    "benchmark",
    "name",
    "n",
    "ours_s",
    "reference_s",
    "ratio",
    "wall_s",
    "peak_mb",
    "load",
    "target",
    "met",
)
Row = dict[str, Any]


def row(name: str, n: int, target: str, met: bool, **figures: float) -> Row:
    """One line of the table; times are seconds of processor time, `wall_s` seconds elapsed."""
    line: Row = {"name": name, "n": n, "target": target, "met": "yes" if met else "no"}
    line["load"] = f"{os.getloadavg()[0]:.1f}"
    return line | {key: f"{value:.4g}" for key, value in figures.items()}


def best_of(times: int, run: Callable[[], Any]) -> float:
    """Least processor time of several runs."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return min(taken)


def scoring(captions: list[tuple[int, str]], dialect: str) -> Row | None:
    """Warm scoring time against the restated published script, in one run."""
    vocabulary = Vocabulary.coco()
    slow = pattern_normaliser() if dialect == "pattern" else wordnet_normaliser()
    if slow is None:
        return None
    try:
        matcher = Matcher(vocabulary, dialect)
    except ChairError:
        return None
    texts = [text for _, text in captions]
    truth = GroundTruth.from_mapping({number: {"dog", "person", "chair"} for number, _ in captions})

    def ours() -> list[Any]:
        return list(Scorer(truth, matcher, duplicates="keep").stream(records_of(captions)))

    fast = [scored.matches.categories for scored in ours()]
    expected = slow_mentions(texts, vocabulary, slow)
    wrong = sum(a != b for a, b in zip(fast, expected, strict=True))
    # NLTK's newer lemmatiser differs on odd words; no made-up caption has one.
    if wrong:
        raise ChairError(f"{wrong} captions differ between {dialect} and its slow form")
    reference = best_of(2, lambda: slow_mentions(texts, vocabulary, slow))
    mine = best_of(7, ours)
    goal = 50 if dialect == "pattern" else 3
    return row(
        f"score, warm, {dialect}", len(captions), f"ratio >= {goal}", reference / mine >= goal,
        ours_s=mine, reference_s=reference, ratio=reference / mine,
    )  # fmt: skip


@contextmanager
def truth_file(folder: Path, n: int) -> Iterator[Path]:
    """Yield a ground truth file of `n` images."""
    path = folder / f"truth-{n}.parquet"
    sets: dict[Any, frozenset[str]] = {i: frozenset(("dog", "person")) for i in range(n)}
    write_ground_truth(path, {"pattern": sets}, {})
    yield path


# The child writes its own peak: ru_maxrss would count the memory of this process, its parent.
CHILD = """
import atexit, sys
from pathlib import Path
report = Path(sys.argv.pop())
status = Path("/proc/self/status")
atexit.register(lambda: report.write_text(status.read_text()))
from chair_eval.cli import main
main()
"""


def process(
    folder: Path, command: list[str], feed: Path | None = None
) -> tuple[float, float, float]:
    """Run ``chair-eval`` with these arguments: (wall seconds, processor seconds, peak MB)."""
    report = folder / "status.txt"
    start = time.perf_counter()
    with open(feed or os.devnull, "rb") as stdin:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, *command, str(report)],
            stdin=stdin, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ChairError(f"chair-eval {' '.join(command)} failed ({child.returncode})")
    wall = time.perf_counter() - start
    peak = next(line for line in report.read_text().splitlines() if line.startswith("VmHWM"))
    return wall, usage.ru_utime + usage.ru_stime, int(peak.split()[1]) / 1024


def whole_process(folder: Path, captions: list[tuple[int, str]], dialect: str) -> Row | None:
    """One ``chair-eval`` process on 500 captions, ground truth of all 123,287 images."""
    if dialect == "wordnet" and missing_packages():
        return None
    path = folder / "captions.jsonl"
    with path.open("w") as file:
        write_captions(file, len(captions))
    with truth_file(folder, IMAGES) as truth:
        command = [str(path), "-g", str(truth), "--format", "json", "--dialect", dialect]
        runs = [process(folder, command) for _ in range(3)]
    wall, used, peak = min(runs)
    seconds, size = (1, 250) if dialect == "pattern" else (5, 450)  # NLTK and WordNet are read
    return row(
        f"process, {dialect}", len(captions), f"< {seconds} s, < {size} MB",
        wall < seconds and peak < size, ours_s=used, wall_s=wall, peak_mb=peak,
    )  # fmt: skip


def long_stream(folder: Path, n: int) -> Row:
    """Stream `n` captions through one process; peak memory must not follow the text."""
    path = folder / "many.jsonl"
    with path.open("w") as file:
        write_captions(file, n)
    size = path.stat().st_size / 2**20
    with truth_file(folder, n) as truth:
        wall, used, peak = process(folder, ["-", "-g", str(truth)], path)
    path.unlink()
    return row(
        f"stream of {size:.0f} MB", n, "minutes, < 1 GB", wall < 300 and peak < 1024,
        ours_s=used, wall_s=wall, peak_mb=peak,
    )  # fmt: skip


def building(folder: Path, scale: float) -> Row:
    """Build a ground truth of the size of COCO train and val 2014 from nothing."""
    instances, captions = write_annotations(folder, scale)
    os.environ["CHAIR_EVAL_CACHE"] = str(folder / "cache")
    wall, used, peak = process(
        folder,
        ["ground-truth", "build", str(instances), "-c", str(captions),
         "-o", str(folder / "built.parquet")]
    )  # fmt: skip
    return row(
        f"ground truth from {(instances.stat().st_size + captions.stat().st_size) / 2**20:.0f} MB",
        int(616_767 * scale), "< 60 s, < 3 GB", wall < 60 and peak < 3072,
        ours_s=used, wall_s=wall, peak_mb=peak,
    )  # fmt: skip


def benchmarks(quick: bool, captions: Path | None) -> dict[str, Callable[[Path], Row | None]]:
    """Return the benchmarks by name; each takes a folder for its files."""
    scale = 0.01 if quick else 1.0
    texts = long_captions(50 if quick else 500)
    if captions:
        texts = [(i, record.caption) for i, record in enumerate(read_captions(captions))]
    return {
        "pattern": lambda _: scoring(texts, "pattern"),
        "wordnet": lambda _: scoring(texts, "wordnet"),
        "process": lambda folder: whole_process(folder, texts, "pattern"),
        "process-wordnet": lambda folder: whole_process(folder, texts, "wordnet"),
        "building": lambda folder: building(folder, scale),
        "stream": lambda folder: long_stream(folder, int(1_000_000 * scale)),
    }


def main(
    output: Annotated[Path, typer.Option(help="CSV to write.")] = Path("data/bench/chair.csv"),
    quick: Annotated[bool, typer.Option("--quick", help="A hundredth of the size.")] = False,
    captions: Annotated[Path | None, typer.Option(help="Real captions to score instead.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Which, by the names in the first column; other rows are kept."),
    ] = None,
) -> None:
    """Measure chair_eval and write one row per benchmark."""
    known = benchmarks(quick, captions)
    rows: dict[str, Row] = {}
    if only and output.is_file():
        with output.open(newline="", encoding="utf-8") as file:
            rows = {line["benchmark"]: dict(line) for line in csv.DictReader(file)}
    for name in only or known:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is no benchmark; there are {', '.join(known)}")
        with tempfile.TemporaryDirectory() as folder:
            line = known[name](Path(folder))
        if line is not None:
            rows[name] = {"benchmark": name, **line}
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows[name] for name in known if name in rows)
    typer.echo(output.read_text("utf-8"))


if __name__ == "__main__":
    typer.run(main)
