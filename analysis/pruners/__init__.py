"""Every pruning method of the study behind one contract; one file per method."""

from importlib import import_module

from analysis.pruners.base import PRUNERS, Pruner, Selection
from analysis.pruners.spec import make_pruner

# The order of this list is the order of tables and menus.
_METHODS = (
    "full",
    "random",
    "fastervlm",
    "divprune",
    "fps",
    "visionzip",
    "prumerge",  # and its two variants
    "hiprune",
    "vispruner",
    "cdpruner",
    "bat",
    "mixture",
    "quartile",
    "steered",
    "agilepruner",
)

# Inside the language model.
_INSIDE = ("fastv", "pyramiddrop", "sparsevlm", "dart")

for _method in (*_METHODS, *_INSIDE):
    import_module(f"analysis.pruners.{_method}")

__all__ = ["PRUNERS", "Pruner", "Selection", "make_pruner"]
