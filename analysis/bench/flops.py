"""One accounting of computation and cache memory for every method.

`macs` holds the formulas; here they become the cost of an image and its answer, for
tokens pruned before the language model and inside it alike, and the table of
``agile bench flops``. One multiply-accumulate is two FLOPs; papers that print "FLOPs"
mostly print the former.

AgilePruner's efficiency table for LLaVA-1.5-7B, 3.14 T full and 0.48 T at 64 tokens, is
the two-matrix form in multiply-accumulates, summed over 32 layers, with n = 605 and
n = 95 (see `PUBLISHED`): about 30 text tokens, no output head, no vision tower. No one
number of text tokens gives both: 3.14 needs at most 29 beside 576, 0.48 at least 30
beside 64. With SwiGLU's three matrices the same n give 4.01 T and 0.62 T.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from math import nan
from typing import TYPE_CHECKING, Any

from analysis.bench.macs import (
    FORMULAS,
    Form,
    cache_bytes,
    decode_macs,
    prefill_macs,
    projector_macs,
    vision_macs,
)
from analysis.bench.presets import preset
from analysis.bench.settings import Flops
from analysis.bench.shapes import ModelShape
from analysis.catalogue import METHODS
from analysis.errors import UsageError
from analysis.pruners import Pruner, make_pruner
from analysis.pruners.cost import Case

if TYPE_CHECKING:
    import pandas as pd

# (what, n, printed tera, form) of AgilePruner's efficiency table, LLaVA-1.5-7B.
PUBLISHED: tuple[tuple[str, int, float, Form], ...] = (
    ("576 visual tokens", 605, 3.14, "two_matrix"),
    ("64 visual tokens", 95, 0.48, "two_matrix"),
)


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates of one image and its answer, part by part.

    Attributes
    ----------
    prefill, decode
        Decoder layers on the prompt, and on all later tokens of the answer.
    head
        Output head: once for the prompt and once for each later token.
    vision, projector
        Tower on all crops, and the two-layer projector.
    selection
        The pruner's own work.
    cache_bytes
        Keys and values held after the last step.
    """

    prefill: int
    decode: int
    head: int
    vision: int
    projector: int
    selection: int
    cache_bytes: int

    @property
    def macs(self) -> int:
        """All parts together."""
        return sum(getattr(self, f.name) for f in fields(self)) - self.cache_bytes

    @property
    def flops(self) -> int:
        """Two per multiply-accumulate."""
        return 2 * self.macs


def cost(
    shape: ModelShape,
    image_tokens: int | Sequence[int],
    *,
    text_tokens: int = 30,
    new_tokens: int = 1,
    form: Form = "swiglu",
    projected: int | None = None,
    selection: int = 0,
) -> Cost:
    """Count everything one image and its answer cost.

    Parameters
    ----------
    image_tokens
        Image tokens entering each layer: one number for all (pruned before the language
        model), or one per layer (pruned inside).
    text_tokens
        Other tokens of the prompt.
    new_tokens
        Tokens of the answer, at least 1.
    form
        ``"swiglu"`` or ``"two_matrix"``; see `macs`.
    projected
        Tokens the projector runs on; None takes all of the image's.
    selection
        The pruner's own multiply-accumulates.

    Raises
    ------
    ValueError
        If the numbers of layers differ or a count is out of range.
    """
    if text_tokens < 0 or new_tokens < 1:
        raise UsageError(
            f"text_tokens must be at least 0 and new_tokens at least 1, "
            f"got {text_tokens} and {new_tokens}."
        )
    counts = [image_tokens] * shape.n_layers if isinstance(image_tokens, int) else image_tokens
    lengths = [n + text_tokens for n in counts]
    return Cost(
        prefill=prefill_macs(shape, lengths, form),
        decode=decode_macs(shape, lengths, new_tokens, form),
        head=new_tokens * shape.hidden * shape.vocab,
        vision=0 if shape.vision is None else vision_macs(shape.vision),
        projector=projector_macs(shape, shape.image_tokens if projected is None else projected),
        selection=selection,
        cache_bytes=cache_bytes(shape, lengths, new_tokens),
    )


