"""Sensitivity: what AgilePruner keeps when one of its choices is made differently.

Every row changes one knob and leaves the others at the default of the run. Measures are
always of the features at layer -2, whatever chose the tokens, so that rows compare.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from analysis.extract.analyses.base import Bench, Item
from analysis.measures.entropy import attention_entropy
from analysis.measures.kept import jaccard, kept_measures
from analysis.models.clip import capture_tower
from analysis.pruners.agilepruner import AgilePruner
from analysis.tokens import VisualTokens

# Values around the defaults of the released code (tau_max 0.25, step 0.01).
_TAU_MAX = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
_STEPS = (0.0025, 0.005, 0.01, 0.02, 0.04)
# Multiples of the average: what a wrongly calibrated model does.
_FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True, eq=False)
class Setting:
    """One knob at one value.

    Attributes
    ----------
    pruner
        The rule with the knob turned.
    tokens
        What it chooses among; the image's own tokens but for the layer knob.
    guide
        The number of the image that sets its threshold.
    """

    knob: str
    value: str
    is_default: bool
    pruner: AgilePruner
    tokens: VisualTokens
    guide: float


def rows(bench: Bench, item: Item) -> list[dict[str, Any]]:
    """Turn every knob for one image.

    Returns
    -------
    list of dict
        One row a knob and value; columns as in ``runs/schemas.csv``. The layer knob is left out
        where the tower is no CLIP tower over the whole image.
    """
    tokens, last = encode_both(bench, item)
    keep = bench.budget(tokens)
    default = bench.pruner.select(tokens, keep)
    found = []
    for setting in settings(bench, tokens, last):
        selection = setting.pruner.select(setting.tokens, keep)
        measures = kept_measures(tokens, selection)
        found.append(
            {
                "image_id": item.sample.image_id,
                "knob": setting.knob,
                "value": setting.value,
                "is_default": setting.is_default,
                "keep": keep,
                **{k: measures[k] for k in ("erank", "attention_mass", "coverage")},
                "jaccard": jaccard(selection, default),
                "guide": setting.guide,
            }
        )
    return found


def encode_both(bench: Bench, item: Item) -> tuple[VisualTokens, VisualTokens | None]:
    """Encode an image once and return its tokens at the model's layer and at the last.

    The tower runs once; the tokens of layer -1 go through the same projector. None where
    the model has no CLIP tower or cuts the image into crops.
    """
    adapter = bench.adapter
    if adapter.tower is None:
        return bench.encode(item), None
    with capture_tower(adapter.tower, -1) as seen:
        tokens = bench.encode(item)
    fields = seen.evidence()
    if tokens.crop is not None or fields["cls_attention"].shape != (1, tokens.n):
        return tokens, None
    with torch.no_grad():
        features = adapter.project(fields["encoder_features"][0])
    single: dict[str, Any] = {name: value[0] for name, value in fields.items()}
    return tokens, VisualTokens(features=features, grid=tokens.grid, **single)


def settings(bench: Bench, tokens: VisualTokens, last: VisualTokens | None) -> Iterator[Setting]:
    """Yield every knob at every value, its default among them.

    The normaliser follows the signal (`Averages`); for the layer knob, whose mean is not
    known, it stays.
    """
    base, averages = bench.pruner, bench.averages
    erank = tokens.gram.erank()

    def turned(knob: str, value: str, default: bool, guide: float = erank, **changes: Any) -> Any:
        pruner = dataclasses.replace(base, **changes)
        return Setting(knob, value, default, pruner, tokens, guide)

    for cap in _TAU_MAX:
        yield turned("tau_max", f"{cap:g}", cap == base.tau_max, tau_max=cap)
    for factor in _FACTORS:
        average = base.erank_avg * factor
        yield turned("erank_avg", f"{average:.4g}", factor == 1, erank_avg=average)
    for step in _STEPS:
        yield turned("step", f"{step:g}", step == base.step, step=step)
    yield turned("centring", "centred", True)
    plain = tokens.gram.erank(centred=False)
    yield turned(
        "centring",
        "plain",
        False,
        plain,
        erank_avg=_average_for(erank, plain, averages.erank_plain),
    )
    yield turned("layer", "-2", True)
    if last is not None:
        yield Setting("layer", "-1", False, base, last, last.gram.erank())
    yield turned("signal", "erank", True)
    if tokens.cls_attention is not None:
        entropy = float(attention_entropy(tokens.cls_attention))
        yield turned("signal", "entropy", False, entropy, steer="entropy")
    yield turned("map", "linear", True)
    yield turned("map", "log", False, tau=log_threshold(erank, base.erank_avg, base.tau_max))


def log_threshold(erank: float, average: float, tau_max: float) -> float:
    r"""Return one threshold for all tokens of an image, logarithmic in its erank.

    The first submission of the paper used a single threshold per image from a logarithmic
    map of erank with two coefficients that are not on record. Ours:
    :math:`\tau = \tau_{max}/2 \cdot (1 + \ln(s / \bar s))`, clipped to
    :math:`[0, \tau_{max}]`, so an average image gets half of the cap.
    """
    if erank <= 0:
        return 0.0
    return min(max(tau_max / 2 * (1 + math.log(erank / average)), 0.0), tau_max)


def _average_for(erank: float, signal: float, average: float) -> float:
    """Return the erank_avg with which erank acts as ``signal`` over its ``average``."""
    return max(average * erank / max(signal, 1e-9), 1e-9)
