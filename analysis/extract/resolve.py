"""What a run really does on a model: defaults filled in, variants listed, mistakes refused.

``--dry-run`` resolves against what a checkpoint's configuration says, the run against the
loaded model; both by the same rules.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from analysis.errors import UsageError
from analysis.extract.config import ExtractConfig, Runtime, split_keep
from analysis.extract.design import with_design
from analysis.extract.study import with_study
from analysis.extract.variants import Variant, calibration, default_keeps, make_variants
from analysis.models import load
from analysis.models.base import USUAL_TOKENS, Adapter
from analysis.models.exchange import Outline
from analysis.models.options import Checkpoint, LoadOptions
from analysis.pruners import Pruner, make_pruner


@dataclass(frozen=True)
class Resolved:
    """A configuration with nothing left to guess, and every way of pruning it asks for."""

    config: ExtractConfig
    variants: tuple[Variant, ...]


def load_options(config: Checkpoint, runtime: Runtime) -> LoadOptions:
    """Return how a configuration's checkpoint is loaded."""
    values = {**asdict(config), **asdict(runtime)}
    return LoadOptions(**{field.name: values[field.name] for field in fields(LoadOptions)})


def load_adapter(config: ExtractConfig, runtime: Runtime) -> Adapter:
    """Load the checkpoint a configuration names.

    Raises
    ------
    UsageError
        For a pruner that does not exist or cannot be compiled (found out before the weights
        are read) and a checkpoint that cannot be loaded.
    """
    for spec in config.pruners:
        _check_compiled(make_pruner(split_keep(spec)[0]), runtime)
    return load(load_options(config, runtime))


def resolve(
    config: ExtractConfig, model: Adapter | Outline, runtime: Runtime | None = None
) -> Resolved:
    """Fill in budgets and the variants of study and design, and refuse what the model cannot run.

    Parameters
    ----------
    config
        What the run is, as asked for.
    model
        The loaded model, or the outline of its configuration.
    runtime
        How the run is made.

    Raises
    ------
    UsageError
        For a keep above N, a pruner that reads evidence the model does not offer, one that is
        not to be compiled, or no schedule inside the language model that reaches a keep.
    """
    n_tokens, depth = model.n_tokens, model.depth
    # Without a fixed N the budgets are those of LLaVA-1.5.
    keeps = config.keeps or default_keeps(n_tokens or USUAL_TOKENS)
    merged = with_study(replace(config, keeps=keeps), depth, n_tokens, model.offers)
    merged = with_design(merged, model.offers)
    variants = make_variants(merged, n_tokens, calibration(config.model))
    for variant in variants:
        _check_compiled(variant.pruner, runtime or Runtime())
        if variant.inside:
            _check_schedule(variant, n_tokens, depth)
        elif lacking := set(variant.pruner.needs) - model.offers:
            raise UsageError(
                f"{variant.spec} needs {', '.join(sorted(lacking))}, which "
                f"{model.family} models do not offer; leave it out of --pruners."
            )
    return Resolved(merged, tuple(variants))


def _check_compiled(pruner: Pruner, runtime: Runtime) -> None:
    """Refuse to prune inside a compiled language model."""
    if runtime.compile and pruner.prunes == "in LLM":
        raise UsageError(
            f"--compile does not go with {pruner.name}, whose hooks change shapes inside the "
            "language model; drop one of the two."
        )


def _check_schedule(variant: Variant, n_tokens: int | None, depth: int | None) -> None:
    pruner: Any = variant.pruner
    if depth is None or n_tokens is None or variant.keep is None:
        return
    try:
        pruner.schedule(variant.keep, n_tokens, depth)
    except ValueError as error:
        raise UsageError(str(error)) from error