def pruned_cost(
    shape: ModelShape, pruner: Pruner, keep: int, *, text_tokens: int = 30, **options: Any
) -> tuple[Cost, float]:
    """Count what ``pruner`` at ``keep`` costs, its own selection included.

    Merging before the projector leaves K tokens to project; plain selection projects
    all N, as the released codes do.

    Parameters
    ----------
    **options
        ``new_tokens`` and ``form`` of `cost`.

    Returns
    -------
    cost, mean_tokens
        ``mean_tokens`` is the mean over layers of image tokens entering each: ``keep``
        before the language model, the solved schedule's mean inside.

    Raises
    ------
    ValueError
        If ``keep`` is out of range or out of the method's reach.
    """
    n = shape.image_tokens
    if not 1 <= keep <= n:
        raise UsageError(f"keep must be in [1, {n}] for {shape.name}, got {keep}.")
    schedule = getattr(pruner, "schedule", None)
    entering = n if pruner.name == "full" else keep
    per_layer: int | Sequence[int] = entering
    mean = float(entering)
    stages: tuple[tuple[int, int, int], ...] = ()
    if schedule is not None:
        solved = schedule(keep, n, shape.n_layers)
        per_layer, mean = solved.per_layer, solved.mean
        stages = tuple((at, solved.per_layer[at - 1], left) for at, left in solved.stages)
    case = Case(shape, n, keep, text_tokens, stages)
    counted = cost(
        shape,
        per_layer,
        text_tokens=text_tokens,
        projected=keep if pruner.merges and schedule is None else n,
        selection=pruner.macs(case),
        **options,
    )
    return counted, mean


def run(settings: Flops) -> Iterator["pd.DataFrame"]:
    """Tabulate the cost of every pruner at every ``keep``, both forms side by side.

    Yields
    ------
    DataFrame
        One row per pruner × keep: ``pruner, keep, mean_tokens, n`` (mean prompt length),
        ``prefill_tmacs_two_matrix`` (the form papers print), ``prefill_tmacs``,
        ``decode_tmacs``, ``head_tmacs``, ``vision_tmacs``, ``projector_tmacs``,
        ``selection_gmacs``, ``total_tflops``, ``cache_mib``, ``prefill_share`` (of the
        unpruned prefill, SwiGLU form), ``model, text_tokens, new_tokens, formula,
        formula_two_matrix, note``.
        Where a ``keep`` is out of a method's reach its numbers are NaN and ``note`` says why.
    """
    import pandas as pd

    rules = [make_pruner(spec) for spec in settings.pruners or METHODS.names()]
    rows = [_row(settings, rule, keep) for rule in rules for keep in settings.keeps]
    yield pd.DataFrame(rows).assign(
        model=settings.preset,
        text_tokens=settings.text_tokens,
        new_tokens=settings.new_tokens,
        formula=FORMULAS["swiglu"],
        formula_two_matrix=FORMULAS["two_matrix"],
    )


def remarks(settings: Flops, frame: "pd.DataFrame") -> list[str]:
    """Say for each number of AgilePruner's efficiency table from which n and formula it comes."""
    del frame
    if settings.preset != "llava-1.5-7b":
        return []
    shape = preset(settings.preset).shape
    lines = []
    for what, n, printed, form in PUBLISHED:
        ours, swiglu = (
            prefill_macs(shape, [n] * shape.n_layers, kind) / 1e12 for kind in (form, "swiglu")
        )
        lines.append(
            f"AgilePruner prints {printed} T for {what}: {FORMULAS[form]} with n = {n} "
            f"is {ours:.4g} T multiply-accumulates (with SwiGLU's third matrix {swiglu:.4g} T)."
        )
    return lines


def _row(settings: Flops, pruner: Pruner, keep: int) -> dict[str, Any]:
    shape, text = preset(settings.preset).shape, settings.text_tokens
    full = cost(shape, shape.image_tokens, text_tokens=text)
    own = any(getattr(pruner, a, False) for a in ("sets_count", "adaptive_count"))
    row: dict[str, Any] = {"pruner": pruner.label, "keep": keep}
    row |= dict.fromkeys(_numbers(full, full, 0, text, full), nan)
    row["note"] = "sets its own count; priced as if that were keep" if own else ""
    new = settings.new_tokens
    try:
        counted, mean = pruned_cost(shape, pruner, keep, text_tokens=text, new_tokens=new)
        paper, _ = pruned_cost(shape, pruner, keep, text_tokens=text, form="two_matrix")
    except UsageError as error:
        return row | {"note": str(error)}
    return row | _numbers(counted, paper, mean, text, full)


def _numbers(
    counted: Cost, paper: Cost, mean: float, text_tokens: int, full: Cost
) -> dict[str, float]:
    return {
        "mean_tokens": mean,
        "n": mean + text_tokens,
        "prefill_tmacs_two_matrix": paper.prefill / 1e12,
        **{
            f"{part}_tmacs": getattr(counted, part) / 1e12
            for part in ("prefill", "decode", "head", "vision", "projector")
        },
        "selection_gmacs": counted.selection / 1e9,
        "total_tflops": counted.flops / 1e12,
        "cache_mib": counted.cache_bytes / 2**20,
        "prefill_share": counted.prefill / full.prefill,
    }
