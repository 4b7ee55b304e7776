"""Variants: every pruner at every keep, plus the full model."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch

from analysis.errors import AgileError, UsageError
from analysis.extract.config import ExtractConfig, split_keep
from analysis.pruners import Pruner, make_pruner

FULL = "full"
# 128, 64 and 32 of LLaVA-1.5's 576 tokens, the budgets of the paper.
DEFAULT_SHARES = (2 / 9, 1 / 9, 1 / 18)


@dataclass(frozen=True)
class Variant:
    """One way of pruning.

    Attributes
    ----------
    label
        ``pruner@keep``, or ``full``; the ``variant`` column of every table.
    pruner
        The rule.
    spec
        The rule as it was asked for; the ``pruner`` column.
    keep
        Tokens to keep; None means all of them.
    """

    label: str
    pruner: Pruner
    spec: str
    keep: int | None

    @property
    def inside(self) -> bool:
        """Whether the rule works inside the language model."""
        return self.pruner.prunes == "in LLM"


def default_keeps(n_tokens: int) -> tuple[int, ...]:
    """Budgets of the paper, scaled: 128, 64, 32 of 576; 32, 16, 8 of 144."""
    return tuple(sorted({max(1, round(n_tokens * s)) for s in DEFAULT_SHARES}, reverse=True))


def calibration(model: str) -> dict[str, float]:
    """Read averages measured for a checkpoint (``calibration.json`` in its folder).

    AgilePruner scales its threshold by the mean effective rank over a calibration set;
    the paper's value of 90 holds for LLaVA-1.5-7B only.

    Returns
    -------
    dict
        ``erank_avg`` and ``entropy_avg`` where they were measured, else empty.

    Raises
    ------
    AgileError
        When the file is damaged, or an average is no positive number.
    """
    file = Path(model) / "calibration.json"
    if not file.is_file():
        return {}
    try:
        values = dict(json.loads(file.read_text(encoding="utf-8")))
        found = {k: float(values[k]) for k in ("erank_avg", "entropy_avg") if k in values}
        if not all(0 < value < math.inf for value in found.values()):
            raise ValueError("an average is no positive number")
    except (OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise AgileError(
            f"{file} is damaged ({error}); make it again with: agile calibrate --model {model}."
        ) from error
    return found


def calibrated(pruner: Pruner, spec: str, averages: dict[str, float]) -> Pruner:
    """Fill in averages the user did not give.

    Parameters
    ----------
    pruner
        The rule as parsed.
    spec
        Its spec; parameters named there are left alone.
    averages
        What :func:`calibration` found.
    """
    names = {field.name for field in dataclasses.fields(pruner)}
    missing = {k: v for k, v in averages.items() if k in names and f"{k}=" not in spec}
    return dataclasses.replace(pruner, **missing) if missing else pruner


def make_variants(
    config: ExtractConfig, n_tokens: int | None, averages: dict[str, float]
) -> list[Variant]:
    """List every variant of a run: each pruner at every keep, or at its own.

    Parameters
    ----------
    config
        The run's configuration with its keeps filled in.
    n_tokens
        Visual tokens of an image, None where it differs from image to image.
    averages
        Calibration of the checkpoint.

    Raises
    ------
    UsageError
        For a keep larger than the number of tokens.
    """
    asked = [split_keep(spec) for spec in config.pruners]
    budgets = [*config.keeps, *(own for _, own in asked if own is not None)]
    too_many = [k for k in budgets if n_tokens is not None and k > n_tokens]
    if too_many:
        raise UsageError(
            f"keep {too_many[0]} is larger than the {n_tokens} visual tokens of {config.model}; "
            f"choose 1 to {n_tokens}."
        )
    variants = [Variant(FULL, make_pruner(FULL), FULL, None)] if config.full else []
    for spec, own in asked:
        pruner = make_pruner(spec)
        if pruner.name == FULL:
            continue
        ready = calibrated(pruner, spec, averages)
        keeps = config.keeps if own is None else (own,)
        variants += [Variant(f"{pruner.label}@{k}", ready, pruner.label, k) for k in keeps]
    labels = [variant.label for variant in variants]
    repeated = {label for label in labels if labels.count(label) > 1}
    if repeated:
        raise UsageError(f"pruners repeat {', '.join(sorted(repeated))}; list each once.")
    return variants


def generator_for(seed: int, image_id: str, label: str) -> torch.Generator:
    """Randomness of one image and variant: the same whatever else is in the run."""
    digest = hashlib.sha256(f"{seed}:{image_id}:{label}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
