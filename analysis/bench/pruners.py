"""How fast measures and selections are: ``agile bench pruners``.

Every comparison is timed in one run, alternatives in turn. The table goes to
``data/bench/pruners.csv``: ratio is this row's time over its reference's, both the best
of the repeats. The goals are those the toolkit sets itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from analysis.bench import published
from analysis.bench.clock import Clock, Work
from analysis.bench.output import as_command
from analysis.bench.pipeline import fresh, renewed
from analysis.bench.presets import preset
from analysis.bench.settings import Pruners
from analysis.bench.synthetic import synthetic_tokens
from analysis.catalogue import STUDY
from analysis.measures.gram import Gram, gram_erank
from analysis.measures.kept import kept_measures
from analysis.models.clip import capture_tower
from analysis.models.devices import device_name
from analysis.pruners import Pruner, make_pruner
from analysis.tokens import VisualTokens

if TYPE_CHECKING:
    import pandas as pd

SIZES = preset("llava-1.5-7b")
KEEPS = (64, 128)
# The study's budgets, for the row on everything at once.
STUDY_KEEPS = (32, 64, 128)
# Layer of the tower that LLaVA reads, and the share of its pass that capturing may take.
_SELECTED, _CAPTURE_GOAL = -2, 0.02


@dataclass(frozen=True)
class Comparison:
    """Alternatives that do the same work; the first one is the reference.

    Attributes
    ----------
    goals
        Variant → the largest ratio to the reference it may take.
    repeats
        Rounds, at most.
    """

    measurement: str
    works: dict[str, Work]
    keep: str = ""
    goals: tuple[tuple[str, float], ...] = ()
    repeats: int = 9


def comparisons(device: torch.device, tower: bool = True) -> Iterator[Comparison]:
    """Yield everything that is compared on one device, the CLIP-L tower's capture last."""
    tokens = synthetic_tokens(SIZES, device)
    x = tokens.features
    gram, wide = Gram.of(x).matrix, x.shape[1]
    yield Comparison(
        "erank of all tokens",
        {
            "svdvals, float32": lambda: torch.linalg.svdvals(x),
            "float64 Gram matrix and its eigenvalues": lambda: gram_erank(Gram.of(x).matrix, wide),
            "eigenvalues of a Gram matrix at hand": lambda: gram_erank(gram, wide),
        },
    )
    yield Comparison(
        "Gram matrix",
        {"float32 product": lambda: x @ x.mT, "float64 product": lambda: Gram.of(x).matrix},
    )
    for keep in KEEPS:
        yield from _per_keep(tokens, gram, keep)
    rules = [make_pruner(name) for name in STUDY]
    yield Comparison(
        f"all measures and selections of one image: {', '.join(STUDY)}",
        {
            "each on its own: SVDs and its own distance matrix": lambda: alone(tokens, rules),
            "one Gram matrix for all": lambda: shared(tokens, rules),
        },
        "+".join(map(str, STUDY_KEEPS)),
        (("one Gram matrix for all", 1 / 5),),
        repeats=3,
    )
    images = [synthetic_tokens(SIZES, device, seed=seed) for seed in range(8)]
    rule = make_pruner("divprune")
    yield Comparison(
        "DivPrune of 8 images",
        {
            "one at a time": lambda: [rule.select(t, KEEPS[0]) for t in fresh(images)],
            "as a batch": lambda: rule.select_batch(fresh(images), KEEPS[0]),
        },
        str(KEEPS[0]),
        repeats=3,
    )
    if tower:
        yield _capture(device)


