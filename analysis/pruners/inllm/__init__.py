"""Pruning inside the language model: schedules, the hook engine, and its contract."""

from analysis.pruners.inllm.contract import InsidePruner, Kept, Merged
from analysis.pruners.inllm.inside import prune_inside
from analysis.pruners.inllm.schedule import Schedule
from analysis.pruners.inllm.session import InsideSession, Stage

__all__ = [
    "InsidePruner",
    "InsideSession",
    "Kept",
    "Merged",
    "Schedule",
    "Stage",
    "prune_inside",
]
