"""Which layer keeps how many image tokens: schedules and how they are solved for.

``keep`` means the same for every method that prunes inside the language model: the
mean over decoder layers of the image tokens *entering* each layer. FastV with two full
layers and 288 of 576 tokens kept is therefore 306 tokens, not 288.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import ceil

from analysis.errors import UsageError
from analysis.pruners.checks import check_count

# Combinations tried when a schedule is rounded to whole tokens.
_MAX_COMBINATIONS = 40_000


@dataclass(frozen=True)
class Schedule:
    """Image tokens that enter each decoder layer of one model, for one image.

    Attributes
    ----------
    n_tokens
        Image tokens N in the prompt; all of them enter the layers before the first stage.
    n_layers
        Decoder layers L.
    stages
        ``(layer, n_keep)`` pairs: ``layer`` layers have run in full, then ``n_keep``
        tokens go on. Layers strictly increase within 1…L-1, counts never increase.
    asked
        The ``keep`` this schedule was solved for, None for an original schedule.
    """

    n_tokens: int
    n_layers: int
    stages: tuple[tuple[int, int], ...]
    asked: float | None = None

    def __post_init__(self) -> None:
        """Check the stages.

        Raises
        ------
        ValueError
            Naming the first stage that is out of order or out of range.
        """
        last_layer, last_keep = 0, self.n_tokens
        for layer, n_keep in self.stages:
            if not last_layer < layer < self.n_layers:
                raise ValueError(
                    f"stages: layer {layer} must lie in {last_layer + 1}…{self.n_layers - 1} "
                    f"of a model with {self.n_layers} layers"
                )
            if not 1 <= n_keep <= last_keep:
                raise ValueError(
                    f"stages: n_keep {n_keep} at layer {layer} must lie in 1…{last_keep}"
                )
            last_layer, last_keep = layer, n_keep

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers whose input is pruned."""
        return tuple(layer for layer, _ in self.stages)

    @property
    def per_layer(self) -> tuple[int, ...]:
        """Image tokens entering each of the L layers."""
        counts, stages = self.n_tokens, dict(self.stages)
        out = []
        for layer in range(self.n_layers):
            counts = stages.get(layer, counts)
            out.append(counts)
        return tuple(out)

    @property
    def mean(self) -> float:
        """Mean over layers of the image tokens entering each: what ``keep`` means."""
        return sum(self.per_layer) / self.n_layers

    def info(self) -> dict[str, float | int | str | list[list[int]]]:
        """Return the schedule as plain values that a record can store."""
        out: dict[str, float | int | str | list[list[int]]] = {
            "schedule": [list(stage) for stage in self.stages],
            "n_layers": self.n_layers,
            "mean_tokens": self.mean,
        }
        if self.asked is not None:
            out["asked"] = self.asked
        return out


def scale_stages(
    layers: Sequence[int], ratios: Sequence[float], depth: int, n_layers: int
) -> list[tuple[int, float]]:
    """Move stages given for a ``depth``-layer model to one with ``n_layers`` layers.

    Layers scale proportionally, are rounded half up and held within 1…L-1. Where two
    stages meet on one layer, the later (the one that keeps less) stays.

    Returns
    -------
    list of (layer, ratio)
        Layers strictly increase; empty for a model of one layer.

    Raises
    ------
    ValueError
        If the two lists differ in length, layers do not increase, or a ratio is not in (0, 1].
    """
    if len(layers) != len(ratios) or list(layers) != sorted(set(layers)) or min(layers) < 1:
        raise UsageError(
            f"layers must increase from 1 on and come with one ratio each, "
            f"got layers {tuple(layers)} and ratios {tuple(ratios)}"
        )
    if not all(0 < ratio <= 1 for ratio in ratios):
        raise UsageError(f"ratios must lie in (0, 1], got {tuple(ratios)}")
    scaled: dict[int, float] = {}
    for layer, ratio in zip(layers, ratios, strict=True):
        if n_layers > 1:
            scaled[min(max(1, int(layer * n_layers / depth + 0.5)), n_layers - 1)] = ratio
    return sorted(scaled.items())


def shift_stages(
    stages: list[tuple[int, float]], keep: int, n_tokens: int, n_layers: int
) -> list[tuple[int, float]]:
    """Move all stages earlier so that the full layers use at most half of the budget.

    Ours, not any author's: it makes small budgets reachable for methods whose first
    stage comes late. Stages already early enough stay where they are.
    """
    first = stages[0][0]
    wanted = max(1, int(keep * n_layers / (2 * n_tokens)))
    if wanted >= first:
        return stages
    moved: dict[int, float] = {}
    for layer, ratio in stages:
        moved[max(1, int(layer * wanted / first + 0.5))] = ratio
    return sorted(moved.items())


