"""Measures: tensor in, number out."""
