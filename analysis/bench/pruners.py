"""How fast measures and selections are: ``python -m analysis.bench.pruners``.

Every comparison is timed in one run, alternatives in turn. The table goes to
``data/bench/pruners.csv``: ratio is this row's time over its reference's, both the best
of the repeats. The goals are those the toolkit sets itself.
"""

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
import typer
from torch import Tensor

from analysis.bench import published
from analysis.bench.image import STUDY_KEEPS, C, D, N, alone, fresh, image, merged, shared
from analysis.bench.timing import CLOCKS, Timing, Work, time_together
from analysis.bench.tower import capture_works
from analysis.catalogue import STUDY
from analysis.measures.gram import Gram, gram_erank
from analysis.pruners import make_pruner
from analysis.pruners.checks import check_choice
from analysis.tokens import VisualTokens

if TYPE_CHECKING:
    import pandas as pd

KEEPS = (64, 128)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    device: str
    threads: int
    clock: str
    measurement: str
    variant: str
    keep: str
    best_ms: float
    median_ms: float
    repeats: int
    reference: str = ""
    ratio: float | None = None
    goal: str = ""
    met: str = ""


@dataclass(frozen=True)
class Comparison:
    """Alternatives that do the same work; the first one is the reference.

    Attributes
    ----------
    goals
        Variant and the largest ratio to the reference it may take.
    """

    measurement: str
    works: dict[str, Work]
    keep: str = ""
    goals: tuple[tuple[str, float], ...] = ()
    repeats: int = 9


def comparisons(device: torch.device) -> Iterator[Comparison]:
    """Yield everything that is compared on one device."""
    tokens = image(device)
    x = tokens.features
    gram = Gram.of(x).matrix
    yield Comparison(
        "erank of all tokens",
        {
            "svdvals, float32": lambda: torch.linalg.svdvals(x),
            "float64 Gram matrix and its eigenvalues": lambda: gram_erank(Gram.of(x).matrix, D),
            "eigenvalues of a Gram matrix at hand": lambda: gram_erank(gram, D),
        },
    )
    yield Comparison(
        "Gram matrix",
        {"float32 product": lambda: x @ x.mT, "float64 product": lambda: Gram.of(x).matrix},
    )
    for keep in KEEPS:
        yield from _per_keep(tokens, gram, keep)
    yield _everything(tokens)
    yield _batched(device)


