"""Measures: tensor in, number out. `measure_table` says what each of them is."""

from analysis.measures.catalogue import Measure, measure_table

__all__ = ["Measure", "measure_table"]
