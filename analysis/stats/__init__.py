"""Estimates with intervals: a frame goes in, a frame of estimates comes out."""
