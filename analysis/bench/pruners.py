"""How fast measures and selections are: ``python -m analysis.bench.pruners``.

Every comparison is timed in one run, alternatives in turn. The table goes to
``data/bench/pruners.csv``: ratio is this row's time over its reference's, both the best
of the repeats. The goals are those the toolkit sets itself.
"""

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from analysis.bench import published
from analysis.bench.timing import Timing, Work, time_together
from analysis.bench.tower import capture_works
from analysis.measures.gram import Gram, gram_erank
from analysis.measures.kept import kept_measures
from analysis.pruners import Pruner, make_pruner
from analysis.tokens import VisualTokens

N, D, C = 576, 4096, 1024
KEEPS = (64, 128)
# The study's default set and budgets, for the row on everything at once.
STUDY = ("random", "fastervlm", "vispruner", "divprune", "fps", "agilepruner")
STUDY_KEEPS = (32, 64, 128)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    device: str
    threads: int
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


def image(device: torch.device, seed: int = 0) -> VisualTokens:
    """Return one image's worth of evidence; singular values fall as i^-0.5."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng)

    fall = torch.arange(1, D + 1, dtype=torch.float32) ** -0.5
    tokens = VisualTokens(
        features=draw(N, D) * fall,
        encoder_features=draw(N, C),
        cls_attention=0.8 * draw(N).softmax(dim=0),
        cls_feature=draw(C),
        keys=draw(N + 1, 64),
        last_keys=draw(N + 1, C),
        last_query=0.1 * draw(C),
        grid=(24, 24),
    )
    return tokens.to(device)


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
            "ours, distance matrix included": lambda: ours.select(_fresh(tokens), keep),
            "published formulation": lambda: published.divprune(x, keep),
            "minimum over all rows anew": lambda: published.divprune_all_rows(x, keep),
        },
        str(keep),
        () if limit is None else (("ours, distance matrix included", limit),),
        repeats=15,
    )
    merge = make_pruner("prumerge_plus_fixed")
    picks = [i for i in merge.select(tokens, keep).indices.tolist() if i >= 0]
    yield Comparison(
        "PruMerge",
        {
            "per-token loop": lambda: published.prumerge_loop(tokens, picks),
            "ours, merged tokens included": lambda: _merged(merge, tokens, keep),
        },
        str(keep),
        (("ours, merged tokens included", 1 / 20),),
    )


def _everything(tokens: VisualTokens) -> Comparison:
    rules = [make_pruner(name) for name in STUDY]
    return Comparison(
        f"all measures and selections of one image: {', '.join(STUDY)}",
        {
            "each on its own: SVDs and its own distance matrix": lambda: _alone(tokens, rules),
            "one Gram matrix for all": lambda: _shared(tokens, rules),
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
            "one at a time": lambda: [rule.select(_fresh(t), KEEPS[0]) for t in images],
            "as a batch": lambda: rule.select_batch([_fresh(t) for t in images], KEEPS[0]),
        },
        str(KEEPS[0]),
        repeats=3,
    )


def _shared(tokens: VisualTokens, rules: list[Pruner]) -> None:
    """Do the work of one image as the extractor does: everything from one Gram matrix."""
    tokens = _fresh(tokens)
    tokens.gram.erank(centred=True)
    tokens.gram.erank(centred=False)
    for rule in rules:
        for keep in STUDY_KEEPS:
            kept_measures(tokens, rule.select(tokens, keep))


def _alone(tokens: VisualTokens, rules: list[Pruner]) -> None:
    """Do the same with nothing shared between measures and selections."""
    published.erank_svd(tokens.features, True)
    published.erank_svd(tokens.features, False)
    for rule in rules:
        for keep in STUDY_KEEPS:
            fresh = _fresh(tokens)
            if rule.name == "agilepruner":
                value = published.erank_svd(fresh.features, True)
                fresh.gram.remember_erank(value, centred=True)
            published.measures_alone(fresh, rule.select(fresh, keep))


def _merged(rule: Pruner, tokens: VisualTokens, keep: int) -> Tensor:
    if tokens.encoder_features is None:
        raise ValueError("encoder_features must be given")
    return rule.select(tokens, keep).apply(tokens.encoder_features)


def _fresh(tokens: VisualTokens) -> VisualTokens:
    """Return the same tokens without anything computed from them."""
    return replace(tokens)


def measure(comparison: Comparison, device: torch.device) -> list[Row]:
    """Time a comparison and hold it against its goals."""
    cuda = device.type == "cuda"
    with torch.no_grad():
        timings = time_together(comparison.works, comparison.repeats, cuda)
    reference = next(iter(timings))
    goals = dict(comparison.goals)
    return [
        _row(comparison, device, name, timing, (reference, timings[reference]), goals.get(name))
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
    return platform.processor() or platform.machine()


def main(
    out: Annotated[Path, typer.Option(help="Where the table goes.")] = Path(
        "data/bench/pruners.csv"
    ),
    tower: Annotated[bool, typer.Option(help="Also time [CLS] capture in a CLIP-L tower.")] = True,
) -> None:
    """Time measures and selections on the CPU and, where there is one, the GPU."""
    import pandas as pd

    devices = [torch.device("cpu")]
    if torch.cuda.is_available():
        devices.append(torch.device("cuda"))
    rows: list[Row] = []
    for device in devices:
        for comparison in comparisons(device):
            rows += measure(comparison, device)
        if tower:
            works, goals = capture_works(device)
            name = "[CLS] attention of one image, CLIP-L/14-336 tower"
            rows += measure(Comparison(name, works, "", goals, repeats=3), device)
    table = pd.DataFrame([asdict(row) for row in rows])
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(out, index=False, lineterminator="\n")
    shown = ["measurement", "variant", "keep", "best_ms", "ratio", "goal", "met"]
    typer.echo(table[shown].fillna("").to_string(index=False))
    typer.echo(f"{out}: {len(table)} rows, {(table.met == 'no').sum()} goals missed")


if __name__ == "__main__":
    typer.run(main)