def solve_schedule(
    keep: int, n_tokens: int, n_layers: int, stages: list[tuple[int, float]], name: str
) -> Schedule:
    """Find the schedule whose mean over layers is as near ``keep`` as integers allow.

    Stage s keeps about ``N · ratio_s ** g``; the exponent g is the same for all stages
    and found by bisection (g = 1 is the original schedule, g = 0 keeps all), so the
    shape of the original is preserved. The counts are then rounded together so that
    the mean is hit as closely as whole tokens permit.

    Parameters
    ----------
    keep
        Wanted mean over layers of image tokens entering a layer, 1…``n_tokens``.
    stages
        (layer, ratio) pairs as `scale_stages` returns them.
    name
        Method named in messages.

    Raises
    ------
    ValueError
        If ``keep`` is not in 1…N, or less than the full layers alone contribute.
    """
    check_count(keep, n_tokens)
    if keep == n_tokens:
        return Schedule(n_tokens, n_layers, tuple((s, n_tokens) for s, _ in stages), keep)
    if not stages:
        raise UsageError(f"keep={keep}: {name} cannot prune a model of {n_layers} layer(s)")
    first = stages[0][0]
    least = (n_tokens * first + n_layers - first) / n_layers
    if keep < least:
        raise UsageError(
            f"keep must be at least {ceil(least)} for {name}, got {keep}: {n_tokens} image tokens "
            f"enter the first {first} of {n_layers} layers in full; ask for more, "
            f"prune at an earlier layer, or pass shift=True"
        )
    ends = [layer for layer, _ in stages[1:]] + [n_layers]
    widths = [end - layer for (layer, _), end in zip(stages, ends, strict=True)]
    budget = keep * n_layers - n_tokens * first
    shape = _fit_exponent(budget, n_tokens, [ratio for _, ratio in stages], widths)
    counts = _round_counts(budget, n_tokens, shape, widths)
    pairs = tuple((layer, count) for (layer, _), count in zip(stages, counts, strict=True))
    return Schedule(n_tokens, n_layers, pairs, keep)


def _fit_exponent(
    budget: int, n_tokens: int, ratios: list[float], widths: list[int]
) -> list[float]:
    """Real-valued counts N·ratio^g (at least 1) that spend ``budget`` layer-tokens."""
    low, high = 0.0, 1.0

    def counts(exponent: float) -> list[float]:
        # A ratio of 1 would keep everything for any exponent and could leave no solution.
        return [max(1.0, n_tokens * min(r, 1 - 1e-9) ** exponent) for r in ratios]

    def spent(exponent: float) -> float:
        return sum(w * c for w, c in zip(widths, counts(exponent), strict=True))

    while spent(high) > budget and high < 1e12:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if spent(middle) > budget else (low, middle)
    return counts(high)


def _round_counts(
    budget: int, n_tokens: int, shape: list[float], widths: list[int]
) -> tuple[int, ...]:
    """Whole counts near ``shape``, never increasing, that spend ``budget`` most closely."""
    base = [round(count) for count in shape]
    free = len(base) - 1
    reach = widths[-1]
    while free and (2 * reach + 1) ** free > _MAX_COMBINATIONS:
        reach -= 1
    best: tuple[tuple[int, int], tuple[int, ...]] | None = None
    for moves in product(range(-reach, reach + 1), repeat=free):
        head = [b + m for b, m in zip(base, moves, strict=False)]
        if not _descending([n_tokens, *head]):
            continue
        used = sum(w * c for w, c in zip(widths, head, strict=False))
        ceiling = head[-1] if head else n_tokens
        tail = min(max(1, round((budget - used) / widths[-1])), ceiling)
        error = abs(budget - used - tail * widths[-1])
        cost = (error, sum(abs(m) for m in moves) + abs(tail - base[-1]))
        if best is None or cost < best[0]:
            best = (cost, (*head, tail))
    if best is None:  # the unmoved counts descend, so this is out of reach
        raise ValueError(f"no whole-token schedule near {shape}")
    return best[1]


def _descending(counts: Iterable[int]) -> bool:
    """Tell whether counts never increase and stay at least 1."""
    values = list(counts)
    return values[-1] >= 1 and all(a >= b for a, b in pairwise(values))
