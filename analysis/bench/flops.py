"""One accounting of computation and cache memory for every method.

`macs` holds the formulas; here they become the cost of an image and its answer, for
tokens pruned before the language model and inside it alike. One multiply-accumulate is
two FLOPs; papers that print "FLOPs" mostly print the former.

AgilePruner's efficiency table for LLaVA-1.5-7B, 3.14 T full and 0.48 T at 64 tokens, is
the two-matrix form in multiply-accumulates, summed over 32 layers, with n = 605 and
n = 95 (see `PUBLISHED`): about 30 text tokens, no output head, no vision tower. No one
number of text tokens gives both: 3.14 needs at most 29 beside 576, 0.48 at least 30
beside 64. With SwiGLU's three matrices the same n give 4.01 T and 0.62 T.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from analysis.bench.macs import (
    FORMULAS,
    Form,
    cache_bytes,
    decode_macs,
    prefill_macs,
    projector_macs,
    vision_macs,
)
from analysis.bench.shapes import ModelShape
from analysis.errors import UsageError
from analysis.pruners.cost import Case

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
    form
        ``"swiglu"`` or ``"two_matrix"``.
    """

    prefill: int
    decode: int
    head: int
    vision: int
    projector: int
    selection: int
    cache_bytes: int
    form: Form

    @property
    def macs(self) -> int:
        """All parts together."""
        parts = (self.prefill, self.decode, self.head, self.vision, self.projector, self.selection)
        return sum(parts)

    @property
    def flops(self) -> int:
        """Two per multiply-accumulate."""
        return 2 * self.macs

    @property
    def formula(self) -> str:
        """The formula behind ``prefill``, in words for a caption."""
        return FORMULAS[self.form]


class Priced(Protocol):
    """What the table reads of a pruner: a name, a label, and where it prunes."""

    @property
    def name(self) -> str:
        """Registered name."""

    @property
    def label(self) -> str:
        """Spec with parameters."""

    @property
    def prunes(self) -> str:
        """Where tokens leave the model; ``"in LLM"`` has a schedule."""

    @property
    def merges(self) -> bool:
        """Whether tokens are merged."""

    def macs(self, case: Case) -> int:
        """Multiply-accumulates of the selection itself."""


def cost(
    shape: ModelShape,
    image_tokens: int | Sequence[int],
    *,
    text_tokens: int = 30,
    new_tokens: int = 1,
    form: Form = "swiglu",
    projected: int | None = None,
    selection: int = 0,
    dtype_bytes: int = 2,
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
    n_projected = shape.image_tokens if projected is None else projected
    return Cost(
        prefill=prefill_macs(shape, lengths, form),
        decode=decode_macs(shape, lengths, new_tokens, form),
        head=new_tokens * shape.hidden * shape.vocab,
        vision=0 if shape.vision is None else vision_macs(shape.vision),
        projector=projector_macs(shape, n_projected),
        selection=selection,
        cache_bytes=cache_bytes(shape, lengths, new_tokens, dtype_bytes),
        form=form,
    )


def pruned_cost(
    shape: ModelShape,
    pruner: Priced,
    keep: int,
    *,
    text_tokens: int = 30,
    new_tokens: int = 1,
    form: Form = "swiglu",
) -> tuple[Cost, float]:
    """Count what ``pruner`` at ``keep`` costs, its own selection included.

    Merging before the projector leaves K tokens to project; plain selection projects
    all N, as the released codes do.

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
    per_layer: int | Sequence[int] = n if pruner.name == "full" else keep
    mean = float(n if pruner.name == "full" else keep)
    stages: tuple[tuple[int, int, int], ...] = ()
    if schedule is not None:
        solved = schedule(keep, n, shape.n_layers)
        per_layer, mean = solved.per_layer, solved.mean
        stages = tuple((at, solved.per_layer[at - 1], left) for at, left in solved.stages)
    case = Case(shape, n, keep, text_tokens, stages)
    merged = pruner.merges and schedule is None
    counted = cost(
        shape,
        per_layer,
        text_tokens=text_tokens,
        new_tokens=new_tokens,
        form=form,
        projected=keep if merged else n,
        selection=pruner.macs(case),
    )
    return counted, mean


def published_check() -> list[str]:
    """Say for each number of AgilePruner's efficiency table from which n and formula it comes."""
    shape = ModelShape.preset("llava-1.5-7b")
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
