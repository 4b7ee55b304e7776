"""Analyses of a finished run beyond its three tables: one file each."""
