"""Preparing a run: load the model, fill in what only it knows, refuse what cannot run."""

import dataclasses
from typing import Any

from analysis.datasets import Dataset
from analysis.errors import UsageError
from analysis.extract.config import ExtractConfig, split_keep
from analysis.extract.loop import Runtime
from analysis.extract.shard import Worker
from analysis.extract.study import with_study
from analysis.extract.variants import Variant, calibration, default_keeps, make_variants
from analysis.models import Adapter, LoadOptions, load
from analysis.pruners import Pruner, make_pruner

# A model below this many parameters is small enough for large batches anywhere.
_SMALL = 100_000_000


def load_adapter(config: ExtractConfig, runtime: Runtime) -> Adapter:
    """Load the checkpoint a configuration names.

    Raises
    ------
    UsageError
        For a pruner that does not exist (found out before the weights are read) and a
        checkpoint that cannot be loaded.
    """
    for spec in config.pruners:
        _check_compiled(make_pruner(split_keep(spec)[0]), runtime)
    return load(load_options(config, runtime))


def _check_compiled(pruner: Pruner, runtime: Runtime) -> None:
    """Refuse to prune inside a compiled language model."""
    if runtime.compile and pruner.prunes == "in LLM":
        raise UsageError(
            f"--compile does not go with {pruner.name}, whose hooks change shapes inside the "
            "language model; drop one of the two."
        )


def load_options(config: ExtractConfig, runtime: Runtime) -> LoadOptions:
    """Return how a configuration's checkpoint is loaded.

    Raises
    ------
    UsageError
        For a dtype, prompt and so on that do not exist.
    """
    names = {field.name for field in dataclasses.fields(LoadOptions)}
    shared = {k: v for k, v in dataclasses.asdict(config).items() if k in names}
    return LoadOptions(
        **shared, device=runtime.device, device_map=runtime.device_map, compile=runtime.compile
    )


def check_variants(
    variants: list[Variant],
    family: str,
    offered: frozenset[str],
    n_tokens: int | None,
    depth: int | None,
) -> None:
    """Refuse variants a model cannot run, before anything is written.

    Parameters
    ----------
    variants
        All ways of pruning.
    family
        Name of the model family, for messages.
    offered
        Fields of `VisualTokens` its adapter fills.
    n_tokens
        Visual tokens of an image, None where it differs from image to image.
    depth
        Decoder layers, None where nothing can be pruned inside.

    Raises
    ------
    UsageError
        When a pruner reads evidence the model does not offer, or when no schedule inside
        the language model reaches its keep.
    """
    for variant in variants:
        if variant.inside:
            _check_schedule(variant, n_tokens, depth)
            continue
        lacking = set(variant.pruner.needs) - offered
        if lacking:
            raise UsageError(
                f"{variant.spec} needs {', '.join(sorted(lacking))}, which "
                f"{family} models do not offer; leave it out of --pruners."
            )


def _check_schedule(variant: Variant, n_tokens: int | None, depth: int | None) -> None:
    pruner: Any = variant.pruner
    if depth is None or n_tokens is None or variant.keep is None:
        return
    try:
        pruner.schedule(variant.keep, n_tokens, depth)
    except ValueError as error:
        raise UsageError(str(error)) from error


def prepare(config: ExtractConfig, runtime: Runtime, dataset: Dataset) -> Worker:
    """Load the model and return what makes shards, its configuration filled in.

    Parameters
    ----------
    config
        What the run is, as asked for.
    runtime
        How to make it.
    dataset
        Where the images come from.
    """
    adapter = load_adapter(config, runtime)
    n_tokens = adapter.n_tokens
    merged = dataclasses.replace(
        config,
        keeps=config.keeps or default_keeps(n_tokens or 576),
        max_new_tokens=config.max_new_tokens or adapter.max_new_tokens or 512,
    )
    inside = any(make_pruner(split_keep(s)[0]).prunes == "in LLM" for s in config.pruners)
    depth = adapter.depth if config.study or inside else None
    merged = with_study(merged, depth, n_tokens, adapter.offers)
    variants = make_variants(merged, n_tokens, calibration(config.model))
    check_variants(variants, adapter.family, adapter.offers, n_tokens, depth)
    for variant in variants:
        _check_compiled(variant.pruner, runtime)
    small = adapter.n_parameters < _SMALL
    batch = runtime.batch_size or (256 if small else 16)
    return Worker(adapter, merged, variants, dataset.name, batch)
