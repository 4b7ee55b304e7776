"""One adapter per model family: visual tokens out, pruned generation in."""

import importlib
from typing import TYPE_CHECKING

from analysis.errors import UsageError
from analysis.models.options import LoadOptions

if TYPE_CHECKING:
    from analysis.models.base import Adapter
    from analysis.models.exchange import Outline

#: transformers' model_type → where its adapter is; one line a family.
FAMILIES = {
    "llava": "analysis.models.llava15:Llava15",
    "llava_next": "analysis.models.llava_next:LlavaNext",
    "qwen2_5_vl": "analysis.models.qwen25_vl:Qwen25VL",
}


def load(options: LoadOptions) -> "Adapter":
    """Load any supported checkpoint; its configuration says which family it is.

    Raises
    ------
    UsageError
        For a missing checkpoint or a family without an adapter.
    """
    from analysis.models.loading import load_config

    return family(load_config(options).model_type, options.model).load(options)


def outline(options: LoadOptions) -> "Outline":
    """Return what a checkpoint's configuration says; reads no weights.

    Raises
    ------
    UsageError
        For a missing checkpoint or a family without an adapter.
    """
    from analysis.models.loading import load_config

    config = load_config(options)
    return family(config.model_type, options.model).outline(config)


def family(name: str, model: str = "this") -> "type[Adapter]":
    """Return the adapter class of a family; its module is imported only now.

    Raises
    ------
    UsageError
        For a family without an adapter; ``model`` is named in the message.
    """
    if name not in FAMILIES:
        raise UsageError(
            f"{model} is a {name!r} model; families with an adapter: {', '.join(FAMILIES)}."
        )
    module, _, class_name = FAMILIES[name].partition(":")
    found: type[Adapter] = getattr(importlib.import_module(module), class_name)
    return found


__all__ = ["FAMILIES", "LoadOptions", "family", "load", "outline"]
