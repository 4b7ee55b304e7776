"""One adapter per model family: visual tokens out, pruned generation in."""

import importlib

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
    register_all()
    kind = load_config(options).model_type
    if kind not in MODELS:
        raise UsageError(
            f"{options.model} is a {kind!r} model; families with an adapter: {', '.join(MODELS)}."
        )
    return MODELS.get(kind).load(options)


def register_all() -> None:
    """Import every adapter so that the registry is complete."""
    for module in _MODULES.values():
        importlib.import_module(module)


__all__ = ["MODELS", "Adapter", "Answer", "LoadOptions", "Request", "load", "register_all"]
