"""Measures: tensor in, number out. `MEASURES` says what each of them is."""

from analysis.measures.catalogue import MEASURES, Measure

__all__ = ["MEASURES", "Measure"]