def _per_keep(tokens: VisualTokens, gram: Tensor, keep: int) -> Iterator[Comparison]:
    x, kept = tokens.features, torch.arange(0, N, N // keep)[:keep].to(tokens.device)
    yield Comparison(
        "erank of a kept set",
        {
            "svdvals, float32": lambda: torch.linalg.svdvals(x[kept]),
            "sub-block of the Gram matrix": lambda: gram_erank(gram[kept][:, kept], D),
        },
        str(keep),
        repeats=25,
    )
    ours = make_pruner("divprune")
    ours.select(tokens, keep)
    limit = 1.2 if keep == KEEPS[-1] and tokens.device.type == "cpu" else None
    yield Comparison(
        "DivPrune",
        {
            "distance matrix alone": lambda: published.distance_matrix(x),
            "ours, distance matrix included": lambda: ours.select(fresh(tokens), keep),
            "published formulation": lambda: published.divprune(x, keep),
            "minimum over all rows anew": lambda: published.divprune_all_rows(x, keep),
        },
        str(keep),
        () if limit is None else (("ours, distance matrix included", limit),),
        repeats=15,
    )
    # Merged are the tower's tokens in LLaVA; in the width of the language model the loop
    # copies four times as much.
    wide = replace(tokens, encoder_features=tokens.features, cls_feature=None)
    yield _prumerge(f"PruMerge, tokens {C} wide (the tower's)", tokens, keep)
    yield _prumerge(f"PruMerge, tokens {D} wide", wide, keep)


def _prumerge(measurement: str, tokens: VisualTokens, keep: int) -> Comparison:
    rule = make_pruner("prumerge_plus_fixed")
    picks = [i for i in rule.select(tokens, keep).indices.tolist() if i >= 0]
    return Comparison(
        measurement,
        {
            "per-token loop": lambda: published.prumerge_loop(tokens, picks),
            "ours, merged tokens included": lambda: merged(rule, tokens, keep),
        },
        str(keep),
        (("ours, merged tokens included", 1 / 20),),
        repeats=15,
    )


def _everything(tokens: VisualTokens) -> Comparison:
    rules = [make_pruner(name) for name in STUDY]
    return Comparison(
        f"all measures and selections of one image: {', '.join(STUDY)}",
        {
            "each on its own: SVDs and its own distance matrix": lambda: alone(tokens, rules),
            "one Gram matrix for all": lambda: shared(tokens, rules),
        },
        "+".join(map(str, STUDY_KEEPS)),
        (("one Gram matrix for all", 1 / 5),),
        repeats=3,
    )


def _batched(device: torch.device) -> Comparison:
    images = [image(device, seed) for seed in range(8)]
    rule = make_pruner("divprune")
    return Comparison(
        "DivPrune of 8 images",
        {
            "one at a time": lambda: [rule.select(fresh(t), KEEPS[0]) for t in images],
            "as a batch": lambda: rule.select_batch([fresh(t) for t in images], KEEPS[0]),
        },
        str(KEEPS[0]),
        repeats=3,
    )


def measure(comparison: Comparison, device: torch.device, clock: str = "wall") -> list[Row]:
    """Time a comparison by wall or processor clock and hold it against its goals."""
    cuda = device.type == "cuda"
    with torch.no_grad():
        timings = time_together(
            comparison.works, comparison.repeats, cuda, clock=CLOCKS["wall" if cuda else clock]
        )
    reference = next(iter(timings))
    goals = dict(comparison.goals)
    return [
        replace(
            _row(
                comparison, device, name, timing, (reference, timings[reference]), goals.get(name)
            ),
            clock="wall" if cuda else clock,
        )
        for name, timing in timings.items()
    ]


def _row(
    comparison: Comparison,
    device: torch.device,
    variant: str,
    timing: Timing,
    against: tuple[str, Timing],
    goal: float | None,
) -> Row:
    own = variant == against[0]
    ratio = timing.best / against[1].best
    return Row(
        device=device_name(device),
        threads=torch.get_num_threads(),
        clock="wall",
        measurement=comparison.measurement,
        variant=variant,
        keep=comparison.keep,
        best_ms=round(timing.best, 3),
        median_ms=round(timing.median, 3),
        repeats=timing.repeats,
        reference="" if own else against[0],
        ratio=None if own else round(ratio, 4),
        goal="" if goal is None else f"<= {goal:g}",
        met="" if goal is None else ("yes" if ratio <= goal else "no"),
    )


def device_name(device: torch.device) -> str:
    """Name the device as its maker does."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} ({platform.machine()})"
    return platform.processor() or platform.machine()


def _capture(device: torch.device) -> Iterator[Comparison]:
    works, goals = capture_works(device)
    yield Comparison(
        "[CLS] attention of one image, CLIP-L/14-336 tower", works, "", goals, repeats=3
    )


def _write(rows: list[Row], out: Path) -> "pd.DataFrame":
    """Write what there is so far; a long run that is stopped loses nothing."""
    import pandas as pd

    table = pd.DataFrame([asdict(row) for row in rows])
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(out, index=False, lineterminator="\n")
    return table


def main(
    out: Annotated[Path, typer.Option(help="Where the table goes.")] = Path(
        "data/bench/pruners.csv"
    ),
    tower: Annotated[bool, typer.Option(help="Also time [CLS] capture in a CLIP-L tower.")] = True,
    clock: Annotated[
        str, typer.Option(help="wall, or cpu: processor time, one thread, for busy machines.")
    ] = "wall",
    rounds: Annotated[int, typer.Option(min=1, help="At most so many rounds of each.")] = 25,
) -> None:
    """Time measures and selections on the CPU and, where there is one, the GPU."""
    check_choice("clock", clock, tuple(CLOCKS))
    if clock == "cpu":
        torch.set_num_threads(1)
    devices = [torch.device("cpu")]
    if torch.cuda.is_available():
        devices.append(torch.device("cuda"))
    rows: list[Row] = []
    for device in devices:
        for comparison in (*comparisons(device), *(_capture(device) if tower else ())):
            rows += measure(
                replace(comparison, repeats=min(rounds, comparison.repeats)), device, clock
            )
            table = _write(rows, out)
    shown = ["measurement", "variant", "keep", "best_ms", "ratio", "goal", "met"]
    typer.echo(table[shown].astype(object).fillna("").to_string(index=False))
    typer.echo(f"{out}: {len(table)} rows, {(table.met == 'no').sum()} goals missed")


if __name__ == "__main__":
    typer.run(main)