def _per_keep(tokens: VisualTokens, gram: Tensor, keep: int) -> Iterator[Comparison]:
    x = tokens.features
    kept = torch.arange(0, len(x), len(x) // keep)[:keep].to(tokens.device)
    yield Comparison(
        "erank of a kept set",
        {
            "svdvals, float32": lambda: torch.linalg.svdvals(x[kept]),
            "sub-block of the Gram matrix": lambda: gram_erank(gram[kept][:, kept], x.shape[1]),
        },
        str(keep),
        repeats=25,
    )
    ours = make_pruner("divprune")
    limited = keep == KEEPS[-1] and tokens.device.type == "cpu"
    yield Comparison(
        "DivPrune",
        {
            "distance matrix alone": lambda: published.distance_matrix(x),
            "ours, distance matrix included": lambda: ours.select(renewed(tokens), keep),
            "published formulation": lambda: published.divprune(x, keep),
            "minimum over all rows anew": lambda: published.divprune_all_rows(x, keep),
        },
        str(keep),
        (("ours, distance matrix included", 1.2),) if limited else (),
        repeats=15,
    )
    # Merged are the tower's tokens in LLaVA; in the width of the language model the loop
    # copies four times as much.
    for source, of_tower in ((tokens.encoder_features, " (the tower's)"), (x, "")):
        merged = replace(tokens, encoder_features=source, cls_feature=None)
        yield _prumerge(merged, cast(Tensor, source), of_tower, keep)


def _prumerge(tokens: VisualTokens, x: Tensor, of_tower: str, keep: int) -> Comparison:
    rule = make_pruner("prumerge_plus_fixed")
    picks = [i for i in rule.select(tokens, keep).indices.tolist() if i >= 0]
    return Comparison(
        f"PruMerge, tokens {x.shape[1]} wide{of_tower}",
        {
            "per-token loop": lambda: published.prumerge_loop(tokens, picks),
            "ours, merged tokens included": lambda: rule.select(tokens, keep).apply(x),
        },
        str(keep),
        (("ours, merged tokens included", 1 / 20),),
        repeats=15,
    )


def _capture(device: torch.device) -> Comparison:
    """Compare ways to [CLS] attention in a CLIP-L/14-336 tower of random weights."""
    from transformers import CLIPVisionConfig, CLIPVisionModel

    tower: Any = CLIPVisionModel(CLIPVisionConfig(**SIZES.vision)).eval().to(device)
    pixels = torch.zeros(1, 3, 336, 336, device=device)
    with torch.no_grad(), capture_tower(tower, _SELECTED) as seen:
        tower(pixels)

    def plain(attention: str = "sdpa", **options: bool) -> None:
        tower.set_attn_implementation(attention)
        tower(pixels, **options)

    def hooked() -> None:
        with capture_tower(tower, _SELECTED) as capture:
            plain()
        capture.evidence()

    return Comparison(
        "[CLS] attention of one image, CLIP-L/14-336 tower",
        {
            "forward pass, sdpa": plain,
            "capture alone": seen.evidence,
            "forward pass with capture": hooked,
            "forward pass, eager, output_attentions": lambda: plain(
                "eager", output_attentions=True
            ),
        },
        goals=(("capture alone", _CAPTURE_GOAL),),
        repeats=3,
    )


def shared(tokens: VisualTokens, rules: Sequence[Pruner]) -> None:
    """Do the work of one image as the extractor does: everything from one Gram matrix."""
    tokens = renewed(tokens)
    tokens.gram.erank(centred=True)
    tokens.gram.erank(centred=False)
    for rule in rules:
        for keep in STUDY_KEEPS:
            kept_measures(tokens, rule.select(tokens, keep))


def alone(tokens: VisualTokens, rules: Sequence[Pruner]) -> None:
    """Do the same with nothing shared between measures and selections."""
    for centred in (True, False):
        float(published.erank_svd(tokens.features, centred))
    for rule in rules:
        for keep in STUDY_KEEPS:
            own = renewed(tokens)
            if rule.name == "agilepruner":
                value = float(published.erank_svd(own.features))
                own.gram.remember_erank(value, centred=True)
            published.measures_alone(own, rule.select(own, keep))


def measure(comparison: Comparison, clock: Clock) -> list[dict[str, Any]]:
    """Time a comparison and hold it against its goals, one row a variant."""
    with torch.no_grad():
        timings = clock.together(comparison.works)
    reference = next(iter(timings))
    rows = []
    for variant, timing in timings.items():
        own, goal = variant == reference, dict(comparison.goals).get(variant)
        ratio = timing.best / timings[reference].best
        rows.append(
            {
                "device": device_name(clock.device),
                "threads": torch.get_num_threads(),
                "clock": "wall" if clock.device.type == "cuda" else clock.kind,
                "measurement": comparison.measurement,
                "variant": variant,
                "keep": comparison.keep,
                "best_ms": round(timing.best, 3),
                "median_ms": round(timing.median, 3),
                "repeats": timing.n,
                "reference": "" if own else reference,
                "ratio": None if own else round(ratio, 4),
                "goal": "" if goal is None else f"<= {goal:g}",
                "met": "" if goal is None else ("yes" if ratio <= goal else "no"),
            }
        )
    return rows


def run(settings: Pruners) -> Iterator["pd.DataFrame"]:
    """Time everything on the CPU and, where there is one, the GPU.

    Yields
    ------
    DataFrame
        A row per variant of the comparisons so far: device, threads and clock, what was
        measured, best and median milliseconds, the ratio of the best to the reference's, the
        goal and whether it was met.
    """
    import pandas as pd

    if settings.clock == "cpu":
        torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        where = torch.device(device)
        clock = Clock(where, warmups=1, kind=settings.clock, block=0.02, seconds=15.0)
        for one in comparisons(where, settings.tower):
            rows += measure(one, replace(clock, repeats=min(settings.rounds, one.repeats)))
            yield pd.DataFrame(rows)


def remarks(settings: Pruners, frame: "pd.DataFrame") -> list[str]:
    """Say how many goals were missed."""
    del settings
    return [f"{(frame['met'] == 'no').sum()} goals missed"]


if __name__ == "__main__":
    as_command("pruners")
