"""The extraction loop: encode once, prune many ways, generate, write shards, resume."""

from analysis.extract.config import ExtractConfig
from analysis.extract.loop import Report, Runtime, run_extraction

__all__ = ["ExtractConfig", "Report", "Runtime", "run_extraction"]
