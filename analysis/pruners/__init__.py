"""Every pruning method of the study behind one contract; one file per method.

`analysis.catalogue` lists them; a method is imported when it is first made.
"""

from analysis.pruners.base import Pruner
from analysis.pruners.cost import Case
from analysis.pruners.spec import make_pruner
from analysis.selection import Selection

__all__ = ["Case", "Pruner", "Selection", "make_pruner"]
