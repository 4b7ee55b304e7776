"""Every pruning method of the study behind one contract; one file per method.

`analysis.catalogue` lists them; a method is imported when it is first made.
"""

from analysis.pruners.base import Pruner, Selection
from analysis.pruners.spec import make_pruner

__all__ = ["Pruner", "Selection", "make_pruner"]
