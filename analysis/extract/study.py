"""The extra variants that the study's figures need, each at one budget only.

The main comparison crosses a few pruners with every keep. The ablations (attention
share, steering, position quartiles, components, thresholds) and the other published
methods are read at the middle keep alone, which keeps a run of all of them affordable.
"""

import dataclasses
import logging
from typing import Any

from analysis.extract.config import ExtractConfig, split_keep
from analysis.pruners import make_pruner

log = logging.getLogger(__name__)

# Table 3's shares, and 1 for the other end of the curve.
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_STEERED = ("bat", "vispruner", "mixture")
_RULES = ("adaptive", "fixed", "inverse")
# A low, the release's example, a middle and the capped threshold of the sweep in Table 12.
_TAUS = (0.05, 0.1, 0.25)

#: Pruner specs of the study, in the order figures and tables show them.
STUDY_SPECS: tuple[str, ...] = (
    "downsample",
    "random",
    "fastervlm",
    "divprune",
    "vispruner",
    "vispruner:attention_share=0.0",
    *(f"mixture:attention_share={share}" for share in _SHARES),
    *(f"steered:method={base}:rule={rule}" for base in _STEERED for rule in _RULES),
    *(f"quartile:quartile={quarter}" for quarter in range(4)),
    "agilepruner",
    "agilepruner:steer=entropy",
    "agilepruner:adaptive_count=true",
    *(f"agilepruner:tau={tau}" for tau in _TAUS),
    "visionzip",
    "prumerge_plus_fixed",
    "hiprune",
)
#: Methods that prune inside the language model; how far they can go depends on its depth.
INSIDE_SPECS: tuple[str, ...] = ("fastv", "pyramiddrop", "sparsevlm", "dart")
# The ends of the attention share select what these select; a run needs one of the two.
_STAND_INS = {
    "mixture:attention_share=0.0": "divprune",
    "mixture:attention_share=1.0": "fastervlm",
}


def study_specs(
    n_layers: int | None,
    n_tokens: int | None,
    keep: int,
    offered: frozenset[str] | None = None,
) -> list[str]:
    """List the variants of the study that a model can run at one budget.

    Parameters
    ----------
    n_layers
        Decoder layers of the language model; None where nothing can be pruned inside.
    n_tokens
        Visual tokens of an image; None where it differs from image to image.
    keep
        The budget.
    offered
        Fields of `VisualTokens` the model offers; None asks for none to be checked.

    Returns
    -------
    list of str
        Normalised specs without a keep. What cannot run is left out and logged with the
        reason; an in-LLM method is tried as published, then with ``shift=true``.
    """
    specs = [make_pruner(spec).label for spec in STUDY_SPECS]
    possible = [spec for spec in specs if _has_evidence(spec, offered)]
    for name in INSIDE_SPECS:
        spec, reason = _inside(name, n_layers, n_tokens, keep)
        if spec is None:
            log.warning("the study leaves out %s: %s", name, reason)
        else:
            possible.append(spec)
    return possible


def middle_keep(keeps: tuple[int, ...]) -> int:
    """Return the budget the study runs at: the middle one, the larger of two middles."""
    return sorted(keeps)[len(keeps) // 2]


def with_study(
    config: ExtractConfig,
    n_layers: int | None,
    n_tokens: int | None,
    offered: frozenset[str] | None = None,
) -> ExtractConfig:
    """Add the study to the pruners of a configuration whose keeps are filled in.

    Parameters
    ----------
    config
        Merged configuration; returned as it is when its ``study`` is False.
    n_layers, n_tokens, offered
        See `study_specs`.

    Returns
    -------
    ExtractConfig
        ``pruners`` extended by ``spec@keep`` entries; nothing is run twice.
    """
    if not config.study:
        return config
    keep = middle_keep(config.keeps)
    there = _labels(config, keep)
    added = []
    for spec in study_specs(n_layers, n_tokens, keep, offered):
        if spec in there or _STAND_INS.get(spec) in there:
            continue
        there.add(spec)
        added.append(f"{spec}@{keep}")
    return dataclasses.replace(config, pruners=(*config.pruners, *added))


def _labels(config: ExtractConfig, keep: int) -> set[str]:
    """Labels of the pruners a configuration already runs at ``keep``."""
    parts = [split_keep(spec) for spec in config.pruners]
    return {make_pruner(spec).label for spec, own in parts if own in (None, keep)}


def _has_evidence(spec: str, offered: frozenset[str] | None) -> bool:
    lacking = set() if offered is None else set(make_pruner(spec).needs) - offered
    if lacking:
        log.warning(
            "the study leaves out %s: the model offers no %s", spec, ", ".join(sorted(lacking))
        )
    return not lacking


def _inside(
    name: str, n_layers: int | None, n_tokens: int | None, keep: int
) -> tuple[str | None, str]:
    """Return the spec of an in-LLM method that can be scheduled, or None and the reason."""
    if n_layers is None or n_tokens is None:
        return None, "the model cannot be pruned inside at one schedule for all images"
    reason = ""
    for spec in (name, f"{name}:shift=true"):
        pruner: Any = make_pruner(spec)
        try:
            pruner.schedule(keep, n_tokens, n_layers)
        except ValueError as error:
            reason = reason or str(error)
        else:
            return pruner.label, ""
    return None, reason
