"""Analysis of visual-token pruning: attention, diversity and hallucination.

Importing this package loads no model, reads no file and draws nothing.
"""

__version__ = "0.1.0"
