"""Estimates with intervals: frame in, frame out."""
