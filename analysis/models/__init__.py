"""One adapter per model family: visual tokens out, pruned generation in."""

import importlib
from typing import Any

from analysis.errors import UsageError
from analysis.models.base import MODELS, Adapter, Answer, LoadOptions, Request
from analysis.models.loading import load_config

# transformers' model_type → module that registers the adapter under that name.
_MODULES = {
    "llava": "analysis.models.llava15",
    "llava_next": "analysis.models.llava_next",
    "qwen2_5_vl": "analysis.models.qwen25_vl",
}


def load(options: LoadOptions) -> Adapter:
    """Load any supported checkpoint; its configuration says which family it is.

    Raises
    ------
    UsageError
        For a missing checkpoint or a family without an adapter.
    """
    return find_family(options)[0].load(options)


def find_family(options: LoadOptions) -> tuple[type[Adapter], Any]:
    """Return the adapter class of a checkpoint and its configuration; reads no weights.

    Raises
    ------
    UsageError
        For a missing checkpoint or a family without an adapter.
    """
    register_all()
    config = load_config(options)
    kind = config.model_type
    if kind not in MODELS:
        raise UsageError(
            f"{options.model} is a {kind!r} model; families with an adapter: {', '.join(MODELS)}."
        )
    return MODELS.get(kind), config


def register_all() -> None:
    """Import every adapter so that the registry is complete."""
    for module in _MODULES.values():
        importlib.import_module(module)


__all__ = [
    "MODELS",
    "Adapter",
    "Answer",
    "LoadOptions",
    "Request",
    "find_family",
    "load",
    "register_all",
]
